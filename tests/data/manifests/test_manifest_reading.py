from __future__ import annotations

import datetime
import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rekognition_xray.data.manifests import Entry, Manifest, validate
from rekognition_xray.data.manifests.lines import MAX_LINE
from rekognition_xray.data.xrays import Labelling, Part
from rekognition_xray.errors import ManifestError

SUNRISE = Entry("s3://bucket/sunrise.png", "Sunrise")


def line(name: str = "sunrise", **changes: object) -> str:
    """A sound line of another author, with changes to its metadata; None takes a field out."""
    metadata = {
        "confidence": 1,
        "job-name": "labeling-job/scene",
        "class-name": "Sunrise",
        "human-annotated": "yes",
        "creation-date": "2020-03-06T17:46:39.176",
        "type": "groundtruth/image-classification",
    } | {key.replace("_", "-"): value for key, value in changes.items()}
    kept = {key: value for key, value in metadata.items() if value is not None}
    content = {"source-ref": f"s3://bucket/{name}.png", "scene": 1, "scene-metadata": kept}
    return json.dumps(content)


def changed(**content: object) -> str:
    kept = {key.replace("_", "-"): value for key, value in content.items()}
    return json.dumps(json.loads(line()) | kept)


def test_the_sample_of_the_guide_is_read() -> None:
    read = Manifest.parse([line()])
    assert read.entries == (SUNRISE,)
    assert read.labelling == Labelling(
        "labeling-job/scene",
        on=datetime.datetime(2020, 3, 6, 17, 46, 39, 176000, tzinfo=datetime.UTC),
    )
    assert read.part is None


def chained(name: str, first: str, second: str) -> str:
    """A line as chained jobs of Ground Truth leave it: two label attributes."""
    content = json.loads(line(name, class_name=first))
    other = json.loads(line(name, class_name=second))
    return json.dumps(content | {"second": 1, "second-metadata": other["scene-metadata"]})


def boxes(name: str, *classes: int, **changes: object) -> str:
    """A line of boxes, one for each class."""
    metadata = json.loads(line(name, type="groundtruth/object-detection"))["scene-metadata"]
    del metadata["class-name"], metadata["confidence"]
    metadata |= {"class-map": {"0": "pneumonia", "1": "nodule"}, "objects": [{"confidence": 1}]}
    found = [{"class_id": one, "left": 1, "top": 2, "width": 3, "height": 4} for one in classes]
    value = {"image_size": [{"width": 90, "height": 90, "depth": 1}], "annotations": found}
    content = {"source-ref": f"s3://bucket/{name}.png", "scene": value} | changes
    return json.dumps(content | {"scene-metadata": metadata})


def written(folder: Path, *lines: str) -> Path:
    path = folder / "some.manifest"
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def test_one_of_several_label_attributes_is_chosen_by_its_name(tmp_path: Path) -> None:
    path = written(tmp_path, chained("a", "Sunrise", "Sunset"), line("b"))
    assert Manifest.read(path, attribute="scene").counts == {"Sunrise": 2}
    with pytest.raises(ManifestError, match="no attribute 'second' with its -metadata"):
        Manifest.read(path, attribute="second")
    with pytest.raises(ManifestError, match=r"from_manifest\(attribute=...\) chooses it"):
        Manifest.read(path)


def test_lines_without_a_confidence_are_read_with_a_note_and_refused_where_they_are_sent(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    lines = [line("a", confidence=None), line("b", confidence=None), line("c")]
    read = Manifest.read(written(tmp_path, *lines))
    assert len(read) == 3
    assert "2 lines" in caplog.text
    assert [fault.line for fault in validate("\n".join(lines))] == [1, 2]
    assert validate(read.text()) == ()


def test_a_confidence_that_is_none_is_refused_even_where_it_is_only_read(tmp_path: Path) -> None:
    with pytest.raises(ManifestError, match="confidence"):
        Manifest.read(written(tmp_path, line(confidence="high")))


def test_boxes_become_labels_where_the_user_names_the_label_without_boxes(tmp_path: Path) -> None:
    path = written(tmp_path, boxes("a", 0, 0), boxes("b"), boxes("c", 1))
    read = Manifest.read(path, without_boxes="normal")
    assert [(entry.source_ref[-5], entry.label) for entry in read] == [
        ("a", "pneumonia"),
        ("b", "normal"),
        ("c", "nodule"),
    ]
    with pytest.raises(ManifestError, match="bounding-boxes"):
        Manifest.read(path)


@pytest.mark.parametrize(
    ("bad", "code"),
    [
        (boxes("a", 0, 1), "several-labels"),
        (boxes("a", 7), "ERROR_INVALID_BOUNDING_BOX"),
        (boxes("a", scene=3), "ERROR_INVALID_BOUNDING_BOX"),
        (boxes("a").replace('"class-map"', '"failure-reason": "x", "class-map"'), "failed-label"),
        (boxes("a", 0).replace('"pneumonia"', '["pneumonia"]'), "ERROR_INVALID_BOUNDING_BOX"),
        (boxes("a", scene={"annotations": ["x"]}), "ERROR_INVALID_BOUNDING_BOX"),
    ],
)
def test_boxes_that_give_no_label_are_faults(tmp_path: Path, bad: str, code: str) -> None:
    with pytest.raises(ManifestError) as caught:
        Manifest.read(written(tmp_path, bad), without_boxes="normal")
    assert [fault.code for fault in caught.value.faults] == [code]


def test_the_same_fault_of_many_lines_is_said_once_with_its_lines_and_their_number() -> None:
    with pytest.raises(ManifestError) as caught:
        Manifest.parse([line(str(number), class_name=None) for number in range(500)] + ["{"])
    assert len(caught.value.faults) == 501
    assert "lines 1, 2, 3 and 497 more: ERROR_INVALID_LABEL_ATTRIBUTE_METADATA" in str(caught.value)
    assert str(caught.value).count("ERROR_INVALID_LABEL_ATTRIBUTE_METADATA_FORMAT") == 1
    assert "line 501: ERROR_INVALID_JSON_LINE" in str(caught.value)


def test_what_lines_of_others_do_not_agree_on_is_unknown() -> None:
    dates = ("2020-03-06T17:46:39", "2021-07-11T00:00:00Z", "2019-01-01T00:00:00.0")
    read = Manifest.parse(
        line(str(n), job_name=f"labeling-job/{n}", creation_date=date)
        for n, date in enumerate(dates)
    )
    assert read.labelling == Labelling(on=datetime.date(2021, 7, 11))
    assert Manifest.parse(read.text()) == read


def test_one_line_without_a_date_leaves_it_unknown() -> None:
    unknown = line("b", creation_date="1970-01-01T00:00:00.000Z")
    assert Manifest.parse([line("a"), unknown, line("c")]).labelling.on is None


def test_one_line_that_no_person_labelled_counts_for_all() -> None:
    assert not Manifest.parse([line("a"), line("b", human_annotated="no")]).labelling.human


def test_two_parts_of_one_split_have_their_rule_in_common_and_no_part() -> None:
    labelling = Labelling("kermany", "readers", datetime.date(2018, 6, 2))
    texts = [
        Manifest([Entry(f"s3://bucket/{name}", "x")], labelling, Part(name, "ab")).text()
        for name in ("train", "test")
    ]
    both = Manifest.parse("".join(texts))
    assert (both.labelling, both.part) == (labelling, None)


@pytest.mark.parametrize("job", [None, 7, "", "rekognition-xray?", "rekognition-xray?x&&=%ff"])
def test_a_job_name_that_says_nothing_is_no_fault(job: object) -> None:
    assert Manifest.parse([line(job_name=job)]).labelling.rule == ""


def test_the_longest_job_name_of_others_can_be_read_and_written_again() -> None:
    assert Manifest.parse([line(job_name="\U0001f600" * 8_000)]).labelling.rule == ""
    rule = "\U0001f600" * 1000
    assert Manifest.parse([line(job_name=rule)]).labelling.rule == rule


def test_remarks_that_the_service_adds_are_ignored() -> None:
    remark = [{"code": "ERROR_INVALID_IMAGE", "message": "x"}]
    listed = changed(
        cl_metadata={"is_labeled": True}, cl_errors=remark, errors=remark, warnings=remark
    )
    assert Manifest.parse([listed]).entries == (SUNRISE,)


@pytest.mark.parametrize(
    "date", ["2018-06-02T01:02:03Z", "2013-11-18T02:53:27", "2021-07-11T03:32:13.456Z"]
)
def test_the_documented_forms_of_a_date_are_read(date: str) -> None:
    assert Manifest.parse([line(creation_date=date)])


@pytest.mark.parametrize(
    ("bad", "code", "reason"),
    [
        (" ", "ERROR_INVALID_JSON_LINE", "a blank line"),
        ("\r\n", "ERROR_INVALID_JSON_LINE", "a blank line"),
        ("{", "ERROR_INVALID_JSON_LINE", "at character 2"),
        ("[]", "ERROR_INVALID_JSON_LINE", "not a JSON object"),
        (line() + line(), "ERROR_INVALID_JSON_LINE", "Extra data"),
        ("\ufeff" + line(), "ERROR_INVALID_JSON_LINE", "byte order mark"),
        (b"\xef\xbb\xbf" + line().encode(), "ERROR_INVALID_JSON_LINE", "byte order mark"),
        (line().encode("utf-16"), "ERROR_INVALID_JSON_LINE", "not UTF-8, at byte 1"),
        ('{"source-ref":"s3://bucket/ü"}'.encode("latin-1"), "ERROR_INVALID_JSON_LINE", "UTF-8"),
        ("[" * 8_0000, "ERROR_INVALID_JSON_LINE", "nested too deeply"),
        ('{"source-ref":' + "1" * 5000 + "}", "ERROR_INVALID_JSON_LINE", "digit"),
        (line(confidence=float("nan")), "ERROR_INVALID_JSON_LINE", "NaN is not JSON"),
        (line(confidence=float("inf")), "ERROR_INVALID_JSON_LINE", "Infinity is not JSON"),
        ('{"scene":1}', "ERROR_MISSING_SOURCE_REF", "missing"),
        (changed(source_ref=None), "ERROR_MISSING_SOURCE_REF", "missing"),
        (changed(source_ref=7), "ERROR_INVALID_SOURCE_REF_FORMAT", "not text"),
        (changed(source_ref="bucket/a.png"), "ERROR_INVALID_SOURCE_REF_FORMAT", "bucket/a.png"),
        (changed(source_ref="s3://bucket/\ud800"), "ERROR_INVALID_SOURCE_REF_FORMAT", "ud800"),
        (changed(source_ref="s3://other/a.png"), "ERROR_IMAGES_IN_MULTIPLE_S3_BUCKETS", "other"),
        ('{"source-ref":"s3://bucket/a.png"}', "WARNING_UNANNOTATED_RECORD", "no label"),
        ('{"source-ref":"s3://bucket/a.png","scene":1}', "ERROR_NO_LABEL_ATTRIBUTES", "'scene'"),
        (changed(scene="1"), "ERROR_INVALID_LABEL_ATTRIBUTE_FORMAT", "'scene'"),
        (changed(scene=True), "ERROR_INVALID_LABEL_ATTRIBUTE_FORMAT", "'scene'"),
        (changed(scene_metadata=[]), "ERROR_INVALID_LABEL_ATTRIBUTE_METADATA_FORMAT", "'scene'"),
        (line(type="groundtruth/object-detection"), "bounding-boxes", "boxes"),
        (
            line(type="groundtruth/image-classification-multilabel"),
            "ERROR_UNSUPPORTED_USE_CASE_TYPE",
            "multilabel",
        ),
        (line(class_name=""), "ERROR_INVALID_LABEL_NAME_LENGTH", "0 characters"),
        (line(class_name="x" * 256), "ERROR_INVALID_LABEL_NAME_LENGTH", "256 characters"),
        (changed(other=1, other_metadata={}), "several-labels", "'scene', 'other'"),
        (line(job_name="x" * MAX_LINE), "line-too-long", "100,000"),
        (b"x" * 5 * MAX_LINE, "line-too-long", "100,000"),
        (line("good"), "repeated-source-ref", "there before"),
        (
            line("good", class_name="Sunset"),
            "contradictory-labels",
            "'Sunset' and before 'Sunrise'",
        ),
    ],
)
def test_a_bad_line_is_named_by_number_code_and_reason(
    bad: str | bytes, code: str, reason: str
) -> None:
    (fault,) = validate([line("good"), bad, line("better")])
    assert (fault.line, fault.code) == (2, code)
    assert reason in fault.reason
    assert len(fault.reason) < 1000
    with pytest.raises(ManifestError) as caught:
        Manifest.parse([line("good"), bad, line("better")])
    assert caught.value.faults == (fault,)
    assert f"line 2: {code}: " in str(caught.value)


@pytest.mark.parametrize(
    ("field", "values"),
    [
        ("class_name", (None, 7, ["x"])),
        ("confidence", (None, 1.5, -1, "1", True, 10**400, 1e300)),
        ("type", (None, 7, ["x"])),
        ("human_annotated", (None, "maybe", ["yes"], True)),
        (
            "creation_date",
            (
                None,
                7,
                "yesterday",
                "2018-06-02",
                "2018-13-02T00:00:00",
                "0001-01-01T00:00:00+14:00",
            ),
        ),
    ],
)
def test_unsound_metadata_are_named_by_field(field: str, values: tuple[object, ...]) -> None:
    for value in values:
        (fault,) = validate([line(**{field: value})])
        assert fault.code == "ERROR_INVALID_LABEL_ATTRIBUTE_METADATA_FORMAT"
        assert fault.reason == field.replace("_", "-")


def test_all_bad_lines_are_found_together() -> None:
    text = f"\n[]\n{line()}\n{{}}\n\n"
    found = [(fault.line, fault.code) for fault in validate(text)]
    assert found == [
        (1, "ERROR_INVALID_JSON_LINE"),
        (2, "ERROR_INVALID_JSON_LINE"),
        (4, "ERROR_MISSING_SOURCE_REF"),
        (5, "ERROR_INVALID_JSON_LINE"),
    ]


def test_an_empty_line_ends_a_text_and_is_no_fault() -> None:
    assert validate(f"{line()}\n") == ()
    assert validate([line(), ""]) == ()
    assert len(validate([line(), "\n"])) == 1


def test_reading_ends_at_the_limit_of_lines(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rekognition_xray.data.manifests.checks.MAX_ENTRIES", 2)

    def endless():
        yield line("a")
        yield line("b")
        while True:
            yield "{}"

    (fault,) = validate(endless())
    assert (fault.line, fault.code) == (None, "ERROR_MANIFEST_ROWS_EXCEEDS_MAXIMUM")
    assert validate([line("a"), line("b"), ""]) == ()


def test_a_file_with_bad_lines_is_named(tmp_path: Path) -> None:
    path = tmp_path / "train.manifest"
    path.write_text(f"{line()}\n{{\n", encoding="utf-8")
    with pytest.raises(ManifestError, match=r"train\.manifest has bad lines") as caught:
        Manifest.read(path)
    assert caught.value.paths == (path,)
    assert [fault.line for fault in caught.value.faults] == [2]


def test_a_file_that_is_missing_is_named(tmp_path: Path) -> None:
    with pytest.raises(ManifestError, match="No such file") as caught:
        Manifest.read(tmp_path / "none.manifest")
    assert caught.value.paths == (tmp_path / "none.manifest",)


def test_a_line_without_end_in_a_file_is_one_bad_line(tmp_path: Path) -> None:
    path = tmp_path / "train.manifest"
    path.write_bytes(b"x" * 3_000_000 + b"\n" + line().encode() + b"\n" + b"y" * 3_000_000)
    with pytest.raises(ManifestError) as caught:
        Manifest.read(path)
    found = [(fault.line, fault.code) for fault in caught.value.faults]
    assert found == [(1, "line-too-long"), (3, "line-too-long")]


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=5,
)


@given(st.lists(st.text(max_size=40) | st.binary(max_size=40), max_size=5))
def test_any_text_is_either_read_or_refused(lines: list[str | bytes]) -> None:
    assert validate(lines) or not any(lines)


@given(st.text(max_size=200) | st.binary(max_size=200))
def test_any_whole_text_is_either_read_or_refused(text: str | bytes) -> None:
    assert validate(text) or not text


@given(
    st.sampled_from(["source-ref", "scene", "scene-metadata", "cl-metadata", "other-metadata"]),
    json_values,
)
def test_any_content_is_either_read_or_refused(key: str, value: object) -> None:
    content = json.dumps(json.loads(line()) | {key: value})
    if not validate([content]):
        again = Manifest.parse([content])
        assert Manifest.parse(again.text()) == again


@given(
    st.sampled_from(["class-name", "confidence", "type", "human-annotated", "creation-date"]),
    json_values | st.datetimes().map(lambda moment: moment.isoformat()),
)
def test_any_metadata_are_either_read_or_refused(key: str, value: object) -> None:
    content = line(**{key: value})
    if not validate([content]):
        again = Manifest.parse([content])
        assert Manifest.parse(again.text()) == again


ALIKE = [
    line("a"),
    line("a", class_name="Sunset"),
    line("b", class_name="Sunset"),
    line("c").replace(": ", ":").replace(", ", ","),
    line("k" * 1020),
    line("k" * 1030),
    line("ü"),
    line("d").replace("/d", "/\\u0064"),
    line("e").replace("s3://bucket", "s3://another"),
    line("f").replace("s3://bucket/f.png", "s3://bucket/"),
    line("g").replace("s3://bucket/", "file://"),
    line("h")[:-1] + ', "source-ref": "s3://bucket/twice.png"}',
    line("i")[:-1] + ', "source\\u002dref": "s3://bucket/hidden.png"}',
    line("j").replace("/j", "/\x01"),
    line("l")[:-5],
    line("m", creation_date="yesterday"),
    "{}",
]


@given(st.lists(st.sampled_from(ALIKE), max_size=8), st.sampled_from(["\n", "\r\n"]))
def test_a_line_means_the_same_whatever_lines_were_before(lines: list[str], end: str) -> None:
    """One that ends like a sound one is not looked at as closely, and is judged just the same."""
    judged = {fault.line: fault.code for fault in validate(end.join([*lines, ""]).encode())}
    for number, text in enumerate(lines, 1):
        alone = [fault.code for fault in validate([text])]
        if alone:
            assert judged[number] == alone[0]
        elif number in judged:
            assert judged[number] in {
                "contradictory-labels",
                "repeated-source-ref",
                "ERROR_IMAGES_IN_MULTIPLE_S3_BUCKETS",
            }
    refs = [json.loads(text)["source-ref"] for text in lines if not validate([text])]
    if not judged:
        assert sorted(refs) == [entry.source_ref for entry in Manifest.parse(lines)]

from __future__ import annotations

import datetime
import json
from collections.abc import Iterable, Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rekognition_xray.data.manifest import MAX_LINE, Entry, parse, render
from rekognition_xray.errors import ManifestError

DAY = datetime.date(2018, 6, 2)


def lines(entries: Iterable[Entry], **options: object) -> list[str]:
    settings = {"job_name": "a job", "created": DAY, **options}
    return list(render(entries, **settings))  # type: ignore[arg-type]


def line(**changes: object) -> str:
    """A sound line of another author, with changes to its metadata."""
    metadata = {
        "confidence": 1,
        "job-name": "labeling-job/scene",
        "class-name": "Sunrise",
        "human-annotated": "yes",
        "creation-date": "2020-03-06T17:46:39.176",
        "type": "groundtruth/image-classification",
    } | changes
    kept = {key: value for key, value in metadata.items() if value is not None}
    return json.dumps({"source-ref": "s3://bucket/sunrise.png", "scene": 1, "scene-metadata": kept})


def test_a_line_is_exactly_what_the_service_documents() -> None:
    entry = Entry("s3://bucket/images/sunrise.png", "normal")
    (text,) = lines([entry], job_name="kermany/train/0123456789ab")
    assert text == (
        '{"source-ref":"s3://bucket/images/sunrise.png","label":1,"label-metadata":'
        '{"confidence":1,"job-name":"kermany/train/0123456789ab","class-name":"normal",'
        '"human-annotated":"yes","creation-date":"2018-06-02T00:00:00.000Z",'
        '"type":"groundtruth/image-classification"}}'
    )


@pytest.mark.parametrize(
    ("created", "written"),
    [
        (DAY, "2018-06-02T00:00:00.000Z"),
        (datetime.datetime(2020, 3, 6, 17, 46, 39, 176000), "2020-03-06T17:46:39.176Z"),  # noqa: DTZ001
        (datetime.datetime(2020, 3, 6, 17, tzinfo=datetime.UTC), "2020-03-06T17:00:00.000Z"),
        (
            datetime.datetime(2020, 3, 7, 1, tzinfo=datetime.timezone(datetime.timedelta(hours=8))),
            "2020-03-06T17:00:00.000Z",
        ),
    ],
)
def test_the_date_is_written_in_utc(created: datetime.date, written: str) -> None:
    (text,) = lines([Entry("s3://bucket/a.jpg", "normal")], created=created)
    assert json.loads(text)["label-metadata"]["creation-date"] == written


def test_labels_that_no_person_gave_say_so() -> None:
    (text,) = lines([Entry("s3://bucket/a.jpg", "normal")], human_annotated=False)
    assert json.loads(text)["label-metadata"]["human-annotated"] == "no"


def test_lines_are_rendered_one_by_one() -> None:
    def endless() -> Iterator[Entry]:
        number = 0
        while True:
            number += 1
            yield Entry(f"s3://bucket/{number}.jpg", "normal")

    rendered = render(endless(), job_name="x", created=DAY)
    assert '"s3://bucket/1.jpg"' in next(rendered)
    assert '"s3://bucket/2.jpg"' in next(rendered)


texts = st.text(min_size=1, max_size=255)
refs = st.from_regex(r"s3://clinic-xrays/.{1,80}", fullmatch=True)
entry_lists = st.dictionaries(refs, texts, max_size=20).map(
    lambda found: [Entry(ref, label) for ref, label in found.items()]
)


@given(entry_lists)
def test_what_is_rendered_is_parsed_back(entries: list[Entry]) -> None:
    assert list(parse(lines(entries))) == entries


@given(entry_lists)
def test_rendering_is_byte_stable_ascii_without_line_ends(entries: list[Entry]) -> None:
    rendered = lines(entries)
    assert rendered == lines(entries)
    assert all(text.isascii() and len(text.splitlines()) == 1 for text in rendered)


@given(entry_lists)
def test_a_manifest_survives_being_a_text_file(entries: list[Entry]) -> None:
    text = "".join(f"{rendered}\n" for rendered in lines(entries))
    assert list(parse(text.splitlines())) == entries
    assert list(parse(text.splitlines(keepends=True))) == entries
    assert list(parse(text.split("\n"))) == entries


def test_an_entry_given_twice_is_written_once() -> None:
    entry = Entry("s3://bucket/a.jpg", "normal")
    assert len(lines([entry, Entry("s3://bucket/b.jpg", "normal"), entry])) == 2


def test_all_faulty_entries_are_named_together() -> None:
    faulty = [
        Entry("s3://bucket/a.jpg", "normal"),
        Entry("https://bucket/a.jpg", "normal"),
        Entry("s3://bucket", "normal"),
        Entry("s3://bucket/b.jpg", ""),
        Entry("s3://bucket/c.jpg", "x" * 256),
        Entry("s3://bucket/a.jpg", "viral"),
        Entry("s3://other/d.jpg", "normal"),
    ]
    with pytest.raises(ManifestError) as caught:
        lines(faulty)
    message = caught.value.message
    assert "line 1:" not in message
    assert "line 2: ERROR_INVALID_SOURCE_REF_FORMAT" in message
    assert "line 3: ERROR_INVALID_SOURCE_REF_FORMAT" in message
    assert "line 4: ERROR_INVALID_LABEL_NAME_LENGTH" in message
    assert "line 5: ERROR_INVALID_LABEL_NAME_LENGTH" in message
    assert "line 6: s3://bucket/a.jpg is labelled 'viral' and before 'normal'" in message
    assert "line 7: ERROR_IMAGES_IN_MULTIPLE_S3_BUCKETS" in message


def test_a_line_longer_than_the_service_takes_is_refused() -> None:
    with pytest.raises(ManifestError, match="100,000"):
        lines([Entry("s3://bucket/a.jpg", "normal")], job_name="x" * MAX_LINE)


def test_the_sample_of_the_guide_is_read() -> None:
    assert parse([line()]) == (Entry("s3://bucket/sunrise.png", "Sunrise"),)


def test_remarks_that_the_service_adds_are_ignored() -> None:
    listed = json.loads(line()) | {
        "cl-metadata": {"is_labeled": True},
        "cl-errors": [{"code": "ERROR_INVALID_IMAGE", "message": "x"}],
    }
    assert parse([json.dumps(listed)]) == (Entry("s3://bucket/sunrise.png", "Sunrise"),)


@pytest.mark.parametrize("date", ["2018-06-02", "2018-06-02T01:02:03Z", "2013-11-18T02:53:27"])
def test_the_documented_forms_of_a_date_are_read(date: str) -> None:
    assert parse([line(**{"creation-date": date})])


def changed(**content: object) -> str:
    kept = {key.replace("_", "-"): value for key, value in content.items()}
    return json.dumps(json.loads(line()) | kept)


@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        ("", "ERROR_INVALID_JSON_LINE: a blank line"),
        ("{", "ERROR_INVALID_JSON_LINE"),
        ("[]", "ERROR_INVALID_JSON_LINE: not a JSON object"),
        ("\ufeff" + line(), "ERROR_INVALID_JSON_LINE"),
        ("[" * 90_000, "ERROR_INVALID_JSON_LINE"),
        ('{"scene":1}', "ERROR_MISSING_SOURCE_REF"),
        (changed(source_ref=7), "ERROR_INVALID_SOURCE_REF_FORMAT"),
        (changed(source_ref="bucket/a.png"), "ERROR_INVALID_SOURCE_REF_FORMAT"),
        ('{"source-ref":"s3://bucket/a.png"}', "ERROR_NO_LABEL_ATTRIBUTES"),
        ('{"source-ref":"s3://bucket/a.png","scene":1}', "ERROR_NO_LABEL_ATTRIBUTES"),
        (changed(scene="1"), "ERROR_INVALID_LABEL_ATTRIBUTE_FORMAT"),
        (changed(scene=True), "ERROR_INVALID_LABEL_ATTRIBUTE_FORMAT"),
        (changed(scene_metadata=[]), "ERROR_INVALID_LABEL_ATTRIBUTE_METADATA_FORMAT"),
        (line(**{"class-name": None}), "METADATA_FORMAT: class-name"),
        (line(**{"class-name": 7}), "METADATA_FORMAT: class-name"),
        (line(confidence=None), "METADATA_FORMAT: confidence"),
        (line(confidence=1.5), "METADATA_FORMAT: confidence"),
        (line(confidence=10**400), "METADATA_FORMAT: confidence"),
        ('{"source-ref":' + "1" * 5000 + "}", "ERROR_INVALID_JSON_LINE"),
        (line(confidence=float("nan")), "METADATA_FORMAT: confidence"),
        (line(type=None), "METADATA_FORMAT: type"),
        (line(**{"human-annotated": "maybe"}), "METADATA_FORMAT: human-annotated"),
        (line(**{"human-annotated": ["yes"]}), "METADATA_FORMAT: human-annotated"),
        (line(**{"creation-date": "yesterday"}), "METADATA_FORMAT: creation-date"),
        (line(type="groundtruth/object-detection"), "ERROR_UNSUPPORTED_USE_CASE_TYPE"),
        (line(type=["x"]), "ERROR_UNSUPPORTED_USE_CASE_TYPE"),
        (line(**{"class-name": ""}), "ERROR_INVALID_LABEL_NAME_LENGTH"),
        (changed(other=1, other_metadata={}), "several labels (scene, other)"),
        (line(**{"job-name": "x" * MAX_LINE}), "more than 100,000 characters"),
    ],
)
def test_a_bad_line_is_named_by_number_and_code(bad: str, reason: str) -> None:
    (good,) = lines([Entry("s3://bucket/good.png", "normal")])
    with pytest.raises(ManifestError) as caught:
        parse([good, bad, good.replace("good", "better")])
    assert "line 2: " in caught.value.message
    assert reason in caught.value.message
    assert caught.value.message.count("line ") == 1


def test_an_image_that_comes_twice_is_a_bad_line() -> None:
    with pytest.raises(ManifestError, match=r"line 2: s3://bucket/sunrise\.png was there before"):
        parse([line(), line()])


def test_all_bad_lines_are_named_together() -> None:
    with pytest.raises(ManifestError, match=r"(?s)line 1: .*line 2: .*line 4: "):
        parse(["", "[]", line(), "{}"])


@given(st.lists(st.text(max_size=40)))
def test_any_text_is_either_read_or_refused(content: list[str]) -> None:
    try:
        assert parse(content) == ()
    except ManifestError:
        assert any(text.strip() for text in content) or len(content) > 1


@given(st.recursive(st.none() | st.booleans() | st.floats() | st.text(), st.lists))
def test_any_metadata_is_either_read_or_refused(value: object) -> None:
    for key in ("class-name", "confidence", "type", "human-annotated", "creation-date"):
        try:
            (entry,) = parse([line(**{key: value})])
        except ManifestError:
            continue
        assert 1 <= len(entry.label) <= 255

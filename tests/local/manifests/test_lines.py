from __future__ import annotations

import copy
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rekognition_xray.local import Assumptions, Limits
from rekognition_xray.local.manifests import (
    LineRules,
    as_entry,
    line_in_listing,
    read_entry,
    read_line,
    with_reports,
)
from rekognition_xray.local.manifests.lines import listed_line

RULES = LineRules.of(Limits(), Assumptions())
CLASS = {
    "source-ref": "s3://bucket/a.png",
    "scene": 1,
    "scene-metadata": {
        "confidence": 1,
        "job-name": "labeling-job/scene",
        "class-name": "Sunrise",
        "human-annotated": "yes",
        "creation-date": "2020-03-06T17:46:39.176",
        "type": "groundtruth/image-classification",
    },
}
BOXES = {
    "source-ref": "s3://b-b/images/1186.png",
    "bb": {
        "image_size": [{"width": 640, "height": 480, "depth": 3}],
        "annotations": [
            {"class_id": 1, "left": 399, "top": 251, "width": 155, "height": 101},
            {"class_id": 0, "left": 86, "top": 65, "width": 220, "height": 334},
        ],
    },
    "bb-metadata": {
        "objects": [{"confidence": 1}, {"confidence": 1}],
        "class-map": {"0": "Echo", "1": "Echo Dot"},
        "type": "groundtruth/object-detection",
        "human-annotated": "yes",
        "creation-date": "2013-11-18T02:53:27",
        "job-name": "my job",
    },
}
REMOVE = object()


def changed(data, *path, to):
    """A copy of a line with one part set, or taken out."""
    data = copy.deepcopy(data)
    part = data
    for step in path[:-1]:
        part = part[step]
    if to is REMOVE:
        del part[path[-1]]
    else:
        part[path[-1]] = to
    return data


def read(data):
    return read_line(data if isinstance(data, str) else json.dumps(data), RULES)


def codes(line):
    return [(defect.code, *defect.place) for defect in line.defects]


def test_an_image_level_line_gives_its_label():
    line = read(CLASS)
    assert (line.valid, line.defects) == (True, ())
    assert [(label.name, label.boxed) for label in line.labels] == [("Sunrise", False)]
    assert line.image == ("bucket", "a.png")


def test_a_line_of_boxes_gives_the_labels_of_its_boxes():
    line = read(BOXES)
    assert (line.valid, line.defects) == (True, ())
    assert [(label.name, label.boxed) for label in line.labels] == [
        ("Echo Dot", True),
        ("Echo", True),
    ]


def test_a_line_may_carry_both_kinds():
    line = read({**BOXES, **{key: CLASS[key] for key in ("scene", "scene-metadata")}})
    assert {label.name for label in line.labels} == {"Echo", "Echo Dot", "Sunrise"}


def test_a_key_may_hold_spaces_slashes_and_any_script():
    line = read(changed(CLASS, "source-ref", to="s3://bucket/ä b/肺 #1?.png"))
    assert line.image == ("bucket", "ä b/肺 #1?.png")


@pytest.mark.parametrize(
    "date",
    [
        "2020-03-06T17:46:39",
        "2020-03-06T17:46:39.1",
        "2021-07-11T03:32:13.456Z",
        "2021-07-11T03:32Z",
    ],
)
def test_a_date_may_have_a_fraction_and_a_zone(date):
    assert read(changed(CLASS, "scene-metadata", "creation-date", to=date)).valid


METADATA_FORMAT = ("ERROR_INVALID_LABEL_ATTRIBUTE_METADATA_FORMAT", "scene-metadata")


@pytest.mark.parametrize(
    ("path", "value", "expected"),
    [
        (("source-ref",), REMOVE, [("ERROR_MISSING_SOURCE_REF",)]),
        (("source-ref",), None, [("ERROR_MISSING_SOURCE_REF",)]),
        (("source-ref",), "a.png", [("ERROR_INVALID_SOURCE_REF_FORMAT",)]),
        (("source-ref",), "s3://bucket", [("ERROR_INVALID_SOURCE_REF_FORMAT",)]),
        (("source-ref",), "s3://bucket/", [("ERROR_INVALID_SOURCE_REF_FORMAT",)]),
        (("source-ref",), "https://bucket/a", [("ERROR_INVALID_SOURCE_REF_FORMAT",)]),
        (("scene",), REMOVE, [("ERROR_NO_LABEL_ATTRIBUTES",)]),
        (("scene-metadata",), REMOVE, [("ERROR_NO_LABEL_ATTRIBUTES",)]),
        (("scene",), "1", [("ERROR_INVALID_LABEL_ATTRIBUTE_FORMAT", "scene")]),
        (("scene",), True, [("ERROR_INVALID_LABEL_ATTRIBUTE_FORMAT", "scene")]),
        (("scene",), [1], [("ERROR_INVALID_LABEL_ATTRIBUTE_FORMAT", "scene")]),
        (("scene-metadata",), "text", [METADATA_FORMAT]),
        (("scene-metadata", "type"), REMOVE, [METADATA_FORMAT]),
        (("scene-metadata", "class-name"), REMOVE, [METADATA_FORMAT]),
        (("scene-metadata", "class-name"), "", [METADATA_FORMAT]),
        (("scene-metadata", "class-name"), 7, [METADATA_FORMAT]),
        (("scene-metadata", "confidence"), REMOVE, [METADATA_FORMAT]),
        (("scene-metadata", "confidence"), 1.5, [METADATA_FORMAT]),
        (("scene-metadata", "human-annotated"), "maybe", [METADATA_FORMAT]),
        (("scene-metadata", "creation-date"), "yesterday", [METADATA_FORMAT]),
        (("scene-metadata", "creation-date"), 1700000000, [METADATA_FORMAT]),
        (
            ("scene-metadata", "type"),
            "groundtruth/semantic-segmentation",
            [
                ("ERROR_UNSUPPORTED_USE_CASE_TYPE", "scene-metadata"),
                ("ERROR_NO_VALID_LABEL_ATTRIBUTES",),
            ],
        ),
        (
            ("scene-metadata", "class-name"),
            "x" * 256,
            [
                ("ERROR_INVALID_LABEL_NAME_LENGTH", "scene-metadata"),
                ("ERROR_NO_VALID_LABEL_ATTRIBUTES",),
            ],
        ),
    ],
)
def test_each_fault_of_an_image_level_line_has_its_code_and_place(path, value, expected):
    line = read(changed(CLASS, *path, to=value))
    assert codes(line) == expected
    assert not line.valid


BOX = ("bb", "annotations", 0)


@pytest.mark.parametrize(
    ("path", "value", "expected"),
    [
        (("bb", "image_size"), [], ("ERROR_INVALID_LABEL_ATTRIBUTE_FORMAT", "bb")),
        (("bb", "image_size"), 3, ("ERROR_INVALID_LABEL_ATTRIBUTE_FORMAT", "bb")),
        (("bb", "image_size", 0, "depth"), REMOVE, ("ERROR_INVALID_LABEL_ATTRIBUTE_FORMAT", "bb")),
        (("bb", "annotations"), {}, ("ERROR_INVALID_LABEL_ATTRIBUTE_FORMAT", "bb")),
        ((*BOX, "left"), 1.5, ("ERROR_INVALID_LABEL_ATTRIBUTE_FORMAT", "bb")),
        (("bb",), 3, ("ERROR_INVALID_LABEL_ATTRIBUTE_FORMAT", "bb")),
        (
            ("bb-metadata", "objects"),
            [{"confidence": 1}],
            ("ERROR_MISSING_BOUNDING_BOX_CONFIDENCE", "bb-metadata"),
        ),
        (
            ("bb-metadata", "objects", 0, "confidence"),
            REMOVE,
            ("ERROR_MISSING_BOUNDING_BOX_CONFIDENCE", "bb-metadata"),
        ),
        (
            ("bb-metadata", "class-map", "1"),
            REMOVE,
            ("ERROR_MISSING_CLASS_MAP_ID", "bb-metadata"),
        ),
        (
            ("bb-metadata", "class-map"),
            REMOVE,
            ("ERROR_INVALID_LABEL_ATTRIBUTE_METADATA_FORMAT", "bb-metadata"),
        ),
        ((*BOX, "left"), -1, ("ERROR_INVALID_BOUNDING_BOX", *BOX)),
        ((*BOX, "left"), 600, ("ERROR_INVALID_BOUNDING_BOX", *BOX)),
        ((*BOX, "height"), 1, ("ERROR_BOUNDING_BOX_TOO_SMALL", *BOX)),
        (("bb", "image_size", 0, "width"), 5000, ("ERROR_INVALID_IMAGE_DIMENSION",)),
    ],
)
def test_each_fault_of_a_line_of_boxes_has_its_code_and_place(path, value, expected):
    assert codes(read(changed(BOXES, *path, to=value)))[0] == expected


def test_a_bad_box_does_not_void_a_line_that_has_a_good_one():
    line = read(changed(BOXES, *BOX, "left", to=-1))
    assert line.valid
    assert [label.name for label in line.labels] == ["Echo"]


def test_a_line_whose_boxes_are_all_bad_is_void():
    data = changed(changed(BOXES, *BOX, "left", to=-1), "bb", "annotations", 1, "top", to=470)
    line = read(data)
    assert not line.valid
    assert ("ERROR_NO_VALID_ANNOTATIONS", "bb") in codes(line)
    assert ("ERROR_NO_VALID_LABEL_ATTRIBUTES",) in codes(line)


def test_a_box_is_measured_after_the_image_is_scaled_to_1280_pixels():
    data = changed(BOXES, "bb", "image_size", 0, "width", to=4096)
    assert read(changed(data, *BOX, "width", to=4)).defects == ()
    assert codes(read(changed(data, *BOX, "width", to=3))) == [
        ("ERROR_BOUNDING_BOX_TOO_SMALL", *BOX)
    ]


def test_more_than_fifty_boxes_are_too_many():
    box = BOXES["bb"]["annotations"][0]
    data = changed(BOXES, "bb", "annotations", to=[box] * 51)
    data = changed(data, "bb-metadata", "objects", to=[{"confidence": 1}] * 51)
    assert codes(read(data))[0] == ("ERROR_TOO_MANY_BOUNDING_BOXES", "bb")


def test_a_line_without_any_box_is_ignored_with_warnings():
    data = changed(changed(BOXES, "bb", "annotations", to=[]), "bb-metadata", "objects", to=[])
    line = read(data)
    assert line.ignored
    assert codes(line) == [
        ("WARNING_NO_ATTRIBUTE_ANNOTATIONS", "bb"),
        ("WARNING_NO_ANNOTATIONS",),
    ]


def test_a_line_with_only_a_source_ref_is_unlabelled_and_no_error():
    line = read({"source-ref": "s3://bucket/a"})
    assert (line.ignored, line.annotated, codes(line)) == (
        True,
        False,
        [("WARNING_UNANNOTATED_RECORD",)],
    )


def test_a_fault_of_the_first_group_hides_the_others():
    data = {**changed(BOXES, *BOX, "left", to=-1), **CLASS, "scene": "1"}
    assert codes(read(data)) == [("ERROR_INVALID_LABEL_ATTRIBUTE_FORMAT", "scene")]


def test_a_good_attribute_beside_an_unsupported_one_keeps_the_line():
    data = {**CLASS, "other": 1, "other-metadata": {"type": "x"}}
    line = read(data)
    assert line.valid
    assert codes(line) == [("ERROR_UNSUPPORTED_USE_CASE_TYPE", "other-metadata")]


def test_other_keys_beside_a_label_do_no_harm():
    assert read({**CLASS, "comment": "seen twice"}).defects == ()


@pytest.mark.parametrize("text", ["", " ", "{", "[1]", "7", '{"a":NaN}', "{}}", "[" * 100_000])
def test_what_is_no_json_object_is_an_invalid_line(text):
    assert codes(read(text)) == [("ERROR_INVALID_JSON_LINE",)]
    assert with_reports(read(text), errors_key="errors") == {
        "errors": [
            {"code": "ERROR_INVALID_JSON_LINE", "message": "The JSON Line has an invalid format."}
        ]
    }


def test_a_report_on_a_part_that_can_hold_none_stands_around_it():
    reported = with_reports(read(changed(CLASS, "scene", to="1")), errors_key="errors")
    assert reported["errors"] == [
        {
            "code": "ERROR_INVALID_LABEL_ATTRIBUTE_FORMAT",
            "message": "The format of the label attribute scene is invalid.",
        }
    ]


def test_a_line_that_is_too_long_is_dropped():
    assert read({**CLASS, "comment": "x" * 100_000}).terminal


def test_reports_stand_in_the_part_that_they_are_about_and_keep_the_order():
    data = changed(BOXES, *BOX, "left", to=-1)
    reported = with_reports(read(data), errors_key="errors")
    assert list(reported) == list(data)
    box = reported["bb"]["annotations"][0]
    assert box.pop("errors") == [
        {"code": "ERROR_INVALID_BOUNDING_BOX", "message": "The bounding box has off frame values."}
    ]
    assert reported == data


@pytest.mark.parametrize("data", [CLASS, BOXES])
@pytest.mark.parametrize("key", ["errors", "cl-errors"])
def test_a_reported_line_reads_as_the_line_that_it_reports_on(data, key):
    broken = changed(data, list(data)[2], "type", to="unknown")
    line = read(broken)
    again = read({**with_reports(line, errors_key=key), "cl-metadata": {"is_labeled": True}})
    assert (json.loads(again.text), again.defects) == (broken, line.defects)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3)
    ),
    max_leaves=8,
)


@given(
    path=st.sampled_from(
        [
            ("bb",),
            ("bb-metadata",),
            ("bb", "image_size"),
            ("bb", "annotations"),
            (*BOX,),
            (*BOX, "class_id"),
            ("bb-metadata", "objects"),
            ("bb-metadata", "class-map"),
            ("bb-metadata", "type"),
            ("source-ref",),
        ]
    ),
    value=json_values,
)
def test_no_value_anywhere_breaks_the_reading_or_the_report(path, value):
    line = read(changed(BOXES, *path, to=value))
    json.dumps(with_reports(line, errors_key="errors", warnings_key="warnings"))
    assert line.valid or line.ignored or line.errors


# -- lines that differ in their image alone are read by it, which changes nothing ----------------

SHORT = LineRules.of(Limits(line_characters=400), Assumptions())
IMAGES = st.one_of(
    st.text('ab/ é"\\\n', min_size=0, max_size=4).map(lambda key: f"s3://bucket/{key}"),
    st.sampled_from(
        [
            "s3://bucket/a",
            "s3://bu/a",
            "s3:/bucket/a",
            "x" * 200,
            "s3://bucket/" + "k" * 1025,
            None,
            1,
        ]
    ),
)
RESTS = st.sampled_from(
    [
        CLASS,
        BOXES,
        changed(CLASS, "scene-metadata", "class-name", to="scène\u2028\\"),
        changed(CLASS, "scene-metadata", "confidence", to=1e-7),
        changed(CLASS, "scene-metadata", to=REMOVE),
        changed(CLASS, "scene", to="text"),
        {"source-ref": ""},
        {**CLASS, "cl-metadata": {"is_labeled": True}},
        {**CLASS, "errors": [{"code": "a", "message": "b"}]},
        {**CLASS, "other": {"source-ref": "s3://bucket/b"}},
    ]
)
SEPARATORS = st.sampled_from([(",", ":"), (", ", ": "), (" ,", " :")])


@st.composite
def lines(draw):
    image, rest = draw(IMAGES), draw(RESTS)
    text = json.dumps(
        {**rest, "source-ref": image},
        separators=draw(SEPARATORS),
        ensure_ascii=draw(st.booleans()),
    )
    return draw(
        st.sampled_from(
            [text, text[:-1], f"{text} ", text[:-1] + ',"source\\u002dref":"s3://c/d"}']
        )
    )


@given(st.lists(lines(), min_size=1, max_size=5))
def test_an_entry_is_that_of_the_line_by_itself(texts):
    for text in texts:
        line = read_line(text, SHORT)
        dropped = line.terminal or line.source_ref is None
        expected = None if dropped else as_entry(line, line.source_ref)
        assert _content(read_entry(text, SHORT)) == _content(expected)


def _content(entry):
    return entry and (entry.source_ref, entry.line, entry.labels, entry.labelled, entry.faulty)


@given(st.lists(lines(), min_size=1, max_size=5))
def test_a_listed_line_is_that_of_the_line_by_itself(texts):
    for text in texts:
        assert line_in_listing(text, SHORT) == listed_line(text, SHORT)

from __future__ import annotations

import json
import math
from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rekognition_xray.clinic.evaluation.results import read_snapshot, read_summary
from rekognition_xray.clinic.statistics import NO_LABEL
from rekognition_xray.errors import EvaluationError
from rekognition_xray.labels import THREE_CLASSES

_AT = "s3://models/EvaluationResultSummary-chest-v1.json"


def _changed(files, **parts):
    summary = json.loads(files.summary)
    summary.update(parts)
    return json.dumps(summary)


@pytest.fixture(scope="module")
def files(draw, write):
    return write(draw(patients=12))


@pytest.fixture(scope="module")
def lines(files):
    return files.testing.splitlines()


def _snapshot(lines, labels=THREE_CLASSES):
    return read_snapshot("\n".join(lines), labels=labels, name="s3://models/testing.json")


def test_the_summary_gives_the_services_figures_in_table_order(files):
    service = read_summary(files.summary, name=_AT)
    assert (service.f1, service.precision, service.recall) == (0.8, 0.82, 0.79)
    assert [row.label for row in service.labels] == ["normal", "bacterial", "viral"]
    assert service.labels[0].threshold == 0.41
    assert service.confusion["viral", "viral"] == 0.79
    assert service.training_images == 500


def test_bytes_with_a_byte_order_mark_are_read_like_text(files):
    marked = b"\xef\xbb\xbf" + files.summary.encode()
    assert read_summary(marked, name=_AT) == read_summary(files.summary, name=_AT)


@pytest.mark.parametrize("version", [2, 0, "1", None])
def test_a_summary_of_another_version_is_refused_with_its_address(files, version):
    with pytest.raises(EvaluationError, match=r"chest-v1.json.* version") as raised:
        read_summary(_changed(files, Version=version), name=_AT)
    assert repr(version) in str(raised.value)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("", "not JSON"),
        ('{"Version": 1, "Aggre', "cut off"),
        ("[1, 2]", "not a JSON object"),
        (b"\xff\xfe\x00", "not UTF-8"),
        ("[" * 100_000, "JSON"),
    ],
)
def test_a_summary_that_cannot_be_read_is_refused_with_its_address(content, said):
    with pytest.raises(EvaluationError, match=said) as raised:
        read_summary(content, name=_AT)
    assert _AT in str(raised.value)


@pytest.mark.parametrize(
    "part", ["EvaluationDetails", "AggregatedEvaluationResults", "LabelEvaluationResults"]
)
def test_a_summary_without_one_of_its_parts_names_the_part(files, part):
    with pytest.raises(EvaluationError, match=part):
        read_summary(_changed(files, **{part: None}), name=_AT)


def test_a_summary_of_object_detection_is_refused_by_what_it_is(files):
    total = json.loads(files.summary)["AggregatedEvaluationResults"]
    del total["ConfusionMatrix"]
    with pytest.raises(EvaluationError, match="object detection"):
        read_summary(_changed(files, AggregatedEvaluationResults=total), name=_AT)


def test_a_confusion_of_unknown_labels_is_refused(files):
    total = json.loads(files.summary)["AggregatedEvaluationResults"]
    total["ConfusionMatrix"][0]["PredictedLabel"] = "fracture"
    with pytest.raises(EvaluationError, match="fracture"):
        read_summary(_changed(files, AggregatedEvaluationResults=total), name=_AT)


@pytest.mark.parametrize("value", [float("nan"), None])
def test_a_figure_that_the_service_leaves_open_is_none(files, value):
    total = json.loads(files.summary)["AggregatedEvaluationResults"] | {"F1Score": value}
    summary = read_summary(_changed(files, AggregatedEvaluationResults=total), name=_AT)
    assert summary.f1 is None


@pytest.mark.parametrize("value", [1.2, -0.1, "0.8", True, float("inf")])
def test_a_figure_that_is_no_share_is_refused(files, value):
    total = json.loads(files.summary)["AggregatedEvaluationResults"] | {"F1Score": value}
    with pytest.raises(EvaluationError, match="F1Score"):
        read_summary(_changed(files, AggregatedEvaluationResults=total), name=_AT)


def test_a_label_without_test_images_has_no_service_figures(files):
    rows = json.loads(files.summary)["LabelEvaluationResults"]
    rows[-1]["NumberOfTestingImages"] = 0
    viral = read_summary(_changed(files, LabelEvaluationResults=rows), name=_AT).labels[-1]
    assert (viral.label, viral.test_images) == ("viral", 0)
    assert (viral.precision, viral.recall, viral.f1, viral.threshold) == (None,) * 4


def test_images_keep_truth_confidences_prediction_and_patient(draw, write):
    drawn = draw(patients=12)
    images = _snapshot(write(drawn).testing.splitlines()).images
    assert [image.source_ref for image in images] == [one.source_ref for one in drawn]
    assert [image.truth for image in images] == [one.truth for one in drawn]
    assert [dict(image.confidences) for image in images] == [one.confidences for one in drawn]
    assert images[0].patient == f"{0:024x}"
    assert all(
        image.confidences[image.predicted] == max(image.confidences.values()) for image in images
    )


def test_of_equal_confidences_the_first_in_table_order_is_predicted(lines):
    for place in range(3):
        lines[0] = lines[0].replace(
            lines[0], _with(lines[0], f"rekognition-custom-labels-evaluation-{place}", 1 / 3)
        )
    assert _snapshot(lines[:1]).images[0].predicted == "normal"


def _with(line, attribute, confidence):
    image = json.loads(line)
    image[f"{attribute}-metadata"]["confidence"] = confidence
    return json.dumps(image)


def test_every_bad_line_is_named_by_its_number(lines):
    bad = [
        lines[0][:40],
        lines[1],
        "[]",
        _with(lines[3], "rekognition-custom-labels-evaluation-1", 7),
    ]
    with pytest.raises(EvaluationError) as raised:
        _snapshot(bad)
    said = str(raised.value)
    assert "s3://models/testing.json" in said
    assert all(f"line {number}:" in said for number in (1, 3, 4))
    assert "line 2:" not in said


def test_a_snapshot_cut_off_within_a_line_is_refused(files):
    with pytest.raises(EvaluationError, match="cut off"):
        read_snapshot(files.testing[:-30], labels=THREE_CLASSES, name="testing")


@pytest.mark.parametrize("content", ["", "\n\n", b""])
def test_a_snapshot_without_an_image_is_refused(content):
    with pytest.raises(EvaluationError, match="no image"):
        read_snapshot(content, labels=THREE_CLASSES, name="testing")


@pytest.mark.parametrize("value", ["NaN", "null", "1e999", "-0.2", '"0.4"'])
def test_a_confidence_that_is_no_share_is_refused_with_its_line(lines, value):
    image = json.loads(lines[1])
    image["rekognition-custom-labels-evaluation-0-metadata"]["confidence"] = "HERE"
    with pytest.raises(EvaluationError, match=r"line 2: .*confidence"):
        _snapshot([lines[0], json.dumps(image).replace('"HERE"', value)])


def test_a_label_that_the_summary_does_not_know_is_refused(lines):
    with pytest.raises(EvaluationError, match="'viral' is not one of the summary's"):
        _snapshot(lines, labels=("normal", "bacterial"))


@pytest.mark.parametrize(("labels", "said"), [((), "no label"), (("normal", "viral"), "2 labels")])
def test_an_image_needs_just_one_true_label(lines, labels, said):
    image = json.loads(lines[0])
    for key in [key for key in image if "-training-" in key]:
        del image[key]
    for place, label in enumerate(labels):
        image[f"rekognition-custom-labels-training-{place}"] = 1
        image[f"rekognition-custom-labels-training-{place}-metadata"] = {"class-name": label}
    with pytest.raises(EvaluationError, match=said):
        _snapshot([json.dumps(image)])


def test_an_image_whose_line_lists_no_label_was_called_nothing(lines):
    image = {key: part for key, part in json.loads(lines[0]).items() if "-evaluation-" not in key}
    (first, *_) = _snapshot([json.dumps(image), *lines[1:]]).images
    assert first.predicted == NO_LABEL
    assert all(math.isnan(confidence) for confidence in first.confidences.values())


def test_the_confidence_of_a_label_that_is_not_listed_is_unknown_with_a_warning(lines):
    image = json.loads(lines[0])
    del image["rekognition-custom-labels-evaluation-2-metadata"]
    snapshot = _snapshot([json.dumps(image), *lines[1:]])
    assert math.isnan(snapshot.images[0].confidences["viral"])
    assert "do not list every label" in snapshot.warnings[-1]


def test_keys_without_a_patient_are_counted_in_a_warning(draw, write):
    strange = write(draw(patients=6, keyed=False)).testing.splitlines()
    keyed = write(draw(patients=6)).testing.splitlines()
    snapshot = _snapshot([strange[0], *keyed])
    assert snapshot.images[0].patient is None
    assert snapshot.images[0].group == snapshot.images[0].source_ref
    assert any("separate patient" in warning for warning in snapshot.warnings)
    assert not _snapshot(keyed).warnings


def test_boxes_are_refused_by_what_they_are(lines):
    image = json.loads(lines[0]) | {"rekognition-custom-labels-evaluation": {"annotations": []}}
    with pytest.raises(EvaluationError, match="object detection"):
        _snapshot([json.dumps(image)])


def test_details_of_a_newer_version_are_refused(lines):
    newer = lines[0].replace('"version": 1', '"version": 2')
    with pytest.raises(EvaluationError, match="version 2"):
        _snapshot([newer])


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_damage_anywhere_gives_our_error_or_images(files, data):
    content = files.testing.encode()[:3000]
    place = data.draw(st.integers(0, len(content) - 1))
    damaged = content[:place] + data.draw(st.binary(max_size=4)) + content[place + 3 :]
    with suppress(EvaluationError):  # any other error fails the test
        read_snapshot(damaged, labels=THREE_CLASSES, name="testing")
    with suppress(EvaluationError):
        read_summary(damaged, name="summary")

"""Reads the result files that a training writes to S3: bytes in, values out, no numpy."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Final

import attrs

from rekognition_xray.clinic import json_fields as fields
from rekognition_xray.clinic.json_fields import FieldError, Json
from rekognition_xray.clinic.statistics import (
    NO_LABEL,
    ServiceFigures,
    ServiceLabel,
    TestImage,
)
from rekognition_xray.data.pseudonyms import pseudonym_in
from rekognition_xray.errors import EvaluationError, list_paths
from rekognition_xray.labels import confidence_of, distinguish_pneumonia, in_order

_VERSION: Final = 1
_ATTRIBUTE: Final = re.compile(r"rekognition-custom-labels-(training|evaluation)-\d+")
_DETAILS: Final = "rekognition-custom-labels-evaluation-details"
_BOXES: Final = "rekognition-custom-labels-evaluation"


@attrs.frozen
class Snapshot:
    """The testing snapshot: its images, and warnings for a reader of the figures."""

    images: tuple[TestImage, ...]
    warnings: tuple[str, ...]


def read_summary(content: bytes | str, *, name: str) -> ServiceFigures:
    """Reads an evaluation summary (version 1).

    Args:
        content: the file.
        name: its address, for messages.

    Raises:
        EvaluationError: the file is not JSON, has another version, or is not of a classification.
    """
    try:
        return _summary(fields.object_in(fields.load(fields.text_of(content))))
    except FieldError as error:
        raise EvaluationError(f"{name} is not a readable evaluation summary: {error}") from error


def read_snapshot(content: bytes | str, *, labels: Sequence[str], name: str) -> Snapshot:
    """Reads a testing snapshot: one image per line, with its true label and predictions.

    Args:
        content: the file (JSON Lines).
        labels: the labels of the model, from the summary.
        name: its address, for messages.

    Raises:
        EvaluationError: names every line that cannot be read or relied on.
    """
    images, bad = [], []
    for number, line in _lines(content, name):
        try:
            images.append(_image(fields.object_in(fields.load(line)), labels))
        except FieldError as error:
            bad.append(f"line {number}: {error}")
    if bad:
        raise EvaluationError(f"{name} has lines that cannot be used:\n{list_paths(bad)}")
    if not images:
        raise EvaluationError(f"{name} contains no images.")
    return Snapshot(tuple(images), tuple(_warnings(images)))


def check_same_images(
    service: ServiceFigures, images: Sequence[TestImage], addresses: Sequence[str]
) -> None:
    """Raises EvaluationError if summary and testing snapshot differ in the number of images."""
    if service.test_images != len(images):
        raise EvaluationError(
            f"{addresses[0]} reports {service.test_images} test images, {addresses[1]} has "
            f"{len(images)}: one of them is truncated, or they are from different trainings."
        )


def missing_label_warnings(images: Sequence[TestImage], labels: Sequence[str]) -> Iterator[str]:
    """Warnings about figures that the images do not support."""
    for label in labels:
        if not any(image.truth == label for image in images):
            yield f"No test image has the label {label!r}; its figures are not estimable."
    if not distinguish_pneumonia(labels):
        yield "The labels do not distinguish pneumonia from the rest: no two-class figures."


def unlisted_label_warnings(images: Sequence[TestImage]) -> Iterator[str]:
    """A warning if the service did not list every label of every image."""
    partial = sum(math.isnan(sum(image.confidences.values())) for image in images)
    if partial:
        yield (
            f"{partial} of {len(images)} test images do not list every label, so this snapshot "
            "supports no AUROC, average precision, Brier score, calibration or policy. Let the "
            "running model answer for the test images: complete_evaluation(evaluation, version, "
            "max_cost=...)."
        )


def _warnings(images: Sequence[TestImage]) -> Iterator[str]:
    alone = sum(image.patient is None for image in images)
    if alone:
        yield (
            f"{alone} of {len(images)} test images have no patient in their key: each counts as a "
            "separate patient, so intervals are too narrow if some are of the same patient."
        )
    yield from unlisted_label_warnings(images)


def _summary(root: Json) -> ServiceFigures:
    if root.get("Version") != _VERSION:
        raise FieldError(f"version {root.get('Version')!r}; this library reads version {_VERSION}")
    details = fields.object_in(root.get("EvaluationDetails"), "EvaluationDetails")
    total = fields.object_in(root.get("AggregatedEvaluationResults"), "AggregatedEvaluationResults")
    if "ConfusionMatrix" not in total:
        raise FieldError(
            "no ConfusionMatrix: results of object detection, not of image classification"
        )
    labels = {
        row.label: row for row in map(_label, fields.objects_in(root, "LabelEvaluationResults"))
    }
    named = in_order(
        fields.string_in(label, "Labels") for label in fields.list_in(details, "Labels")
    )
    if set(named) != set(labels):
        raise FieldError(
            f"Labels has {', '.join(named)}, LabelEvaluationResults {', '.join(labels)}"
        )
    return ServiceFigures(
        f1=fields.share_in(total, "F1Score"),
        precision=fields.share_in(total, "Precision"),
        recall=fields.share_in(total, "Recall"),
        labels=tuple(labels[label] for label in named),
        confusion=dict(_confusion(total, labels)),
        training_images=fields.count_in(details, "NumberOfTrainingImages"),
        test_images=fields.count_in(details, "NumberOfTestingImages"),
        version_arn=fields.string_in(details.get("ProjectVersionArn"), "ProjectVersionArn"),
        ended=fields.string_in(details.get("EvaluationEndTimestamp", ""), "EvaluationEndTimestamp"),
    )


def _label(row: Json) -> ServiceLabel:
    metrics = fields.object_in(row.get("Metrics"), "Metrics")
    images = fields.count_in(row, "NumberOfTestingImages")
    # A label without a test image has no figures, whatever number the service puts there.
    reported = metrics if images else {}
    return ServiceLabel(
        label=fields.string_in(row.get("Label"), "Label"),
        precision=fields.share_in(reported, "Precision"),
        recall=fields.share_in(reported, "Recall"),
        f1=fields.share_in(reported, "F1Score"),
        threshold=fields.share_in(reported, "Threshold"),
        test_images=images,
    )


def _confusion(
    total: Json, labels: Mapping[str, ServiceLabel]
) -> Iterator[tuple[tuple[str, str], float]]:
    for cell in fields.objects_in(total, "ConfusionMatrix"):
        pair = (
            fields.string_in(cell.get("GroundTruthLabel"), "GroundTruthLabel"),
            fields.string_in(cell.get("PredictedLabel"), "PredictedLabel"),
        )
        if not labels.keys() >= set(pair):
            raise FieldError(f"ConfusionMatrix names unknown labels: {' and '.join(pair)}")
        value = fields.share_in(cell, "Value")
        if value is not None:
            yield pair, value


def _image(root: Json, labels: Sequence[str]) -> TestImage:
    if _BOXES in root:
        raise FieldError(
            "bounding boxes (object detection); this evaluation is for labels of whole images"
        )
    source = fields.string_in(root.get("source-ref"), "source-ref")
    truths, listed = _truths_and_confidences(root, labels)
    if len(truths) != 1:
        what = "no label" if not truths else f"{len(truths)} labels ({', '.join(truths)})"
        raise FieldError(f"{source} has {what}; these figures need exactly one per image")
    confidences = {label: listed.get(label, math.nan) for label in labels}
    named = [label for label in labels if label in listed]
    return TestImage(
        source_ref=source,
        patient=pseudonym_in(source),
        truth=truths[0],
        confidences=confidences,
        predicted=max(named, key=listed.__getitem__) if named else NO_LABEL,
    )


def _truths_and_confidences(
    root: Json, labels: Sequence[str]
) -> tuple[list[str], dict[str, float]]:
    """The true labels of the image, and the confidences that the model returned."""
    truths: list[str] = []
    listed: dict[str, float] = {}
    for key, part in root.items():
        name = key.removesuffix("-metadata")
        found = _ATTRIBUTE.fullmatch(name)
        if not found or name == key:
            continue
        metadata = fields.object_in(part, key)
        label = _known_label(metadata, labels, key)
        if found[1] == "training":
            truths.append(label)
        else:
            listed[label] = _confidence(metadata, key)
    return truths, listed


def _known_label(metadata: Json, labels: Sequence[str], key: str) -> str:
    label = fields.string_in(metadata.get("class-name"), f"class-name of {key}")
    if label not in labels:
        raise FieldError(f"label {label!r} is not one of the summary's ({', '.join(labels)})")
    return label


def _confidence(metadata: Json, key: str) -> float:
    details = metadata.get(_DETAILS)
    if isinstance(details, dict) and details.get("version", _VERSION) != _VERSION:
        raise FieldError(f"evaluation details of version {details['version']!r}, not {_VERSION}")
    value = fields.share_in(metadata, "confidence")
    if value is None:
        raise FieldError(f"{key} has no usable confidence")
    return confidence_of(value)


def _lines(content: bytes | str, name: str) -> Iterator[tuple[int, str]]:
    try:
        text = fields.text_of(content)
    except FieldError as error:
        raise EvaluationError(f"{name} cannot be read: {error}") from error
    # Not splitlines(): it would also cut at the line separators that JSON allows in a string.
    for number, line in enumerate(text.split("\n"), start=1):
        if line.strip():
            yield number, line

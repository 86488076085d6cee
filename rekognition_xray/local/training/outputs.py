"""The text of the files that a training leaves: evaluation summary and the two snapshots.

Pure functions from values to text, in the service's own formats. The validation manifests and the
manifest summary say what was wrong with the input; they are made where the input is checked.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from typing import Literal

import attrs

from rekognition_xray.local.training.metrics import Metrics

_TRAINING = "rekognition-custom-labels-training"
_EVALUATION = "rekognition-custom-labels-evaluation"
_TYPE = "groundtruth/image-classification"

_Line = dict[str, object]


@attrs.frozen
class TestedImage:
    """A test image: its address in S3, true labels, and the model's confidence (0-1) per label."""

    __test__ = False  # pytest takes every Test... for a test

    source_ref: str
    labels: tuple[str, ...]
    confidences: Mapping[str, float]


def evaluation_summary(
    metrics: Metrics, *, version_arn: str, training_images: int, ended: datetime
) -> str:
    """The evaluation summary as one JSON document; labels are sorted by F1, the best first."""
    best_first = sorted(metrics.labels, key=lambda each: (-each.f1, each.label))
    summary = {
        "Version": 1,
        "AggregatedEvaluationResults": {
            "ConfusionMatrix": [
                {
                    "GroundTruthLabel": each.truth,
                    "PredictedLabel": each.predicted,
                    "Value": each.share,
                }
                for each in metrics.confusion
            ],
            "F1Score": metrics.f1,
            "Precision": metrics.precision,
            "Recall": metrics.recall,
        },
        "EvaluationDetails": {
            "EvaluationEndTimestamp": _stamp(ended),
            "Labels": [each.label for each in metrics.labels],
            "NumberOfTestingImages": metrics.test_images,
            "NumberOfTrainingImages": training_images,
            "ProjectVersionArn": version_arn,
        },
        "LabelEvaluationResults": [
            {
                "Label": each.label,
                "Metrics": {
                    "F1Score": each.f1,
                    "Precision": each.precision,
                    "Recall": each.recall,
                    "Threshold": each.threshold,
                },
                "NumberOfTestingImages": each.test_images,
            }
            for each in best_first
        ],
    }
    return json.dumps(summary)


def training_snapshot(
    images: Iterable[tuple[str, tuple[str, ...]]], *, created: datetime
) -> Iterator[str]:
    """One JSON line, without its newline, per (source-ref, labels) that was trained on."""
    for source_ref, labels in images:
        yield json.dumps({"source-ref": source_ref} | _ground_truth(labels, _stamp(created)))


def testing_snapshot(
    images: Iterable[TestedImage],
    metrics: Metrics,
    *,
    created: datetime,
    listed: Literal["every", "predicted"],
) -> Iterator[str]:
    """One JSON line, without its newline, per test image: its labels, and each label's verdict.

    A verdict compares the confidence with the label's assumed threshold in `metrics`. With `listed`
    "predicted" only labels that reach their threshold are listed.
    """
    thresholds = {each.label: each.threshold for each in metrics.labels}
    stamp = _stamp(created)
    for image in images:
        line = {"source-ref": image.source_ref} | _ground_truth(image.labels, stamp)
        shown = {
            label: confidence
            for label, confidence in image.confidences.items()
            if listed == "every" or confidence >= thresholds[label]
        }
        for index, (label, confidence) in enumerate(shown.items()):
            details = _details(
                reached=confidence >= thresholds[label], present=label in image.labels
            )
            line |= _evaluation(index, label, confidence, stamp, details)
        yield json.dumps(line)


def _ground_truth(labels: tuple[str, ...], stamp: str) -> _Line:
    line: _Line = {}
    for index, label in enumerate(labels):
        line[f"{_TRAINING}-{index}"] = 1
        line[f"{_TRAINING}-{index}-metadata"] = {
            "confidence": 1.0,
            "job-name": f"{_TRAINING}-job",
            "class-name": label,
            "human-annotated": "yes",
            "creation-date": stamp,
            "type": _TYPE,
        }
    return line


def _evaluation(index: int, label: str, confidence: float, stamp: str, details: _Line) -> _Line:
    return {
        f"{_EVALUATION}-{index}": 1,
        f"{_EVALUATION}-{index}-metadata": {
            "confidence": confidence,
            "job-name": f"{_EVALUATION}-job",
            "class-name": label,
            "human-annotated": "no",
            "creation-date": stamp,
            "type": _TYPE,
            f"{_EVALUATION}-details": details,
        },
    }


def _details(*, reached: bool, present: bool) -> _Line:
    return {
        "version": 1,
        "ground-truth-labelling-jobs": [f"{_TRAINING}-job"],
        "is-true-positive": present and reached,
        "is-true-negative": not present and not reached,
        "is-false-positive": not present and reached,
        "is-false-negative": present and not reached,
        "is-present-in-ground-truth": present,
    }


def _stamp(moment: datetime) -> str:
    """UTC without a zone, to the microsecond; a moment without a zone is taken as UTC."""
    aware = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return aware.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="microseconds")

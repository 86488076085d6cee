"""A trained model on the test images, and the texts of the three result files about it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from typing import Literal

import attrs

from rekognition_xray.local.training.metrics import evaluate
from rekognition_xray.local.training.outputs import (
    TestedImage,
    evaluation_summary,
    testing_snapshot,
    training_snapshot,
)


@attrs.frozen(kw_only=True)
class EvaluationFiles:
    """The files' texts, the aggregate F1 (0-1) and each label's threshold (0-1)."""

    summary: str
    training: Iterator[str]
    testing: Iterator[str]
    f1: float
    thresholds: dict[str, float]


def evaluate_model(
    labels: Sequence[str],
    trained: Sequence[tuple[str, tuple[str, ...]]],
    tested: Iterable[tuple[str, tuple[str, ...], dict[str, float]]],
    *,
    version_arn: str,
    ended: datetime,
    listed: Literal["every", "predicted"],
) -> EvaluationFiles:
    """Evaluates a model's answers to its test images.

    `trained` has source-ref and labels of every image learned from; `tested` the same of every
    test image, with the confidences 0-1. `listed` says which labels the testing snapshot lists.
    """
    images = [TestedImage(*one) for one in tested]
    truths = [frozenset(image.labels) for image in images]
    metrics = evaluate(labels, truths, [image.confidences for image in images])
    return EvaluationFiles(
        summary=evaluation_summary(
            metrics, version_arn=version_arn, training_images=len(trained), ended=ended
        ),
        training=training_snapshot(trained, created=ended),
        testing=testing_snapshot(images, metrics, created=ended, listed=listed),
        f1=metrics.f1,
        thresholds={label: metrics.threshold(label) for label in labels},
    )

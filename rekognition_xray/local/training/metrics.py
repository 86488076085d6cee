"""The figures that the service reports after a training, by its own definitions.

Per label at its assumed threshold, the confidence that gives the best F1 on the test images:
precision = TP / (TP + FP), recall = TP / (TP + FN), F1 = 2PR / (P + R), undefined values 0.
The aggregate is the plain mean over the labels.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

import attrs
import numpy as np
import numpy.typing as npt
from sklearn.metrics import precision_recall_curve, precision_recall_fscore_support

UNSEEN_THRESHOLD = 0.5  # of a label that no test image bears: nothing speaks for another value

_Flags = npt.NDArray[np.bool_]


@attrs.frozen
class LabelMetrics:
    """One label: figures 0-1 at `threshold` (0-1), and how many test images have it."""

    label: str
    precision: float
    recall: float
    f1: float
    threshold: float
    test_images: int


@attrs.frozen
class ConfusionShare:
    """The share (0-1) of the test images of `truth` that were predicted as `predicted`."""

    truth: str
    predicted: str
    share: float


@attrs.frozen
class Metrics:
    """Everything the evaluation summary holds. Labels keep the order in which they were given.

    `confusion` has every pair of labels whose truth occurs. Where each image has one label,
    an image is predicted as its most confident label and the shares of one truth sum to 1; in
    multi-label data it is predicted as every label that reaches its threshold.
    """

    labels: tuple[LabelMetrics, ...]
    confusion: tuple[ConfusionShare, ...]
    precision: float
    recall: float
    f1: float
    test_images: int

    def threshold(self, label: str) -> float:
        """The assumed threshold of `label`, 0-1. Raises `KeyError` for a label not evaluated."""
        return {each.label: each.threshold for each in self.labels}[label]


def evaluate(
    labels: Sequence[str],
    truths: Sequence[Collection[str]],
    confidences: Sequence[Mapping[str, float]],
) -> Metrics:
    """Judge `confidences` (0-1, every label of `labels` in each) against the labels of each image.

    True labels outside `labels` are ones the model cannot know; they count for no label.
    Raises `ValueError` where the lengths differ or there is no label.
    """
    if len(truths) != len(confidences) or not labels:
        raise ValueError(
            f"{len(truths)} images, {len(confidences)} answers, {len(labels)} labels: "
            "need one answer per image and at least one label"
        )
    shape = (len(truths), len(labels))
    truth = np.array([[label in image for label in labels] for image in truths], dtype=bool)
    found = np.array([[image[label] for label in labels] for image in confidences], dtype=float)
    truth, found = truth.reshape(shape), found.reshape(shape)
    judged = tuple(
        _judge(label, truth[:, column], found[:, column]) for column, label in enumerate(labels)
    )
    return Metrics(
        labels=judged,
        confusion=_confusion(labels, truth, _predicted_flags(judged, truths, found)),
        precision=float(np.mean([each.precision for each in judged])),
        recall=float(np.mean([each.recall for each in judged])),
        f1=float(np.mean([each.f1 for each in judged])),
        test_images=len(truths),
    )


def _judge(label: str, truth: _Flags, found: npt.NDArray[np.float64]) -> LabelMetrics:
    if not truth.any():
        return LabelMetrics(label, 0.0, 0.0, 0.0, UNSEEN_THRESHOLD, 0)
    threshold = _best_threshold(truth, found)
    precision, recall, f1, _ = precision_recall_fscore_support(
        truth,
        found >= threshold,
        average="binary",
        zero_division=0.0,  # pyright: ignore[reportArgumentType]
    )
    return LabelMetrics(
        label, float(precision), float(recall), float(f1), threshold, int(truth.sum())
    )


def _best_threshold(truth: _Flags, found: npt.NDArray[np.float64]) -> float:
    """The confidence with the best F1; of equally good ones the highest."""
    precision, recall, thresholds = precision_recall_curve(truth, found)
    twice = 2 * precision * recall
    f1 = np.divide(twice, precision + recall, out=np.zeros_like(twice), where=twice > 0)[:-1]
    return float(thresholds[len(f1) - 1 - int(np.argmax(f1[::-1]))])


def _predicted_flags(
    judged: Sequence[LabelMetrics],
    truths: Sequence[Collection[str]],
    found: npt.NDArray[np.float64],
) -> _Flags:
    if any(len(image) != 1 for image in truths):
        return np.asarray(found >= [each.threshold for each in judged], dtype=bool)
    return np.asarray(np.arange(len(judged)) == found.argmax(axis=1)[:, None], dtype=bool)


def _confusion(
    labels: Sequence[str], truth: _Flags, predicted: _Flags
) -> tuple[ConfusionShare, ...]:
    pairs = truth.T.astype(float) @ predicted.astype(float)
    images = truth.sum(axis=0)
    return tuple(
        ConfusionShare(true, guess, float(pairs[row, column] / images[row]))
        for row, true in enumerate(labels)
        for column, guess in enumerate(labels)
        if images[row]
    )

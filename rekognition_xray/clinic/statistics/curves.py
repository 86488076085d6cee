"""The curves: ROC, precision-recall, reliability, thresholds, risk and coverage.

Imports numpy and scikit-learn: to be imported only when curves are computed.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import attrs
import numpy as np
from sklearn.metrics import precision_recall_curve, roc_curve

from rekognition_xray.clinic.statistics.calibration import BINS, bin_edges, bin_places
from rekognition_xray.clinic.statistics.estimates import (
    BinaryView,
    chosen_view,
    resample_patients,
)
from rekognition_xray.clinic.statistics.figures import Figure
from rekognition_xray.clinic.statistics.intervals import Values, score_figure
from rekognition_xray.clinic.statistics.referral import RiskCoverage, RiskPoint
from rekognition_xray.clinic.statistics.resampling import Mask, Resamples
from rekognition_xray.clinic.statistics.test_image import TestImage
from rekognition_xray.errors import EvaluationError

_MOST_THRESHOLDS: Final = 100
_COVERAGES: Final = tuple(share / 20 for share in range(20, 0, -1))


@attrs.frozen
class CurvePoint:
    """A point of a curve, for a threshold: images of at least this confidence are called.

    Attributes:
        x, y: 1 − specificity and sensitivity (ROC), or sensitivity and precision.
        threshold: the confidence, 0 to 1; None at the end where no image, or every one, is called.
    """

    x: float
    y: float
    threshold: float | None


@attrs.frozen
class ReliabilityBin:
    """Images of similar confidence.

    Attributes:
        low, high: ends of the bin; the upper end is included.
        confidence: the mean confidence of its images.
        frequency: the share of them that shows it.
    """

    low: float
    high: float
    confidence: float
    frequency: Figure


@attrs.frozen
class SweepPoint:
    """The figures at one threshold.

    Attributes:
        threshold: images of at least this confidence are called.
        sensitivity, specificity: at that threshold.
        called: share of all test images that are called.
    """

    threshold: float
    sensitivity: Figure
    specificity: Figure
    called: Figure


@attrs.frozen
class Curves:
    """All curves of one side against the rest; empty if the images do not include both.

    Attributes:
        of: a label, or pneumonia of any type.
        roc: from (0, 0) to (1, 1).
        precision_recall: from high to low sensitivity.
        reliability: ten bins of equally many images; fewer if confidences are repeated.
        calibration_error: of these bins, not corrected for noise.
        sweep: thresholds in ascending order.
    """

    of: str
    roc: tuple[CurvePoint, ...]
    precision_recall: tuple[CurvePoint, ...]
    reliability: tuple[ReliabilityBin, ...]
    calibration_error: float | None
    sweep: tuple[SweepPoint, ...]


def view_curves(sample: Resamples, view: BinaryView, *, points: int) -> Curves:
    """The curves of one view, each of at most about ``points`` points."""
    usable = bool(np.isfinite(view.score).all())
    if not usable or view.truth.all() or not view.truth.any():
        return Curves(view.name, (), (), (), None, ())
    bins = _reliability(sample, view)
    gaps = [one.frequency.n * abs(one.confidence - (one.frequency.value or 0.0)) for one in bins]
    return Curves(
        of=view.name,
        roc=_roc(view, points),
        precision_recall=_precision_recall(view, points),
        reliability=bins,
        calibration_error=sum(gaps) / len(view.truth),
        sweep=_sweep(sample, view, points),
    )


def _roc(view: BinaryView, points: int) -> tuple[CurvePoint, ...]:
    false, true, thresholds = roc_curve(view.truth, view.score)
    return _points(false, true, thresholds, points)


def _precision_recall(view: BinaryView, points: int) -> tuple[CurvePoint, ...]:
    precision, recall, thresholds = precision_recall_curve(view.truth, view.score)
    return _points(recall, precision, np.r_[thresholds, np.inf], points)


def _points(x: Values, y: Values, thresholds: Values, points: int) -> tuple[CurvePoint, ...]:
    chosen = _spread(len(x), points)
    return tuple(
        CurvePoint(float(x[at]), float(y[at]), float(thresholds[at]))
        if np.isfinite(thresholds[at])
        else CurvePoint(float(x[at]), float(y[at]), None)
        for at in chosen
    )


def _spread(count: int, points: int) -> list[int]:
    """At most ``points`` evenly spaced indices from the first to the last."""
    return sorted({round(at) for at in np.linspace(0, count - 1, min(count, points))})


def _reliability(sample: Resamples, view: BinaryView) -> tuple[ReliabilityBin, ...]:
    inner = bin_edges(view.score, BINS)
    place = bin_places(view.score, inner)
    ends = [0.0, *map(float, inner), 1.0]
    bins = []
    for at in np.unique(place):
        among = place == at
        share = sample.ratio(view.truth, among, reason="")
        mean = float(view.score[among].mean())
        bins.append(ReliabilityBin(ends[at], ends[at + 1], mean, score_figure(share)))
    return tuple(bins)


def _sweep(sample: Resamples, view: BinaryView, points: int) -> tuple[SweepPoint, ...]:
    scores = np.unique(view.score)
    chosen = [float(scores[at]) for at in _spread(len(scores), min(points, _MOST_THRESHOLDS))]
    called = view.score[:, None] >= np.array(chosen)
    shares = [
        sample.ratios(called, view.truth),
        sample.ratios(~called, ~view.truth),
        sample.ratios(called, np.ones(len(view.score), dtype=bool)),
    ]
    return tuple(
        SweepPoint(threshold, *(score_figure(share) for share in at))
        for threshold, *at in zip(chosen, *shares, strict=True)
    )


def risk_coverage(sample: Resamples, wrong: Mask, certainty: Values, *, call: str) -> RiskCoverage:
    """The risk-coverage curve of calls, from whether each is wrong and how certain it is.

    Images of equal certainty are decided or referred together, so the coverage can be below the
    steps of 5 %.
    """
    points: dict[float, RiskPoint] = {}
    for kept in (certainty >= _least_certainty(certainty, coverage) for coverage in _COVERAGES):
        share = float(kept.mean())
        if kept.any() and share not in points:
            points[share] = RiskPoint(share, score_figure(sample.ratio(wrong, kept, reason="")))
    return RiskCoverage(call, tuple(points.values()), _area(wrong, certainty))


def _least_certainty(certainty: Values, coverage: float) -> float:
    """The certainty that at most this share of images reaches; infinite if there is none."""
    ordered = np.sort(certainty)[::-1]
    most = int(np.floor(coverage * len(ordered) + 1e-9))
    if most == len(ordered):
        return float(ordered[-1])
    above = ordered[ordered > ordered[most]]
    return float(above[-1]) if len(above) else float(np.inf)


def _area(wrong: Mask, certainty: Values) -> float:
    """Mean over the images of the risk if all images of at least their certainty are decided."""
    levels, place = np.unique(-certainty, return_inverse=True)
    images = np.cumsum(np.bincount(place, minlength=len(levels)))
    errors = np.cumsum(np.bincount(place, weights=wrong, minlength=len(levels)))
    return float((errors / images)[place].mean())


def label_risk(images: Sequence[TestImage], *, resamples: int, seed: int) -> RiskCoverage:
    """The risk-coverage curve of the label of highest confidence.

    Args:
        images: the test images.
        resamples: bootstrap resamples of the patients.
        seed: seed of the resamples.
    """
    wrong = np.array([image.truth != image.predicted for image in images])
    highest = np.array([image.highest for image in images])
    call = "the label of highest confidence; wrong when it is not the true one"
    sample = resample_patients(images, resamples=resamples, seed=seed)
    return risk_coverage(sample, wrong, highest, call=call)


def label_curves(
    images: Sequence[TestImage],
    labels: Sequence[str],
    label: str | None,
    *,
    points: int,
    resamples: int,
    seed: int,
) -> Curves:
    """The curves of pneumonia, or of one label against all others.

    Args:
        images: the test images.
        labels: the labels of the model.
        label: one of them; pneumonia of any type without it.
        points: most points of a curve, at least 2.
        resamples: bootstrap resamples of the patients.
        seed: seed of the resamples.

    Raises:
        EvaluationError: an unknown label, fewer than 2 points, or labels that do not distinguish
            pneumonia from the rest.
    """
    if points < 2:
        raise EvaluationError(
            f"{points} points are too few for a curve.", hint="200 is the default."
        )
    view = chosen_view(images, labels, label)
    return view_curves(
        resample_patients(images, resamples=resamples, seed=seed), view, points=points
    )

"""How close confidences are to probabilities: calibration error, intercept and slope.

Imports numpy and scikit-learn: to be imported only when figures are computed.
"""

from __future__ import annotations

import math
from typing import Final

import numpy as np
import numpy.typing as npt

from rekognition_xray.clinic.statistics.figures import Figure
from rekognition_xray.clinic.statistics.intervals import Values, error_figure, gap_figure
from rekognition_xray.clinic.statistics.resampling import Mask, Resamples

BINS: Final = 10
"""Number of bins of the calibration error and of the reliability diagram."""
CLIP: Final = 1e-6
"""Confidences are clipped to this distance from 0 and 1 before log odds are computed."""

_STEPS: Final = 50
_DONE: Final = 1e-10
_FAR: Final = 50.0  # log odds; the estimate diverges if confidences separate the images


def bin_edges(score: Values, bins: int = BINS) -> Values:
    """The inner edges of bins of equally many images; fewer bins if confidences are repeated."""
    return np.unique(np.quantile(score, np.linspace(0, 1, bins + 1)[1:-1]))


def bin_places(score: Values, inner: Values) -> npt.NDArray[np.intp]:
    """The bin of each image; a confidence on an edge belongs to the lower bin."""
    return np.searchsorted(inner, score, side="left")


def calibration_error(sample: Resamples, truth: Mask, score: Values) -> Figure:
    """Expected calibration error (Naeini 2015) over bins of equally many images (Nguyen 2015).

    The sum over the bins of the absolute difference between the sum of the confidences and the
    number of images that show it, divided by all images. Corrected for noise: see ``gap_figure``.
    """
    place = bin_places(score, bin_edges(score))
    table = np.zeros((len(score), place.max() + 2))
    table[np.arange(len(score)), place] = score - truth
    table[:, -1] = 1.0
    totals = sample.totals(table)
    with np.errstate(invalid="ignore"):  # no patient of a small group may be drawn
        gaps = totals[:, :-1] / totals[:, -1:]
    return gap_figure(gaps[0], gaps[1:], images=len(score), patients=sample.patients)


def log_odds(score: Values) -> Values:
    """Log odds of confidences, clipped to a distance of ``CLIP`` from 0 and 1."""
    clipped = np.clip(score, CLIP, 1 - CLIP)
    return np.asarray(np.log(clipped / (1 - clipped)))


def intercept_and_slope(sample: Resamples, truth: Mask, score: Values) -> tuple[Figure, Figure]:
    """Calibration intercept (slope fixed at 1) and slope (Cox 1958; Van Calster 2019).

    Logistic regression of the truth on the log odds of the confidence. Standard errors sum the
    scores of each patient's images first (Liang and Zeger 1986).
    """
    odds = log_odds(score)
    ones = np.ones((len(score), 1))
    intercept = _coefficient(sample, truth, ones, odds)
    slope = _coefficient(sample, truth, np.column_stack([odds, ones]), np.zeros(len(score)))
    return intercept, slope


def _coefficient(sample: Resamples, truth: Mask, columns: Values, offset: Values) -> Figure:
    """The first coefficient of a logistic regression, with its interval over patients."""
    n, patients = len(truth), sample.patients
    found = _maximum_likelihood(truth.astype(np.float64), columns, offset)
    if found is None:
        reason = "confidences separate the images completely, or are all equal: no finite estimate"
        return Figure(None, n=n, patients=patients, reason=reason)
    weights, expected = found
    information = (columns * (expected * (1 - expected))[:, None]).T @ columns
    scores = np.zeros((patients, columns.shape[1]))
    np.add.at(scores, sample.patient, columns * (truth - expected)[:, None])
    inverse = np.linalg.inv(information)
    spread = inverse @ (scores.T @ scores) @ inverse * patients / max(1, patients - 1)
    sides = min(sample.count(truth), sample.count(~truth))
    error = math.sqrt(float(spread[0, 0]))
    return error_figure(float(weights[0]), error, images=n, patients=patients, least=sides)


def _maximum_likelihood(
    truth: Values, columns: Values, offset: Values
) -> tuple[Values, Values] | None:
    """Coefficients and fitted probabilities by Newton's method; None if they diverge."""
    weights = np.zeros(columns.shape[1])
    for _ in range(_STEPS):
        expected = 1 / (1 + np.exp(-np.clip(columns @ weights + offset, -_FAR, _FAR)))
        information = (columns * (expected * (1 - expected))[:, None]).T @ columns
        if np.linalg.cond(information) > 1 / _DONE:
            return None
        step = np.linalg.solve(information, columns.T @ (truth - expected))
        weights = weights + step
        if np.abs(weights).max() > _FAR:
            return None
        if np.abs(step).max() < _DONE:
            return weights, expected
    return None

"""Predictive values at a stated prevalence. Plain arithmetic, no numpy."""

from __future__ import annotations

import math
from typing import Final

import attrs

from rekognition_xray.clinic.statistics.figures import Figure
from rekognition_xray.errors import EvaluationError

RATIO: Final = "from the intervals of sensitivity and specificity"


@attrs.frozen
class PredictiveValues:
    """Predictive values at a stated prevalence.

    Attributes:
        of: a label, or pneumonia of any type.
        prevalence: share of images that show it, 0 to 1.
        ppv: positive predictive value: share of images called so that show it.
        npv: negative predictive value: share of images not called so that do not show it.
    """

    of: str
    prevalence: float
    ppv: Figure
    npv: Figure

    def __str__(self) -> str:
        return f"{self.of} at a prevalence of {self.prevalence:g}: PPV {self.ppv}, NPV {self.npv}"


def predictive_values(
    sensitivity: Figure, specificity: Figure, prevalence: float, *, of: str
) -> PredictiveValues:
    """PPV and NPV by Bayes' rule from sensitivity and specificity.

    The intervals are derived from those of sensitivity and specificity, by the method of variance
    estimates recovery for a ratio (Donner and Zou 2012) on the likelihood ratios. The two are
    assumed to be independent, because the images of one patient are hardly ever on both sides.

    Args:
        sensitivity: with its interval.
        specificity: with its interval.
        prevalence: share of images that show it where the model is to be used, between 0 and 1.
            The mix of labels in a test set is not a prevalence.
        of: a label, or pneumonia.

    Raises:
        EvaluationError: the prevalence is not between 0 and 1.
    """
    if not 0 < prevalence < 1:  # NaN included
        raise EvaluationError(
            f"A prevalence of {prevalence!r} is not between 0 and 1.",
            hint="Use the share of images that show it where the model is to be used, such as 0.1.",
        )
    odds = prevalence / (1 - prevalence)
    return PredictiveValues(
        of=of,
        prevalence=prevalence,
        ppv=_share(odds, sensitivity, _complement(specificity), "no image would be called so"),
        npv=_share(
            1 / odds, specificity, _complement(sensitivity), "every image would be called so"
        ),
    )


def _complement(figure: Figure) -> Figure:
    if figure.value is None or figure.low is None or figure.high is None:
        return figure
    return attrs.evolve(figure, value=1 - figure.value, low=1 - figure.high, high=1 - figure.low)


def _share(odds: float, right: Figure, wrong: Figure, nobody: str) -> Figure:
    """``odds * right / (odds * right + wrong)`` with its interval."""
    images, patients = right.n + wrong.n, right.patients + wrong.patients
    for figure in (right, wrong):
        if figure.value is None or figure.low is None or figure.high is None:
            return Figure(None, n=images, patients=patients, reason=figure.reason)
    one, other = _ends(right), _ends(wrong)
    if one[0] == other[0] == 0:
        return Figure(None, n=images, patients=patients, reason=nobody)
    ratio = one[0] / other[0] if other[0] else math.inf
    low, high = _ratio(one, other)
    ends = (_bayes(odds * end) for end in (ratio, min(low, ratio), max(high, ratio)))
    return Figure(*ends, n=images, patients=patients, method=RATIO)


def _ends(figure: Figure) -> tuple[float, float, float]:
    return figure.value or 0.0, figure.low or 0.0, figure.high or 0.0


def _ratio(
    one: tuple[float, float, float], other: tuple[float, float, float]
) -> tuple[float, float]:
    """Ends of the interval of a ratio (Donner and Zou 2012), without division by 0."""
    top, top_low, top_high = one
    bottom, bottom_low, bottom_high = other
    both = top * bottom
    least = top_low * (2 * top - top_low)
    under = both * both - least * bottom_high * (2 * bottom - bottom_high)
    low = least / (both + math.sqrt(max(0.0, under))) if least else 0.0
    base = bottom_low * (2 * bottom - bottom_low)
    if base <= 0:
        return low, math.inf
    over = both * both - top_high * base * (2 * top - top_high)
    return low, (both + math.sqrt(max(0.0, over))) / base


def _bayes(odds: float) -> float:
    return 1.0 if math.isinf(odds) else odds / (1 + odds)

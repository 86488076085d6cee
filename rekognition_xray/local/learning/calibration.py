"""From scores to confidences that can be read as probabilities.

A slope and a shift per label, fitted by maximum likelihood to scores of held-back patients (vector
scaling, after Guo et al., ICML 2017): labels that are hard to distinguish get flatter slopes than
those that are not. A slope of nothing is allowed: where held-back scores say nothing about the
label, the confidences are the labels' shares.
"""

from __future__ import annotations

import attrs
import numpy as np
import numpy.typing as npt
from scipy.optimize import minimize
from scipy.special import expit, log_softmax, softmax

Array = npt.NDArray[np.float64]

_USUAL_SLOPE = 4.0  # what few images fall back to; scores lie about between 0 and 1
FEW = 10
_PULL = 1e-3  # how firmly, in images, the slope is held to the usual one and shifts to zero


@attrs.frozen(eq=False)
class Calibration:
    """Confidence = softmax (or sigmoid, where `single` is false) of slope * score + shift."""

    single: bool
    slope: Array  # (labels,)
    shift: Array  # (labels,)

    def __call__(self, scores: Array) -> Array:
        """Confidences 0-1 of scores (n, labels)."""
        logits = self.slope * scores + self.shift
        if self.single:
            return np.asarray(softmax(logits, axis=1), dtype=np.float64)
        return np.asarray(expit(logits), dtype=np.float64)

    def loss(self, scores: Array, truth: Array) -> float:
        """Mean negative log-likelihood of `truth` (0/1, like `scores`)."""
        logits = self.slope * scores + self.shift
        return float(_loss(logits, truth, single=self.single))

    @classmethod
    def usual(cls, labels: int, *, single: bool) -> Calibration:
        """What is taken where too few images could be held back."""
        return cls(single, np.full(labels, _USUAL_SLOPE), np.zeros(labels))

    @classmethod
    def fit(cls, scores: Array, truth: Array, *, single: bool) -> Calibration:
        """The likeliest slope >= 0 and shifts for held-back `scores` (n, labels)."""
        usual = cls.usual(scores.shape[1], single=single)
        if len(scores) < FEW:
            return usual
        cut = len(usual.slope)
        start = np.concatenate((usual.slope, usual.shift))

        def cost(values: Array) -> tuple[float, Array]:
            return _cost(values, start, cut, scores, truth, single=single)

        bounds = [(0.0, None)] * cut + [(None, None)] * scores.shape[1]
        best = minimize(cost, start, jac=True, method="L-BFGS-B", bounds=bounds).x
        return cls(single, best[:cut], best[cut:])


def _cost(
    values: Array, start: Array, cut: int, scores: Array, truth: Array, *, single: bool
) -> tuple[float, Array]:
    """Penalised loss and its gradient."""
    logits = values[:cut] * scores + values[cut:]
    found = softmax(logits, axis=1) if single else expit(logits)
    error = (found - truth) / len(scores)
    slopes = np.sum(error * scores, axis=0)
    gradient = np.concatenate((slopes, error.sum(axis=0)))
    pull = _PULL / len(scores)
    away = values - start
    cost = _loss(logits, truth, single=single) + pull * float(away @ away) / 2
    return cost, gradient + pull * away


def _loss(logits: Array, truth: Array, *, single: bool) -> float:
    if single:
        return -float(np.sum(truth * log_softmax(logits, axis=1))) / len(truth)
    return float(np.sum(np.logaddexp(0.0, logits) - truth * logits)) / len(truth)

"""The 95 % intervals, from a figure and its values on bootstrap resamples of the patients.

Imports numpy and scipy: to be imported only when figures are computed.
"""

from __future__ import annotations

import math
from typing import Final, TypeAlias

import attrs
import numpy as np
import numpy.typing as npt
from scipy.special import stdtrit

from rekognition_xray.clinic.statistics.figures import Figure

Values: TypeAlias = npt.NDArray[np.float64]

SCORE: Final = "score interval, bootstrap over patients"
LOGIT: Final = "logit interval, bootstrap over patients"
INVERSION: Final = "test inversion, bootstrap over patients"
ROBUST: Final = "interval by patients' scores"
STANDARD_ERROR: Final = "standard error, bootstrap over patients"

_Z: Final = 1.959963984540054  # 97.5 % quantile of the normal distribution
_AGREE: Final = 1e-15  # rounding leaves a variance of about 1e-33 where all resamples agree
_HALVINGS: Final = 20


@attrs.frozen(eq=False)
class BootstrapStatistic:
    """A figure on the test images, and on every bootstrap resample of their patients.

    Attributes:
        value: on the test images; NaN if they do not support it.
        replicates: on the resamples; NaN likewise.
        images, patients: that it rests on.
        units: number of independent units: if two sides are compared, the patients of the rarer
            side. Degrees of freedom are one less.
        reason: why there is no value; empty if there is one.
    """

    value: float
    replicates: Values
    images: int
    patients: int
    units: int
    reason: str = ""

    def missing(self) -> Figure | None:
        """A figure without value and with the reason; None if there is a value."""
        if not math.isnan(self.value):
            return None
        return Figure(None, n=self.images, patients=self.patients, reason=self.reason)

    def figure(self, low: float, high: float, method: str) -> Figure:
        """The figure with the given interval."""
        return Figure(self.value, low, high, n=self.images, patients=self.patients, method=method)


def score_interval(value: float, units: float, quantile: float = _Z) -> tuple[float, float]:
    """The score interval (Wilson 1927) of a share observed on ``units`` independent units."""
    spread = quantile * quantile / units
    middle = (value + spread / 2) / (1 + spread)
    half = math.sqrt(value * (1 - value) * spread + spread * spread / 4) / (1 + spread)
    low = 0.0 if value == 0 else max(0.0, middle - half)
    high = 1.0 if value == 1 else min(1.0, middle + half)
    return low, high


def expected_interval(value: float, units: float, *, patients: int) -> tuple[float, float]:
    """The interval of ``score_figure`` to expect for a share.

    Args:
        value: the share, 0 to 1.
        units: number of independent images that the images are worth.
        patients: number of their patients, at least 2.
    """
    return score_interval(value, units, _t_quantile(patients))


def score_figure(statistic: BootstrapStatistic) -> Figure:
    """Interval of a share, or of a mean of values within 0 and 1.

    Wilson's interval for the number of independent units that would have the variance observed over
    the resamples, ``value * (1 - value) / variance``: the effective sample size of Korn and
    Graubard (1998), with their correction for few units (quantile of Student's t, variance
    times ``units / (units - 1)``). Where all resamples agree, Wilson's own for ``units``.
    """
    return statistic.missing() or statistic.figure(*_score_ends(statistic), SCORE)


def logit_figure(statistic: BootstrapStatistic) -> Figure:
    """Interval of an area under a curve, symmetric on the log odds scale.

    Pepe (2003) for the ROC curve, Boyd, Eng and Page (2013) for precision and recall: the
    standard error over the resamples is transformed to log odds (delta method), with the
    corrections for few units of ``score_figure``. Where all resamples agree, Wilson's interval for
    ``units``.
    """
    absent = statistic.missing()
    if absent:
        return absent
    if _replicates_agree(statistic):
        return statistic.figure(*_score_ends(statistic), LOGIT)
    deviation = math.sqrt(
        float(np.nanvar(statistic.replicates)) * _small_sample_factor(statistic.units)
    )
    error = deviation / (statistic.value * (1 - statistic.value))
    middle = math.log(statistic.value / (1 - statistic.value))
    step = _t_quantile(statistic.units) * error
    return statistic.figure(_expit(middle - step), _expit(middle + step), LOGIT)


def gap_figure(gaps: Values, replicates: Values, *, images: int, patients: int) -> Figure:
    """The sum of absolute gaps, corrected for noise, with its interval.

    The sum of absolute values is biased upwards if gaps are small compared with their noise, and
    more so on resamples. So neither the sum nor its percentiles can be used. Instead, a bootstrap
    test is inverted (Carpenter 1999). For a given total size of the gaps, noise from the resamples
    is added and the sums are compared with the observed sum. The interval consists of the sizes
    that are compatible with it; the value is the size whose median sum equals it. How the size is
    distributed over the gaps is not known: once it is distributed like the observed gaps, once like
    their standard errors. The interval covers both, and the value is their mean.

    Args:
        gaps: one value for each bin, on the test images.
        replicates: the same on the resamples, one row each.
        images: number of images that the gaps rest on.
        patients: number of their patients.
    """
    seen = float(np.abs(gaps).sum())
    noise = (replicates - gaps)[~np.isnan(replicates).any(axis=1)]
    if patients > 1:
        noise = noise * (math.sqrt(_small_sample_factor(patients)) * _t_quantile(patients) / _Z)
    spreads = (gaps, np.where(gaps < 0, -1.0, 1.0) * noise.std(axis=0))
    found = [_agreeing_sizes(seen, spread, noise) for spread in spreads if np.abs(spread).sum() > 0]
    if not found:
        return Figure(seen, 0.0, 1.0, n=images, patients=patients, method=INVERSION)
    lows, middles, highs = zip(*found, strict=True)
    ends = (min(1.0, sum(middles) / len(found)), min(1.0, *lows), min(1.0, max(highs)))
    return Figure(*ends, n=images, patients=patients, method=INVERSION)


def _agreeing_sizes(seen: float, spread: Values, noise: Values) -> tuple[float, float, float]:
    """Low end, middle and high end of the sizes that are compatible with the observed sum."""
    shape = spread / np.abs(spread).sum()
    low, middle, high = (_size(seen, shape, noise, share) for share in (0.975, 0.5, 0.025))
    return low, middle, high


def _size(seen: float, shape: Values, noise: Values, share: float) -> float:
    """The size at which the given share of sums lies below the observed one; 0 if none."""

    def reached(size: float) -> bool:
        return bool((np.abs(size * shape + noise).sum(axis=1) < seen).mean() <= share)

    low, high = 0.0, 2.0  # gaps are at most 1 in sum
    if reached(low):
        return low
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        low, high = (low, middle) if reached(middle) else (middle, high)
    return high


def error_figure(value: float, error: float, *, images: int, patients: int, least: int) -> Figure:
    """Interval of an estimate by its standard error over patients and Student's t."""
    step = _t_quantile(least) * error
    return Figure(value, value - step, value + step, n=images, patients=patients, method=ROBUST)


def standard_error_figure(statistic: BootstrapStatistic, *, most: float) -> Figure:
    """Interval by the standard error over the resamples and Student's t, symmetric.

    Args:
        statistic: any figure.
        most: by how much one image can change the figure, times the number of images. Where all
            resamples agree, an image of another kind would be seen with a probability of up to the
            end of Wilson's interval of 0 for ``units``: times this, it is half of the interval.
    """
    absent = statistic.missing()
    if absent:
        return absent
    usable = statistic.replicates[~np.isnan(statistic.replicates)]
    if statistic.units < 2 or len(usable) < 2 or float(usable.var()) < _AGREE:
        step = most * score_interval(0.0, statistic.units)[1]
    else:
        variance = float(usable.var()) * _small_sample_factor(statistic.units)
        step = _t_quantile(statistic.units) * math.sqrt(variance)
    return statistic.figure(statistic.value - step, statistic.value + step, STANDARD_ERROR)


def _score_ends(statistic: BootstrapStatistic) -> tuple[float, float]:
    if _replicates_agree(statistic):
        return score_interval(statistic.value, statistic.units)
    variance = float(np.nanvar(statistic.replicates)) * _small_sample_factor(statistic.units)
    units = statistic.value * (1 - statistic.value) / variance
    return score_interval(statistic.value, units, _t_quantile(statistic.units))


def _replicates_agree(statistic: BootstrapStatistic) -> bool:
    usable = statistic.replicates[~np.isnan(statistic.replicates)]
    alone = statistic.units < 2 or len(usable) < 2
    return alone or statistic.value in {0.0, 1.0} or float(usable.var()) < _AGREE


def _small_sample_factor(units: int) -> float:
    return units / (units - 1)


def _t_quantile(units: int) -> float:
    return float(stdtrit(max(1, units - 1), 0.975))


def _expit(value: float) -> float:
    return 1 / (1 + math.exp(-value)) if value > -700 else 0.0

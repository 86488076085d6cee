"""Differences of two versions on the same images, by a paired bootstrap over patients.

Imports numpy and scipy: to be imported only when figures are computed.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np
from scipy.special import stdtrit

from rekognition_xray.clinic.statistics.estimates import NO_TWO_CLASSES, bootstrap_statistics
from rekognition_xray.clinic.statistics.figures import Figure
from rekognition_xray.clinic.statistics.intervals import (
    BootstrapStatistic,
    Values,
    logit_figure,
    score_figure,
)
from rekognition_xray.clinic.statistics.test_image import TestImage

PAIRED: Final = "paired adjusted interval, bootstrap over patients"

_AGREE: Final = 1e-15  # about what rounding leaves if all resamples agree

Triple = tuple[Figure, Figure, Figure]


def differences(
    old: Sequence[TestImage],
    new: Sequence[TestImage],
    labels: Sequence[str],
    figures: Mapping[str, str],
    *,
    resamples: int,
    seed: int,
) -> dict[str, Triple]:
    """The figures of both versions, and new minus old.

    Args:
        old: the images, as classified by the old version.
        new: the same images in the same order, as classified by the new version.
        labels: of both versions.
        figures: name of a figure to its name in ``bootstrap_statistics``.
        resamples: bootstrap resamples of the patients, the same for both versions, so that easy and
            difficult patients cancel out.
        seed: seed of the resamples.
    """
    by_version = [
        dict(bootstrap_statistics(images, labels, resamples=resamples, seed=seed))
        for images in (old, new)
    ]
    return {
        name: _figures_of_both(
            by_version[0].get(place), by_version[1].get(place), place, len(labels)
        )
        for name, place in figures.items()
    }


def _figures_of_both(
    old: BootstrapStatistic | None, new: BootstrapStatistic | None, place: str, labels: int
) -> Triple:
    if old is None or new is None:
        nothing = Figure(None, reason=NO_TWO_CLASSES)
        return nothing, nothing, nothing
    if place.endswith("auroc"):
        return logit_figure(old), logit_figure(new), paired_figure(old, new, added=0)
    added = 1 / labels if place == "balanced_accuracy" else 1
    return score_figure(old), score_figure(new), paired_figure(old, new, added=added)


def paired_figure(old: BootstrapStatistic, new: BootstrapStatistic, *, added: float = 1) -> Figure:
    """New minus old, with its interval.

    The standard error comes from the variance over the paired resamples. For shares, the interval
    is that of Agresti and Min (2005, "Simple improved confidence intervals for comparing matched
    proportions"): two independent units are added, one half to each of the four outcomes. It is
    applied to patients instead of pairs: ``units`` is their number, with the corrections for few
    units of ``score_figure``. So two versions that agree on every image get an interval around 0
    that becomes narrower with more patients, not one of width 0.

    Args:
        old: the old version's figure.
        new: the new version's, on the same resamples.
        added: weight of the added units: 1 for a share; 1 / n for the mean of n shares; 0 for a
            figure that changes in small steps, such as an area, which then gets the plain interval
            by Student's t. If all resamples agree, it counts as 1.
    """
    missing = old.missing() or new.missing()
    if missing:
        return missing
    change, units = new.value - old.value, old.units
    variance = _variance(new.replicates - old.replicates, units)
    weight = added if variance > _AGREE else 1
    more = 2 if weight else 0
    middle = change * units / (units + more)
    error = math.sqrt(variance * units**2 + weight) / (units + more)
    step = float(stdtrit(max(1, units - 1), 0.975)) * error
    low, high = max(-1.0, min(middle - step, change)), min(1.0, max(middle + step, change))
    return Figure(change, low, high, n=old.images, patients=old.patients, method=PAIRED)


def _variance(gaps: Values, units: int) -> float:
    usable = gaps[~np.isnan(gaps)]
    if len(usable) < 2 or units < 2:
        return 0.0
    return float(usable.var()) * units / (units - 1)

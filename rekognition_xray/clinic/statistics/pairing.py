"""Differences of two versions on the same images, with intervals over patients.

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

PAIRED: Final = "paired adjusted interval, patients redrawn"

_AGREE: Final = 1e-15  # rounding leaves about so much where all resamples agree

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
    """The figures of both versions, and new less old.

    Args:
        old: the images, as the old version judged them.
        new: the same images in the same order, as the new version did.
        labels: of both versions.
        figures: our name of a figure to its name among ``bootstrap_statistics``.
        resamples: redraws of the patients, the same ones for both versions: what is easy or hard
            about a patient cancels out.
        seed: of the redraws.
    """
    by_version = [
        dict(bootstrap_statistics(images, labels, resamples=resamples, seed=seed))
        for images in (old, new)
    ]
    return {
        name: _triple(by_version[0].get(place), by_version[1].get(place), place, len(labels))
        for name, place in figures.items()
    }


def _triple(
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
    """New less old, with its interval.

    The variance of the paired resamples makes a standard error. For shares the interval is that of
    Agresti and Min (2005, "Simple improved confidence intervals for comparing matched
    proportions"): as if two more independent units had been seen, one half in each of the four
    outcomes. It is carried here from pairs to patients: ``units`` stands for their number, with
    the corrections for few units of ``intervals.score_figure``. Two versions that agree on every image
    therefore get an interval around 0 that narrows with more patients, and not the width 0.

    Args:
        old: the old version's figure.
        new: the new version's, on the same resamples.
        added: what the added units weigh: 1 for a share; 1 / n for the mean of n shares; 0 for a
            figure that moves in small steps, such as an area, which then gets the plain interval
            by Student's t. Where all resamples agree it counts as 1.
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

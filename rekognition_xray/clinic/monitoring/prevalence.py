"""The prevalence of pneumonia among images without labels, by label shift.

Imports numpy and scikit-learn: to be imported only when a journal is watched.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import attrs
import numpy as np
import numpy.typing as npt

from rekognition_xray.clinic.policy import fit_calibration
from rekognition_xray.clinic.statistics import (
    Figure,
    Resamples,
    TestImage,
    pneumonia_view,
    resample_patients,
    score_figure,
)

Array = npt.NDArray[np.float64]

_RESAMPLES: Final = 200
_SEED: Final = 0
_STEPS: Final = 1000  # expectation maximisation converges slowly where classes overlap
_STILL: Final = 1e-6


class LabelShift:
    """Estimates the prevalence of pneumonia from confidences, by labelled images of the reference.

    Expectation maximisation (Saerens, Latinne and Decaestecker 2002, Neural Computation 14:21) on
    probabilities that are calibrated on the reference by Platt's method; calibration is what the
    method needs (Alexandari, Kundaje and Shrikumar 2020, arXiv 1901.06852). It assumes that images
    of either class look as those of the reference do, and that only their shares have changed.
    The interval is a bootstrap over the reference's patients and the new images together.
    """

    def __init__(self, reference: Sequence[TestImage]) -> None:
        """Calibrates on the reference and on each of its resamples.

        Args:
            reference: labelled images, with pneumonia and without, that have all confidences.
        """
        view = pneumonia_view(reference)
        sample = resample_patients(reference, resamples=_RESAMPLES, seed=_SEED)
        self._fits = []
        for weights in sample.weights:
            drawn = weights[sample.patient].astype(np.intp)
            truth, score = np.repeat(view.truth, drawn), np.repeat(view.score, drawn)
            if truth.all() or not truth.any():
                continue
            fit = fit_calibration("platt", truth, score, patients=sample.patients)
            # Shrunk probabilities would tell the classes less apart than they are, and a small
            # prevalence would come out as none.
            fit = attrs.evolve(fit, margin=0.0)
            self._fits.append((fit, float(truth.mean())))

    def prevalence(self, confidences: Sequence[float]) -> Figure:
        """The share of images with pneumonia.

        Args:
            confidences: of pneumonia, 0 to 1, one for each image.
        """
        scores = np.array(confidences, dtype=np.float64)
        sample = Resamples(
            [f"{number:09}" for number in range(len(scores))],
            resamples=len(self._fits) - 1,
            seed=_SEED + 1,
        )
        values = []
        for (fit, base), weights in zip(self._fits, sample.weights, strict=True):
            found = np.array([fit.probability(float(score)) for score in scores])
            values.append(_shifted(found, base, weights[sample.patient].astype(np.float64)))
        everything = np.ones(len(scores), dtype=bool)
        return score_figure(sample.statistic(np.array(values), everything, reason=""))


def _shifted(probability: Array, base: float, weight: Array) -> float:
    """The prevalence at which mean probability and prevalence agree, by expectation maximisation.

    Args:
        probability: of pneumonia for each image, at the prevalence ``base``.
        base: between 0 and 1.
        weight: how often each image counts.
    """
    share = base
    for _ in range(_STEPS):
        ill = probability * (share / base)
        well = (1 - probability) * ((1 - share) / (1 - base))
        before, share = share, float(np.average(ill / (ill + well), weights=weight))
        if abs(share - before) < _STILL:
            break
    return share

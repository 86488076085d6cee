"""Figures of confidences on images, with intervals over resampled patients."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import attrs
import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]
NORMAL: Final = "normal"
DRAWS: Final = 1000
SENSITIVITY: Final = 0.95


@attrs.frozen
class Interval:
    """A figure with the 2.5th and 97.5th percentile of it over draws of patients."""

    value: float
    low: float
    high: float

    def __str__(self) -> str:
        return f"{self.value:.3f} ({self.low:.3f}–{self.high:.3f})"

    @property
    def points(self) -> str:
        """The same in percentage points, for differences."""
        return f"{100 * self.value:+.1f} ({100 * self.low:+.1f} to {100 * self.high:+.1f})"


def accuracy(right: npt.NDArray[np.bool_], patients: Sequence[str]) -> Interval:
    """Share of images that are right."""
    return _redrawn(right.astype(np.float64), patients)


def difference(
    changed: npt.NDArray[np.bool_], plain: npt.NDArray[np.bool_], patients: Sequence[str]
) -> Interval:
    """Share of right images less that of the same images unchanged."""
    return _redrawn(changed.astype(np.float64) - plain, patients)


@attrs.frozen
class Confident:
    """What a method said of images: confidences (n, labels), truth by column number, patients."""

    labels: tuple[str, ...]
    values: Array
    truth: npt.NDArray[np.intp]
    patients: tuple[str, ...]

    @property
    def right(self) -> npt.NDArray[np.bool_]:
        """Images whose label of highest confidence is theirs."""
        return np.asarray(self.values.argmax(axis=1) == self.truth)

    @property
    def told_apart(self) -> npt.NDArray[np.bool_]:
        """Images whose confidence of pneumonia, of either kind, is on the right side of half."""
        return np.asarray((self.pneumonia > 0.5) == self.ill)

    @property
    def pneumonia(self) -> Array:
        """Confidence of pneumonia, of either kind (n,)."""
        return np.asarray(1 - self.values[:, self.labels.index(NORMAL)])

    @property
    def ill(self) -> npt.NDArray[np.bool_]:
        """Images with pneumonia (n,)."""
        return np.asarray(self.truth != self.labels.index(NORMAL))

    @property
    def surprise(self) -> float:
        """Mean negative log-likelihood of the truth, by which calibration can be compared."""
        mine = self.values[np.arange(len(self.truth)), self.truth]
        return float(-np.log(np.maximum(mine, 1e-6)).mean())

    def sensitivity(self, threshold: float) -> Interval:
        """Share of pneumonia images at or above `threshold`."""
        patients = [p for p, ill in zip(self.patients, self.ill, strict=True) if ill]
        return accuracy(self.pneumonia[self.ill] >= threshold, patients)

    def specificity(self, threshold: float) -> Interval:
        """Share of normal images below `threshold`."""
        patients = [p for p, ill in zip(self.patients, self.ill, strict=True) if not ill]
        return accuracy(self.pneumonia[~self.ill] < threshold, patients)

    def threshold(self, sensitivity: float = SENSITIVITY) -> float:
        """The highest threshold that at least this share of the pneumonia images reaches."""
        return float(np.quantile(self.pneumonia[self.ill], 1 - sensitivity, method="lower"))


def joined(parts: Sequence[Confident]) -> Confident:
    """The images of several folds together."""
    return Confident(
        parts[0].labels,
        np.concatenate([part.values for part in parts]),
        np.concatenate([part.truth for part in parts]),
        tuple(patient for part in parts for patient in part.patients),
    )


def _redrawn(values: Array, patients: Sequence[str]) -> Interval:
    """The mean of `values` over images, and its spread over bootstrap samples of whole patients."""
    _, number = np.unique(np.asarray(patients), return_inverse=True)
    sums = np.bincount(number, values)
    images = np.bincount(number)
    draw = np.random.default_rng(0)
    drawn = draw.integers(0, len(images), (DRAWS, len(images)))
    means = sums[drawn].sum(axis=1) / images[drawn].sum(axis=1)
    low, high = np.quantile(means, (0.025, 0.975))
    return Interval(float(values.mean()), float(low), float(high))

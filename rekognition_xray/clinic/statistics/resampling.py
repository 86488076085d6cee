"""Bootstrap resamples of the patients of test images.

Imports numpy: to be imported only when figures are computed.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator, Sequence
from typing import Final, TypeAlias

import numpy as np
import numpy.typing as npt

from rekognition_xray.clinic.statistics.intervals import BootstrapStatistic, Values

Mask: TypeAlias = npt.NDArray[np.bool_]

_BLOCK: Final = 2_000_000  # cells of (resamples x patients) in memory at once
_RANKED: Final = (
    30_000  # cells of (resamples x images): small arrays are reused, large ones fetched anew
)


class Resamples:
    """Bootstrap resamples: patients are drawn with replacement, each with all of its images.

    The cluster bootstrap (Davison and Hinkley 1997, section 3.8). A resample is stored as the
    number of times that each patient was drawn: the weights with which figures are computed. The
    same groups and seed give the same resamples, whatever the order of the images, so that figures
    of two versions on the same images can be compared resample by resample.
    """

    def __init__(self, groups: Sequence[str], *, resamples: int, seed: int) -> None:
        names, self.patient = np.unique(list(groups), return_inverse=True)
        self.patients = len(names)
        self.resamples = resamples
        rng = np.random.default_rng(seed)
        # Row 0 is the sample itself. Counts are exact in float32, and half the memory.
        self.weights = np.ones((1 + resamples, self.patients), dtype=np.float32)
        for row in self.weights[1:]:
            drawn = rng.integers(0, self.patients, self.patients)
            row[:] = np.bincount(drawn, minlength=self.patients)

    def part(self, among: Mask) -> Resamples:
        """The same resamples for some of the images, in the same order."""
        made = copy.copy(self)
        kept, made.patient = np.unique(self.patient[among], return_inverse=True)
        made.patients, made.weights = len(kept), self.weights[:, kept]
        return made

    def count(self, among: Mask) -> int:
        """Number of patients with an image in the mask."""
        return len(np.unique(self.patient[among]))

    def totals(self, table: npt.ArrayLike) -> Values:
        """Sums of columns: row 0 over the images, then one row for each resample.

        Args:
            table: one row for each image, one column for each sum.
        """
        columns = np.asarray(table, dtype=np.float64)
        by_patient = np.zeros((self.patients, columns.shape[1]))
        np.add.at(by_patient, self.patient, columns)
        return np.concatenate([rows @ by_patient for rows in self._blocks(self.patients)])

    def rank_figures(self, positive: Mask, score: Values) -> tuple[Values, Values]:
        """Area under the ROC curve and average precision: images first, then each resample.

        Ties count half for the area; average precision processes tied scores together, without
        interpolation, as scikit-learn does. NaN if one side is not in the resample.
        """
        ranks = _Ranks(positive, score)
        patient = self.patient[ranks.order]
        step = max(1, _RANKED // max(1, len(patient)))
        parts = [
            ranks.figures(self.weights[start : start + step].take(patient, axis=1).astype(float))
            for start in range(0, len(self.weights), step)
        ]
        areas, precisions = zip(*parts, strict=True)
        return np.concatenate(areas), np.concatenate(precisions)

    def ratio(self, top: Mask | Values, among: Mask, *, reason: str) -> BootstrapStatistic:
        """The mean of ``top`` over the images ``among``."""
        return self.ratios(top[:, None], among, reason=reason)[0]

    def ratios(
        self, tops: Mask | Values, among: Mask, *, reason: str = ""
    ) -> list[BootstrapStatistic]:
        """The mean of every column of ``tops`` over the images ``among``."""
        totals = self.totals(np.column_stack([tops * among[:, None], among]))
        with np.errstate(invalid="ignore", divide="ignore"):
            values = totals[:, :-1] / totals[:, -1:]
        return [self.statistic(column, among, reason=reason) for column in values.T]

    def statistic(
        self, values: Values, among: Mask, *, reason: str, units: int | None = None
    ) -> BootstrapStatistic:
        """The statistic with the values of ``totals`` or ``rank_figures``."""
        patients = self.count(among)
        least = max(1, patients if units is None else units)
        missing = bool(np.isnan(values[0]))
        return BootstrapStatistic(
            float(values[0]),
            values[1:],
            int(among.sum()),
            patients,
            least,
            reason if missing else "",
        )

    def _blocks(self, width: int) -> Iterator[Values]:
        """The weights in blocks of rows, so that ``width`` columns fit into memory."""
        step = max(1, _BLOCK // width)
        for start in range(0, len(self.weights), step):
            yield self.weights[start : start + step].astype(np.float64)


class _Ranks:
    """Images in descending order of score, and the places of the positive ones and of their ties.

    Attributes:
        order: of the images.
    """

    def __init__(self, positive: Mask, score: Values) -> None:
        self.order = np.argsort(-score, kind="stable")
        falls = np.flatnonzero(np.diff(score[self.order]))
        starts, ends = np.r_[0, falls + 1], np.r_[falls, len(score) - 1]
        self._positives = np.flatnonzero(positive[self.order])
        group = np.searchsorted(starts, self._positives, side="right") - 1
        self._tied = len(starts) < len(score)
        # Images, and positive images, up to the end and before the start of each one's ties.
        self._end, self._start = ends[group], starts[group]
        self._hits_end = np.searchsorted(self._positives, self._end, side="right") - 1
        self._hits_start = np.searchsorted(self._positives, self._start)

    def figures(self, weight: Values) -> tuple[Values, Values]:
        """Area and average precision for rows of weights, images in descending order of score."""
        above = weight.take(self._positives, axis=1)
        images, hits = np.cumsum(weight, axis=1, out=weight), np.cumsum(above, axis=1)
        positives, negatives = _last(hits), _last(images) - _last(hits)
        called, found = images.take(self._end, axis=1), hits.take(self._hits_end, axis=1)
        misses = called - found
        if self._tied:
            misses = (misses + self._misses_above(images, hits)) / 2
        with np.errstate(invalid="ignore", divide="ignore"):
            area = 1 - (above * misses).sum(axis=1) / (positives * negatives)
            # An image that was not drawn has weight 0, so 0 / 0 before the first is harmless.
            precision = (above * (found / np.maximum(called, 1))).sum(axis=1) / positives
        return area, np.where(negatives > 0, precision, np.nan)

    def _misses_above(self, images: Values, hits: Values) -> Values:
        """Negative images above the ties of each positive one."""
        before, hits_before = (np.pad(sums, ((0, 0), (1, 0))) for sums in (images, hits))
        misses = before.take(self._start, axis=1) - hits_before.take(self._hits_start, axis=1)
        return np.asarray(misses)


def _last(sums: Values) -> Values:
    """The last column of cumulative sums; 0 if there is none."""
    return sums[:, -1] if sums.shape[1] else np.zeros(len(sums))

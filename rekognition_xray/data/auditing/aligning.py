"""The pixels decide: one image is laid over another, and their fine detail compared.

Pairs are worked on in stacks: so numpy's work on a step is long beside Python's, and threads
seldom wait for each other.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import Final, TypeAlias

import attrs
import numpy as np
from scipy.ndimage import gaussian_filter1d

from rekognition_xray._workers import thread_pool
from rekognition_xray.data.auditing.hashing import Floats, Integers, Proposal
from rekognition_xray.data.auditing.looks import SIDE

HOPELESS: Final = 0.7
"""Correlation at half size below which full size is not tried."""

_COARSE: Final = SIDE // 2
_UNLIKE: Final = 0.3  # correlation at half size, before anything is moved, that ends it at once
_BETTER: Final = 1e-4  # a smaller gain ends it, too
_STEPS: Final = 10
_STRIDE: Final = 0.03  # longest step, in shares of the picture
_GAIN: Final = 0.05  # least contrast of the part, in that of the whole, that can be followed
_OVERLAP: Final = 0.6  # least share of the part that must lie on the whole
_FLAT: Final = 3  # grey levels of deviation under which detail counts as noise
_FIELDS: Final = 8  # seven and an empty one: BLAS multiplies eight in half the time of seven
_STACK: Final = 16  # pairs

Doubles: TypeAlias = np.ndarray[tuple[int, ...], np.dtype[np.float64]]
Flags: TypeAlias = np.ndarray[tuple[int, ...], np.dtype[np.bool_]]


def align_pairs(
    thumbs: Sequence[bytes], proposals: Sequence[Proposal], *, hopeless: float = HOPELESS
) -> list[float]:
    """How well each part lies on its whole: correlation of their fine detail, -1 to 1.

    Args:
        thumbs: SIDE x SIDE equalised grey pixels of each image.
        proposals: the pairs, with the window of the whole where the part is tried first.
        hopeless: where half size gives less than this, full size is not tried.
    """
    windows = np.reshape([attrs.astuple(one.window) for one in proposals], (-1, 4))
    coarse = _align(thumbs, proposals, windows, _COARSE)
    hopeful = np.flatnonzero(coarse.scores >= hopeless)
    likely = [proposals[place] for place in hopeful.tolist()]
    coarse.scores[hopeful] = _align(thumbs, likely, coarse.windows[hopeful], SIDE).scores
    return [float(score) for score in coarse.scores]


@attrs.frozen
class _Aligned:
    """Correlation of each pair, and where in the whole the part lies: top, height, left, width."""

    scores: Doubles
    windows: Doubles

    def with_better(self, pairs: Integers, scores: Doubles, windows: Doubles) -> _Aligned:
        """The same with these scores and windows of these pairs, where they are better."""
        better = scores > self.scores[pairs]
        best = _Aligned(self.scores.copy(), self.windows.copy())
        best.scores[pairs[better]], best.windows[pairs[better]] = scores[better], windows[better]
        return best


def _align(
    thumbs: Sequence[bytes], proposals: Sequence[Proposal], windows: Doubles, side: int
) -> _Aligned:
    def align(start: int) -> _Aligned:
        pairs = proposals[start : start + _STACK]
        parts = detail([thumbs[pair.part] for pair in pairs], side)
        wholes = detail([thumbs[pair.whole] for pair in pairs], side)
        return register(parts, wholes, windows[start : start + _STACK])

    aligned = _Aligned(np.full(len(proposals), -1.0), windows.copy())
    starts = range(0, len(proposals), _STACK)
    with thread_pool() as pool:
        for start, found in zip(starts, pool.map(align, starts), strict=True):
            aligned.scores[start : start + _STACK] = found.scores
            aligned.windows[start : start + _STACK] = found.windows
    return aligned


def detail(thumbs: Sequence[bytes], side: int) -> Floats:
    """What is left of thumbnails without coarse parts, the contrast of each the same everywhere."""
    grey = np.frombuffer(b"".join(thumbs), dtype=np.uint8).reshape(-1, SIDE, SIDE)
    small = _shrinking(side) @ grey.astype(np.float32) @ _shrinking(side).T
    smooth = _blur(small, 0.6)
    fine = smooth - _blur(smooth, 2.5)
    contrast = np.sqrt(_blur(fine * fine, 3.75))
    return np.asarray(fine / (contrast + _FLAT), dtype=np.float32)


def _blur(pictures: Floats, sigma: float) -> Floats:
    """Gaussian blur; as matrix products in a quarter of the time of scipy's filters."""
    blurring = _blurring(pictures.shape[-1], sigma)
    return np.asarray(blurring @ pictures @ blurring.T)


@functools.cache
def _blurring(side: int, sigma: float) -> Floats:
    return np.asarray(gaussian_filter1d(np.eye(side), sigma, axis=0), dtype=np.float32)


@functools.cache
def _shrinking(side: int) -> Floats:
    return np.asarray(np.repeat(np.eye(side), SIDE // side, axis=1) * side / SIDE, dtype=np.float32)


def register(parts: Floats, wholes: Floats, windows: Doubles) -> _Aligned:
    """Moves and scales each window until the part lies on it as well as it can.

    Gauss-Newton on the squared difference, with a free gain and offset (as in Evangelidis and
    Psarakis 2008, doi:10.1109/TPAMI.2008.113, for a shift and a scale along each axis).

    Args:
        parts: pairs x side x side, fine detail.
        wholes: the same.
        windows: pairs x 4: top, height, left and width, in shares of the whole.
    """
    fields = _Fields.of(parts, wholes)
    best = _Aligned(np.full(len(parts), -1.0), windows)
    moving = np.arange(len(parts))
    for _ in range(_STEPS):
        sums, overlap = fields.sums(moving, windows)
        there = overlap >= _OVERLAP
        moving, windows, sums = moving[there], windows[there], sums[there]
        scores, before = _correlations(sums), best.scores[moving]
        best = best.with_better(moving, scores, windows)
        going = scores >= np.maximum(_UNLIKE, before + _BETTER)
        moving, windows = moving[going], windows[going]
        gains, steps = _steps(sums[going])
        moving, windows = moving[gains >= _GAIN], (windows + steps)[gains >= _GAIN]
        if not moving.size:
            break
    return best


@attrs.frozen
class _Fields:
    """What is summed over each pair: the whole and its slopes, and the part.

    Attributes:
        wholes: (pairs x rows) x (slope down, slope right, values) x columns, so that a row of all
            three is one piece of memory.
        parts: pairs x columns x rows, as the wholes lie once they are sampled.
    """

    wholes: Floats
    parts: Floats

    @classmethod
    def of(cls, parts: Floats, wholes: Floats) -> _Fields:
        side = parts.shape[1]
        down, right = np.gradient(wholes, axis=(1, 2))
        fields = np.stack([down * side, right * side, wholes], axis=2)
        return cls(fields.reshape(-1, 3, side), parts.swapaxes(1, 2))

    def sums(self, pairs: Integers, windows: Doubles) -> tuple[Doubles, Doubles]:
        """Sums of products of all fields over the overlap, and its share of the part.

        The fields are the slope down, the same by row, the slope right, the same by column, the
        values, one, and the part: all that a correlation and a least-squares step need.
        """
        side, across = self.parts.shape[-1], _centres(self.parts.shape[-1])
        rows, rows_on = _sampled(self.wholes, side, pairs, windows[:, 0], windows[:, 1])
        turned = rows.reshape(-1, side, 3, side).transpose(0, 3, 2, 1).reshape(-1, 3, side)
        here = np.arange(len(pairs))
        laid, columns_on = _sampled(turned, side, here, windows[:, 2], windows[:, 3])
        laid = laid.reshape(-1, side, 3, side)
        fields = np.zeros((len(pairs), _FIELDS, side, side), dtype=np.float32)
        fields[:, 0], fields[:, 2], fields[:, 4] = laid[:, :, 0], laid[:, :, 1], laid[:, :, 2]
        np.multiply(fields[:, 0], across, out=fields[:, 1])
        np.multiply(fields[:, 2], across[:, None], out=fields[:, 3])
        fields[:, 5], fields[:, 6] = 1, self.parts[pairs]
        fields *= (columns_on[:, :, None] & rows_on[:, None])[:, None]
        flat = fields.reshape(len(pairs), _FIELDS, -1)
        sums = (flat @ flat.swapaxes(1, 2)).astype(np.float64)
        return sums, sums[:, 5, 5] / side**2


def _sampled(
    fields: Floats, side: int, pairs: Integers, start: Doubles, length: Doubles
) -> tuple[Floats, Flags]:
    """Linear interpolation between rows of each pair, and which samples lie on the picture."""
    place = (_centres(side) * length[:, None] + start[:, None]) * side - 0.5
    on = (place >= -0.5) & (place <= side - 0.5)
    place = np.clip(place, 0, side - 1.001)
    below = place.astype(np.int64)
    above = (place - below).astype(np.float32)
    below += side * pairs[:, None]
    low, high = fields.take(below, axis=0), fields.take(below + 1, axis=0)
    high -= low
    high *= above[..., None, None]
    low += high
    return low, on


def _centres(side: int) -> Floats:
    return np.asarray((np.arange(side) + 0.5) / side, dtype=np.float32)


def _correlations(sums: Doubles) -> Doubles:
    """Of values and part, where ``sums`` are those of ``_Fields``."""
    means = sums[:, 5, :] / sums[:, 5, 5, None]
    values, part = 4, 6

    def shared(one: int, other: int) -> Doubles:
        return np.asarray(sums[:, one, other] - sums[:, 5, one] * means[:, other])

    power = shared(values, values) * shared(part, part)
    safe = np.where(power > 0, power, np.inf)
    return np.asarray(shared(values, part) / np.sqrt(safe))


def _steps(sums: Doubles) -> tuple[Doubles, Doubles]:
    """Each pair's gain, and the change of its window that the slopes promise to be best."""
    normal = sums[:, :6, :6] + 1e-3 * np.eye(6)
    change = np.asarray(np.linalg.solve(normal, sums[:, :6, 6:7])[..., 0], dtype=np.float64)
    gains = change[:, 4]
    steps = change[:, :4] / np.maximum(gains, _GAIN)[:, None]
    return gains, np.asarray(np.clip(steps, -_STRIDE, _STRIDE), dtype=np.float64)

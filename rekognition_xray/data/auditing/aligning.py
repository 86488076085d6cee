"""The pixels decide: one image is laid over another, and their fine detail compared."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Final

import attrs
import numpy as np
from scipy.ndimage import gaussian_filter

from rekognition_xray.data.auditing.hashing import Floats, Window
from rekognition_xray.data.auditing.looks import SIDE

HOPELESS: Final = 0.7
"""Correlation at half size below which full size is not tried."""

_COARSE: Final = SIDE // 2
_UNLIKE: Final = 0.3  # correlation at half size, before anything is moved, that ends it at once
_STEPS: Final = 10
_STRIDE: Final = 0.03  # longest step, in shares of the picture
_OVERLAP: Final = 0.6  # least share of the part that must lie on the whole
_FLAT: Final = 3  # grey levels of deviation under which detail counts as noise
_HELD: Final = 512  # images whose detail is kept ready


@attrs.frozen
class Aligned:
    """How well one image lies on another.

    Attributes:
        score: correlation of their fine detail where they overlap, -1 to 1.
        window: where in the whole the part lies.
    """

    score: float
    window: Window


def detail(thumb: bytes, side: int) -> Floats:
    """What is left of a thumbnail without its coarse parts, its contrast the same everywhere."""
    grey = np.frombuffer(thumb, dtype=np.uint8).reshape(SIDE, SIDE).astype(np.float32)
    step = SIDE // side
    small = grey.reshape(side, step, side, step).mean(axis=(1, 3))
    smooth = gaussian_filter(small, 0.6)
    fine = smooth - gaussian_filter(smooth, 2.5)
    contrast = np.sqrt(gaussian_filter(fine * fine, 3.75))
    return np.asarray(fine / (contrast + _FLAT), dtype=np.float32)


def aligner(
    thumb_of: Callable[[int], bytes], *, hopeless: float = HOPELESS
) -> Callable[[int, int, Window], Aligned]:
    """A function that lays image ``part`` over a window of image ``whole``, both by index.

    The score is that of half size where it is hopeless, else that of full size.
    """
    half = lru_cache(maxsize=_HELD)(lambda index: detail(thumb_of(index), _COARSE))
    full = lru_cache(maxsize=_HELD)(lambda index: detail(thumb_of(index), SIDE))

    def align(part: int, whole: int, window: Window) -> Aligned:
        coarse = register(half(part), half(whole), window)
        if coarse.score < hopeless:
            return coarse
        return register(full(part), full(whole), coarse.window)

    return align


def register(part: Floats, whole: Floats, window: Window) -> Aligned:
    """Moves and scales the window until the part lies on it as well as it can.

    Gauss-Newton on the squared difference, with a free gain and offset (as in Evangelidis and
    Psarakis 2008, doi:10.1109/TPAMI.2008.113, for a shift and a scale along each axis).
    """
    best = Aligned(-1.0, window)
    for _ in range(_STEPS):
        laid = _Laid.of(whole, window)
        if laid.on.mean() < _OVERLAP:
            break
        score = _correlation(part[laid.on], laid.values[laid.on])
        settled = score < max(_UNLIKE, best.score + 1e-4)
        if score > best.score:
            best = Aligned(score, window)
        step = None if settled else laid.step(part, whole)
        if step is None:
            break
        window = Window(*np.add(attrs.astuple(window), step).tolist())
    return best


@attrs.frozen
class _Laid:
    """A window of the whole, brought to the size of the part.

    Attributes:
        rows, columns: which pixels of the whole make a pixel of the part, along either axis.
        values: the whole as it lies there.
        on: where it lies on the part.
    """

    rows: Floats
    columns: Floats
    values: Floats
    on: np.ndarray[tuple[int, ...], np.dtype[np.bool_]]

    @classmethod
    def of(cls, whole: Floats, window: Window) -> _Laid:
        side = len(whole)
        rows, rows_on = _sampling(side, window.top, window.height)
        columns, columns_on = _sampling(side, window.left, window.width)
        values = np.asarray(rows @ whole @ columns.T, dtype=np.float32)
        return cls(rows, columns, values, rows_on[:, None] & columns_on)

    def step(self, part: Floats, whole: Floats) -> Floats | None:
        """The change of top, height, left and width that the slopes promise to be best."""
        side, across, on = len(part), _centres(len(part)), self.on
        down, right = (
            np.asarray(self.rows @ slope @ self.columns.T, dtype=np.float32) * side
            for slope in np.gradient(whole)
        )
        fields = (down, down * across[:, None], right, right * across, self.values)
        columns = np.stack([*(field[on] for field in fields), np.ones(on.sum())], axis=1)
        normal = columns.T @ columns + 1e-3 * np.eye(columns.shape[1])
        change = np.linalg.solve(normal, columns.T @ part[on])
        gain = change[4]
        return None if gain < 0.05 else np.clip(change[:4] / gain, -_STRIDE, _STRIDE)


def _centres(side: int) -> Floats:
    return np.asarray((np.arange(side) + 0.5) / side, dtype=np.float32)


def _sampling(
    side: int, start: float, length: float
) -> tuple[Floats, np.ndarray[tuple[int, ...], np.dtype[np.bool_]]]:
    """Linear interpolation along one axis as a matrix, and which samples lie on the picture."""
    place = (_centres(side) * length + start) * side - 0.5
    on = (place >= -0.5) & (place <= side - 0.5)
    place = np.clip(place, 0, side - 1.001)
    below = place.astype(np.int64)
    above = place - below
    matrix = np.zeros((side, side), dtype=np.float32)
    rows = np.arange(side)
    matrix[rows, below] = 1 - above
    matrix[rows, below + 1] += above
    return matrix, on


def _correlation(one: Floats, other: Floats) -> float:
    one, other = one - one.mean(), other - other.mean()
    power = float(one @ one) * float(other @ other)
    return float(one @ other) / power**0.5 if power > 0 else 0.0

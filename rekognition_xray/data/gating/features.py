"""Thumbnails and what is measured on them: coarse shape of grey, and directions of edges.

The directions are signed, so that a dark bone differs from a bright one, and bound to their place,
so that a turned chest differs from an upright one. Each image is brought to mean 0 and deviation 1
first: brightness and contrast of a picture do not count.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, TypeAlias

import numpy as np
from numpy.typing import NDArray
from PIL import Image

SIDE: Final = 64
"""Side of a thumbnail in pixels."""
_CELL: Final = 8  # pixels of a cell of directions
_BLOCK: Final = 4  # pixels of a block of grey
_CELLS: Final = SIDE // _CELL
_BLOCKS: Final = SIDE // _BLOCK
_DIRECTIONS: Final = 8
LENGTH: Final = _BLOCKS**2 + _CELLS**2 * _DIRECTIONS
"""Numbers for an image: 256 of grey and 512 of directions."""
_EVEN: Final = (
    4.0  # grey levels that are added to the deviation: noise of a blank image stays small
)
_WEIGHT: Final = 3.0  # of directions: both kinds then vary about alike
_BATCH: Final = 512

Thumbs: TypeAlias = NDArray[np.uint8]
"""Grey pixels, images x SIDE x SIDE."""
Features: TypeAlias = NDArray[np.float32]
"""Images x LENGTH."""


def thumbnail(grey: Image.Image) -> Thumbs:
    """The grey picture as SIDE x SIDE pixels; of another shape than a square it is squeezed."""
    return np.asarray(grey.resize((SIDE, SIDE), Image.Resampling.BOX))


def features_of(thumbs: Thumbs) -> Features:
    """What is measured on thumbnails; shape images x LENGTH."""
    parts = [_measure(thumbs[start : start + _BATCH]) for start in range(0, len(thumbs), _BATCH)]
    return np.concatenate(parts) if parts else np.zeros((0, LENGTH), np.float32)


def _measure(thumbs: Thumbs) -> Features:
    grey = thumbs.astype(np.float32)
    grey -= grey.mean((1, 2), keepdims=True)
    grey /= grey.std((1, 2), keepdims=True) + np.float32(_EVEN)
    np.clip(grey, -3, 3, out=grey)
    blocks = grey.reshape(-1, _BLOCKS, _BLOCK, _BLOCKS, _BLOCK).mean((2, 4))
    directions = _directions(grey).reshape(len(grey), -1)
    length = np.linalg.norm(directions, axis=1, keepdims=True) + np.float32(1e-3)
    spread = np.sqrt(directions / length) * np.float32(_WEIGHT)
    return np.hstack([blocks.reshape(len(grey), -1), spread]).astype(np.float32)


def _directions(grey: NDArray[np.float32]) -> NDArray[np.float32]:
    """How much the grey changes towards each of eight directions, in each cell.

    Shape images x cells x cells x directions. A change is shared between the two directions that
    its own lies between, in proportion to nearness, as histograms of gradients do (Dalal and Triggs
    2005), but over the full circle.
    """
    right, down = np.zeros_like(grey), np.zeros_like(grey)
    right[:, :, 1:-1] = grey[:, :, 2:] - grey[:, :, :-2]
    down[:, 1:-1] = grey[:, 2:] - grey[:, :-2]
    size = np.hypot(right, down)
    place = np.arctan2(down, right) * np.float32(_DIRECTIONS / (2 * np.pi)) % _DIRECTIONS
    first = place.astype(np.int64) % _DIRECTIONS
    share = (place - np.floor(place)).astype(np.float32)
    cells = np.arange(SIDE) // _CELL
    images = np.arange(len(grey))[:, None, None]
    cell = (images * _CELLS + cells[:, None]) * _CELLS + cells
    count = len(grey) * _CELLS**2 * _DIRECTIONS
    found = np.zeros(count)
    for bins, weights in (
        (first, size * (1 - share)),
        ((first + 1) % _DIRECTIONS, size * share),
    ):
        at = (cell * _DIRECTIONS + bins).ravel()
        found += np.bincount(at, weights.ravel(), minlength=count)
    return found.reshape(len(grey), _CELLS, _CELLS, _DIRECTIONS).astype(np.float32)


def mirrored(thumbs: Thumbs) -> Thumbs:
    """Left and right exchanged."""
    return thumbs[:, :, ::-1]


def turned(thumbs: Thumbs, degrees: int) -> Thumbs:
    """Turned clockwise by 0, 90, 180 or 270 degrees."""
    return np.rot90(thumbs, -degrees // 90, (1, 2))


def inverted(thumbs: Thumbs) -> Thumbs:
    """Black and white exchanged."""
    return 255 - thumbs


def cropped(thumbs: Thumbs, dice: np.random.Generator, *, least: float, most: float) -> Thumbs:
    """A random part of each, enlarged; its side is between two shares of the whole side."""
    return np.stack([_crop(thumb, dice, least, most) for thumb in thumbs])


def _crop(thumb: Thumbs, dice: np.random.Generator, least: float, most: float) -> Thumbs:
    side = max(2, round(SIDE * dice.uniform(least, most)))
    left, top = dice.integers(0, SIDE - side + 1, 2)
    part = Image.fromarray(np.ascontiguousarray(thumb[top : top + side, left : left + side]))
    return np.asarray(part.resize((SIDE, SIDE), Image.Resampling.BILINEAR))


def noise(count: int, dice: np.random.Generator) -> Thumbs:
    """Pictures of nothing: fine grains, coarse ones, and clouds, in turn."""
    return np.stack([_noise(number, dice) for number in range(count)])


def _noise(number: int, dice: np.random.Generator) -> Thumbs:
    sides: Sequence[int] = (SIDE, SIDE // 4, SIDE // 8)
    side = sides[number % len(sides)]
    grains = Image.fromarray(dice.integers(0, 256, (side, side), dtype=np.uint8))
    return np.asarray(grains.resize((SIDE, SIDE), Image.Resampling.BICUBIC))

"""What the fast learner looks at: edge directions, texture and coarse shape of one square.

Histograms of oriented gradients after Dalal and Triggs (CVPR 2005), uniform local binary patterns
after Ojala, Pietikäinen and Mäenpää (PAMI 2002), and the image itself at 24 x 24 pixels. Texture is
that of 3 pixels and more: finer detail reveals how the file was scaled and compressed.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageFilter

from rekognition_xray.local.learning.fast.images import SIDE, Square

Vector = npt.NDArray[np.float32]
_Codes = npt.NDArray[np.intp]

_CELL = 8
_CELLS = SIDE // _CELL
_DIRECTIONS = 9
_GRID = 4
_PATTERNS = 59
_TINY = 24
_RING = ((-1, -1), (-1, 0), (-1, 1), (0, 1), (1, 1), (1, 0), (1, -1), (0, -1))
# The inverse spread of each part over chest images, so that none drowns the others.
_EDGE_SCALE, _TINY_SCALE = 2.2, 2.0
_TEXTURE_SCALES = {3: 2.5, 5: 2.1, 8: 1.8, 12: 1.65}  # by radius in pixels
_BLUR = 1 / 3  # of the radius


def features(image: Square) -> Vector:
    """The feature vector of one square: float32, about 12,500 numbers of comparable weight."""
    textures = (
        scale * _texture(_blur(image, radius), radius) for radius, scale in _TEXTURE_SCALES.items()
    )
    return np.concatenate((edges(image), *textures, _tiny(image)), dtype=np.float32)


def edges(image: Square) -> Vector:
    """Gradient directions of 8 x 8 pixel cells, normalised over blocks of 2 x 2 cells."""
    down, right = np.gradient(image.astype(np.float32) / 255)
    strength = np.hypot(down, right).ravel()
    direction = (np.arctan2(down, right) * (_DIRECTIONS / np.pi)).ravel() % _DIRECTIONS
    lower = direction.astype(np.intp)
    share = direction - lower
    bins = _CELLS * _CELLS * _DIRECTIONS
    cells = np.bincount(_CELL_START + lower % _DIRECTIONS, strength * (1 - share), bins)
    cells += np.bincount(_CELL_START + (lower + 1) % _DIRECTIONS, strength * share, bins)
    grid = cells.astype(np.float32).reshape(_CELLS, _CELLS, _DIRECTIONS)
    neighbours = (grid[:-1, :-1], grid[1:, :-1], grid[:-1, 1:], grid[1:, 1:])
    blocks = _unit(np.minimum(_unit(np.concatenate(neighbours, axis=2)), 0.2))
    return _vector(blocks * (_EDGE_SCALE / (_CELLS - 1)))


def _unit(blocks: Vector) -> Vector:
    squares = np.sum(blocks**2, axis=-1, keepdims=True, dtype=np.float32)
    return np.asarray(blocks / np.sqrt(squares + np.float32(1e-3)), dtype=np.float32)


def _blur(image: Square, radius: int) -> Square:
    smooth = Image.fromarray(image).filter(ImageFilter.GaussianBlur(_BLUR * radius))
    return np.asarray(smooth, dtype=np.uint8)


def _texture(image: Square, radius: int) -> Vector:
    """Square roots of the shares of 59 local patterns in each of 4 x 4 fields; unit length."""
    side = SIDE - 2 * radius
    centre = image[radius:-radius, radius:-radius]
    pattern = np.zeros((side, side), dtype=np.uint8)
    for bit, (down, right) in enumerate(_RING):
        top, left = radius * (1 + down), radius * (1 + right)
        neighbour = image[top : top + side, left : left + side]
        pattern |= (neighbour >= centre).astype(np.uint8) << bit
    field = np.arange(side) * _GRID // side
    start = _PATTERNS * (field[:, None] * _GRID + field)
    counts = np.bincount((_UNIFORM[pattern] + start).ravel(), minlength=_PATTERNS * _GRID**2)
    shares = counts.reshape(-1, _PATTERNS) / counts.reshape(-1, _PATTERNS).sum(1, keepdims=True)
    return _vector(np.sqrt(shares) / _GRID)


def _tiny(image: Square) -> Vector:
    small = Image.fromarray(image).resize((_TINY, _TINY), Image.Resampling.BOX)
    grey = np.asarray(small, dtype=np.float32) / 255 - 0.5
    return _vector(grey * (_TINY_SCALE / (0.29 * _TINY)))


def _vector(part: npt.NDArray[np.floating]) -> Vector:
    return np.asarray(part, dtype=np.float32).ravel()


def _cell_starts() -> _Codes:
    row, column = np.divmod(np.arange(SIDE * SIDE), SIDE)
    starts = ((row // _CELL) * _CELLS + column // _CELL) * _DIRECTIONS
    return np.asarray(starts, dtype=np.intp)


def _uniform_codes() -> _Codes:
    """Each 8-bit ring pattern's own code where it changes at most twice, else one for the rest."""
    codes = np.full(256, _PATTERNS - 1, dtype=np.intp)
    rings = (np.arange(256)[:, None] >> np.arange(8)) & 1
    changes = np.sum(rings != np.roll(rings, 1, axis=1), axis=1)
    uniform = np.flatnonzero(changes <= 2)
    codes[uniform] = np.arange(len(uniform))
    return codes


_CELL_START = _cell_starts()
_UNIFORM = _uniform_codes()

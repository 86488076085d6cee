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
_Slopes = npt.NDArray[np.int16]
_Numbers = npt.NDArray[np.float64]

_CELL = 8
_CELLS = SIDE // _CELL
_DIRECTIONS = 9
_STEEPEST = 255  # difference of grey levels
_SLOPES = np.int32(2 * _STEEPEST + 1)
_FLAT = _STEEPEST * (_SLOPES + np.int32(1))  # where the tables have no slope at all
_SPARE = _DIRECTIONS + 2  # bins: above the last direction lies the first one again
_GRID = 4
_CODES = 256  # ways in which the ring around a pixel can lie above and below it
_PATTERNS = 59
_FIELD_COUNT = _GRID**2 + 1  # and one for what is not looked at
_TINY = 24
_RING = ((-1, -1), (-1, 0), (-1, 1), (0, 1), (1, 1), (1, 0), (1, -1), (0, -1))
# The inverse spread of each part over chest images, so that none drowns the others.
_EDGE_SCALE, _TINY_SCALE = 2.2, 2.0
_TEXTURE_SCALES = {3: 2.5, 5: 2.1, 8: 1.8, 12: 1.65}  # by radius in pixels
_BLUR = 1 / 3  # of the radius


def features(image: Square) -> Vector:
    """Feature vectors of squares (..., SIDE, SIDE): float32 (..., d), d about 12,500.

    Their numbers are of comparable weight. A stack of squares has the vectors that each would have
    alone; in stacks, Python is a small part of the work, so that threads need not wait for it.
    """
    stack = image.reshape(-1, SIDE, SIDE)
    textures = (
        scale * _texture(_blur(stack, radius), radius) for radius, scale in _TEXTURE_SCALES.items()
    )
    rows = np.concatenate((edges(stack), *textures, _tiny(stack)), axis=1, dtype=np.float32)
    return rows.reshape(*image.shape[:-2], -1)


def edges(images: Square) -> Vector:
    """Gradient directions of 8 x 8 pixel cells, normalised over blocks of 2 x 2 cells."""
    slopes = _doubled_slope(images, -2) * _SLOPES + _doubled_slope(images, -1) + _FLAT
    bins = _BIN.take(slopes)
    bins += _CELL_START + _CELLS * _CELLS * _SPARE * np.arange(len(bins))[:, None, None]
    grid = _by_cell(bins, _STRENGTH.take(slopes))
    grid[..., 1:] += _by_cell(bins, _UPPER_STRENGTH.take(slopes))[..., :-1]
    grid[..., :2] += grid[..., _DIRECTIONS:]
    cells = grid[..., :_DIRECTIONS].astype(np.float32)
    left, right = cells[..., :-1, :], cells[..., 1:, :]
    neighbours = [
        cell for side in (left, right) for cell in (side[..., :-1, :, :], side[..., 1:, :, :])
    ]
    blocks = _unit(np.minimum(_unit(np.concatenate(neighbours, axis=-1)), 0.2))
    return _vectors(blocks * (_EDGE_SCALE / (_CELLS - 1)), images)


def _doubled_slope(image: Square, axis: int) -> _Slopes:
    """Difference of the pixels on both sides; at the edge twice that of the last two.

    That is cut off at the steepest slope inside, which few images reach at their edge.
    """
    pixels = image.astype(np.int16).swapaxes(axis, -2)
    before = 2 * pixels[..., :1, :] - pixels[..., 1:2, :]
    behind = 2 * pixels[..., -1:, :] - pixels[..., -2:-1, :]
    longer = np.concatenate((before, pixels, behind), axis=-2)
    slope = longer[..., 2:, :] - longer[..., :-2, :]
    return np.clip(slope, -_STEEPEST, _STEEPEST, out=slope).swapaxes(axis, -2)


def _by_cell(bins: _Codes, strength: _Numbers) -> _Numbers:
    """Sums of `strength` (n, SIDE, SIDE) by cell and direction: (n, cells, cells, spare)."""
    sums = np.bincount(bins.ravel(), strength.ravel(), len(bins) * _CELLS * _CELLS * _SPARE)
    return sums.astype(np.float64, copy=False).reshape(-1, _CELLS, _CELLS, _SPARE)


def _unit(blocks: Vector) -> Vector:
    squares = np.sum(blocks**2, axis=-1, keepdims=True, dtype=np.float32)
    return np.asarray(blocks / np.sqrt(squares + np.float32(1e-3)), dtype=np.float32)


def _blur(images: Square, radius: int) -> Square:
    smooth = ImageFilter.GaussianBlur(_BLUR * radius)
    return np.stack([np.asarray(Image.fromarray(image).filter(smooth)) for image in images])


def _texture(images: Square, radius: int) -> Vector:
    """Square roots of the shares of 59 local patterns in each of 4 x 4 fields; unit length.

    Rows lie one behind the other: a neighbour is a fixed step away, and what that step finds beyond
    the end of a row is counted in no field.
    """
    rows = images.reshape(len(images), -1)
    start, end = radius * (SIDE + 1), SIDE * SIDE - radius * (SIDE + 1)
    centre = rows[:, start:end]
    pattern = np.zeros(centre.shape, dtype=np.uint8)
    for bit, (down, right) in enumerate(_RING):
        step = radius * (SIDE * down + right)
        reached = rows[:, start + step : end + step] >= centre
        pattern |= reached.view(np.uint8) << np.uint8(bit)
    size = _CODES * _FIELD_COUNT
    codes = _FIELDS[radius][start:end] + size * np.arange(len(images))[:, None]
    codes += pattern
    counts = np.bincount(codes.ravel(), minlength=size * len(images))
    fields = counts.reshape(len(images), _FIELD_COUNT, _CODES)[:, :-1]
    shares = fields @ _UNIFORM / fields.sum(axis=2, keepdims=True)
    return _vectors(np.sqrt(shares) / _GRID, images)


def _tiny(images: Square) -> Vector:
    small = [
        Image.fromarray(image).resize((_TINY, _TINY), Image.Resampling.BOX) for image in images
    ]
    grey = np.stack([np.asarray(image) for image in small]).astype(np.float32) / 255 - 0.5
    return _vectors(grey * (_TINY_SCALE / (0.29 * _TINY)), images)


def _vectors(part: npt.NDArray[np.floating], images: Square) -> Vector:
    return np.asarray(part, dtype=np.float32).reshape(*images.shape[:-2], -1)


def _cell_starts() -> _Codes:
    row, column = np.divmod(np.arange(SIDE * SIDE), SIDE)
    starts = ((row // _CELL) * _CELLS + column // _CELL) * _SPARE
    return np.asarray(starts, dtype=np.intp).reshape(SIDE, SIDE)


def _fields(radius: int) -> _Codes:
    """Where the codes of each pixel's field start; the last field is within `radius` of an edge."""
    place = np.arange(SIDE) - radius
    side = SIDE - 2 * radius
    inside = (place >= 0) & (place < side)
    field = place * _GRID // side
    fields = field[:, None] * _GRID + field
    return _CODES * np.where(inside[:, None] & inside, fields, _FIELD_COUNT - 1).ravel()


def _uniform_codes() -> npt.NDArray[np.float64]:
    """1 in the column of each 8-bit ring pattern (row): its own where it changes at most twice."""
    rings = (np.arange(_CODES)[:, None] >> np.arange(8)) & 1
    uniform = np.sum(rings != np.roll(rings, 1, axis=1), axis=1) <= 2
    column = np.where(uniform, np.cumsum(uniform) - 1, _PATTERNS - 1)
    return np.eye(_PATTERNS)[column]


def _edge_tables() -> tuple[_Codes, _Numbers, _Numbers]:
    """Lower bin, and strength there and in the next one, for each slope down and to the right.

    Slopes between grey levels are few: looked up they cost a quarter of what arc tangents do.
    """
    level = np.arange(-_STEEPEST, _STEEPEST + 1) / (2 * 255)
    down, right = level[:, None], level
    direction = np.arctan2(down, right) * (_DIRECTIONS / np.pi)
    direction += _DIRECTIONS * (direction < 0)  # up is down
    lower = np.floor(direction)
    strength = np.hypot(down, right)
    upper = strength * (direction - lower)
    return lower.ravel().astype(np.intp), (strength - upper).ravel(), upper.ravel()


_CELL_START = _cell_starts()
_BIN, _STRENGTH, _UPPER_STRENGTH = _edge_tables()
_UNIFORM = _uniform_codes()
_FIELDS = {radius: _fields(radius) for radius in _TEXTURE_SCALES}

"""From the bytes of any image file to one small grey square, the same in training and detection.

Size, aspect ratio, colour mode, exposure and letters at the margin are taken away here: they
differ between hospitals and devices, and in many collections they give the label away.
"""

from __future__ import annotations

import io
import math
import struct
from typing import TypeVar

import attrs
import numpy as np
import numpy.typing as npt
from PIL import Image

from rekognition_xray.local.learning.learner import UnreadableImage

SIDE = 128
MAX_PIXELS = 64_000_000
_FORMATS = ("JPEG", "PNG")  # what the service reads
_ORIENTATION = 0x0112
_MARGIN = SIDE // 6  # where letters, tubes and the hands that hold a child lie
_STROKE = 9  # pixels: wider than any stroke of a letter
_BEYOND = SIDE // 8  # pixels: as far as a framing reaches beyond an image
_STANDS_OUT = 50  # grey levels above what lies around
_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}

Square = npt.NDArray[np.uint8]
Grid = TypeVar("Grid", npt.NDArray[np.uint8], npt.NDArray[np.bool_])


def square(data: bytes) -> Square:
    """The image in `data` (JPEG or PNG) as SIDE x SIDE grey values 0-255 with a flat histogram.

    The flat histogram makes any monotonous change of exposure or gamma disappear. Raises
    `UnreadableImage`.
    """
    return flat(grey_square(data))


def grey_square(data: bytes) -> Square:
    """The image in `data` (JPEG or PNG) as SIDE x SIDE grey values 0-255, exposed as it is.

    The whole image is squeezed into the square, so that no border depends on its shape; letters at
    its margin are painted over. Raises `UnreadableImage`.
    """
    try:
        with Image.open(io.BytesIO(data), formats=_FORMATS) as image:
            grey = _upright(_shrunk(image), _orientation(image))
    except (OSError, SyntaxError, ValueError, struct.error) as error:
        raise UnreadableImage(f"the image cannot be decoded: {error}") from error
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise UnreadableImage(f"the image is too large: {error}") from error
    return _without_letters(np.asarray(grey, dtype=np.uint8))


def flat(image: Square) -> Square:
    """The image with a flat histogram, level by level as Pillow's `ImageOps.equalize` makes it."""
    counts = np.bincount(image.ravel(), minlength=256)
    step = (image.size - counts[image.max()]) // 255
    if step == 0:
        return image
    below = np.cumsum(counts) - counts
    levels = np.minimum((step // 2 + below) // step, 255)
    return np.asarray(levels.astype(np.uint8)[image], dtype=np.uint8)


@attrs.frozen
class Framing:
    """How a child could have lain otherwise: share of the size, radians, pixels of a square."""

    zoom: float = 1.0
    turn: float = 0.0
    across: float = 0.0
    down: float = 0.0


ZOOMS = (Framing(zoom=1.10), Framing(zoom=0.915))
MOVES = (
    Framing(turn=math.radians(5)),
    Framing(across=SIDE / 21),
    Framing(down=SIDE / 21),
    Framing(turn=math.radians(-5)),
    Framing(across=-SIDE / 21),
    Framing(down=-SIDE / 21),
)


def reframe(image: Square, framing: Framing) -> Square:
    """The image with another framing; beyond its edge the edge pixels repeat."""
    padded = Image.fromarray(np.pad(image, _BEYOND, mode="edge"))
    middle = SIDE / 2
    along, aslant = math.cos(framing.turn) / framing.zoom, math.sin(framing.turn) / framing.zoom
    left = middle + _BEYOND - framing.across - middle * (along - aslant)
    top = middle + _BEYOND - framing.down - middle * (along + aslant)
    places = (along, -aslant, left, aslant, along, top)
    moved = padded.transform(
        (SIDE, SIDE), Image.Transform.AFFINE, places, Image.Resampling.BILINEAR
    )
    return np.asarray(moved, dtype=np.uint8)


def _without_letters(image: Square) -> Square:
    """Thin bright marks at the margin take the grey level around them.

    The letters and their position identify the machine and the ward, and so the label.
    """
    ground = extremes(extremes(image, _STROKE, np.minimum), _STROKE, np.maximum)
    bright = extremes(image - ground > _STANDS_OUT, 3, np.maximum)
    bright[_MARGIN:-_MARGIN, _MARGIN:-_MARGIN] = False
    return np.where(bright, ground, image)


def extremes(image: Grid, width: int, of: np.ufunc) -> Grid:
    """The least or greatest value (`of`) within `width` x `width` pixels around each.

    By windows that double: on so small an image in a third of the time of scipy's filters.
    """
    for _ in range(2):  # along the columns, and, turned, along the rows
        padded = np.pad(image.T, ((width // 2, width // 2), (0, 0)), mode="edge")
        reach = 1
        while reach < width:
            more = min(reach, width - reach)
            padded = of(padded[:-more], padded[more:])
            reach += more
        image = padded
    return image


def _shrunk(image: Image.Image) -> Image.Image:
    """`image` as 8-bit grey of SIDE x SIDE pixels, decoded no larger than needed."""
    if image.width * image.height > MAX_PIXELS:
        raise ValueError(f"{image.width} x {image.height} pixels are more than {MAX_PIXELS}")
    image.draft("L", (2 * SIDE, 2 * SIDE))  # JPEG decodes at 1/2, 1/4 or 1/8 scale
    if image.mode.startswith(("I", "F")):
        return _from_deep(image)
    return _flat(image).resize((SIDE, SIDE), Image.Resampling.BOX)


def _flat(image: Image.Image) -> Image.Image:
    """8-bit grey; what is transparent becomes black, like the collimated border of an image."""
    if not image.has_transparency_data:
        return image.convert("L")
    rgba = image.convert("RGBA")
    return Image.alpha_composite(Image.new("RGBA", rgba.size, "black"), rgba).convert("L")


def _from_deep(image: Image.Image) -> Image.Image:
    """16-bit grey to 8 bits by the image's own range; 8 plain bits would drop the lung."""
    values = np.asarray(image, dtype=np.float32)
    small = Image.fromarray(values).resize((SIDE, SIDE), Image.Resampling.BOX)
    grey = np.asarray(small, dtype=np.float64)
    low, high = np.percentile(grey, (0.5, 99.5))
    scaled = np.clip((grey - low) / max(high - low, 1.0), 0.0, 1.0)
    return Image.fromarray(np.rint(255 * scaled).astype(np.uint8))


def _orientation(image: Image.Image) -> int:
    try:
        return int(image.getexif().get(_ORIENTATION, 1))
    except (OSError, SyntaxError, ValueError, TypeError, struct.error):
        return 1  # damaged EXIF says nothing, and the pixels are still good


def _upright(image: Image.Image, orientation: int) -> Image.Image:
    turn = _TURNS.get(orientation)
    return image if turn is None else image.transpose(turn)

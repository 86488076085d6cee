"""From the bytes of any image file to one small grey square, the same in training and detection.

Size, aspect ratio, colour mode and exposure are taken away here: they differ between hospitals
and devices, and in many collections they give the label away.
"""

from __future__ import annotations

import io
import struct

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageOps

from rekognition_xray.local.training.learner import UnreadableFilm

SIDE = 128
MAX_PIXELS = 64_000_000
_ORIENTATION = 0x0112
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


def square(data: bytes) -> Square:
    """The film in `data` as SIDE x SIDE grey values 0-255 with a flat histogram.

    The whole film is squeezed into the square, so that no border depends on its shape; a flat
    histogram makes any monotonous change of exposure or gamma disappear. Raises `UnreadableFilm`.
    """
    try:
        with Image.open(io.BytesIO(data)) as image:
            _refuse_bomb(image)
            image.draft("L", (2 * SIDE, 2 * SIDE))
            turn = _turn(image)
            grey = _grey(image).resize((SIDE, SIDE), Image.Resampling.BOX)
    except (OSError, SyntaxError, ValueError, EOFError, struct.error) as error:
        raise UnreadableFilm(f"the image cannot be decoded: {error}") from error
    except Image.DecompressionBombError as error:
        raise UnreadableFilm(f"the image is too large: {error}") from error
    upright = grey if turn is None else grey.transpose(turn)
    return np.asarray(ImageOps.equalize(upright), dtype=np.uint8)

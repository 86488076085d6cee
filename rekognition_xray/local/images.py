"""One image file by its content: format, size in pixels, and whether the service accepts it."""

from __future__ import annotations

import io
from typing import Final, Literal

import attrs
from PIL import Image

from rekognition_xray.local.assumptions import Limits

_PNG: Final = b"\x89PNG\r\n\x1a\n"
_MOST_PIXELS: Final = 89_000_000  # below where Pillow begins to warn
_JPEG: Final = b"\xff\xd8\xff"

Reason = Literal["format", "bytes", "size"]


class ImageRefused(Exception):  # noqa: N818 (an answer of the service)
    """An image that the service rejects: its format, its bytes or its size in pixels."""

    def __init__(self, reason: Reason, text: str) -> None:
        self.reason = reason
        super().__init__(text)


@attrs.frozen
class ImageSize:
    """Width and height in pixels."""

    width: int
    height: int


def check_image(data: bytes, limits: Limits, *, max_bytes: int) -> ImageSize:
    """The size of a JPEG or PNG image within the limits. Raises `ImageRefused`.

    Only the header is read, so that an image which would decode to gigabytes does no harm.
    """
    if len(data) > max_bytes:
        raise ImageRefused("bytes", f"{len(data)} bytes, the limit is {max_bytes}")
    size = _size(data)
    short, long = sorted((size.width, size.height))
    if short < limits.image_side_min or long > limits.image_side_max:
        raise ImageRefused("size", f"{size.width} x {size.height} pixels")
    if long > limits.image_aspect * short:
        raise ImageRefused("size", f"{size.width} x {size.height} pixels is too narrow")
    return size


def check_decodes(data: bytes) -> None:
    """Checks that the pixels can be read to the end. Raises `ImageRefused`.

    JPEGs are decoded at an eighth of their size: that reads all of the file at half the cost.
    """
    try:
        with Image.open(io.BytesIO(data), formats=("JPEG", "PNG")) as image:
            image.draft("L", (image.width // 8, image.height // 8))
            image.load()
    except (OSError, SyntaxError, ValueError, EOFError) as error:
        raise ImageRefused("format", f"cannot be decoded: {error}") from error


def _size(data: bytes) -> ImageSize:
    if not data.startswith((_PNG, _JPEG)):
        raise ImageRefused("format", "neither JPEG nor PNG")
    try:
        with Image.open(io.BytesIO(data), formats=("JPEG", "PNG")) as image:
            size = ImageSize(*image.size)
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise ImageRefused("bytes", f"too many pixels: {error}") from error
    except (OSError, SyntaxError, ValueError, EOFError) as error:
        raise ImageRefused("format", f"the header cannot be read: {error}") from error
    if size.width * size.height > _MOST_PIXELS:
        raise ImageRefused("bytes", f"{size.width} x {size.height} pixels are too many")
    return size

"""Grey pixels into a file that the service takes: bare of metadata, scaled down where need be."""

from __future__ import annotations

import io
import math
import zlib
from typing import Final

import attrs
from PIL import Image

from rekognition_xray.data.images.limits import MAX_ASPECT, MAX_SIDE, MIN_SIDE

_QUALITY: Final = 95
_MARGIN: Final = 0.98  # so that the next try fits


@attrs.frozen
class Fitted:
    """A file, the size of its picture in pixels, and the steps that were taken."""

    data: bytes
    size: tuple[int, int]
    steps: tuple[str, ...]


def fit(grey: Image.Image, *, as_jpeg: bool, max_bytes: int) -> Fitted | None:
    """Encodes a grey picture; scaled down where a side exceeds 4096 px or the file ``max_bytes``.

    Each try scales the given picture, never a scaled one. The quality of JPEG stays as it is:
    fewer pixels are recorded in the steps, more artefacts would be hidden in the image.

    Returns:
        None where the picture would have to be smaller than the service takes.
    """
    size = _within_sides(grey.size)
    while min(size) >= MIN_SIDE:
        data = encode(_scale(grey, size), as_jpeg=as_jpeg)
        if len(data) <= max_bytes:
            kind = f"JPEG {_QUALITY}" if as_jpeg else "PNG"
            return Fitted(data, size, (*_scaling_step(grey.size, size), f"encoded {kind}"))
        size = _times(size, _MARGIN * math.sqrt(max_bytes / len(data)))
    return None


def within_sides(grey: Image.Image) -> tuple[Image.Image, tuple[str, ...]]:
    """A picture of at most 4096 px a side, and the step where it was scaled."""
    size = _within_sides(grey.size)
    return _scale(grey, size), _scaling_step(grey.size, size)


def encode(grey: Image.Image, *, as_jpeg: bool) -> bytes:
    """PNG, or JPEG of quality 95, with nothing in it but pixels.

    The filtered rows of an X-ray are noise around zero, in which zlib's search for repeated strings
    finds nothing. Run lengths alone take a fifth of the time, and the files are 2 to 7 % smaller.
    """
    bare = Image.new("L", grey.size, None)  # a new image: Pillow writes what it carries besides
    bare.paste(grey)
    buffer = io.BytesIO()
    if as_jpeg:
        bare.save(buffer, "JPEG", quality=_QUALITY)
    else:
        bare.save(buffer, "PNG", compress_type=zlib.Z_RLE, compress_level=1)
    return buffer.getvalue()


def _within_sides(size: tuple[int, int]) -> tuple[int, int]:
    return _times(size, MAX_SIDE / max(size)) if max(size) > MAX_SIDE else size


def _times(size: tuple[int, int], factor: float) -> tuple[int, int]:
    long = int(max(size) * factor + 1e-6)
    short = min(max(round(min(size) * factor), math.ceil(long / MAX_ASPECT)), long)
    return (long, short) if size[0] >= size[1] else (short, long)


def _scale(grey: Image.Image, size: tuple[int, int]) -> Image.Image:
    # Lanczos widens its support when it scales down: every source pixel counts, nothing aliases.
    return grey if size == grey.size else grey.resize(size, Image.Resampling.LANCZOS)


def _scaling_step(old: tuple[int, int], new: tuple[int, int]) -> tuple[str, ...]:
    return () if old == new else (f"scaled {old[0]} x {old[1]} -> {new[0]} x {new[1]}",)

"""The descriptor that cases are compared by: the audit's thumbnail, at 16 x 16 pixels."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Final, TypeAlias

import attrs

from rekognition_xray.data.images import DEFAULT_OPTIONS, ImageOptions, ImageSource, decode
from rekognition_xray.errors import ImageError, MissingExtraError

try:
    import numpy as np

    from rekognition_xray.data.auditing import SIDE, equalise, to_square
except ModuleNotFoundError as error:
    raise MissingExtraError("science", needed_for="An index of cases") from error

Vector: TypeAlias = np.ndarray[tuple[int, ...], np.dtype[np.float32]]

NAME: Final = "equalised-16"
"""Goes into saved indexes, so that vectors of another descriptor are never compared with these."""
LENGTH: Final = 256
_CELLS: Final = 16


@attrs.frozen
class UnusableImage:
    """An image that has no descriptor, and why."""

    path: Path
    reason: str


def image_descriptor(image: ImageSource, *, options: ImageOptions = DEFAULT_OPTIONS) -> Vector:
    """256 float32 of mean 0 and length 1, so that a dot product is a correlation.

    The image is squared and equalised, so that size, aspect, brightness, contrast and gamma hardly
    count; what remains is which parts are brighter than others. An image of one grey gives zeros.

    Raises:
        ImageError: the image cannot be used.
    """
    thumb = equalise(to_square(decode(image, options=options).grey))
    if not thumb:
        return np.zeros(LENGTH, dtype=np.float32)
    pixels = np.frombuffer(thumb, dtype=np.uint8).astype(np.float64)
    step = SIDE // _CELLS
    vector = pixels.reshape(_CELLS, step, _CELLS, step).mean(axis=(1, 3)).ravel()
    vector -= vector.mean()
    length = float(np.linalg.norm(vector))
    return np.asarray(vector / max(length, 1e-9), dtype=np.float32)


def file_descriptors(
    paths: Sequence[Path], *, options: ImageOptions = DEFAULT_OPTIONS
) -> list[Vector | UnusableImage]:
    """The descriptors of some files; one that cannot be used gives an UnusableImage."""
    return [_file_descriptor(path, options) for path in paths]


def _file_descriptor(path: Path, options: ImageOptions) -> Vector | UnusableImage:
    try:
        return image_descriptor(path, options=options)
    except ImageError as error:
        return UnusableImage(path, error.reason)
    except MissingExtraError as error:
        return UnusableImage(path, f"{error.message} {error.hint}")

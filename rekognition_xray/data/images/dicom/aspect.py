"""Pixels that are not square, made square: a model knows hearts by their shape."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from PIL import Image

from rekognition_xray.data.images.dicom.tags import Fault, contradiction, numbers
from rekognition_xray.data.images.limits import Probe, beyond_help

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

ASPECT_TAGS: Final = ("PixelSpacing", "ImagerPixelSpacing", "PixelAspectRatio")
"""Each gives height and width of a pixel; the first that does counts (PS3.3 C.7.6.3.1.7)."""
_EQUAL: Final = 0.01
_MOST: Final = 10


def square_pixels(grey: Image.Image, dataset: Dataset) -> tuple[Image.Image, tuple[str, ...]]:
    """The picture with its coarser side enlarged, and the step; as it is if its pixels are square.

    Raises:
        Fault: pixels over ten times as long as wide, or a picture that gets too large.
    """
    height, width = _pixel_size(dataset)
    ratio = height / width
    if abs(ratio - 1) < _EQUAL:
        return grey, ()
    if not 1 / _MOST <= ratio <= _MOST:
        raise contradiction(f"pixels of {height:g} x {width:g} are too long to be right")
    size = round(grey.width * max(1, 1 / ratio)), round(grey.height * max(1, ratio))
    if reason := beyond_help(Probe("DICOM", *size, grey.mode, 0)):
        raise Fault("over-limits", f"with square pixels {reason}")
    step = f"pixels of {height:g} x {width:g} made square: {grey.width} x {grey.height}"
    step += f" -> {size[0]} x {size[1]}"
    return grey.resize(size, Image.Resampling.LANCZOS), (step,)


def _pixel_size(dataset: Dataset) -> tuple[float, float]:
    for keyword in ASPECT_TAGS:
        try:
            found = numbers(dataset, keyword)
        except Fault:  # no number: it says nothing
            continue
        if len(found) == 2 and min(found) > 0:
            return found[0], found[1]
    return 1.0, 1.0

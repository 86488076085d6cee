"""Pictures without contrast, in which most of what was there has been lost."""

from __future__ import annotations

from typing import Final

from PIL import Image

_LEVELS: Final = 32  # fewer than this are poor
_END: Final = 8  # grey levels that count as black, or as white
_MOST: Final = 0.99  # of the pixels


def poor_contrast(grey: Image.Image) -> str:
    """What is wrong with the contrast of a picture of 8 bits, with the number; empty if nothing.

    An X-ray of 8 bits uses nearly all of its 256 grey levels. With fewer than 32, or with 99 of 100
    pixels at one end, most of what was there has been lost, usually by a wrong window.
    """
    counts = grey.histogram()
    levels, pixels = len(counts) - counts.count(0), grey.width * grey.height
    dark, bright = sum(counts[: _END + 1]) / pixels, sum(counts[-_END - 1 :]) / pixels
    if levels == 1:
        return f"blank: every pixel is {counts.index(pixels)}"
    if dark >= _MOST:
        return f"nearly black: {dark:.1%} of the pixels are at most {_END} of 255"
    if bright >= _MOST:
        return f"nearly white: {bright:.1%} of the pixels are at least {255 - _END} of 255"
    return f"{levels} grey levels of 256" if levels < _LEVELS else ""

"""The limits of the service on an image, and our own on what is opened at all."""

from __future__ import annotations

from typing import Final

import attrs

MIN_SIDE: Final = 64
"""Smallest side in pixels that the service takes."""
MAX_SIDE: Final = 4096
"""Largest side in pixels that the service takes."""
MAX_ASPECT: Final = 20
"""Largest ratio of the long to the short side that the service takes."""
MAX_BYTES: Final = 15 * 1024 * 1024
"""Largest image file in S3 that the service takes (documented as 15 MB)."""
MAX_DETECT_BYTES: Final = 4 * 1024 * 1024
"""Largest image that DetectCustomLabels takes as bytes (documented as 4 MB)."""
MAX_PIXELS: Final = 2**26
"""More pixels than this, 8192 x 8192, count as a decompression bomb and are not decoded."""
MAX_SOURCE_BYTES: Final = 256 * 1024 * 1024
"""Larger files are not read."""


@attrs.frozen
class Probe:
    """What the header of an image file says.

    Attributes:
        format: such as ``JPEG``, ``PNG`` or ``DICOM``, by content.
        width, height: pixels as stored, before any EXIF orientation.
        mode: Pillow's colour mode, such as ``L`` (grey) or ``RGB``.
        size: bytes of the file.
    """

    format: str
    width: int
    height: int
    mode: str
    size: int


def check_image_size(probe: Probe) -> str | None:
    """Says which limit of the service an image breaks, or None when it keeps all of them.

    Limits: sides of 64 to 4096 px, aspect at most 20:1, at most 15 MB.
    """
    if max(probe.width, probe.height) > MAX_SIDE and min(probe.width, probe.height) >= MIN_SIDE:
        return f"too large: {_size_text(probe)}; each side may have at most {MAX_SIDE} px"
    if reason := beyond_help(probe):
        return reason
    if probe.size > MAX_BYTES:
        return f"too large: {probe.size / 2**20:.1f} MiB; a file may have at most 15 MiB"
    return None


def beyond_help(probe: Probe) -> str | None:
    """Says why no scaling can bring an image within the limits, or None where it can."""
    short, long = sorted((probe.width, probe.height))
    if short < MIN_SIDE:
        return f"too small: {_size_text(probe)}; each side must have at least {MIN_SIDE} px"
    if short * long > MAX_PIXELS:
        most = f"{MAX_PIXELS / 1e6:.0f} million"
        return f"too large: {_size_text(probe)}; over {most} pixels it may be a decompression bomb"
    if long > MAX_ASPECT * short:
        return f"too narrow: {_size_text(probe)}; the long side may be {MAX_ASPECT} times the short"
    return None


def _size_text(probe: Probe) -> str:
    return f"{probe.width} x {probe.height} px"

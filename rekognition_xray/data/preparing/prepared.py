"""What preparing reports of single images, and how far it is, as values."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import attrs

from rekognition_xray.data.xrays import Xray


@attrs.frozen
class PreparedFile:
    """One image as it lies prepared on this machine.

    Attributes:
        image: the image it was made from.
        file: where it lies; images with equal pixels share one file.
        sha256: hex digest of the file.
        extension: ``jpg`` or ``png``.
        size: bytes of the file.
        width, height: pixels.
    """

    image: Xray
    file: Path
    sha256: str
    extension: Literal["jpg", "png"]
    size: int
    width: int
    height: int


@attrs.frozen
class HeldBack:
    """An image that was left out since nobody said that it may be used.

    Its pixels may show a name, it is marked as another body part or view, its file leaves open what
    is white (see ``ImageOptions``), or a gate refuses it.

    Attributes:
        image: the image.
        reason: what the file says, or does not say.
    """

    image: Xray
    reason: str


@attrs.frozen
class PrepareProgress:
    """How far preparing has come.

    Attributes:
        done: images that are prepared, or found to be unusable, so far.
        total: images in all.
        cached: those among ``done`` that an earlier run had prepared.
        bad: those among ``done`` that cannot be used.
    """

    done: int
    total: int
    cached: int
    bad: int

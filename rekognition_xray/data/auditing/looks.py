"""``look``: one image decoded to the end, and what an audit keeps of it."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final, TypeAlias

import attrs
import numpy as np
from PIL import Image

from rekognition_xray.data.images import (
    DEFAULT_OPTIONS,
    HELD_BACK,
    Gate,
    ImageFacts,
    ImageOptions,
    check_image_size,
    decode,
    poor_contrast,
)
from rekognition_xray.data.xrays import Xray
from rekognition_xray.errors import ImageError, MissingExtraError

SIDE: Final = 128
"""Side in pixels of the thumbnail by which images are compared."""

_LEVELS: Final = 256
_FRAME: Final = 4  # pixels of the thumbnail: 3 % of the picture
_GREY_MODES: Final = frozenset({"1", "L", "LA", "I", "F"})


@attrs.frozen
class Look:
    """What was measured on one image; some 17 kB, and no pixel of the image itself.

    Attributes:
        fault: the code of an ImageError; empty where the image could be decoded to the end.
        reason: the fault in words.
        excess: which limit of the service the file breaks that preparing it will mend.
        format: ``JPEG``, ``PNG`` or ``DICOM``, by content.
        mode: the colour mode of the file.
        width, height: pixels as stored.
        size: bytes of the file.
        turned: whether EXIF asks for another orientation.
        pixels: digest of size and upright grey pixels.
        thumb: SIDE x SIDE grey pixels, squared and equalised, so that brightness, contrast and
            gamma hardly show; empty where the image is of one tone throughout.
        border: mean and deviation of grey (0 to 255) along the top, bottom, left and right edge.
        contrast: what is wrong with the contrast of the prepared picture; empty where nothing is.
        facts: what the file says of the image; only DICOM says anything.
    """

    fault: str = ""
    reason: str = ""
    excess: str = ""
    format: str = ""
    mode: str = ""
    width: int = 0
    height: int = 0
    size: int = 0
    turned: bool = False
    pixels: bytes = attrs.field(default=b"", repr=False)
    thumb: bytes = attrs.field(default=b"", repr=False)
    border: tuple[float, ...] = attrs.field(default=(), repr=False)
    contrast: str = ""
    facts: ImageFacts = attrs.field(factory=ImageFacts)

    @property
    def grey(self) -> bool:
        """Whether the file is stored without colour."""
        return self.mode.partition(";")[0] in _GREY_MODES


Looks = Mapping[Xray, Look]
_Pixels: TypeAlias = np.ndarray[tuple[int, ...], np.dtype[np.uint8]]


def look_at(
    paths: Sequence[Path], *, options: ImageOptions = DEFAULT_OPTIONS, gate: Gate | None = None
) -> list[Look]:
    """Looks at some images, one after the other."""
    return [look(path, options, gate) for path in paths]


def look(path: Path, options: ImageOptions = DEFAULT_OPTIONS, gate: Gate | None = None) -> Look:
    """Decodes one image to the end; a fault is an answer, not an error."""
    try:
        image = decode(path, options=options)
    except ImageError as error:
        return Look(fault=error.code, reason=error.reason, facts=_facts(path, error))
    except MissingExtraError as error:
        return Look(fault="no-decoder", reason=f"{error.message} {error.hint}")
    except Exception as error:  # noqa: BLE001 - one image must not end the audit of all
        return Look(fault="unreadable", reason=str(error) or type(error).__name__)
    if gate is not None and (refusal := gate.admit(image.grey).refusal):
        return Look(fault="refused-by-gate", reason=refusal)
    digest = hashlib.sha256(repr(image.grey.size).encode())
    digest.update(image.grey.tobytes())
    small = to_square(image.grey)
    return Look(
        excess=check_image_size(image.probe) or "",
        format=image.probe.format,
        mode=image.probe.mode,
        width=image.probe.width,
        height=image.probe.height,
        size=image.probe.size,
        turned=image.turned,
        pixels=digest.digest(),
        thumb=equalise(small),
        border=_border(np.asarray(small)),
        contrast=poor_contrast(image.grey),
        facts=image.facts,
    )


def _facts(path: Path, error: ImageError) -> ImageFacts:
    """What a file that was held back says of its image."""
    if error.code not in HELD_BACK:
        return ImageFacts()
    from rekognition_xray.data.images import read_facts  # noqa: PLC0415 - needs the extra dicom

    try:
        return read_facts(path)
    except ImageError:
        return ImageFacts()


def to_square(grey: Image.Image) -> Image.Image:
    """A grey picture at SIDE x SIDE pixels."""
    return grey.resize((SIDE, SIDE), Image.Resampling.BOX)


def equalise(small: Image.Image) -> bytes:
    """The pixels of a small picture, equalised; empty where it is of one tone throughout.

    As Pillow's ``ImageOps.equalize``, whose loop over grey levels was most of the work on a look.
    """
    grey = small.tobytes()
    counts = np.bincount(np.frombuffer(grey, dtype=np.uint8), minlength=_LEVELS)
    brightest = counts[np.flatnonzero(counts)[-1]]
    if brightest == len(grey):
        return b""
    step = (len(grey) - brightest) // (_LEVELS - 1)
    if step == 0:
        return grey
    below = np.cumsum(counts) - counts
    levels = np.minimum((step // 2 + below) // step, _LEVELS - 1)
    return grey.translate(levels.astype(np.uint8).tobytes())


def _border(picture: _Pixels) -> tuple[float, ...]:
    edges = (picture[:_FRAME], picture[-_FRAME:], picture[:, :_FRAME].T, picture[:, -_FRAME:].T)
    grey = np.array(edges, dtype=np.float64).reshape(len(edges), -1)
    figures = np.stack([grey.mean(axis=1), grey.std(axis=1)], axis=1)
    return tuple(round(value, 3) for value in figures.ravel().tolist())

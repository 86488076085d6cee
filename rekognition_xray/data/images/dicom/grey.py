"""From stored values to 8-bit grey: the grey scale chain of DICOM PS3.3 C.11 as one table.

An image has at most 65,536 different stored values. The whole chain is worked out once for each of
them in double precision and looked up for the pixels.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

from rekognition_xray.data.images.dicom.pixels import Indices, Raster
from rekognition_xray.data.images.dicom.tags import (
    Fault,
    contradiction,
    items,
    numbers,
    text,
    values,
    whole,
    wholes,
)

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

    from rekognition_xray.data.image_options import ImageOptions, Polarity

_Real: TypeAlias = NDArray[np.float64]
_Mask: TypeAlias = NDArray[np.bool_]

MONOCHROME: Final = ("MONOCHROME1", "MONOCHROME2")


def to_grey(
    dataset: Dataset, stored: Indices, raster: Raster, options: ImageOptions
) -> tuple[NDArray[np.uint8], tuple[str, ...]]:
    """8-bit grey of the shape of ``stored``, and the steps.

    Modality LUT or rescale (C.11.1); VOI LUT or else the first window (C.11.2), or else the full
    range of the real values; stretched, if asked for; inversion; padding black. pydicom's own
    functions are not used: its windows are upside down under a negative rescale slope, its VOI LUT
    of 8-bit entries wraps places beyond 255, its modality LUT wraps unsigned values below a
    negative first one.
    """
    real, modality = _real_values(dataset, raster)
    padding = _padding(dataset, raster)
    used = np.zeros(real.size, np.bool_)
    used[stored] = True
    if not (used & ~padding).any():
        raise contradiction("every pixel is padding")
    shown, voi = _displayed_share(dataset, real, real[used & ~padding])
    stretched: tuple[str, ...] = ()
    if options.stretch:
        shown, stretched = _stretch(shown, shown[used & ~padding])
    is_inverted, inverted = _inversion(dataset, options.polarity)
    table = np.rint((1 - shown if is_inverted else shown) * 255).astype(np.uint8)
    table[padding] = 0
    padded = ("padding made black",) if (used & padding).any() else ()
    return table[stored], (*modality, voi, *stretched, *inverted, *padded)


def _real_values(dataset: Dataset, raster: Raster) -> tuple[_Real, tuple[str, ...]]:
    luts = items(dataset, "ModalityLUTSequence")
    slope, intercept = numbers(dataset, "RescaleSlope"), numbers(dataset, "RescaleIntercept")
    if luts and not (set(slope) <= {1.0} and set(intercept) <= {0.0}):
        raise contradiction("there is a modality LUT and a rescale slope")
    if luts:
        real, _ = _looked_up(luts[0], raster.domain.astype(np.float64), "modality LUT")
        passed = (" (the rescale beside it changes nothing)",) if slope or intercept else ("",)
        return real, (f"modality LUT{passed[0]}",)
    if len(slope) != len(intercept) or len(slope) > 1 or 0.0 in slope:
        raise contradiction("RescaleSlope and RescaleIntercept do not make a pair")
    if not slope:
        return raster.domain.astype(np.float64), ()
    real = raster.domain.astype(np.float64) * slope[0] + intercept[0]
    return real, (f"rescaled by {slope[0]:g} and {intercept[0]:g}",)


def _displayed_share(dataset: Dataset, real: _Real, present: _Real) -> tuple[_Real, str]:
    """What of the values of interest is shown, from 0 to 1, and the step."""
    luts = items(dataset, "VOILUTSequence")
    centres, widths = numbers(dataset, "WindowCenter"), numbers(dataset, "WindowWidth")
    if len(centres) != len(widths):
        raise contradiction("WindowCenter and WindowWidth do not make pairs")
    kind = text(dataset, "VOILUTFunction") or "LINEAR"
    usable = [pair for pair in zip(centres, widths, strict=True) if _is_usable(kind, pair[1])]
    unusable = ""
    if luts:
        try:
            entries, depth = _looked_up(luts[0], np.rint(real), "VOI LUT")
        except Fault:
            if not usable:
                raise
            unusable = "; an unusable VOI LUT was passed over"
        else:
            return entries / (2**depth - 1), _step("VOI LUT", len(luts))
    if not centres:
        least, most = float(present.min()), float(present.max())
        full = np.clip((real - least) / ((most - least) or 1.0), 0, 1)
        return full, f"full range {least:g} to {most:g}"
    centre, width = usable[0] if usable else (centres[0], widths[0])
    if usable and len(usable) < len(centres):
        unusable += f"; {len(centres) - len(usable)} of no usable width passed over"
    step = _step(f"window {kind} {centre:g} / {width:g}", len(usable) or 1)
    return _apply_window(real, kind, centre, width), f"{step}{unusable}"


def _is_usable(kind: str, width: float) -> bool:
    return width >= 1 if kind == "LINEAR" else width > 0


def _apply_window(real: _Real, kind: str, centre: float, width: float) -> _Real:
    """PS3.3 C.11.2.1.2.1 (LINEAR), C.11.2.1.3.1 (SIGMOID) and C.11.2.1.3.2 (LINEAR_EXACT)."""
    if kind not in ("LINEAR", "LINEAR_EXACT", "SIGMOID"):
        raise contradiction("VOILUTFunction is none of LINEAR, LINEAR_EXACT and SIGMOID")
    if not _is_usable(kind, width):
        raise contradiction(f"WindowWidth is {width:g}, too small for a {kind} window")
    if kind == "SIGMOID":
        with np.errstate(over="ignore"):  # exp of much is infinite, its inverse 0, as it should be
            shown: _Real = 1 / (1 + np.exp(-4 * (real - centre) / width))
        return shown
    if kind == "LINEAR":
        centre, width = centre - 0.5, width - 1
    if width == 0:
        return np.where(real > centre, 1.0, 0.0)
    return np.clip((real - centre) / width + 0.5, 0, 1)


def _stretch(shown: _Real, present: _Real) -> tuple[_Real, tuple[str, ...]]:
    """The shares that occur, spread from 0 to 1, and the step where that changes them."""
    least, most = float(present.min()), float(present.max())
    if least == most or (least, most) == (0.0, 1.0):
        return shown, ()
    step = f"stretched from {least:.1%} to {most:.1%} of the display range"
    return np.clip((shown - least) / (most - least), 0, 1), (step,)


def _inversion(dataset: Dataset, polarity: Polarity | None) -> tuple[bool, tuple[str, ...]]:
    """Whether white stands for the smallest value, and the step that says so.

    PresentationLUTShape INVERSE belongs to MONOCHROME1, IDENTITY to MONOCHROME2 (C.8.11.3). Where
    they are crossed, some readers go by the one tag and some by the other.
    """
    name, shape = text(dataset, "PhotometricInterpretation"), text(dataset, "PresentationLUTShape")
    white_first = name == "MONOCHROME1"
    if shape not in ("IDENTITY", "INVERSE") or white_first is (shape == "INVERSE"):
        return white_first, ("MONOCHROME1 inverted",) if white_first else ()
    if polarity is None:
        readings = ("as it is", "inverted")
        raise Fault(
            "polarity",
            f"held back: PhotometricInterpretation {name} reads it {readings[white_first]}, "
            f"PresentationLUTShape {shape} {readings[not white_first]}",
        )
    inverted = white_first if polarity == "photometric" else not white_first
    followed = name if polarity == "photometric" else f"PresentationLUTShape {shape}"
    return inverted, (f"{'inverted' if inverted else 'not inverted'}, by {followed}",)


def _padding(dataset: Dataset, raster: Raster) -> _Mask:
    if not values(dataset, "PixelPaddingValue"):
        return np.zeros(raster.domain.shape, np.bool_)
    first = whole(dataset, "PixelPaddingValue")
    last = whole(dataset, "PixelPaddingRangeLimit", default=first)
    low, high = sorted(_twos_complement(one, negative=raster.signed) for one in (first, last))
    return (raster.domain >= low) & (raster.domain <= high)


def _looked_up(item: Dataset, places: _Real, name: str) -> tuple[_Real, int]:
    """The entry for each place, ends extended as C.11.1.1 says, and the bits of an entry."""
    descriptor = wholes(item, "LUTDescriptor")
    if len(descriptor) != 3:
        raise contradiction(f"the descriptor of the {name} has not three values")
    count, first, depth = descriptor[0] & 0xFFFF or 2**16, descriptor[1], descriptor[2] & 0xFFFF
    if not 8 <= depth <= 16:
        raise contradiction(f"the {name} has entries of {depth} bits")
    entries = _entries(item, count, depth, name)
    if entries.max() > 2**depth - 1:
        raise contradiction(f"the {name} has entries of more than its {depth} bits")
    first = _twos_complement(first, negative=bool(places.min() < 0))
    return entries[np.clip(places - first, 0, count - 1).astype(np.int64)], depth


def _entries(item: Dataset, count: int, depth: int, name: str) -> _Real:
    words = _words(item, name)
    if words.size == count:
        return words.astype(np.float64)
    if depth == 8 and words.size == (count + 1) // 2:  # two entries in a word, the first one below
        return words.astype("<u2").view(np.uint8)[:count].astype(np.float64)
    raise contradiction(f"the {name} has {words.size} words of data for {count} entries")


def _words(item: Dataset, name: str) -> NDArray[np.uint16]:
    if "LUTData" not in item:
        raise contradiction(f"the {name} has no data")
    data = item["LUTData"].value
    if isinstance(data, bytes):
        little = item.original_encoding[1] is not False
        return np.frombuffer(data[: len(data) // 2 * 2], "<u2" if little else ">u2").astype("u2")
    return (np.array(wholes(item, "LUTData"), np.int64) & 0xFFFF).astype(np.uint16)


def _twos_complement(value: int, *, negative: bool) -> int:
    """Where values may be negative, an unsigned one beyond 15 bits was meant so."""
    return value - 2**16 if negative and value >= 2**15 else value


def _step(name: str, views: int) -> str:
    return name if views == 1 else f"{name} (first of {views})"

"""Stored values of a DICOM image: the bits that count, decoded by whoever can and may."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Final, TypeAlias

import attrs
import numpy as np
from numpy.typing import NDArray
from pydicom import uid
from pydicom.encaps import get_frame
from pydicom.pixels.decoders.base import get_decoder

from rekognition_xray.data.images.dicom.frames import (
    check_lossless,
    check_run_lengths,
    jpeg_2000_frame,
    jpeg_frame,
)
from rekognition_xray.data.images.dicom.tags import Fault, contradiction, whole

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

Indices: TypeAlias = NDArray[np.uint16]

_NATIVE: Final = frozenset(
    {uid.ImplicitVRLittleEndian, uid.ExplicitVRLittleEndian, uid.ExplicitVRBigEndian}
    | {uid.DeflatedExplicitVRLittleEndian}
)
_LOSSLESS: Final = frozenset({uid.JPEGLossless, uid.JPEGLosslessSV1})
_JPEG_2000: Final = {
    uid.JPEG2000Lossless: ("pylibjpeg", "pillow"),
    uid.JPEG2000: ("pylibjpeg", "pillow"),
    uid.HTJ2KLossless: ("pylibjpeg",),
    uid.HTJ2KLosslessRPCL: ("pylibjpeg",),
    uid.HTJ2K: ("pylibjpeg",),
}
# Named one by one: what pydicom would pick by itself includes a decoder under the GPL, and gdcm,
# which ends the process on damaged JPEG. For JPEG 2000 its plugin "pylibjpeg" means openjpeg.
_DECODERS: Final = {
    uid.RLELossless: ("pydicom",),
    uid.JPEGBaseline8Bit: ("pillow",),
    uid.JPEGExtended12Bit: ("pillow",),
    uid.JPEGLossless: ("gdcm",),
    uid.JPEGLosslessSV1: ("gdcm",),
    uid.JPEGLSLossless: ("pyjpegls",),
    uid.JPEGLSNearLossless: ("pyjpegls",),
    **_JPEG_2000,
}


OVERLAY_TAGS: Final = tuple((0x6000 + 2 * plane) << 16 | 0x0102 for plane in range(16))
"""OverlayBitPosition of each plane: which bit of the pixels it is, where it is one."""


@attrs.frozen
class Raster:
    """How the pixels of an image are stored.

    Attributes:
        rows, columns: size in pixels.
        allocated, stored, high_bit: bits of a pixel's cell, bits that count, and the uppermost.
        signed: whether they are a two's complement.
    """

    rows: int
    columns: int
    allocated: int
    stored: int
    high_bit: int
    signed: bool

    @classmethod
    def of(cls, dataset: Dataset) -> Raster:
        """Reads the image pixel module; a fault where it is incomplete or contradicts itself."""
        if whole(dataset, "SamplesPerPixel") != 1:
            raise contradiction("SamplesPerPixel is not 1, as a grey image has it")
        stored = whole(dataset, "BitsStored")
        read = cls(
            rows=whole(dataset, "Rows"),
            columns=whole(dataset, "Columns"),
            allocated=whole(dataset, "BitsAllocated"),
            stored=stored,
            high_bit=whole(dataset, "HighBit", default=stored - 1),
            signed=whole(dataset, "PixelRepresentation") == 1,
        )
        if read.allocated not in (8, 16):
            raise contradiction(f"BitsAllocated is {read.allocated}; an image has 8 or 16")
        if not 1 <= stored <= read.high_bit + 1 <= read.allocated:
            bits = f"BitsStored {stored}, HighBit {read.high_bit}"
            raise contradiction(f"{bits} and BitsAllocated {read.allocated} contradict each other")
        if min(read.rows, read.columns) < 1:
            raise contradiction(f"Columns x Rows is {read.columns} x {read.rows}")
        return read

    @property
    def least(self) -> int:
        """The smallest value that can be stored."""
        return -(2 ** (self.stored - 1)) if self.signed else 0

    @property
    def domain(self) -> NDArray[np.int64]:
        """Every value that can be stored, upwards from the smallest."""
        return np.arange(self.least, self.least + 2**self.stored)


def stored_values(
    dataset: Dataset, raster: Raster, syntax: uid.UID
) -> tuple[Indices, tuple[str, ...]]:
    """The pixels as places in ``raster.domain``, shape (rows, columns), and the steps."""
    element = dataset["PixelData"]
    data = element.value
    if not isinstance(data, bytes):
        raise contradiction("PixelData holds no bytes")
    packed = syntax not in _NATIVE
    if element.is_undefined_length and not packed:
        raise contradiction("the pixels are compressed, and the transfer syntax says they are not")
    if packed:
        cells = _unpack(data, raster, syntax)
    else:
        _check_length(len(data), raster)
        cells = _decode_frame(data, raster, syntax, plugin="", vr=element.VR)
    raw = cells.astype(np.uint16)  # of a signed value: its two's complement
    if packed and syntax != uid.RLELossless:
        return _codestream_places(raw, raster), ()
    below = raster.high_bit + 1 - raster.stored
    places = _places(raw >> np.uint16(below) if below else raw, raster)
    return places, _report_unused_bits(raw, places, raster, dataset)


def _check_length(found: int, raster: Raster) -> None:
    wanted = raster.rows * raster.columns * raster.allocated // 8
    if found < wanted:
        raise Fault("truncated", f"{found:,} bytes of pixels where {wanted:,} are needed")
    if found >= 2 * wanted:
        raise contradiction(f"{found:,} bytes of pixels where {wanted:,} are needed")


def _places(values: Indices, raster: Raster) -> Indices:
    """Masks what is not stored, such as overlays in unused bits, and lays signed values upwards."""
    bits = values & np.uint16(2**raster.stored - 1)
    return bits ^ np.uint16(2 ** (raster.stored - 1)) if raster.signed else bits


def _codestream_places(raw: Indices, raster: Raster) -> Indices:
    """A codestream has no unused bits: values beyond the stored ones are a contradiction."""
    if int(raw.max()) < 2**raster.stored:
        return _places(raw, raster)
    bits = raw & np.uint16(2**raster.stored - 1)
    half = np.uint16(2 ** (raster.stored - 1))
    # Sign bits repeat above the stored ones; of 8-bit cells they do so in 16 as well.
    repeated = np.where(bits & half, bits | np.uint16(2**16 - 2**raster.stored), bits)
    if not np.all((raw == bits) | ((raw == repeated) & raster.signed)):
        raise contradiction(f"pixels need more bits than BitsStored {raster.stored}")
    return _places(raw, raster)


def _report_unused_bits(
    raw: Indices, places: Indices, raster: Raster, dataset: Dataset
) -> tuple[str, ...]:
    """The step where bits above the stored ones are set that are neither overlay nor sign."""
    if raster.high_bit == 15 or int(raw.max()) < 2 ** (raster.high_bit + 1):
        return ()
    above = raw >> np.uint16(raster.high_bit + 1)
    if raster.signed:  # the sign, repeated
        negative = places < 2 ** (raster.stored - 1)
        width = raster.allocated - raster.high_bit - 1
        above = np.where(negative & (above & (2**width - 1) == 2**width - 1), 0, above)
    for bit in _overlay_bits(dataset):
        if bit > raster.high_bit:
            above = above & ~np.uint16(1 << (bit - raster.high_bit - 1))
    count = int(np.count_nonzero(above))
    what = f"bits above the {raster.stored} stored ones, set in {count:,} pixels, left out"
    return (what,) if count else ()


def _overlay_bits(dataset: Dataset) -> Iterator[int]:
    for tag in OVERLAY_TAGS:
        if tag in dataset and isinstance(found := dataset[tag].value, int) and 0 < found < 16:
            yield found


def _unpack(data: bytes, raster: Raster, syntax: uid.UID) -> NDArray[np.generic]:
    name = f"the transfer syntax {_syntax_name(syntax)}"
    plugins = _DECODERS.get(syntax, ())
    if not plugins:
        raise Fault("no-decoder", f"{name} is read by no decoder")
    _check_frame(get_frame(data, 0, number_of_frames=1), raster, syntax)
    able = [plugin for plugin in plugins if plugin in get_decoder(syntax).available_plugins]
    if not able:
        raise Fault("no-decoder", f"{name} is read by no decoder that is installed")
    for plugin in able:
        try:
            return _decode_frame(data, raster, syntax, plugin=plugin, vr="OB")
        except Exception:  # noqa: BLE001, S112 - the next decoder may be able to read it
            continue
    raise Fault("unreadable", f"damaged: pixels in {name} cannot be decoded")


def _decode_frame(
    data: bytes, raster: Raster, syntax: uid.UID, *, plugin: str, vr: str
) -> NDArray[np.generic]:
    options: dict[str, Any] = {
        "rows": raster.rows,
        "columns": raster.columns,
        "bits_allocated": raster.allocated,
        "bits_stored": raster.stored,
        "pixel_representation": int(raster.signed),
        "samples_per_pixel": 1,
        "photometric_interpretation": "MONOCHROME2",
        "number_of_frames": 1,
        "pixel_keyword": "PixelData",
        "pixel_vr": vr,
        "correct_unused_bits": False,  # it knows nothing of HighBit
    }
    cells, _ = get_decoder(syntax).as_array(
        data,
        index=0,
        validate=False,  # done in Raster and here, where it ends in a fault
        raw=True,
        decoding_plugin=plugin,
        **options,
    )
    return cells


def _check_frame(data: bytes, raster: Raster, syntax: uid.UID) -> None:
    """What is to be decoded must be what the tags say: a decoder would not mind."""
    try:
        if syntax == uid.RLELossless:
            check_run_lengths(data, pixels=raster.rows * raster.columns)
            return
        read = jpeg_2000_frame(data) if syntax in _JPEG_2000 else jpeg_frame(data)
        if syntax in _LOSSLESS:
            check_lossless(data, allocated=raster.allocated)
    except (struct.error, IndexError):
        raise Fault("truncated", "the pixels end within their header") from None
    if (read.rows, read.columns, read.parts) != (raster.rows, raster.columns, 1):
        declared = f"{raster.columns} x {raster.rows} px in grey"
        found = f"{read.columns} x {read.rows} px in {read.parts} colours"
        raise contradiction(f"the tags declare {declared}, the pixels are {found}")
    if read.signed and not raster.signed:  # decoded, half of them would lie at the wrong end
        raise contradiction("the tags declare unsigned pixels, the pixels are signed")
    if syntax == uid.JPEGExtended12Bit and read.precision != 8:
        bits = f"in {read.precision} bits"
        reason = f"the transfer syntax {_syntax_name(syntax)} is read by no decoder {bits}"
        raise Fault("no-decoder", reason)


def _syntax_name(syntax: uid.UID) -> str:
    if not syntax.is_valid:  # whatever stands there is not repeated
        return "that is no UID"
    known = syntax.name != str(syntax)
    return f"{syntax.name} ({syntax})" if known else str(syntax)

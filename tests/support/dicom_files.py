"""DICOM images made for tests: any pixels, tags and transfer syntax, as bytes, and read again."""

from __future__ import annotations

import io
import warnings
import zlib  # noqa: F401 - before gdcm, whose own zlib would else take its place, and crash
from collections.abc import Iterator, Sequence
from pathlib import Path

import gdcm
import jpeg_ls
import numpy as np
import openjpeg
import pytest
from numpy.typing import NDArray
from PIL import Image
from pydicom import uid
from pydicom.config import IGNORE
from pydicom.datadict import dictionary_VR, tag_for_keyword
from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.encaps import encapsulate
from pydicom.pixels.encoders.base import get_encoder
from pydicom.sequence import Sequence as Items

from rekognition_xray.data.images import DEFAULT_OPTIONS, ImageOptions
from rekognition_xray.data.images.dicom import read_image
from rekognition_xray.errors import ImageError

Pixels = NDArray[np.generic]


def ramp(bits: int = 12, size: tuple[int, int] = (70, 90), *, signed: bool = False) -> Pixels:
    """Values from the least to the greatest that fit, in rows that differ."""
    rows, columns = size
    least = -(2 ** (bits - 1)) if signed else 0
    values = least + np.arange(rows * columns) * (2**bits - 1) // (rows * columns - 1)
    kind = f"{'i' if signed else 'u'}{1 if bits <= 8 else 2}"
    return values.reshape(rows, columns).astype(kind)


def image(pixels: Pixels | None = None, **tags: object) -> Dataset:
    """An image of computed radiography; a tag that is None is left out, others are put in."""
    cells = ramp() if pixels is None else pixels
    allocated = cells.dtype.itemsize * 8
    stored = int(tags.get("BitsStored") or (12 if allocated == 16 else 8))  # type: ignore[call-overload]
    basic: dict[str, object] = {
        "SOPClassUID": uid.ComputedRadiographyImageStorage,
        "SOPInstanceUID": "1.2.3.4",
        "Modality": "CR",
        "SamplesPerPixel": 1,
        "PhotometricInterpretation": "MONOCHROME2",
        "Rows": cells.shape[0],
        "Columns": cells.shape[1],
        "BitsAllocated": allocated,
        "BitsStored": stored,
        "HighBit": stored - 1,
        "PixelRepresentation": int(cells.dtype.kind == "i"),
    }
    made = Dataset()
    for keyword, value in (basic | tags).items():
        if value is not None:
            put(made, keyword, value)
    if "PixelData" not in tags:
        made.PixelData = cells.tobytes()
        made["PixelData"].VR = "OW" if allocated == 16 else "OB"
    return made


def put(dataset: Dataset, keyword: str, value: object) -> None:
    """Writes a tag, whether its value is allowed or not."""
    vr, tag = dictionary_VR(keyword), tag_for_keyword(keyword)
    assert tag is not None
    wanted = "US" if vr == "US or SS" and not _negative(value) else vr.split(" or ")[-1]
    dataset.add(DataElement(tag, wanted, value, validation_mode=IGNORE))


def _negative(value: object) -> bool:
    return isinstance(value, int) and value < 0


def lut(entries: Sequence[int], *, first: int = 0, bits: int = 16, packed: bool = False) -> Items:
    """A sequence of one look-up table; ``packed``: two entries of 8 bits in a word."""
    item = Dataset()
    item.add_new(0x00283002, "SS" if first < 0 else "US", [len(entries), first, bits])
    item.add_new(0x00283006, "OW", np.array(entries, "u1" if packed else "<u2").tobytes())
    return Items([item])


def saved(
    dataset: Dataset,
    syntax: uid.UID = uid.ExplicitVRLittleEndian,
    *,
    whole: bool = True,
    implicit: bool | None = None,
    little: bool | None = None,
) -> bytes:
    """The file's bytes; ``whole=False`` leaves preamble and file meta out."""
    meta = FileMetaDataset()
    meta.TransferSyntaxUID = syntax
    meta.MediaStorageSOPClassUID = dataset.get("SOPClassUID", uid.SecondaryCaptureImageStorage)
    meta.MediaStorageSOPInstanceUID = "1.2.3.4"
    buffer = io.BytesIO()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # some files are wrong on purpose
        if whole:
            dataset.file_meta = meta
            hidden = {"implicit_vr": False, "little_endian": True} if syntax.is_private else {}
            dataset.save_as(buffer, enforce_file_format=True, **hidden)
        else:
            implicit = syntax.is_implicit_VR if implicit is None else implicit
            little = syntax.is_little_endian if little is None else little
            dataset.save_as(buffer, implicit_vr=implicit, little_endian=little)
    return buffer.getvalue()


def packed(dataset: Dataset, frame: bytes, syntax: uid.UID) -> bytes:
    """The file's bytes with its pixels replaced by one encoded frame."""
    dataset.PixelData = encapsulate([frame])
    dataset["PixelData"].VR = "OB"
    dataset["PixelData"].is_undefined_length = True
    return saved(dataset, syntax)


def as_jpeg(pixels: Pixels) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "JPEG", quality=100)
    return buffer.getvalue()


def as_jpeg_ls(pixels: Pixels, near: int = 0) -> bytes:
    return bytes(jpeg_ls.encode_array(np.ascontiguousarray(pixels), lossy_error=near))


def as_jpeg_2000(pixels: Pixels, bits: int, ratios: Sequence[int] = ()) -> bytes:
    options = {"compression_ratios": list(ratios)} if ratios else {}
    return bytes(openjpeg.encode(pixels, bits_stored=bits, **options))


def as_rle(dataset: Dataset) -> bytes:
    options = {
        keyword: getattr(dataset, name)
        for keyword, name in {
            "rows": "Rows",
            "columns": "Columns",
            "samples_per_pixel": "SamplesPerPixel",
            "bits_allocated": "BitsAllocated",
            "bits_stored": "BitsStored",
            "pixel_representation": "PixelRepresentation",
            "photometric_interpretation": "PhotometricInterpretation",
        }.items()
    }
    encoder = get_encoder(uid.RLELossless)
    return bytes(encoder.encode(dataset.PixelData, index=0, number_of_frames=1, **options))


def as_jpeg_lossless(dataset: Dataset, folder: str, syntax: uid.UID) -> bytes:
    """The whole file, its pixels packed by gdcm, which takes files only."""
    plain, made = f"{folder}/plain.dcm", f"{folder}/packed.dcm"
    with open(plain, "wb") as stream:  # noqa: PTH123
        stream.write(saved(dataset))
    reader = gdcm.ImageReader()
    reader.SetFileName(plain)
    assert reader.Read()
    change = gdcm.ImageChangeTransferSyntax()
    wanted = gdcm.TransferSyntax.GetTSType(str(syntax))
    change.SetTransferSyntax(gdcm.TransferSyntax(wanted))
    change.SetInput(reader.GetImage())
    assert change.Change()
    writer = gdcm.ImageWriter()
    writer.SetFileName(made)
    writer.SetFile(reader.GetFile())
    writer.SetImage(change.GetOutput())
    assert writer.Write()
    with open(made, "rb") as stream:  # noqa: PTH123
        return stream.read()


def grey(data: bytes) -> list[int]:
    return list(read_image(data).grey.tobytes())


def refused(data: bytes, options: ImageOptions = DEFAULT_OPTIONS) -> ImageError:
    with pytest.raises(ImageError) as caught:
        read_image(data, name="image 7", options=options)
    assert caught.value.message.startswith("image 7: ")
    return caught.value


def everywhere(folder: Path) -> Iterator[tuple[uid.UID, Pixels, bytes, int]]:
    """Each transfer syntax once: pixels, the file, and by how much its pixels may be off."""
    deep, flat = ramp(12), ramp(8)
    yield uid.ImplicitVRLittleEndian, deep, saved(image(deep), uid.ImplicitVRLittleEndian), 0
    yield uid.ExplicitVRLittleEndian, deep, saved(image(deep)), 0
    big = image(deep)
    big.PixelData = deep.astype(">u2").tobytes()
    yield uid.ExplicitVRBigEndian, deep, saved(big, uid.ExplicitVRBigEndian), 0
    deflated = uid.DeflatedExplicitVRLittleEndian
    yield deflated, deep, saved(image(deep), deflated), 0
    yield uid.RLELossless, deep, packed(image(deep), as_rle(image(deep)), uid.RLELossless), 0
    for syntax, near in ((uid.JPEGLSLossless, 0), (uid.JPEGLSNearLossless, 3)):
        yield syntax, deep, packed(image(deep), as_jpeg_ls(deep, near), syntax), near
    lossless = as_jpeg_2000(deep, 12)
    yield uid.JPEG2000Lossless, deep, packed(image(deep), lossless, uid.JPEG2000Lossless), 0
    yield uid.JPEG2000, deep, packed(image(deep), as_jpeg_2000(deep, 12, [6]), uid.JPEG2000), 8
    for syntax in (uid.JPEGBaseline8Bit, uid.JPEGExtended12Bit):
        yield syntax, flat, packed(image(flat), as_jpeg(flat), syntax), 2
    for syntax in (uid.JPEGLossless, uid.JPEGLosslessSV1):
        yield syntax, deep, as_jpeg_lossless(image(deep), str(folder), syntax), 0

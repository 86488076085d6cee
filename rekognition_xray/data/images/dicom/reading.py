"""DICOM images: which objects are images, and the way from a file to an upright 8-bit picture."""

from __future__ import annotations

import io
import logging
import os
import threading
import warnings
import zlib  # has to come before pydicom: gdcm's own would else take its place, and crash
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final, TypeVar

import attrs
from PIL import Image

from rekognition_xray.data.image_options import DEFAULT_OPTIONS, ImageOptions
from rekognition_xray.data.images.facts import ImageFacts
from rekognition_xray.data.images.file import is_dicom, kind_of, read_file, refusal
from rekognition_xray.data.images.limits import MAX_SOURCE_BYTES, Probe, beyond_help
from rekognition_xray.errors import MissingExtraError

try:
    import numpy as np
    from pydicom import dcmread, uid
    from pydicom.dataset import Dataset
    from pydicom.filereader import read_dataset
    from pydicom.tag import BaseTag, Tag

    from rekognition_xray.data.images.dicom.aspect import ASPECT_TAGS, square_pixels
    from rekognition_xray.data.images.dicom.facts import FACT_TAGS, facts_of, refuse_other_views
    from rekognition_xray.data.images.dicom.grey import MONOCHROME, to_grey
    from rekognition_xray.data.images.dicom.pixels import OVERLAY_TAGS, Raster, stored_values
    from rekognition_xray.data.images.dicom.tags import Fault, contradiction, text, values, whole
except ModuleNotFoundError as error:
    raise MissingExtraError("dicom", needed_for="Reading DICOM images") from error

_Taken = TypeVar("_Taken")

MODALITIES: Final = ("CR", "DX", "DR", "RG")
"""Plain X-rays: computed and digital radiography (DR is no term of the standard, but of many
makers), and image on a screen, digitised."""

_FOR_PROCESSING: Final = uid.DigitalXRayImageStorageForProcessing
_XRAY_CLASSES: Final = (
    uid.ComputedRadiographyImageStorage,
    uid.DigitalXRayImageStorageForPresentation,
)
_SECONDARY_CAPTURE: Final = uid.SecondaryCaptureImageStorage
_IMAGE_CLASSES: Final = (*_XRAY_CLASSES, _FOR_PROCESSING)
# Words that a message may repeat; anything else in these tags could be a name.
_KNOWN_WORDS: Final = frozenset(
    {"AR", "BI", "BMD", "CT", "DG", "DOC", "ECG", "ES", "GM", "IO", "IVOCT", "IVUS", "KO", "MG"}
    | {"MR", "NM", "OCT", "OP", "OPT", "OT", "PLAN", "PR", "PT", "PX", "REG", "RF", "RTDOSE"}
    | {"RTIMAGE", "RTPLAN", "RTSTRUCT", "SEG", "SM", "SR", "TG", "US", "XA", "XC"}
    | {"RGB", "PALETTE COLOR", "YBR_FULL", "YBR_FULL_422", "YBR_PARTIAL_420", "YBR_PARTIAL_422"}
    | {"YBR_ICT", "YBR_RCT", "HSV", "ARGB", "CMYK"}
)
_KEYWORDS: Final = (
    *("SOPClassUID", "Modality", "PatientID", "ConversionType", "PresentationIntentType"),
    *("SamplesPerPixel", "PhotometricInterpretation", "NumberOfFrames", "Rows", "Columns"),
    *("BitsAllocated", "BitsStored", "HighBit", "PixelRepresentation", "BurnedInAnnotation"),
    *("PixelPaddingValue", "PixelPaddingRangeLimit", "RescaleIntercept", "RescaleSlope"),
    *("ModalityLUTSequence", "VOILUTSequence", "WindowCenter", "WindowWidth", "VOILUTFunction"),
    *("PresentationLUTShape", "PixelData", "FloatPixelData", "DoubleFloatPixelData"),
    *ASPECT_TAGS,
    *FACT_TAGS,
)
_TAGS: Final = [*map(Tag, _KEYWORDS), *map(Tag, OVERLAY_TAGS)]
"""All that is read of a file; the rest is passed over."""


@attrs.frozen
class DicomImage:
    """An image that came as DICOM.

    Attributes:
        grey: the upright 8-bit grey picture: bone is bright.
        steps: what was done; technical words and numbers only.
        patient: PatientID, None where it is empty. It groups images on this machine, which it must
            never leave: see ``pseudonyms``.
        bits_stored: bits of a pixel as stored.
        photometric: ``MONOCHROME1`` or ``MONOCHROME2``, as stored.
        facts: body part, view and what else the file says of the image.
    """

    grey: Image.Image = attrs.field(repr=False)
    steps: tuple[str, ...]
    patient: str | None = attrs.field(repr=False)
    bits_stored: int
    photometric: str
    facts: ImageFacts = attrs.field(factory=ImageFacts)


def read_image(
    source: bytes | Path, *, name: str = "", options: ImageOptions = DEFAULT_OPTIONS
) -> DicomImage:
    """Turns a DICOM file into an upright 8-bit grey picture by the full chain of PS3.3.

    The stored bits; modality LUT or rescale; VOI LUT, or the first window (LINEAR, LINEAR_EXACT,
    SIGMOID), or else the full range of the real values; MONOCHROME1 inverted; padding black;
    pixels made square. Files without preamble or file meta are read, too. Overlays are left out.

    Held back until the options say otherwise: images that say, by any word but NO, that text is
    burned into their pixels, and secondary captures that do not say that none is, since a patient's
    name may stand in the picture; images marked as another body part or as a lateral view; and
    images of which two tags contradict each other on what is white.

    Args:
        source: bytes of a file, or a path.
        name: what messages call the image; a path is called by itself.
        options: what to take and how to read it; see ImageOptions.

    Raises:
        ImageError: no DICOM (``not-an-image``); no plain X-ray, one for processing, in
            colour or of many frames (``not-an-xray``); held back (``burned-in``,
            ``other-body-part``, ``lateral-view``, ``polarity``); in a transfer
            syntax that nobody reads (``no-decoder``); too small, too narrow or over 67 million
            pixels (``over-limits``); cut off (``truncated``); damaged or with tags that are
            missing or contradict each other (``unreadable``).
    """
    path = source if isinstance(source, Path) else None
    data = read_file(source) if isinstance(source, Path) else source
    return decode_image(data, name=name, path=path, options=options)


def read_patient(path: Path) -> str | None:
    """The PatientID of an image, None where it is empty; no pixel is decoded.

    For naming rules that group images on this machine, which the PatientID must never leave.

    Raises:
        ImageError: no DICOM, or no plain X-ray; see ``read_image``.
    """
    return _read_tags(path, _patient)


def read_facts(path: Path) -> ImageFacts:
    """What a DICOM file says of its image, in words of our own; no pixel is decoded.

    Raises:
        ImageError: no DICOM, or no plain X-ray; see ``read_image``.
    """
    return _read_tags(path, facts_of)


def _read_tags(path: Path, take: Callable[[Dataset], _Taken]) -> _Taken:
    """What is taken of an image's tags; no pixel is decoded."""
    data = read_file(path)
    with _image_errors("", path), _quiet():
        dataset, _ = _parse(data)
        _refuse_what_is_no_image(dataset)
        return take(dataset)


def decode_image(
    data: bytes,
    *,
    name: str = "",
    path: Path | None = None,
    options: ImageOptions = DEFAULT_OPTIONS,
) -> DicomImage:
    """As ``read_image``, from bytes that were read from ``path``."""
    with _image_errors(name, path):
        return _image(data, options)


@contextmanager
def _image_errors(name: str, path: Path | None) -> Iterator[None]:
    try:
        yield
    except Fault as fault:
        raise refusal(fault.code, fault.reason, name, path) from None
    except Exception:  # noqa: BLE001 - pydicom and decoders may raise anything on damaged bytes
        # "from None": what they say may repeat what stands in the file.
        raise refusal("unreadable", "damaged: not readable as DICOM", name, path) from None


def _image(data: bytes, options: ImageOptions) -> DicomImage:
    with _quiet():
        dataset, syntax = _parse(data)
        _refuse_what_is_no_image(dataset)
        facts = facts_of(dataset)
        released = _burned_in(dataset, allow=options.allow_burned_in)
        released += refuse_other_views(facts, allow=options.allow_other_views)
        raster = Raster.of(dataset)
        mode = "L" if raster.stored <= 8 else "I;16"
        header = Probe("DICOM", raster.columns, raster.rows, mode, len(data))
        if reason := beyond_help(header):
            raise Fault("over-limits", reason)
        stored, left_out = stored_values(dataset, raster, syntax)
        patient = _patient(dataset)
    table, made = to_grey(dataset, stored, raster, options)
    grey, squared = square_pixels(Image.fromarray(np.ascontiguousarray(table)), dataset)
    sign = "signed" if raster.signed else "unsigned"
    bits = f"{raster.stored} of {raster.allocated} bits, {sign}"
    return DicomImage(
        grey,
        (f"decoded DICOM in {syntax.name}", bits, *left_out, *released, *made, *squared),
        patient,
        raster.stored,
        text(dataset, "PhotometricInterpretation"),
        facts,
    )


def _patient(dataset: Dataset) -> str | None:
    return "\\".join(str(part) for part in values(dataset, "PatientID")).strip(" \0") or None


# -- which objects are images ---------------------------------------------------------------------


def _refuse_what_is_no_image(dataset: Dataset) -> None:
    sop_class = uid.UID(text(dataset, "SOPClassUID"))
    if "PixelData" not in dataset:
        of_another_kind = sop_class.name != str(sop_class) and not _is_image_class(sop_class)
        if not of_another_kind and (values(dataset, "Rows") or sop_class in _XRAY_CLASSES):
            raise Fault("truncated", "the file ends before its pixels")
        floating = "FloatPixelData" in dataset or "DoubleFloatPixelData" in dataset
        what = "floating-point pixels" if floating else "no pixels"
        raise Fault("not-an-xray", f"{what}: {_class_name(sop_class)}")
    modality = text(dataset, "Modality")
    if modality not in MODALITIES and (modality or sop_class not in _XRAY_CLASSES):
        called = modality if modality in _KNOWN_WORDS else "unknown"
        accepted = ", ".join(MODALITIES)
        raise Fault("not-an-xray", f"the modality is {called}; plain X-rays are {accepted}")
    if sop_class.name != str(sop_class) and not _is_image_class(sop_class):
        contradicted = f"the modality is {modality}, the object {_class_name(sop_class)}"
        raise Fault("not-an-xray", contradicted)
    if sop_class == _FOR_PROCESSING or text(dataset, "PresentationIntentType") == "FOR PROCESSING":
        raise Fault("not-an-xray", "raw data FOR PROCESSING; its image FOR PRESENTATION is needed")
    photometric = text(dataset, "PhotometricInterpretation")
    if not photometric:
        raise contradiction("PhotometricInterpretation is missing")
    if photometric not in MONOCHROME:
        called = photometric if photometric in _KNOWN_WORDS else "unknown"
        raise Fault("not-an-xray", f"the pixels are {called}; images are {' or '.join(MONOCHROME)}")
    frames = whole(dataset, "NumberOfFrames", default=1)
    if frames not in (0, 1):  # 0 is not allowed, and written all the same
        raise Fault("not-an-xray", f"{frames} frames; an image has one")


def _is_image_class(sop_class: str) -> bool:
    return sop_class in _IMAGE_CLASSES or _is_secondary_capture(sop_class)


def _is_secondary_capture(sop_class: str) -> bool:
    return f"{sop_class}.".startswith(f"{_SECONDARY_CAPTURE}.")  # of one frame or many


def _class_name(sop_class: uid.UID) -> str:
    if sop_class == uid.MediaStorageDirectoryStorage:
        return "a DICOMDIR, which lists other files"
    return sop_class.name if sop_class.name != str(sop_class) else "an unknown kind of object"


def _burned_in(dataset: Dataset, *, allow: bool) -> tuple[str, ...]:
    """The step where an image was held back and then released by the user."""
    markings = {str(one).strip(" \0").upper() for one in values(dataset, "BurnedInAnnotation")}
    markings.discard("")
    sop_class = text(dataset, "SOPClassUID")
    captured = bool(values(dataset, "ConversionType")) or _is_secondary_capture(sop_class)
    if markings == {"NO"} or (not markings and not captured):
        return ()
    if not allow:
        why = "is a secondary capture that is not marked as having no text burned in"
        if "YES" in markings:
            why = "is marked as having text burned into its pixels"
        elif markings:  # the words themselves could be anything
            why = "is marked about burned-in text by another word than YES and NO"
        raise Fault("burned-in", f"held back: it {why}")
    return ("burned-in text allowed",)


# -- parsing --------------------------------------------------------------------------------------

_MAX_READS: Final = 500_000
_SILENT: Final = logging.CRITICAL + 1


class _LimitedReader(io.BytesIO):
    """Bytes that are not read in too many pieces: millions of empty elements would never end."""

    def __init__(self, data: bytes) -> None:
        super().__init__(data)
        self._left = _MAX_READS

    def read(self, size: int | None = -1, /) -> bytes:
        self._left -= 1
        if self._left < 0:
            raise contradiction("more elements than any image has")
        return super().read(size)


def _parse(data: bytes) -> tuple[Dataset, uid.UID]:
    """The elements that matter, and the transfer syntax."""
    if not is_dicom(data[:132]):
        kind = "empty" if not data else kind_of(data[:512])
        raise Fault("not-an-image" if data else "zero-bytes", f"no DICOM: the content is {kind}")
    declared = uid.DeflatedExplicitVRLittleEndian
    if declared.encode() in data[:4096]:  # pydicom would inflate it whatever comes out
        stream = _LimitedReader(data)
        stream.seek(132 if data[128:132] == b"DICM" else 0)
        meta = read_dataset(
            stream, is_implicit_VR=False, is_little_endian=True, stop_when=_behind_meta
        )
        if meta.get("TransferSyntaxUID") == declared:
            return _read(_inflate(data[stream.tell() :])), declared
    dataset = _read(data)
    meta = dataset.file_meta
    syntax = meta.get("TransferSyntaxUID") or _guess_syntax(dataset)
    if not values(dataset, "SOPClassUID") and (sop_class := meta.get("MediaStorageSOPClassUID")):
        dataset.SOPClassUID = sop_class
    return dataset, uid.UID(str(syntax).strip(" \0"))


def _behind_meta(tag: BaseTag, _vr: str | None, _length: int) -> bool:
    return tag.group != 2


def _read(data: bytes) -> Dataset:
    dataset = dcmread(_LimitedReader(data), force=True, specific_tags=_TAGS)
    if not any(keyword in dataset or keyword in dataset.file_meta for keyword in _SIGNS):
        raise Fault("not-an-image", "no DICOM: it begins like it, and holds nothing of it")
    sop_class = dataset.file_meta.get("MediaStorageSOPClassUID") or ""
    if not dataset and (sop_class in _XRAY_CLASSES or not uid.UID(str(sop_class)).is_valid):
        raise Fault("truncated", "the file ends too early")
    return dataset


_SIGNS: Final = ("SOPClassUID", "MediaStorageSOPClassUID", "Modality", "Rows", "PixelData")


def _guess_syntax(dataset: Dataset) -> uid.UID:
    """The transfer syntax of a file without file meta, as its elements are written."""
    implicit, little = dataset.original_encoding
    if not little:
        return uid.ExplicitVRBigEndian
    return uid.ImplicitVRLittleEndian if implicit else uid.ExplicitVRLittleEndian


def _inflate(data: bytes) -> bytes:
    inflater = zlib.decompressobj(-zlib.MAX_WBITS)
    inflated = inflater.decompress(data, MAX_SOURCE_BYTES)
    if inflater.unconsumed_tail:
        raise Fault("over-limits", f"inflates to over {MAX_SOURCE_BYTES // 2**20} MiB")
    if not inflater.eof:
        raise Fault("truncated", "the deflated data end too early")
    return inflated


# -- silence --------------------------------------------------------------------------------------

_lock = threading.Lock()


def _new_lock() -> None:
    global _lock  # noqa: PLW0603
    _lock = threading.Lock()


if hasattr(os, "register_at_fork"):  # a child must not wait for a thread that it does not have
    os.register_at_fork(after_in_child=_new_lock)


@contextmanager
def _quiet() -> Iterator[None]:
    """Keeps pydicom from warning and logging: its messages repeat what stands in the tags.

    Filters and levels belong to the whole process, hence one image at a time; the decoders hold
    the interpreter anyway, and more than one processor needs processes.
    """
    log = logging.getLogger("pydicom")
    with _lock, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        level = log.level
        log.setLevel(_SILENT)
        try:
            yield
        finally:
            log.setLevel(level)

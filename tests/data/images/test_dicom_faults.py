"""DICOM that is no image, and files that are damaged, are refused with a reason."""

from __future__ import annotations

import io
import struct
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

pytest.importorskip("pydicom")

import numpy as np
from pydicom import uid
from pydicom.dataset import Dataset, FileMetaDataset

from rekognition_xray.data.images import ImageOptions, decode, prepare_image
from rekognition_xray.data.images.dicom import MODALITIES, read_image, reading
from rekognition_xray.errors import ImageError

from ...support.dicom_files import (
    Pixels,
    as_jpeg,
    as_jpeg_2000,
    as_jpeg_lossless,
    as_jpeg_ls,
    as_rle,
    everywhere,
    grey,
    image,
    lut,
    packed,
    ramp,
    refused,
    saved,
)

EVERYTHING = ImageOptions(allow_burned_in=True, allow_other_views=True, polarity="photometric")


@pytest.mark.parametrize("modality", MODALITIES)
def test_plain_x_ray_images_are_taken(modality: str) -> None:
    assert read_image(saved(image(Modality=modality))).bits_stored == 12


@pytest.mark.parametrize(
    "sop_class",
    [uid.ComputedRadiographyImageStorage, uid.DigitalXRayImageStorageForPresentation],
)
def test_an_image_without_modality_is_taken_by_its_class(sop_class: uid.UID) -> None:
    assert read_image(saved(image(Modality=None, SOPClassUID=sop_class))).bits_stored == 12


@pytest.mark.parametrize(
    ("tags", "reason"),
    [
        ({"Modality": "CT"}, "the modality is CT"),
        ({"Modality": "MG"}, "the modality is MG"),
        ({"Modality": "JANE EXAMPLE"}, "the modality is unknown"),
        ({"Modality": None, "SOPClassUID": uid.CTImageStorage}, "the modality is unknown"),
        ({"PresentationIntentType": "FOR PROCESSING"}, "FOR PROCESSING"),
        ({"SOPClassUID": uid.DigitalXRayImageStorageForProcessing}, "FOR PROCESSING"),
        ({"PhotometricInterpretation": "RGB"}, "the pixels are RGB"),
        ({"PhotometricInterpretation": "PALETTE COLOR"}, "PALETTE COLOR"),
        ({"PhotometricInterpretation": "JANE"}, "the pixels are unknown"),
        ({"NumberOfFrames": 2}, "2 frames"),
        (
            {"PixelData": None, "Rows": None, "SOPClassUID": uid.BasicTextSRStorage},
            "no pixels: Basic Text SR Storage",
        ),
        (
            {"PixelData": None, "Rows": None, "SOPClassUID": uid.MediaStorageDirectoryStorage},
            "no pixels: a DICOMDIR, which lists other files",
        ),
        (
            {"PixelData": None, "Rows": None, "SOPClassUID": uid.MRSpectroscopyStorage},
            "no pixels: MR Spectroscopy Storage",
        ),
        (
            {
                "PixelData": None,
                "Rows": None,
                "FloatPixelData": bytes(8),
                "SOPClassUID": uid.ParametricMapStorage,
            },
            "floating-point pixels: Parametric Map Storage",
        ),
        (
            {
                "PixelData": None,
                "FloatPixelData": bytes(8),
                "SOPClassUID": uid.ParametricMapStorage,
            },
            "floating-point pixels: Parametric Map Storage",
        ),
        (
            {"PixelData": None, "SOPClassUID": uid.MRSpectroscopyStorage},
            "no pixels: MR Spectroscopy Storage",
        ),
        (
            {"SOPClassUID": uid.CTImageStorage},
            "the modality is CR, the object CT Image Storage",
        ),
        (
            {"SOPClassUID": uid.DigitalMammographyXRayImageStorageForPresentation},
            "the modality is CR, the object Digital Mammography",
        ),
        (
            {"PixelData": None, "Rows": None, "SOPClassUID": uid.EncapsulatedPDFStorage},
            "no pixels: Encapsulated PDF Storage",
        ),
    ],
)
def test_what_is_no_image_is_refused_by_name(tags: dict[str, object], reason: str) -> None:
    error = refused(saved(image(**tags)))
    assert error.code == "not-an-xray"
    assert reason in error.reason
    assert "JANE" not in str(error)


def test_a_directory_of_files_is_named_as_what_it_is() -> None:
    """Only its file meta say what it is; pydicom's FileSet writes it so."""
    listing = Dataset()
    listing.FileSetID, listing.DirectoryRecordSequence = "", []
    listing.file_meta = FileMetaDataset()
    listing.file_meta.MediaStorageSOPClassUID = uid.MediaStorageDirectoryStorage
    listing.file_meta.MediaStorageSOPInstanceUID = uid.UID("1.2.3")
    listing.file_meta.TransferSyntaxUID = uid.ExplicitVRLittleEndian
    buffer = io.BytesIO()
    listing.save_as(buffer, enforce_file_format=True)
    error = refused(buffer.getvalue())
    assert error.code == "not-an-xray"
    assert "a DICOMDIR, which lists other files" in error.reason


def test_one_frame_is_an_image() -> None:
    assert read_image(saved(image(NumberOfFrames=1))).bits_stored == 12


@pytest.mark.parametrize(
    ("tags", "held"),
    [
        ({"BurnedInAnnotation": "YES"}, True),
        ({"BurnedInAnnotation": ["NO", "YES"]}, True),
        ({"BurnedInAnnotation": ["NO", "NO"]}, False),
        ({"BurnedInAnnotation": "NO"}, False),
        ({"BurnedInAnnotation": "UNKNOWN"}, True),
        ({"BurnedInAnnotation": "Y"}, True),
        ({"BurnedInAnnotation": ""}, False),
        ({}, False),
        ({"SOPClassUID": uid.SecondaryCaptureImageStorage}, True),
        ({"SOPClassUID": uid.MultiFrameGrayscaleWordSecondaryCaptureImageStorage}, True),
        ({"SOPClassUID": uid.SecondaryCaptureImageStorage, "BurnedInAnnotation": "NO"}, False),
        ({"SOPClassUID": uid.SecondaryCaptureImageStorage, "BurnedInAnnotation": "YES"}, True),
        ({"ConversionType": "WSD"}, True),
        ({"ConversionType": "WSD", "BurnedInAnnotation": "NO"}, False),
    ],
)
def test_an_image_that_may_show_a_name_is_held_back(tags: dict[str, object], held: bool) -> None:
    data = saved(image(**tags))
    for read in (decode, prepare_image, read_image):
        if held:
            with pytest.raises(ImageError, match="held back") as caught:
                read(data)
            assert caught.value.code == "burned-in"
            assert "allow_burned_in=True" in caught.value.hint
        released = read(data, options=ImageOptions(allow_burned_in=True))
        assert ("burned-in text allowed" in released.steps) is held


@pytest.mark.parametrize(
    ("tags", "reason"),
    [
        ({"Rows": None}, "Rows is missing"),
        ({"Columns": None}, "Columns is missing"),
        ({"Rows": 0}, "90 x 0"),
        ({"BitsAllocated": None}, "BitsAllocated is missing"),
        ({"BitsAllocated": 12}, "BitsAllocated is 12"),
        ({"BitsAllocated": 32}, "BitsAllocated is 32"),
        ({"BitsStored": 17, "HighBit": 16}, "contradict"),
        ({"BitsStored": 12, "HighBit": 10}, "contradict"),
        ({"HighBit": 16}, "contradict"),
        ({"PixelRepresentation": None}, "PixelRepresentation is missing"),
        ({"SamplesPerPixel": 3}, "SamplesPerPixel"),
        ({"PhotometricInterpretation": None}, "PhotometricInterpretation is missing"),
        ({"WindowCenter": 100}, "do not make pairs"),
        ({"WindowWidth": 100}, "do not make pairs"),
        ({"WindowCenter": [1, 2], "WindowWidth": 3}, "do not make pairs"),
        ({"WindowCenter": 100, "WindowWidth": 0.5}, "WindowWidth is 0.5"),
        ({"WindowCenter": 100, "WindowWidth": -3}, "WindowWidth is -3"),
        (
            {"WindowCenter": 100, "WindowWidth": 0, "VOILUTFunction": "SIGMOID"},
            "WindowWidth is 0, too small for a SIGMOID",
        ),
        (
            {"WindowCenter": 100, "WindowWidth": 0, "VOILUTFunction": "LINEAR_EXACT"},
            "WindowWidth is 0, too small for a LINEAR_EXACT",
        ),
        ({"WindowCenter": 1, "WindowWidth": 9, "VOILUTFunction": "JANE"}, "VOILUTFunction is none"),
        ({"RescaleSlope": 2}, "do not make a pair"),
        ({"RescaleSlope": 0, "RescaleIntercept": 0}, "do not make a pair"),
        ({"RescaleSlope": 2, "RescaleIntercept": 0, "ModalityLUTSequence": lut([1, 2])}, "and a"),
        ({"VOILUTSequence": lut([1, 2, 3], bits=20)}, "entries of 20 bits"),
        ({"VOILUTSequence": lut([1, 2, 5000], bits=12)}, "more than its 12 bits"),
        ({"PixelPaddingValue": 0, "PixelPaddingRangeLimit": 65535}, "every pixel is padding"),
    ],
)
def test_tags_that_are_missing_or_contradict_each_other_are_named(
    tags: dict[str, object], reason: str
) -> None:
    error = refused(saved(image(**tags)))
    assert error.code == "unreadable" or (error.code, "Rows" in tags) == ("truncated", True)
    assert reason in error.reason
    assert "JANE" not in str(error)


@pytest.mark.parametrize("damage", ["short", "long", "none", "descriptor"])
def test_a_lut_that_is_not_what_its_descriptor_says_is_refused(damage: str) -> None:
    voi = lut(range(100), bits=12)
    if damage == "none":
        del voi[0].LUTData
    elif damage == "descriptor":
        voi[0].LUTDescriptor = [100, 0]
    else:
        voi[0].LUTData = voi[0].LUTData[:-50] if damage == "short" else voi[0].LUTData * 2
    assert "VOI LUT" in refused(saved(image(VOILUTSequence=voi))).reason


@pytest.mark.parametrize("value", [b"NaN ", b"1e99999 ", b"Jane Example", b"\xff\xfe"])
def test_a_number_that_is_none_is_refused_unquoted(value: bytes) -> None:
    data = saved(image(WindowCenter="77", WindowWidth="66"))
    tag = b"\x28\x00\x50\x10DS"
    bad = tag + struct.pack("<H", len(value)) + value
    error = refused(data.replace(tag + b"\x02\x00" + b"77", bad))
    assert error.code == "unreadable"
    assert "Jane" not in str(error)


def test_pixels_that_need_more_bits_than_are_stored_are_refused() -> None:
    deep = ramp(16)
    data = packed(image(deep, BitsStored=12), as_jpeg_2000(deep, 16), uid.JPEG2000Lossless)
    assert "more bits than BitsStored 12" in refused(data).reason


@pytest.mark.parametrize(
    ("pack", "size"),
    [
        (pack, size)
        for pack in ("JPEG", "JPEG-LS", "JPEG 2000", "RLE")
        for size in ((90, 70), (35, 90), (700, 900))
        if (pack, size) != ("RLE", (90, 70))  # run lengths have no rows
    ],
)
def test_packed_pixels_of_another_size_are_refused(pack: str, size: tuple[int, int]) -> None:
    other = ramp(8, size)
    frame, syntax = {
        "JPEG": lambda: (as_jpeg(other), uid.JPEGBaseline8Bit),
        "JPEG-LS": lambda: (as_jpeg_ls(other), uid.JPEGLSLossless),
        "JPEG 2000": lambda: (as_jpeg_2000(other, 8), uid.JPEG2000Lossless),
        "RLE": lambda: (as_rle(image(other)), uid.RLELossless),
    }[pack]()
    assert refused(packed(image(ramp(8)), frame, syntax)).code in {"unreadable", "truncated"}


def test_coloured_pixels_behind_grey_tags_are_refused() -> None:
    buffer = io.BytesIO()
    Image.new("RGB", (90, 70), "red").save(buffer, "JPEG")
    error = refused(packed(image(ramp(8)), buffer.getvalue(), uid.JPEGBaseline8Bit))
    assert "in 3 colours" in error.reason


def test_pixels_that_are_compressed_against_the_transfer_syntax_are_refused() -> None:
    data = packed(image(), as_jpeg_2000(ramp(), 12), uid.JPEG2000Lossless)
    bare = data[data.index(b"\x08\x00\x16\x00UI") :]
    assert "says they are not" in refused(bare).reason


@pytest.mark.parametrize("share", [0.01, 0.05, 0.3, 0.6, 0.95])
@pytest.mark.parametrize("whole", [True, False])
def test_an_image_that_is_cut_off_is_refused(share: float, whole: bool) -> None:
    data = saved(image(), whole=whole)
    error = refused(data[: int(len(data) * share)])
    assert error.code in ({"truncated"} if share >= 0.05 else {"truncated", "not-an-image"})


def test_a_packed_image_that_is_cut_off_is_refused(tmp_path: Path) -> None:
    for syntax, _, data, _ in everywhere(tmp_path):
        error = refused(data[: len(data) * 3 // 4])
        assert error.code in {"truncated", "unreadable"}, syntax.name


def test_pixels_of_two_frames_behind_tags_of_one_are_refused() -> None:
    twice = image()
    twice.PixelData = ramp().tobytes() * 2
    assert "bytes of pixels where" in refused(saved(twice)).reason


def test_a_little_too_much_behind_the_pixels_is_left_alone() -> None:
    padded = image()
    padded.PixelData = ramp().tobytes() + bytes(100)
    assert grey(saved(padded)) == grey(saved(image()))


@pytest.mark.parametrize("size", [(60_000, 60_000), (9_000, 9_000), (63, 300), (64, 1300)])
def test_sizes_are_checked_before_pixels_are_decoded(size: tuple[int, int]) -> None:
    error = refused(saved(image(Rows=size[0], Columns=size[1])))
    assert error.code == "over-limits"


def test_a_deflated_bomb_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "MAX_SOURCE_BYTES", 2**20)
    data = saved(image(np.zeros((1000, 1000), "u2")), uid.DeflatedExplicitVRLittleEndian)
    assert len(data) < 2**16
    assert refused(data).code == "over-limits"


def test_endless_elements_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "_MAX_READS", 2_000)
    nothing = b"\x09\x00\x01\x10LO\0\0"
    data = saved(image())
    at = data.index(b"\x28\x00\x02\x00US")
    assert "more elements" in refused(data[:at] + nothing * 3_000 + data[at:]).reason
    empty = b"\x09\x00\x01\x10SQ\0\0\xff\xff\xff\xff" + b"\xfe\xff\x00\xe0\0\0\0\0" * 3_000
    assert "more elements" in refused(data[:at] + empty + data[at:]).reason


def test_sequences_nested_too_deeply_are_refused_or_passed_over() -> None:
    deep = b"\x09\x00\x01\x10SQ\0\0\xff\xff\xff\xff\xfe\xff\x00\xe0\xff\xff\xff\xff" * 5_000
    data = saved(image())
    at = data.index(b"\x28\x00\x02\x00US")
    assert refused(data[:at] + deep + data[at:]).code in {"unreadable", "not-an-xray", "truncated"}


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"", "zero-bytes"),
        (b"a text of many words\n" * 20, "not-an-image"),
        (b"\x89PNG\r\n\x1a\n" + bytes(200), "not-an-image"),
        (bytes(500), "not-an-image"),
        (bytes(128) + b"DICM", "not-an-image"),
        (bytes(128) + b"DICM" + b"plain text follows" * 30, "not-an-image"),
        (b"\x08\0\x05\0CS\x04\0abcd" + b"text " * 50, "not-an-image"),
    ],
)
def test_what_is_no_dicom_is_refused(data: bytes, code: str) -> None:
    assert refused(data).code == code


@given(data=st.data(), which=st.integers(0, 12))
@settings(max_examples=150, deadline=None)
def test_damaged_bytes_end_as_an_image_or_as_an_image_error(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject, which: int
) -> None:
    files = _FILES or _FILES.extend(everywhere(tmp_path_factory.mktemp("images"))) or _FILES
    content = bytearray(files[which][2])
    for _ in range(data.draw(st.integers(1, 6))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    del content[data.draw(st.integers(len(content) // 2, len(content))) :]
    try:
        made = read_image(bytes(content), options=EVERYTHING)
    except ImageError:
        return
    assert made.grey.mode == "L"


_FILES: list[tuple[uid.UID, Pixels, bytes, int]] = []


LOSSLESS_DAMAGE: dict[str, Callable[[bytes], bytes]] = {
    "precision": lambda frame: frame[:6] + b"\x11" + frame[7:],
    "no Huffman table": lambda frame: frame.replace(b"\xff\xc4", b"\xff\xe4", 1),
    "unknown table": lambda frame: frame.replace(b"\x01\x01\0\x01\0\0", b"\x01\x01\x30\x01\0\0", 1),
    "selection value": lambda frame: frame.replace(b"\x01\x01\0\x01\0\0", b"\x01\x01\0\x09\0\0", 1),
    "marker in the data": lambda frame: frame[:-200] + b"\xff\xc4" + frame[-198:],
    "cut off": lambda frame: frame[:-2],
}


@pytest.mark.parametrize("damage", LOSSLESS_DAMAGE)
def test_jpeg_lossless_that_is_not_well_formed_never_reaches_the_decoder(
    tmp_path: Path, damage: str
) -> None:
    data = as_jpeg_lossless(image(), str(tmp_path), uid.JPEGLosslessSV1)
    at, end = data.index(b"\xff\xd8\xff\xc3"), data.rindex(b"\xff\xd9") + 2
    bad = LOSSLESS_DAMAGE[damage](data[at:end])
    assert bad != data[at:end]
    error = refused(packed(image(), bad, uid.JPEGLosslessSV1))
    assert error.code in {"unreadable", "truncated"}

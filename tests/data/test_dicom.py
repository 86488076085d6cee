from __future__ import annotations

import io
import logging
import math
import struct
import sys
import warnings
import zlib
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

pytest.importorskip("pydicom")

import numpy as np
from pydicom import dcmread, uid
from pydicom.dataset import Dataset

from rekognition_xray.data import dicom
from rekognition_xray.data.dicom import DicomFilm, read_film, read_patient
from rekognition_xray.data.dicom_pixels import Raster, stored_values
from rekognition_xray.data.images import decode, prepare
from rekognition_xray.errors import ImageError, MissingExtraError

from .dicom_files import (
    Pixels,
    as_jpeg,
    as_jpeg_2000,
    as_jpeg_lossless,
    as_jpeg_ls,
    as_rle,
    film,
    lut,
    packed,
    put,
    ramp,
    saved,
)


def grey(data: bytes) -> list[int]:
    return list(read_film(data).grey.tobytes())


def refused(data: bytes, **options: bool) -> ImageError:
    with pytest.raises(ImageError) as caught:
        read_film(data, name="film 7", **options)
    assert caught.value.message.startswith("film 7: ")
    return caught.value


# -- the grey scale chain, against PS3.3 C.11.2 written out here -----------------------------------


def linear(x: float, c: float, w: float) -> float:
    if x <= c - 0.5 - (w - 1) / 2:
        return 0.0
    if x > c - 0.5 + (w - 1) / 2:
        return 255.0
    return ((x - (c - 0.5)) / (w - 1) + 0.5) * 255.0


def linear_exact(x: float, c: float, w: float) -> float:
    if x <= c - w / 2:
        return 0.0
    if x > c + w / 2:
        return 255.0
    return ((x - c) / w + 0.5) * 255.0


def sigmoid(x: float, c: float, w: float) -> float:
    return 255.0 / (1 + math.exp(-4 * (x - c) / w))


WINDOWS = {"LINEAR": linear, "LINEAR_EXACT": linear_exact, "SIGMOID": sigmoid}


def agree(found: list[int], expected: list[float]) -> None:
    """Each grey is its real value rounded; a value half-way may go either way."""
    assert len(found) == len(expected)
    assert max(abs(a - b) for a, b in zip(found, expected, strict=True)) <= 0.5 + 1e-9


@pytest.mark.parametrize("kind", ["none", *WINDOWS])
@pytest.mark.parametrize("photometric", ["MONOCHROME1", "MONOCHROME2"])
@pytest.mark.parametrize("bits", [8, 12, 16])
def test_each_path_of_the_chain_agrees_with_the_formulas(
    bits: int, photometric: str, kind: str
) -> None:
    pixels = ramp(bits)[5:, :]  # not from 0 on, so that the full range shows
    centre, width = 0.45 * 2**bits, 0.6 * 2**bits
    tags: dict[str, object] = {"PhotometricInterpretation": photometric, "BitsStored": bits}
    if kind != "none":
        tags |= {"WindowCenter": centre, "WindowWidth": width, "VOILUTFunction": kind}
    stored = [int(value) for value in pixels.ravel()]
    if kind == "none":
        least, most = min(stored), max(stored)
        expected = [(x - least) / (most - least) * 255.0 for x in stored]
    else:
        expected = [WINDOWS[kind](x, centre, width) for x in stored]
    if photometric == "MONOCHROME1":
        expected = [255.0 - y for y in expected]
    found = grey(saved(film(pixels, **tags)))
    agree(found, expected)
    assert (min(found), max(found)) == ((0, 255) if kind != "SIGMOID" else (min(found), max(found)))


@pytest.mark.parametrize("kind", WINDOWS)
@pytest.mark.parametrize("slope", [2.5, -0.5, 1.0])
@pytest.mark.parametrize("signed", [False, True])
def test_a_window_is_laid_over_rescaled_values(kind: str, slope: float, signed: bool) -> None:
    pixels = ramp(12, signed=signed)
    tags = {"RescaleSlope": slope, "RescaleIntercept": -1024}
    data = saved(film(pixels, **tags, WindowCenter=300, WindowWidth=1500.5, VOILUTFunction=kind))
    real = [int(value) * slope - 1024 for value in pixels.ravel()]
    agree(grey(data), [WINDOWS[kind](x, 300, 1500.5) for x in real])


def test_the_narrowest_linear_window_is_a_threshold() -> None:
    pixels = ramp()
    data = saved(film(pixels, WindowCenter=2000, WindowWidth=1))
    assert grey(data) == [255 if x > 1999.5 else 0 for x in pixels.ravel()]


def test_the_window_function_is_linear_unless_said() -> None:
    window = {"WindowCenter": 2000, "WindowWidth": 900}
    said = saved(film(**window, VOILUTFunction="LINEAR"))
    assert grey(saved(film(**window))) == grey(said)


def test_the_first_of_several_windows_is_taken_and_recorded() -> None:
    several = film(WindowCenter=[1000, 3000], WindowWidth=[500, 600])
    made = read_film(saved(several))
    assert "window LINEAR 1000 / 500 (first of 2)" in made.steps
    alone = saved(film(WindowCenter=1000, WindowWidth=500))
    assert made.grey.tobytes() == read_film(alone).grey.tobytes()


@pytest.mark.parametrize("syntax", [uid.ExplicitVRLittleEndian, uid.ImplicitVRLittleEndian])
@pytest.mark.parametrize("first", [0, 500, -100])
def test_a_voi_lut_holds_its_ends_beyond_its_places(syntax: uid.UID, first: int) -> None:
    entries = [(place * 7) % 4096 for place in range(600)]
    pixels = ramp(12, signed=True)
    data = saved(film(pixels, VOILUTSequence=lut(entries, first=first, bits=12)), syntax)
    places = [min(max(int(x) - first, 0), 599) for x in pixels.ravel()]
    agree(grey(data), [entries[place] / 4095 * 255 for place in places])


@pytest.mark.parametrize("packed_bytes", [False, True])
def test_a_voi_lut_of_8_bit_entries_has_more_than_256_places(packed_bytes: bool) -> None:
    entries = [place // 16 for place in range(4096)]
    voi = lut(entries, bits=8, packed=packed_bytes)
    agree(grey(saved(film(VOILUTSequence=voi))), [float(x // 16) for x in ramp().ravel()])


def test_a_voi_lut_goes_before_a_window() -> None:
    entries = [4095 - place for place in range(4096)]
    both = film(VOILUTSequence=lut(entries, bits=12), WindowCenter=1, WindowWidth=2)
    agree(grey(saved(both)), [(4095 - x) / 4095 * 255 for x in map(float, ramp().ravel())])


def test_a_modality_lut_comes_before_the_window() -> None:
    entries = [place * place // 4096 for place in range(4096)]
    tags = {"ModalityLUTSequence": lut(entries), "WindowCenter": 1500, "WindowWidth": 2000}
    expected = [linear(entries[int(x)], 1500, 2000) for x in ramp().ravel()]
    agree(grey(saved(film(**tags))), expected)


def test_a_modality_lut_may_begin_below_zero() -> None:
    entries = list(range(4196))
    data = saved(film(ModalityLUTSequence=lut(entries, first=-100)))
    real = [int(x) + 100 for x in ramp().ravel()]
    agree(grey(data), [(x - 100) / 4095 * 255 for x in real])


@pytest.mark.parametrize(
    ("photometric", "shape", "inverted"),
    [
        ("MONOCHROME1", None, True),
        ("MONOCHROME1", "INVERSE", True),
        ("MONOCHROME2", "INVERSE", True),
        ("MONOCHROME2", "IDENTITY", False),
    ],
)
def test_a_film_is_inverted_once(photometric: str, shape: str | None, inverted: bool) -> None:
    tags = {"PhotometricInterpretation": photometric, "PresentationLUTShape": shape}
    found = grey(saved(film(**tags)))
    assert (found[0], found[-1]) == ((255, 0) if inverted else (0, 255))


@pytest.mark.parametrize("photometric", ["MONOCHROME1", "MONOCHROME2"])
def test_padding_is_black_and_left_out_of_the_range(photometric: str) -> None:
    pixels = ramp(10)
    pixels[:5], pixels[5:10], pixels[10:15] = 4000, 4050, 4095
    tags = {"PixelPaddingValue": 4000, "PixelPaddingRangeLimit": 4095}
    made = read_film(saved(film(pixels, **tags, PhotometricInterpretation=photometric)))
    assert set(made.grey.crop((0, 0, 90, 15)).tobytes()) == {0}
    assert made.grey.crop((0, 15, 90, 70)).getextrema() == (0, 255)
    assert made.steps[-1] == "padding made black"


@pytest.mark.parametrize("syntax", [uid.ExplicitVRLittleEndian, uid.ImplicitVRLittleEndian])
def test_padding_of_signed_pixels_may_be_negative(syntax: uid.UID) -> None:
    pixels = ramp(12, signed=True) // 2
    pixels[:5] = -2000
    made = read_film(saved(film(pixels, PixelPaddingValue=-2000), syntax))
    assert set(made.grey.crop((0, 0, 90, 5)).tobytes()) == {0}
    assert made.grey.crop((0, 5, 90, 70)).getextrema() == (0, 255)


def test_a_blank_film_has_one_grey() -> None:
    assert set(grey(saved(film(np.full((70, 90), 77, "u2"))))) == {0}


# -- stored bits -----------------------------------------------------------------------------------


@pytest.mark.parametrize("bits", [1, 6, 10, 12, 13, 15, 16])
@pytest.mark.parametrize("signed", [False, True])
def test_any_number_of_stored_bits_is_read(bits: int, signed: bool) -> None:
    pixels = ramp(bits, signed=signed).astype("i2" if signed else "u2")
    least, most = int(pixels.min()), int(pixels.max())
    made = read_film(saved(film(pixels, BitsStored=bits)))
    agree(list(made.grey.tobytes()), [(int(x) - least) / (most - least) * 255 for x in pixels.flat])
    assert made.bits_stored == bits


@pytest.mark.parametrize("syntax", [uid.ExplicitVRLittleEndian, uid.RLELossless])
@pytest.mark.parametrize("signed", [False, True])
def test_overlays_in_unused_bits_are_masked_off(syntax: uid.UID, signed: bool) -> None:
    pixels = ramp(12, signed=signed)
    noisy = (pixels.astype("u2") & 0x0FFF) | 0xA000
    plain, marked = (film(cells.astype(pixels.dtype)) for cells in (pixels, noisy))
    if syntax == uid.RLELossless:
        assert grey(packed(marked, as_rle(marked), syntax)) == grey(saved(plain))
    else:
        assert grey(saved(marked)) == grey(saved(plain))


def test_stored_bits_may_lie_high_in_their_cell() -> None:
    high = film((ramp(12) << 4) | 0b1011, HighBit=15)
    assert grey(saved(high)) == grey(saved(film()))


# -- transfer syntaxes -----------------------------------------------------------------------------


def everywhere(folder: Path) -> Iterator[tuple[uid.UID, Pixels, bytes, int]]:
    """Each transfer syntax once: pixels, the file, and by how much its pixels may be off."""
    deep, flat = ramp(12), ramp(8)
    yield uid.ImplicitVRLittleEndian, deep, saved(film(deep), uid.ImplicitVRLittleEndian), 0
    yield uid.ExplicitVRLittleEndian, deep, saved(film(deep)), 0
    big = film(deep)
    big.PixelData = deep.astype(">u2").tobytes()
    yield uid.ExplicitVRBigEndian, deep, saved(big, uid.ExplicitVRBigEndian), 0
    deflated = uid.DeflatedExplicitVRLittleEndian
    yield deflated, deep, saved(film(deep), deflated), 0
    yield uid.RLELossless, deep, packed(film(deep), as_rle(film(deep)), uid.RLELossless), 0
    for syntax, near in ((uid.JPEGLSLossless, 0), (uid.JPEGLSNearLossless, 3)):
        yield syntax, deep, packed(film(deep), as_jpeg_ls(deep, near), syntax), near
    lossless = as_jpeg_2000(deep, 12)
    yield uid.JPEG2000Lossless, deep, packed(film(deep), lossless, uid.JPEG2000Lossless), 0
    yield uid.JPEG2000, deep, packed(film(deep), as_jpeg_2000(deep, 12, [6]), uid.JPEG2000), 8
    for syntax in (uid.JPEGBaseline8Bit, uid.JPEGExtended12Bit):
        yield syntax, flat, packed(film(flat), as_jpeg(flat), syntax), 2
    for syntax in (uid.JPEGLossless, uid.JPEGLosslessSV1):
        yield syntax, deep, as_jpeg_lossless(film(deep), str(folder), syntax), 0


def test_each_transfer_syntax_gives_the_stored_values(tmp_path: Path) -> None:
    read = []
    for syntax, pixels, data, off in everywhere(tmp_path):
        dataset = dcmread(io.BytesIO(data))
        assert dataset.file_meta.TransferSyntaxUID == syntax
        found = stored_values(dataset, Raster.of(dataset), syntax)
        assert np.abs(found.astype(int) - pixels.astype(int)).max() <= off, syntax.name
        made = read_film(data)
        assert made.steps[0] == f"decoded DICOM in {syntax.name}"
        assert made.grey.size == (90, 70)
        read.append(syntax)
    assert len(set(read)) == 13


@pytest.mark.parametrize("pack", ["RLE", "JPEG-LS", "JPEG 2000", "JPEG Lossless"])
def test_packed_pixels_may_be_signed(tmp_path: Path, pack: str) -> None:
    pixels = ramp(12, signed=True)
    made = {
        "RLE": lambda: packed(film(pixels), as_rle(film(pixels)), uid.RLELossless),
        "JPEG-LS": lambda: packed(
            film(pixels), as_jpeg_ls(pixels.astype("u2") & 0xFFF), uid.JPEGLSLossless
        ),
        "JPEG 2000": lambda: packed(film(pixels), as_jpeg_2000(pixels, 12), uid.JPEG2000Lossless),
        "JPEG Lossless": lambda: as_jpeg_lossless(film(pixels), str(tmp_path), uid.JPEGLosslessSV1),
    }[pack]()
    assert grey(made) == grey(saved(film(pixels)))


def test_8_bit_pixels_in_big_endian_words_are_swapped_back() -> None:
    pixels = ramp(8)
    words = film(pixels)
    words.PixelData = pixels.view("u2").byteswap().tobytes()
    words["PixelData"].VR = "OW"
    assert grey(saved(words, uid.ExplicitVRBigEndian)) == grey(saved(film(pixels)))


NATIVE = [uid.ImplicitVRLittleEndian, uid.ExplicitVRLittleEndian, uid.ExplicitVRBigEndian]


@pytest.mark.parametrize("syntax", NATIVE)
def test_a_file_without_preamble_and_file_meta_is_read(syntax: uid.UID) -> None:
    bare = film()
    if not syntax.is_little_endian:
        bare.PixelData = ramp().astype(">u2").tobytes()
    data = saved(bare, syntax, whole=False)
    assert data[128:132] != b"DICM"
    assert grey(data) == grey(saved(film()))


def test_a_file_of_file_meta_without_preamble_is_read() -> None:
    assert grey(saved(film())[132:]) == grey(saved(film()))


@pytest.mark.parametrize(
    ("syntax", "name"),
    [
        (uid.MPEG4HP41, "MPEG-4"),
        (uid.MPEG2MPML, "MPEG2"),
        ("1.2.3.4.5.6.7", "1.2.3.4.5.6.7"),
    ],
)
def test_a_transfer_syntax_that_nobody_reads_is_named(syntax: str, name: str) -> None:
    error = refused(packed(film(), b"\xff\xd8\xff\xd9", uid.UID(syntax)))
    assert error.code == "no-decoder"
    assert name in error.reason
    assert str(syntax) in error.reason


# -- what is no film -------------------------------------------------------------------------------


@pytest.mark.parametrize("modality", dicom.MODALITIES)
def test_plain_x_ray_films_are_taken(modality: str) -> None:
    assert read_film(saved(film(Modality=modality))).bits_stored == 12


@pytest.mark.parametrize(
    "sop_class",
    [uid.ComputedRadiographyImageStorage, uid.DigitalXRayImageStorageForPresentation],
)
def test_a_film_without_modality_is_taken_by_its_class(sop_class: uid.UID) -> None:
    assert read_film(saved(film(Modality=None, SOPClassUID=sop_class))).bits_stored == 12


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
            {"PixelData": None, "Rows": None, "SOPClassUID": uid.EncapsulatedPDFStorage},
            "no pixels: Encapsulated PDF Storage",
        ),
    ],
)
def test_what_is_no_film_is_refused_by_name(tags: dict[str, object], reason: str) -> None:
    error = refused(saved(film(**tags)))
    assert error.code == "not-a-film"
    assert reason in error.reason
    assert "JANE" not in str(error)


def test_one_frame_is_a_film() -> None:
    assert read_film(saved(film(NumberOfFrames=1))).bits_stored == 12


@pytest.mark.parametrize(
    ("tags", "held"),
    [
        ({"BurnedInAnnotation": "YES"}, True),
        ({"BurnedInAnnotation": "NO"}, False),
        ({}, False),
        ({"SOPClassUID": uid.SecondaryCaptureImageStorage}, True),
        ({"SOPClassUID": uid.MultiFrameGrayscaleWordSecondaryCaptureImageStorage}, True),
        ({"SOPClassUID": uid.SecondaryCaptureImageStorage, "BurnedInAnnotation": "NO"}, False),
        ({"SOPClassUID": uid.SecondaryCaptureImageStorage, "BurnedInAnnotation": "YES"}, True),
        ({"ConversionType": "WSD"}, True),
        ({"ConversionType": "WSD", "BurnedInAnnotation": "NO"}, False),
    ],
)
def test_a_film_that_may_show_a_name_is_held_back(tags: dict[str, object], held: bool) -> None:
    data = saved(film(**tags))
    for read in (decode, prepare, read_film):
        if held:
            with pytest.raises(ImageError, match="held back") as caught:
                read(data)
            assert caught.value.code == "burned-in"
            assert "allow_burned_in=True" in caught.value.hint
        released = read(data, allow_burned_in=True)
        assert ("burned-in text allowed" in released.steps) is held


# -- bad input -------------------------------------------------------------------------------------


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
        ({"RescaleSlope": 1, "RescaleIntercept": 0, "ModalityLUTSequence": lut([1, 2])}, "and a"),
        ({"VOILUTSequence": lut([1, 2, 3], bits=20)}, "entries of 20 bits"),
        ({"VOILUTSequence": lut([1, 2, 5000], bits=12)}, "more than its 12 bits"),
        ({"PixelPaddingValue": 0, "PixelPaddingRangeLimit": 65535}, "every pixel is padding"),
    ],
)
def test_tags_that_are_missing_or_contradict_each_other_are_named(
    tags: dict[str, object], reason: str
) -> None:
    error = refused(saved(film(**tags)))
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
    assert "VOI LUT" in refused(saved(film(VOILUTSequence=voi))).reason


@pytest.mark.parametrize("value", [b"NaN ", b"1e99999 ", b"Jane Example", b"\xff\xfe"])
def test_a_number_that_is_none_is_refused_unquoted(value: bytes) -> None:
    data = saved(film(WindowCenter="77", WindowWidth="66"))
    tag = b"\x28\x00\x50\x10DS"
    bad = tag + struct.pack("<H", len(value)) + value
    error = refused(data.replace(tag + b"\x02\x00" + b"77", bad))
    assert error.code == "unreadable"
    assert "Jane" not in str(error)


def test_pixels_that_need_more_bits_than_are_stored_are_refused() -> None:
    deep = ramp(16)
    data = packed(film(deep, BitsStored=12), as_jpeg_2000(deep, 16), uid.JPEG2000Lossless)
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
        "RLE": lambda: (as_rle(film(other)), uid.RLELossless),
    }[pack]()
    assert refused(packed(film(ramp(8)), frame, syntax)).code in {"unreadable", "truncated"}


def test_coloured_pixels_behind_grey_tags_are_refused() -> None:
    buffer = io.BytesIO()
    Image.new("RGB", (90, 70), "red").save(buffer, "JPEG")
    error = refused(packed(film(ramp(8)), buffer.getvalue(), uid.JPEGBaseline8Bit))
    assert "in 3 colours" in error.reason


def test_pixels_that_are_compressed_against_the_transfer_syntax_are_refused() -> None:
    data = packed(film(), as_jpeg_2000(ramp(), 12), uid.JPEG2000Lossless)
    bare = data[data.index(b"\x08\x00\x16\x00UI") :]
    assert "says they are not" in refused(bare).reason


@pytest.mark.parametrize("share", [0.01, 0.05, 0.3, 0.6, 0.95])
@pytest.mark.parametrize("whole", [True, False])
def test_a_film_that_is_cut_off_is_refused(share: float, whole: bool) -> None:
    data = saved(film(), whole=whole)
    error = refused(data[: int(len(data) * share)])
    assert error.code in ({"truncated"} if share >= 0.05 else {"truncated", "not-an-image"})


def test_a_packed_film_that_is_cut_off_is_refused(tmp_path: Path) -> None:
    for syntax, _, data, _ in everywhere(tmp_path):
        error = refused(data[: len(data) * 3 // 4])
        assert error.code in {"truncated", "unreadable"}, syntax.name


def test_pixels_of_two_frames_behind_tags_of_one_are_refused() -> None:
    twice = film()
    twice.PixelData = ramp().tobytes() * 2
    assert "bytes of pixels where" in refused(saved(twice)).reason


def test_a_little_too_much_behind_the_pixels_is_left_alone() -> None:
    padded = film()
    padded.PixelData = ramp().tobytes() + bytes(100)
    assert grey(saved(padded)) == grey(saved(film()))


@pytest.mark.parametrize("size", [(60_000, 60_000), (9_000, 9_000), (63, 300), (64, 1300)])
def test_sizes_are_checked_before_pixels_are_decoded(size: tuple[int, int]) -> None:
    error = refused(saved(film(Rows=size[0], Columns=size[1])))
    assert error.code == "over-limits"


def test_a_deflated_bomb_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dicom, "MAX_SOURCE_BYTES", 2**20)
    data = saved(film(np.zeros((1000, 1000), "u2")), uid.DeflatedExplicitVRLittleEndian)
    assert len(data) < 2**16
    assert refused(data).code == "over-limits"


def test_endless_elements_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dicom, "_MAX_READS", 2_000)
    nothing = b"\x09\x00\x01\x10LO\0\0"
    data = saved(film())
    at = data.index(b"\x28\x00\x02\x00US")
    assert "more elements" in refused(data[:at] + nothing * 3_000 + data[at:]).reason
    empty = b"\x09\x00\x01\x10SQ\0\0\xff\xff\xff\xff" + b"\xfe\xff\x00\xe0\0\0\0\0" * 3_000
    assert "more elements" in refused(data[:at] + empty + data[at:]).reason


def test_sequences_nested_too_deeply_are_refused_or_passed_over() -> None:
    deep = b"\x09\x00\x01\x10SQ\0\0\xff\xff\xff\xff\xfe\xff\x00\xe0\xff\xff\xff\xff" * 5_000
    data = saved(film())
    at = data.index(b"\x28\x00\x02\x00US")
    assert refused(data[:at] + deep + data[at:]).code in {"unreadable", "not-a-film", "truncated"}


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
def test_damaged_bytes_end_as_a_film_or_as_an_image_error(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject, which: int
) -> None:
    files = _FILES or _FILES.extend(everywhere(tmp_path_factory.mktemp("films"))) or _FILES
    content = bytearray(files[which][2])
    for _ in range(data.draw(st.integers(1, 6))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    del content[data.draw(st.integers(len(content) // 2, len(content))) :]
    try:
        made = read_film(bytes(content), allow_burned_in=True)
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
    data = as_jpeg_lossless(film(), str(tmp_path), uid.JPEGLosslessSV1)
    at, end = data.index(b"\xff\xd8\xff\xc3"), data.rindex(b"\xff\xd9") + 2
    bad = LOSSLESS_DAMAGE[damage](data[at:end])
    assert bad != data[at:end]
    error = refused(packed(film(), bad, uid.JPEGLosslessSV1))
    assert error.code in {"unreadable", "truncated"}


# -- silence and privacy ---------------------------------------------------------------------------


def test_nothing_is_warned_of_or_logged(caplog: pytest.LogCaptureFixture) -> None:
    odd = film(PatientID="Jane Example", NumberOfFrames=0, SOPInstanceUID="no uid: Jane Example")
    odd.add_new(0x00080005, "CS", "NO SUCH SET")
    odd.PixelData = odd.PixelData + bytes(50)
    sound, broken = saved(odd), packed(film(), as_jpeg(ramp(8))[:-99], uid.JPEGBaseline8Bit)
    caplog.clear()
    with caplog.at_level(logging.DEBUG):
        read_film(sound)
        refused(broken)
    assert not [record for record in caplog.records if record.name.startswith("pydicom")]
    assert logging.getLogger("pydicom").level == logging.WARNING


def test_reading_leaves_the_filters_of_warnings_alone() -> None:
    before = list(warnings.filters)
    read_film(saved(film()))
    assert warnings.filters == before


def test_films_read_in_many_threads_come_out_alike_and_in_silence(tmp_path: Path) -> None:
    files = [data for _, _, data, _ in everywhere(tmp_path)] * 4
    alone = [grey(data) for data in files[:13]]
    before, level = list(warnings.filters), logging.getLogger("pydicom").level
    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(grey, files)) == alone * 4
    assert (warnings.filters, logging.getLogger("pydicom").level) == (before, level)


@pytest.mark.parametrize(
    ("tag", "patient"), [("A-17", "A-17"), (" 0042 ", "0042"), ("", None), (None, None)]
)
def test_the_patient_is_told_and_kept_out_of_sight(tag: str | None, patient: str | None) -> None:
    made = read_film(saved(film(PatientID=tag)))
    assert made.patient == patient
    assert "42" not in repr(made)
    assert "A-17" not in repr(made)


@pytest.mark.parametrize(("tag", "patient"), [("A-17", "A-17"), ("", None)])
def test_the_patient_is_read_without_the_pixels(
    tag: str, patient: str | None, tmp_path: Path
) -> None:
    path = tmp_path / "film.dcm"
    path.write_bytes(saved(film(PatientID=tag, BurnedInAnnotation="YES"))[:-20])
    with pytest.raises(ImageError):
        read_film(path)
    assert read_patient(path) == patient


@pytest.mark.parametrize("content", [b"", b"no film", saved(film(Modality="CT"))])
def test_no_patient_is_read_of_what_is_no_film(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "film.dcm"
    path.write_bytes(content)
    with pytest.raises(ImageError):
        read_patient(path)


SECRET = "Jane^Example"
BIRTH = "19700131"


def full_of_secrets() -> Dataset:
    """A film with a name, a date and a comment in every place a DICOM file has for them."""
    told = film(PatientName=SECRET, PatientID=f"{SECRET}-1", PatientBirthDate=BIRTH)
    told.ImageComments = told.StudyDescription = told.AccessionNumber = SECRET
    told.WindowCenterWidthExplanation = SECRET
    put(told, "BodyPartExamined", SECRET.upper())
    told.WindowCenter, told.WindowWidth = 2000, 3000
    told.AcquisitionDate = told.StudyDate = BIRTH
    inner = Dataset()
    inner.PersonName = SECRET
    outer = Dataset()
    outer.PersonIdentificationCodeSequence = [inner]
    outer.TextValue = SECRET
    told.RequestAttributesSequence = [outer]
    told.VOILUTSequence = lut(range(4096), bits=12)
    told.VOILUTSequence[0].LUTExplanation = SECRET
    private = told.private_block(0x0029, SECRET, create=True)
    private.add_new(1, "LO", SECRET)
    private.add_new(2, "OB", SECRET.encode())
    told.add_new(0x60000010, "US", 70)
    told.add_new(0x60000011, "US", 90)
    told.add_new(0x60000022, "LO", SECRET)
    told.add_new(0x60004000, "LT", SECRET)
    told.add_new(0x60003000, "OW", (SECRET.encode() * 99)[:788])
    told.add_new(0x50000022, "LO", SECRET)
    told.add_new(0x50003000, "OW", SECRET.encode())
    told.PixelData = told.PixelData + SECRET.encode() * 4
    told.add_new(0xFFFCFFFC, "OB", SECRET.encode() * 10)
    return told


@pytest.mark.parametrize("syntax", [uid.ExplicitVRLittleEndian, uid.ImplicitVRLittleEndian])
def test_nothing_but_pixels_gets_through(syntax: uid.UID) -> None:
    source = saved(full_of_secrets(), syntax)
    source = (SECRET * 20).encode()[:128] + source[128:] + SECRET.encode()  # the preamble, too
    assert source.count(SECRET.encode()) > 20
    made = prepare(source)
    hidden = made.data + b"".join(inflated(made.data)) + repr(made).encode()
    for word in (SECRET, SECRET.upper(), BIRTH, "Jane", "JANE"):
        assert word.encode() not in hidden
    plain = film(VOILUTSequence=lut(range(4096), bits=12))
    assert made.data == prepare(saved(plain)).data


def inflated(png: bytes) -> Iterator[bytes]:
    """The content of each chunk, as it is and decompressed."""
    at = 8
    kinds = []
    while at < len(png):
        length = struct.unpack(">I", png[at : at + 4])[0]
        kinds.append(png[at + 4 : at + 8])
        content = png[at + 8 : at + 8 + length]
        yield content
        if kinds[-1] == b"IDAT":
            yield zlib.decompress(content)
        at += 12 + length
    assert set(kinds) == {b"IHDR", b"IDAT", b"IEND"}


# -- the rest --------------------------------------------------------------------------------------


def test_a_film_is_prepared_the_same_from_bytes_and_path(tmp_path: Path) -> None:
    path = tmp_path / "film"
    path.write_bytes(saved(film()))
    made = prepare(path)
    assert made == prepare(path.read_bytes())
    assert made.extension == "png"
    assert made.steps == (
        "decoded DICOM in Explicit VR Little Endian",
        "12 of 16 bits, unsigned",
        "full range 0 to 4095",
        "encoded PNG",
    )
    assert isinstance(read_film(path), DicomFilm)


def test_an_error_names_the_file(tmp_path: Path) -> None:
    path = tmp_path / "ct.dcm"
    path.write_bytes(saved(film(Modality="CT")))
    for read in (decode, prepare, read_film):
        with pytest.raises(ImageError, match=r"ct\.dcm") as caught:
            read(path)
        assert caught.value.paths == (path,)


def test_a_decoded_film_tells_its_header() -> None:
    header = decode(saved(film())).probe
    assert (header.format, header.width, header.height, header.mode) == ("DICOM", 90, 70, "I;16")
    assert decode(saved(film(ramp(8)))).probe.mode == "L"


def test_without_the_extra_it_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in sys.modules if name.startswith("rekognition_xray.data.dicom")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "pydicom", None)
    with pytest.raises(MissingExtraError, match="'dicom'") as caught:
        prepare(saved_before)
    assert "rekognition-xray[dicom]" in caught.value.hint


saved_before = saved(film())


def test_five_of_the_six_real_files_are_read(xrays: Path) -> None:
    read, told = {}, {}
    for path in sorted((xrays / "dicom").glob("*.dcm")):
        try:
            read[path.stem] = read_film(path, allow_burned_in=path.stem == "Fake_MONOHR1")
        except ImageError as error:
            told[path.stem] = error
    assert {name: made.bits_stored for name, made in read.items()} == {
        "CR-MONO1-10-chest": 10,
        "Fake_MONOHR1": 8,
        "RG1_J2KI_chest": 15,
        "RG2_JPLL_hip": 10,
        "RG3_J2KR_tibia": 10,
    }
    assert "JPEG Extended (Process 2 and 4)" in told["RG3_JPLY_tibia"].reason
    assert told["RG3_JPLY_tibia"].code == "no-decoder"
    spine, lung = (
        np.asarray(read["CR-MONO1-10-chest"].grey.crop(box)).mean()
        for box in ((205, 150, 235, 300), (90, 200, 130, 300))
    )
    assert spine > lung + 30  # bone is bright


def test_a_real_secondary_capture_is_held_back(xrays: Path) -> None:
    with pytest.raises(ImageError, match="held back") as caught:
        prepare(xrays / "dicom" / "Fake_MONOHR1.dcm")
    assert caught.value.code == "burned-in"

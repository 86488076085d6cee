"""DICOM's grey scale chain, against PS3.3 C.11.2 written out here, and stored bits."""

from __future__ import annotations

import math

import pytest

pytest.importorskip("pydicom")

import numpy as np
from pydicom import uid

from rekognition_xray.data.images import ImageOptions
from rekognition_xray.data.images.dicom import read_image

from ...support.dicom_files import (
    as_rle,
    grey,
    image,
    lut,
    packed,
    ramp,
    refused,
    saved,
)


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
    found = grey(saved(image(pixels, **tags)))
    agree(found, expected)
    assert (min(found), max(found)) == ((0, 255) if kind != "SIGMOID" else (min(found), max(found)))


@pytest.mark.parametrize("kind", WINDOWS)
@pytest.mark.parametrize("slope", [2.5, -0.5, 1.0])
@pytest.mark.parametrize("signed", [False, True])
def test_a_window_is_laid_over_rescaled_values(kind: str, slope: float, signed: bool) -> None:
    pixels = ramp(12, signed=signed)
    tags = {"RescaleSlope": slope, "RescaleIntercept": -1024}
    data = saved(image(pixels, **tags, WindowCenter=300, WindowWidth=1500.5, VOILUTFunction=kind))
    real = [int(value) * slope - 1024 for value in pixels.ravel()]
    agree(grey(data), [WINDOWS[kind](x, 300, 1500.5) for x in real])


def test_the_narrowest_linear_window_is_a_threshold() -> None:
    pixels = ramp()
    data = saved(image(pixels, WindowCenter=2000, WindowWidth=1))
    assert grey(data) == [255 if x > 1999.5 else 0 for x in pixels.ravel()]


def test_the_window_function_is_linear_unless_said() -> None:
    window = {"WindowCenter": 2000, "WindowWidth": 900}
    said = saved(image(**window, VOILUTFunction="LINEAR"))
    assert grey(saved(image(**window))) == grey(said)


def test_the_first_of_several_windows_is_taken_and_recorded() -> None:
    several = image(WindowCenter=[1000, 3000], WindowWidth=[500, 600])
    made = read_image(saved(several))
    assert "window LINEAR 1000 / 500 (first of 2)" in made.steps
    alone = saved(image(WindowCenter=1000, WindowWidth=500))
    assert made.grey.tobytes() == read_image(alone).grey.tobytes()


@pytest.mark.parametrize("syntax", [uid.ExplicitVRLittleEndian, uid.ImplicitVRLittleEndian])
@pytest.mark.parametrize("first", [0, 500, -100])
def test_a_voi_lut_holds_its_ends_beyond_its_places(syntax: uid.UID, first: int) -> None:
    entries = [(place * 7) % 4096 for place in range(600)]
    pixels = ramp(12, signed=True)
    data = saved(image(pixels, VOILUTSequence=lut(entries, first=first, bits=12)), syntax)
    places = [min(max(int(x) - first, 0), 599) for x in pixels.ravel()]
    agree(grey(data), [entries[place] / 4095 * 255 for place in places])


@pytest.mark.parametrize("packed_bytes", [False, True])
def test_a_voi_lut_of_8_bit_entries_has_more_than_256_places(packed_bytes: bool) -> None:
    entries = [place // 16 for place in range(4096)]
    voi = lut(entries, bits=8, packed=packed_bytes)
    agree(grey(saved(image(VOILUTSequence=voi))), [float(x // 16) for x in ramp().ravel()])


def test_a_voi_lut_goes_before_a_window() -> None:
    entries = [4095 - place for place in range(4096)]
    both = image(VOILUTSequence=lut(entries, bits=12), WindowCenter=1, WindowWidth=2)
    agree(grey(saved(both)), [(4095 - x) / 4095 * 255 for x in map(float, ramp().ravel())])


def test_a_modality_lut_comes_before_the_window() -> None:
    entries = [place * place // 4096 for place in range(4096)]
    tags = {"ModalityLUTSequence": lut(entries), "WindowCenter": 1500, "WindowWidth": 2000}
    expected = [linear(entries[int(x)], 1500, 2000) for x in ramp().ravel()]
    agree(grey(saved(image(**tags))), expected)


def test_a_modality_lut_may_begin_below_zero() -> None:
    entries = list(range(4196))
    data = saved(image(ModalityLUTSequence=lut(entries, first=-100)))
    real = [int(x) + 100 for x in ramp().ravel()]
    agree(grey(data), [(x - 100) / 4095 * 255 for x in real])


@pytest.mark.parametrize(
    ("photometric", "shape", "inverted"),
    [
        ("MONOCHROME1", None, True),
        ("MONOCHROME1", "INVERSE", True),
        ("MONOCHROME2", None, False),
        ("MONOCHROME2", "IDENTITY", False),
        ("MONOCHROME1", "LIN OD", True),
    ],
)
def test_an_image_is_inverted_once(photometric: str, shape: str | None, inverted: bool) -> None:
    tags = {"PhotometricInterpretation": photometric, "PresentationLUTShape": shape}
    found = grey(saved(image(**tags)))
    assert (found[0], found[-1]) == ((255, 0) if inverted else (0, 255))


@pytest.mark.parametrize(
    ("photometric", "shape", "first"),
    [("MONOCHROME1", "IDENTITY", "inverted"), ("MONOCHROME2", "INVERSE", "as it is")],
)
def test_tags_that_are_crossed_hold_an_image_back_until_the_user_says_which_is_right(
    photometric: str, shape: str, first: str
) -> None:
    data = saved(image(PhotometricInterpretation=photometric, PresentationLUTShape=shape))
    error = refused(data)
    second = "as it is" if first == "inverted" else "inverted"
    assert error.code == "polarity"
    assert f"PhotometricInterpretation {photometric} reads it {first}" in error.reason
    assert f"PresentationLUTShape {shape} {second}" in error.reason
    ends = {"inverted": (255, 0), "as it is": (0, 255)}
    for polarity, reading in (("photometric", first), ("presentation", second)):
        made = read_image(data, options=ImageOptions(polarity=polarity))
        found = list(made.grey.tobytes())
        assert (found[0], found[-1]) == ends[reading]
        followed = photometric if polarity == "photometric" else shape
        assert any(step.endswith(followed) for step in made.steps)


def test_stretching_uses_the_values_there_are() -> None:
    """A VOI LUT that declares 16 bits over 12-bit data leaves 17 grey levels of 256."""
    data = saved(image(VOILUTSequence=lut(list(range(4096)), bits=16)))
    dim = read_image(data)
    made = read_image(data, options=ImageOptions(stretch=True))
    assert len(set(dim.grey.tobytes())) == 17
    assert len(set(made.grey.tobytes())) == 256
    assert made.grey.getextrema() == (0, 255)
    assert "stretched from 0.0% to 6.2% of the display range" in made.steps


def test_stretching_changes_no_image_that_uses_the_whole_range() -> None:
    data = saved(image())
    assert read_image(data, options=ImageOptions(stretch=True)) == read_image(data)


@pytest.mark.parametrize("photometric", ["MONOCHROME1", "MONOCHROME2"])
def test_padding_is_black_and_left_out_of_the_range(photometric: str) -> None:
    pixels = ramp(10)
    pixels[:5], pixels[5:10], pixels[10:15] = 4000, 4050, 4095
    tags = {"PixelPaddingValue": 4000, "PixelPaddingRangeLimit": 4095}
    made = read_image(saved(image(pixels, **tags, PhotometricInterpretation=photometric)))
    assert set(made.grey.crop((0, 0, 90, 15)).tobytes()) == {0}
    assert made.grey.crop((0, 15, 90, 70)).getextrema() == (0, 255)
    assert made.steps[-1] == "padding made black"


@pytest.mark.parametrize("syntax", [uid.ExplicitVRLittleEndian, uid.ImplicitVRLittleEndian])
def test_padding_of_signed_pixels_may_be_negative(syntax: uid.UID) -> None:
    pixels = ramp(12, signed=True) // 2
    pixels[:5] = -2000
    made = read_image(saved(image(pixels, PixelPaddingValue=-2000), syntax))
    assert set(made.grey.crop((0, 0, 90, 5)).tobytes()) == {0}
    assert made.grey.crop((0, 5, 90, 70)).getextrema() == (0, 255)


def test_a_blank_image_has_one_grey() -> None:
    assert set(grey(saved(image(np.full((70, 90), 77, "u2"))))) == {0}


@pytest.mark.parametrize("bits", [1, 6, 10, 12, 13, 15, 16])
@pytest.mark.parametrize("signed", [False, True])
def test_any_number_of_stored_bits_is_read(bits: int, signed: bool) -> None:
    pixels = ramp(bits, signed=signed).astype("i2" if signed else "u2")
    least, most = int(pixels.min()), int(pixels.max())
    made = read_image(saved(image(pixels, BitsStored=bits)))
    agree(list(made.grey.tobytes()), [(int(x) - least) / (most - least) * 255 for x in pixels.flat])
    assert made.bits_stored == bits


@pytest.mark.parametrize("syntax", [uid.ExplicitVRLittleEndian, uid.RLELossless])
@pytest.mark.parametrize("signed", [False, True])
def test_overlays_in_unused_bits_are_masked_off(syntax: uid.UID, signed: bool) -> None:
    pixels = ramp(12, signed=signed)
    noisy = (pixels.astype("u2") & 0x0FFF) | 0xA000
    plain, marked = (image(cells.astype(pixels.dtype)) for cells in (pixels, noisy))
    if syntax == uid.RLELossless:
        assert grey(packed(marked, as_rle(marked), syntax)) == grey(saved(plain))
    else:
        assert grey(saved(marked)) == grey(saved(plain))


def test_stored_bits_may_lie_high_in_their_cell() -> None:
    high = image((ramp(12) << 4) | 0b1011, HighBit=15)
    assert grey(saved(high)) == grey(saved(image()))


@pytest.mark.parametrize("rescale", [(1, 0), (1.0, 0.0)])
def test_an_identity_rescale_beside_a_modality_lut_changes_nothing(rescale) -> None:
    table = lut([place * place // 4096 for place in range(4096)])
    alone = image(ModalityLUTSequence=table)
    both = image(ModalityLUTSequence=table, RescaleSlope=rescale[0], RescaleIntercept=rescale[1])
    assert grey(saved(both)) == grey(saved(alone))
    assert "modality LUT (the rescale beside it changes nothing)" in read_image(saved(both)).steps


def test_a_window_of_no_width_beside_a_usable_one_is_passed_over() -> None:
    both = image(WindowCenter=[1000, 2000], WindowWidth=[0, 900])
    alone = image(WindowCenter=2000, WindowWidth=900)
    assert grey(saved(both)) == grey(saved(alone))
    step = "window LINEAR 2000 / 900; 1 of no usable width passed over"
    assert step in read_image(saved(both)).steps


def test_an_unusable_voi_lut_beside_a_window_is_passed_over() -> None:
    broken = lut(range(4096), bits=40)
    both = image(VOILUTSequence=broken, WindowCenter=2000, WindowWidth=900)
    alone = image(WindowCenter=2000, WindowWidth=900)
    assert grey(saved(both)) == grey(saved(alone))
    assert any("unusable VOI LUT" in step for step in read_image(saved(both)).steps)

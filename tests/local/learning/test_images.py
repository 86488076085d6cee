from __future__ import annotations

import contextlib
import io
import struct
import zlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from PIL import Image, ImageOps
from scipy.ndimage import maximum_filter, minimum_filter

from rekognition_xray.local.learning import UnreadableImage, square
from rekognition_xray.local.learning.fast.images import (
    MOVES,
    SIDE,
    ZOOMS,
    Framing,
    Square,
    extremes,
    flat,
    reframe,
)


def image(width: int = 300, height: int = 240) -> Image.Image:
    """A smooth grey picture with a bright blob off the middle."""
    y, x = np.mgrid[-1 : 1 : height * 1j, -1 : 1 : width * 1j]
    values = 60 + 50 * x + 120 * np.exp(-((x - 0.3) ** 2 + (y + 0.2) ** 2) / 0.1)
    return Image.fromarray(np.clip(values, 0, 255).astype(np.uint8))


def saved(image: Image.Image, kind: str = "PNG", **options: object) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def difference(one: bytes, other: bytes) -> float:
    """Mean difference of two reduced images in grey levels of 255."""
    return float(np.mean(np.abs(square(one).astype(float) - square(other).astype(float))))


def deep(image: Image.Image) -> Image.Image:
    return Image.fromarray(np.asarray(image).astype(np.uint16) * 16)


PLAIN = saved(image())


@pytest.mark.parametrize(
    "same",
    [
        pytest.param(saved(image().convert("RGB")), id="RGB"),
        pytest.param(saved(image().convert("RGBA")), id="RGBA"),
        pytest.param(saved(image().convert("LA")), id="LA"),
        pytest.param(saved(image().convert("RGB").quantize(256)), id="palette"),
        pytest.param(saved(image().convert("RGB").convert("CMYK"), "JPEG", quality=95), id="CMYK"),
        pytest.param(saved(deep(image())), id="12 of 16 bit"),
        pytest.param(saved(image(), "JPEG", quality=95), id="JPEG"),
        pytest.param(saved(image(), "JPEG", quality=30), id="JPEG of low quality"),
        pytest.param(saved(image(900, 720)), id="three times the size"),
        pytest.param(saved(image(4000, 3200), "JPEG"), id="a large original"),
        pytest.param(saved(image(300, 120)), id="another aspect ratio"),
        pytest.param(saved(image().point(lambda v: 255 * (v / 255) ** 0.6)), id="another gamma"),
        pytest.param(saved(image().point(lambda v: 40 + v // 2)), id="another exposure"),
    ],
)
def test_the_same_image_looks_the_same_in_any_file(same: bytes) -> None:
    assert difference(PLAIN, same) < 6


def test_two_different_images_look_different() -> None:
    assert difference(PLAIN, saved(image().transpose(Image.Transpose.FLIP_LEFT_RIGHT))) > 30


@pytest.mark.parametrize("size", [(1, 1), (64, 64), (3, 500), (2000, 70)])
def test_every_size_becomes_one_square(size: tuple[int, int]) -> None:
    assert square(saved(image(*size))).shape == (SIDE, SIDE)


def test_an_all_black_image_stays_flat() -> None:
    assert np.ptp(square(saved(Image.new("L", (200, 200))))) == 0


@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_orientation_is_obeyed(orientation: int) -> None:
    undo = {
        2: Image.Transpose.FLIP_LEFT_RIGHT,
        3: Image.Transpose.ROTATE_180,
        4: Image.Transpose.FLIP_TOP_BOTTOM,
        5: Image.Transpose.TRANSPOSE,
        6: Image.Transpose.ROTATE_90,
        7: Image.Transpose.TRANSVERSE,
        8: Image.Transpose.ROTATE_270,
    }
    stored = image(256, 256)
    if orientation in undo:
        stored = stored.transpose(undo[orientation])
    exif = Image.Exif()
    exif[0x0112] = orientation
    turned = saved(stored, "JPEG", quality=95, exif=exif)
    assert difference(saved(image(256, 256)), turned) < 6


@pytest.mark.filterwarnings("ignore:Corrupt EXIF data")  # Pillow's, and true
def test_damaged_exif_does_not_hide_a_good_image() -> None:
    damaged = saved(image(), "JPEG", quality=95, exif=b"Exif\0\0II*\0\xff\xff\xff\x7f")
    assert difference(PLAIN, damaged) < 6


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(b"", id="nothing"),
        pytest.param(b"not an image", id="text"),
        pytest.param(PLAIN[: len(PLAIN) // 2], id="half a PNG"),
        pytest.param(saved(image(), "JPEG")[:900], id="half a JPEG"),
        pytest.param(saved(image(), "GIF"), id="a GIF"),
    ],
)
def test_what_cannot_be_decoded_is_refused(data: bytes) -> None:
    with pytest.raises(UnreadableImage, match="cannot be decoded"):
        square(data)


@pytest.mark.parametrize("side", [9_000, 11_000, 60_000])
def test_a_decompression_bomb_is_refused_before_it_unfolds(side: int) -> None:
    header = saved(Image.new("1", (8, 8)))
    chunk = b"IHDR" + struct.pack(">II", side, side) + header[24:29]
    bomb = header[:12] + chunk + struct.pack(">I", _crc(chunk)) + header[33:]
    with pytest.raises(UnreadableImage):
        square(bomb)


def _crc(chunk: bytes) -> int:
    return zlib.crc32(chunk)


@settings(max_examples=150, deadline=None)
@given(place=st.floats(0, 1), value=st.binary(min_size=1, max_size=12), jpeg=st.booleans())
def test_damaged_files_give_a_square_or_a_refusal(place: float, value: bytes, jpeg: bool) -> None:
    whole = bytearray(saved(image(80, 70), "JPEG") if jpeg else saved(image(80, 70)))
    start = int(place * (len(whole) - 1))
    whole[start : start + len(value)] = value
    with contextlib.suppress(UnreadableImage):
        assert square(bytes(whole)).shape == (SIDE, SIDE)


def disc(radius: float = 0.25, down: float = 0.0) -> Square:
    """A bright disc on grey; its radius and how far below the middle in shares of the side."""
    y, x = np.mgrid[0:SIDE, 0:SIDE] / (SIDE - 1) - 0.5
    return np.where(np.hypot(x, y - down) < radius, 200, 60).astype(np.uint8)


def middle_of(bright: Square) -> tuple[float, float]:
    """Column and row of what is bright."""
    rows, columns = np.nonzero(bright > 130)
    return float(columns.mean()), float(rows.mean())


def test_the_frame_that_an_image_has_changes_nothing() -> None:
    assert np.array_equal(reframe(disc(), Framing()), disc())


@pytest.mark.parametrize("framing", ZOOMS)
def test_a_zoom_makes_a_thing_so_many_times_larger(framing: Framing) -> None:
    plain, zoomed = (int(np.sum(image > 130)) for image in (disc(), reframe(disc(), framing)))
    assert zoomed / plain == pytest.approx(framing.zoom**2, rel=0.03)


def test_an_image_is_moved_by_so_many_pixels() -> None:
    column, row = middle_of(disc())
    moved = reframe(disc(), Framing(across=6, down=-4))
    assert middle_of(moved) == pytest.approx((column + 6, row - 4), abs=0.1)


def test_an_image_is_turned_about_its_middle() -> None:
    low = disc(0.1, down=0.3)
    turned = reframe(low, Framing(turn=np.radians(90)))
    middle = (SIDE - 1) / 2
    below = middle_of(low)[1] - middle
    across, down = middle_of(turned)
    assert abs(across - middle) == pytest.approx(below, abs=1)
    assert down == pytest.approx(middle, abs=1)


@pytest.mark.parametrize("framing", [*ZOOMS, *MOVES])
def test_beyond_the_edge_the_edge_goes_on(framing: Framing) -> None:
    assert np.unique(reframe(np.full((SIDE, SIDE), 90, dtype=np.uint8), framing)).tolist() == [90]


PICTURES = arrays.arrays(np.uint8, st.tuples(st.integers(10, 30), st.integers(10, 30)))


@given(PICTURES)
def test_a_flat_histogram_is_that_of_pillow(picture: Square) -> None:
    assert np.array_equal(flat(picture), np.asarray(ImageOps.equalize(Image.fromarray(picture))))


@given(PICTURES, st.sampled_from([1, 3, 5, 9]))
def test_the_extremes_around_a_pixel_are_those_of_scipy(picture: Square, width: int) -> None:
    assert np.array_equal(extremes(picture, width, np.maximum), maximum_filter(picture, width))
    assert np.array_equal(extremes(picture, width, np.minimum), minimum_filter(picture, width))

"""Files of other formats than PNG and JPEG: read where they hold one picture, else named."""

from __future__ import annotations

import gzip
import io
import struct
import zlib

import numpy as np
import pytest
from PIL import Image, PngImagePlugin

from rekognition_xray.data.images import ImageOptions, decode, prepare_image
from rekognition_xray.errors import ImageError

GREY = np.random.default_rng(3).integers(0, 256, (80, 96), dtype="uint8")


def saved(image: Image.Image, kind: str, **options: object) -> bytes:
    made = io.BytesIO()
    image.save(made, kind, **options)
    return made.getvalue()


def pixels(data: bytes) -> np.ndarray:
    return np.asarray(decode(data).grey)


@pytest.mark.parametrize(
    ("kind", "options"),
    [
        ("TIFF", {}),
        ("TIFF", {"compression": "tiff_lzw"}),
        ("TIFF", {"compression": "packbits"}),
        ("BMP", {}),
        ("GIF", {}),
        ("WEBP", {"lossless": True}),
        ("JPEG2000", {"irreversible": False}),
    ],
    ids=["tiff", "lzw", "packbits", "bmp", "gif", "webp", "jpeg 2000"],
)
def test_lossless_files_give_their_very_pixels_as_png(kind: str, options) -> None:
    data = saved(Image.fromarray(GREY), kind, **options)
    assert np.array_equal(pixels(data), GREY)
    made = prepare_image(data)
    assert made.extension == "png"
    assert np.array_equal(np.asarray(Image.open(io.BytesIO(made.data))), GREY)


def test_the_step_names_the_format() -> None:
    assert prepare_image(saved(Image.fromarray(GREY), "BMP")).steps[0] == "decoded BMP"


def test_a_tiff_of_16_bits_is_read_as_a_png_of_16_bits_is() -> None:
    wide = Image.fromarray((GREY.astype("uint16") << 4) + 3)
    tiff, png = saved(wide, "TIFF"), saved(wide, "PNG")
    assert np.array_equal(pixels(tiff), pixels(png))
    assert np.array_equal(pixels(tiff), GREY)


@pytest.mark.parametrize("bits", [8, 16])
def test_a_tiff_in_which_0_is_white_is_turned_at_any_depth(bits: int) -> None:
    """Pillow 13 turns such files at 8 bits only; OpenCV 5 likewise."""
    stored = 255 - GREY if bits == 8 else ((255 - GREY).astype("uint16") << 8) + (255 - GREY)
    data = saved(Image.fromarray(stored), "TIFF", tiffinfo={262: 0})
    with Image.open(io.BytesIO(data)) as image:
        turned = bits == 8 and np.array_equal(np.asarray(image), GREY)
    if bits == 8 and not turned:
        data = saved(Image.fromarray(GREY), "TIFF", tiffinfo={262: 0})  # Pillow turns on writing
    assert np.array_equal(pixels(data), GREY)


@pytest.mark.parametrize("kind", ["GIF", "WEBP", "PNG", "TIFF"])
def test_several_pictures_in_a_file_are_refused_by_name(kind: str) -> None:
    first, second = Image.fromarray(GREY), Image.fromarray(255 - GREY)
    data = saved(first, kind, save_all=True, append_images=[second])
    with pytest.raises(ImageError, match=r"of \d pictures: it is animated, or has several pages"):
        decode(data)


def test_floating_point_pixels_are_refused_since_nobody_knows_which_is_white() -> None:
    data = saved(Image.fromarray(GREY.astype("float32")), "TIFF")
    with pytest.raises(ImageError, match="which values are black and white") as caught:
        decode(data)
    assert caught.value.code == "no-window"
    assert "window=(0.0, 1.0)" in caught.value.hint


def test_floating_point_pixels_are_read_through_the_window_that_the_user_gives() -> None:
    data = saved(Image.fromarray(GREY.astype("float32") * 4 - 100), "TIFF")
    made = decode(data, options=ImageOptions(window=(-100, 920)))
    assert np.array_equal(np.asarray(made.grey), GREY)
    assert "window from -100 to 920" in made.steps
    narrow = np.asarray(decode(data, options=ImageOptions(window=(0, 100))).grey)
    assert narrow.min() == 0
    assert narrow.max() == 255


def test_floating_point_pixels_may_be_stretched_without_a_window() -> None:
    data = saved(Image.fromarray(GREY.astype("float32") / 1000), "TIFF")
    assert np.array_equal(np.asarray(decode(data, options=ImageOptions(stretch=True)).grey), GREY)


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_pixels_that_are_no_numbers_are_refused(value: float) -> None:
    pixels = GREY.astype("float32")
    pixels[3, 3] = value
    with pytest.raises(ImageError, match="no finite numbers"):
        decode(saved(Image.fromarray(pixels), "TIFF"), options=ImageOptions(window=(0, 1)))


def test_a_png_of_few_of_its_65536_values_may_be_stretched() -> None:
    pixels = (20_000 + GREY.astype("uint16") * 3).astype("uint16")
    data = saved(Image.fromarray(pixels), "PNG")
    assert len(np.unique(np.asarray(decode(data).grey))) < 8
    made = decode(data, options=ImageOptions(stretch=True))
    assert np.array_equal(np.asarray(made.grey), GREY)
    assert "stretched from 20000 to 20765" in made.steps


def test_eight_bits_may_be_stretched() -> None:
    data = saved(Image.fromarray(GREY // 5 + 100), "PNG")
    made = decode(data, options=ImageOptions(stretch=True))
    assert made.grey.getextrema() == (0, 255)
    assert "stretched from 100 to 151" in made.steps


def test_a_blank_image_stays_as_it_is() -> None:
    data = saved(Image.new("L", (80, 80), 7), "PNG")
    assert decode(data, options=ImageOptions(stretch=True)).grey.getextrema() == (7, 7)


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        (b"\0\0\0\x1cftypavif" + bytes(100), "AVIF"),
        (b"\0\0\0\x18ftypheic" + bytes(100), "HEIC"),
        (gzip.compress(bytes(200)), "gzip"),
        (b"%PDF-1.7" + bytes(100), "PDF"),
        (b"once upon a time", "text"),
    ],
    ids=["AVIF", "HEIC", "gzip", "PDF", "text"],
)
def test_what_is_not_read_is_named(data: bytes, kind: str) -> None:
    with pytest.raises(ImageError, match=f"the content is {kind}"):
        decode(data)


# -- a PNG is sound if its pixels are -------------------------------------------------------------


def chunk(kind: bytes, body: bytes, *, sound: bool = True) -> bytes:
    checksum = zlib.crc32(kind + body) ^ (0 if sound else 1)
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", checksum)


def with_chunk(extra: bytes, *, before: bytes) -> bytes:
    data = saved(Image.fromarray(GREY), "PNG")
    at = data.index(before) - 4
    return data[:at] + extra + data[at:]


@pytest.mark.parametrize("before", [b"IDAT", b"IEND"])
@pytest.mark.parametrize(
    "extra",
    [
        chunk(b"tEXt", b"Comment\0hello", sound=False),
        chunk(b"tIME", b"\0", sound=False),
        chunk(b"zTXt", b"Comment\0\0" + zlib.compress(b"x" * (2 << 20))),
        chunk(b"eXIf", b"MM\0*", sound=False),
    ],
    ids=["bad checksum", "bad time", "huge text", "bad EXIF"],
)
def test_a_png_is_sound_if_its_pixels_are(extra: bytes, before: bytes) -> None:
    assert np.array_equal(pixels(with_chunk(extra, before=before)), GREY)


def test_a_png_whose_pixels_have_a_bad_checksum_is_damaged() -> None:
    data = bytearray(saved(Image.fromarray(GREY), "PNG"))
    data[data.index(b"IDAT") + 10] ^= 1
    with pytest.raises(ImageError, match=r"differ from their checksum|damaged"):
        decode(bytes(data))


def test_a_large_text_of_pillows_own_is_read_over() -> None:
    info = PngImagePlugin.PngInfo()
    info.add_text("Description", "y" * (3 << 20), zip=True)
    data = saved(Image.fromarray(GREY), "PNG", pnginfo=info)
    assert np.array_equal(pixels(data), GREY)

from __future__ import annotations

import hashlib
import io
import os
import random
import struct
import zlib
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageOps
from PIL.PngImagePlugin import PngInfo

from rekognition_xray.data.images import Probe, check_limits, decode, prepare, probe
from rekognition_xray.errors import ImageError

Draw = Callable[..., Image.Image]
Write = Callable[..., Path]


def encoded(image: Image.Image, kind: str = "JPEG", **options: object) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def opened(data: bytes) -> Image.Image:
    image = Image.open(io.BytesIO(data))
    image.load()
    return image


def png_of_size(width: int, height: int) -> bytes:
    """A PNG whose header promises any size and whose pixels are missing."""
    header = b"IHDR" + struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    crc = struct.pack(">I", zlib.crc32(header))
    return b"\x89PNG\r\n\x1a\n\0\0\0\r" + header + crc + b"\0\0\0\0IDAT5\xaf\x06\x1e"


def test_probe_reads_the_header(draw: Draw, write: Write) -> None:
    path = write("a.jpeg", draw(1, (120, 100), "RGB"))
    assert probe(path) == Probe("JPEG", 120, 100, "RGB", path.stat().st_size)


def test_probe_goes_by_content_not_by_name(draw: Draw, write: Write) -> None:
    assert probe(write("a.jpeg", encoded(draw(), "PNG"))).format == "PNG"


@pytest.mark.parametrize("size", [(64, 64), (4096, 4096), (64, 1280), (4096, 205)])
def test_sizes_at_the_limits_are_taken(size: tuple[int, int]) -> None:
    assert check_limits(Probe("PNG", *size, "L", 15 * 2**20)) is None


@pytest.mark.parametrize(
    ("size", "length", "reason"),
    [
        ((63, 200), 1, "too small: 63 x 200 px"),
        ((200, 63), 1, "too small"),
        ((4097, 300), 1, "too large: 4097 x 300 px"),
        ((300, 4097), 1, "too large"),
        ((64, 1281), 1, "too narrow"),
        ((200, 200), 15 * 2**20 + 1, "15 MiB"),
    ],
)
def test_sizes_beyond_the_limits_are_named(size: tuple[int, int], length: int, reason: str) -> None:
    assert reason in str(check_limits(Probe("PNG", *size, "L", length)))


def test_a_jpeg_stays_jpeg_and_becomes_grey(draw: Draw) -> None:
    made = prepare(encoded(draw(1, (90, 70), "RGB")))
    assert (made.extension, made.width, made.height) == ("jpg", 90, 70)
    assert (opened(made.data).format, opened(made.data).mode) == ("JPEG", "L")
    assert made.sha256 == hashlib.sha256(made.data).hexdigest()


@pytest.mark.parametrize("mode", ["L", "RGB", "P", "LA", "RGBA", "1", "I;16"])
def test_a_png_of_any_mode_becomes_grey_png(draw: Draw, mode: str) -> None:
    grey = draw(3)
    source = grey.convert("I").point(lambda v: v * 257).convert("I;16") if mode == "I;16" else None
    made = prepare(encoded(source or grey.convert(mode), "PNG"))
    result = opened(made.data)
    assert (made.extension, result.format, result.mode) == ("png", "PNG", "L")
    expected = grey.convert("1").convert("L") if mode == "1" else grey
    assert largest_difference(result, expected) <= (4 if mode == "P" else 0)


def largest_difference(one: Image.Image, other: Image.Image) -> int:
    pairs = zip(one.tobytes(), other.tobytes(), strict=True)
    return max(abs(a - b) for a, b in pairs)


def test_sixteen_bits_keep_their_upper_eight() -> None:
    deep = Image.new("I;16", (64, 64), 0x12FF)
    assert opened(prepare(encoded(deep, "PNG")).data).getpixel((5, 5)) == 0x12


def test_a_cmyk_jpeg_becomes_grey(draw: Draw) -> None:
    made = opened(prepare(encoded(draw(4).convert("CMYK"), quality=95)).data)
    assert largest_difference(made, draw(4)) <= 12


def test_transparent_parts_become_black() -> None:
    film = Image.new("RGBA", (64, 64), (255, 255, 255, 0))
    assert opened(prepare(encoded(film, "PNG")).data).getextrema() == (0, 0)


def test_a_palette_with_a_transparent_colour_becomes_black_there(draw: Draw) -> None:
    film = Image.new("P", (64, 64), 1)
    film.putpalette([0, 0, 0, 255, 255, 255])
    assert opened(prepare(encoded(film, "PNG", transparency=1)).data).getextrema() == (0, 0)


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("kind", ["JPEG", "PNG"])
def test_exif_orientation_is_baked_in(draw: Draw, orientation: int, kind: str) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    stored = encoded(
        draw(5, (100, 70)), kind, exif=exif, **({"quality": 95} if kind == "JPEG" else {})
    )
    made = prepare(stored)
    expected = ImageOps.exif_transpose(opened(stored))
    assert (made.width, made.height) == expected.size == opened(made.data).size
    assert largest_difference(opened(made.data), expected) <= (3 if kind == "JPEG" else 0)
    assert decode(stored).turned is (orientation != 1)
    assert not opened(made.data).getexif()


@pytest.mark.filterwarnings("ignore:Corrupt EXIF")
def test_a_damaged_exif_block_does_not_cost_the_film(draw: Draw) -> None:
    made = prepare(encoded(draw(), exif=b"Exif\0\0MM\0*\xff\xff\xff\xff" + b"\xff" * 40))
    assert made.width == 80


SECRET = b"Jane Example 1970-01-01"


def jpeg_full_of_secrets(image: Image.Image) -> bytes:
    exif = Image.Exif()
    exif[0x010E] = exif[0x9286] = exif[0x013B] = SECRET.decode()
    options = {"comment": SECRET, "exif": exif, "icc_profile": SECRET, "xmp": SECRET}
    plain = encoded(image, **options)
    iptc = b"\xff\xed" + struct.pack(">H", len(SECRET) + 16) + b"Photoshop 3.0\0" + SECRET
    return plain[:2] + iptc + plain[2:] + SECRET


def png_full_of_secrets(image: Image.Image) -> bytes:
    text = PngInfo()
    text.add_text("Comment", SECRET.decode())
    text.add_itxt("XML:com.adobe.xmp", SECRET.decode())
    text.add_text("Zipped", SECRET.decode(), zip=True)
    exif = Image.Exif()
    exif[0x010E] = SECRET.decode()
    return encoded(image, "PNG", pnginfo=text, exif=exif, icc_profile=SECRET) + SECRET


@pytest.mark.parametrize("planted", [jpeg_full_of_secrets, png_full_of_secrets])
@pytest.mark.parametrize("mode", ["L", "RGB"])
def test_nothing_but_pixels_gets_through(
    draw: Draw, planted: Callable[[Image.Image], bytes], mode: str
) -> None:
    source = planted(draw(6, mode=mode))
    assert SECRET in source
    result = prepare(source)
    assert SECRET not in result.data
    image = opened(result.data)
    assert not image.getexif()
    assert set(image.info) <= {"jfif", "jfif_version", "jfif_unit", "jfif_density"}


def test_metadata_do_not_change_the_result(draw: Draw) -> None:
    assert prepare(png_full_of_secrets(draw(6))) == prepare(encoded(draw(6), "PNG"))


def test_the_same_film_gives_the_same_bytes_from_bytes_path_and_image(
    draw: Draw, write: Write
) -> None:
    path = write("a.jpeg", draw(7, mode="RGB"))
    with Image.open(path) as image:
        assert prepare(path) == prepare(path.read_bytes()) == prepare(image)


def test_a_picture_made_in_memory_becomes_png(draw: Draw) -> None:
    made = prepare(draw(8))
    assert made.extension == "png"
    assert opened(made.data).tobytes() == draw(8).tobytes()


def test_preparing_leaves_the_given_image_alone(draw: Draw) -> None:
    image = draw(9, mode="RGB")
    before = image.tobytes()
    prepare(image)
    assert (image.mode, image.tobytes()) == ("RGB", before)


@pytest.mark.parametrize(
    ("content", "code", "reason"),
    [
        (b"", "zero-bytes", "empty"),
        (b"this is no image\n", "not-an-image", "content is text"),
        (b"\0\1\2\3" * 50, "not-an-image", "content is unknown"),
        (b"GIF89a" + bytes(60), "not-an-image", "content is GIF"),
        (b"II*\0" + bytes(60), "not-an-image", "content is TIFF"),
        (b"RIFF\0\0\0\0WEBP" + bytes(60), "not-an-image", "content is WebP"),
        (b"%PDF-1.7", "not-an-image", "content is PDF"),
        (bytes(128) + b"DICM" + bytes(60), "not-an-image", "content is DICOM"),
        (b"\xff\xd8\xff\xe0", "unreadable", "damaged"),
        (b"\x89PNG\r\n\x1a\n", "unreadable", "damaged"),
    ],
)
@pytest.mark.parametrize("read", [probe, prepare])
def test_a_file_that_is_no_film_is_refused_with_its_path(
    write: Write, read: Callable[[Path], object], content: bytes, code: str, reason: str
) -> None:
    path = write("film.jpeg", content)
    with pytest.raises(ImageError) as caught:
        read(path)
    assert caught.value.code == code
    assert caught.value.paths == (path,)
    assert reason in caught.value.reason
    assert str(path) in str(caught.value)


@pytest.mark.parametrize("kind", ["JPEG", "PNG"])
@pytest.mark.parametrize("share", [0.3, 0.6, 0.9])
def test_a_film_that_is_cut_off_is_refused(draw: Draw, kind: str, share: float) -> None:
    noise = Image.frombytes("L", (128, 128), random.Random(1).randbytes(128 * 128))
    whole = encoded(noise, kind)
    with pytest.raises(ImageError) as caught:
        prepare(whole[: int(len(whole) * share)], name="film 7")
    assert caught.value.code == "truncated"
    assert "film 7" in caught.value.message


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ImageError) as caught:
        prepare(tmp_path / "nowhere.jpeg")
    assert caught.value.code == "missing"


@pytest.mark.parametrize("read", [probe, prepare])
@pytest.mark.parametrize("make", [Path.mkdir, getattr(os, "mkfifo", Path.mkdir)])
def test_a_folder_or_a_pipe_is_refused(
    tmp_path: Path, read: Callable[[Path], object], make: Callable[[Path], None]
) -> None:
    make(tmp_path / "a.png")
    with pytest.raises(ImageError, match="not a regular file") as caught:
        read(tmp_path / "a.png")
    assert caught.value.code == "unreadable"


@pytest.mark.parametrize("size", [(5000, 5000), (12_000, 12_000), (60_000, 60_000)])
@pytest.mark.filterwarnings("ignore::PIL.Image.DecompressionBombWarning")
def test_a_bomb_is_refused_unopened(size: tuple[int, int]) -> None:
    with pytest.raises(ImageError) as caught:
        prepare(png_of_size(*size))
    assert caught.value.code == "over-limits"


def test_a_bomb_is_refused_where_warnings_are_errors() -> None:
    with pytest.raises(ImageError) as caught:
        prepare(png_of_size(12_000, 12_000))
    assert caught.value.code == "over-limits"


def test_a_file_over_15_mb_is_not_even_read(write: Write, draw: Draw) -> None:
    path = write("a.png", encoded(draw(), "PNG") + bytes(15 * 2**20))
    with pytest.raises(ImageError, match="at most 15 MiB"):
        prepare(path)


def test_a_film_that_grows_over_the_limit_when_encoded_is_refused() -> None:
    noise = Image.frombytes("L", (4096, 4096), random.Random(2).randbytes(4096 * 4096))
    with pytest.raises(ImageError, match="at most 15 MiB"):
        prepare(noise)


@given(data=st.data(), kind=st.sampled_from(["JPEG", "PNG"]))
@settings(max_examples=150, deadline=None)
def test_damaged_bytes_end_as_a_film_or_as_an_image_error(
    draw: Draw, data: st.DataObject, kind: str
) -> None:
    content = bytearray(encoded(draw(10, mode="RGB"), kind))
    for _ in range(data.draw(st.integers(1, 6))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    del content[data.draw(st.integers(len(content) // 2, len(content))) :]
    try:
        made = prepare(bytes(content))
    except ImageError as error:
        code = error.code
    else:
        code = check_limits(probe_of(made.data)) or "sound"
    assert code in {"sound", "truncated", "unreadable", "over-limits", "not-an-image"}


def probe_of(data: bytes) -> Probe:
    image = opened(data)
    return Probe("JPEG", *image.size, image.mode, len(data))


def test_real_originals_are_prepared_alike(xrays: Path) -> None:
    films = sorted((xrays / "originals").rglob("*.jpeg"))[::20]
    for film in films:
        made = prepare(film)
        assert opened(made.data).mode == "L"
        assert b"Photoshop" not in made.data
        assert (made.width, made.height) == (probe(film).width, probe(film).height)

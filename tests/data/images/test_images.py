"""One image: probed, made grey, without anything but pixels."""

from __future__ import annotations

import hashlib
import multiprocessing
import struct
import zlib
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageCms, ImageOps
from PIL.PngImagePlugin import PngInfo

from rekognition_xray.data.images import check_image_size, decode, prepare_image
from rekognition_xray.data.images.image import Probe, probe
from rekognition_xray.errors import ImageError

from ...support.pictures import Draw, Write, encoded, opened


def test_probe_reads_the_header(draw: Draw, write: Write) -> None:
    path = write("a.jpeg", draw(1, (120, 100), "RGB"))
    assert probe(path) == Probe("JPEG", 120, 100, "RGB", path.stat().st_size)


def test_probe_goes_by_content_not_by_name(draw: Draw, write: Write) -> None:
    assert probe(write("a.jpeg", encoded(draw(), "PNG"))).format == "PNG"


@pytest.mark.parametrize("size", [(64, 64), (4096, 4096), (64, 1280), (4096, 205)])
def test_sizes_at_the_limits_are_taken(size: tuple[int, int]) -> None:
    assert check_image_size(Probe("PNG", *size, "L", 15 * 2**20)) is None


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
    assert reason in str(check_image_size(Probe("PNG", *size, "L", length)))


def test_a_jpeg_stays_jpeg_and_becomes_grey(draw: Draw) -> None:
    made = prepare_image(encoded(draw(1, (90, 70), "RGB")))
    assert (made.extension, made.width, made.height) == ("jpg", 90, 70)
    assert (opened(made.data).format, opened(made.data).mode) == ("JPEG", "L")
    assert made.sha256 == hashlib.sha256(made.data).hexdigest()


@pytest.mark.parametrize("mode", ["YCbCr", "LAB", "HSV", "CMYK", "RGBX", "PA", "La", "RGBa"])
def test_a_picture_in_memory_of_any_mode_becomes_grey(draw: Draw, mode: str) -> None:
    through = {"HSV": "RGB", "LAB": "RGB", "PA": "P", "La": "LA", "RGBa": "RGBA"}.get(mode, "RGB")
    picture = draw(3).convert(through)
    if mode == "LAB":
        profiles = ImageCms.createProfile("sRGB"), ImageCms.createProfile("LAB")
        picture = ImageCms.profileToProfile(picture, *profiles, outputMode="LAB")
    made = prepare_image(picture.convert(mode))
    assert largest_difference(opened(made.data), draw(3)) <= 3
    assert "made grey" in made.steps


@pytest.mark.parametrize("mode", ["L", "RGB", "P", "LA", "RGBA", "1", "I;16"])
def test_a_png_of_any_mode_becomes_grey_png(draw: Draw, mode: str) -> None:
    grey = draw(3)
    source = grey.convert("I").point(lambda v: v * 257).convert("I;16") if mode == "I;16" else None
    made = prepare_image(encoded(source or grey.convert(mode), "PNG"))
    result = opened(made.data)
    assert (made.extension, result.format, result.mode) == ("png", "PNG", "L")
    expected = grey.convert("1").convert("L") if mode == "1" else grey
    assert largest_difference(result, expected) <= (4 if mode == "P" else 0)


def largest_difference(one: Image.Image, other: Image.Image) -> int:
    pairs = zip(one.tobytes(), other.tobytes(), strict=True)
    return max(abs(a - b) for a, b in pairs)


@pytest.mark.parametrize(
    ("most", "depth"),
    [
        *((200, 8), (255, 8), (256, 10), (1023, 10), (1024, 12), (4095, 12), (9000, 14)),
        *((16383, 14), (16384, 16), (40000, 16), (65535, 16)),
    ],
)
def test_sixteen_bits_keep_the_upper_eight_that_are_used(most: int, depth: int) -> None:
    deep = Image.new("I;16", (64, 64), most // 3)
    deep.putpixel((1, 2), most)
    made = prepare_image(encoded(deep, "PNG"))
    image = opened(made.data)
    assert image.getpixel((1, 2)) == most >> (depth - 8)
    assert image.getpixel((5, 5)) == most // 3 >> (depth - 8)
    assert f"upper 8 of {depth} bits" in made.steps


def test_sixteen_bits_in_memory_are_read_like_those_of_a_file() -> None:
    deep = Image.new("I", (64, 64), 0x1234)
    assert prepare_image(deep).data == prepare_image(encoded(deep.convert("I;16"), "PNG")).data


@pytest.mark.parametrize(("mode", "value"), [("I", -1), ("I", 70_000)])
def test_integers_beyond_16_bits_are_refused(mode: str, value: float) -> None:
    with pytest.raises(ImageError) as caught:
        prepare_image(Image.new(mode, (64, 64), value))
    assert caught.value.code == "unreadable"


def test_a_cmyk_jpeg_becomes_grey(draw: Draw) -> None:
    made = opened(prepare_image(encoded(draw(4).convert("CMYK"), quality=95)).data)
    assert largest_difference(made, draw(4)) <= 12


def test_transparent_parts_become_black() -> None:
    image = Image.new("RGBA", (64, 64), (255, 255, 255, 0))
    assert opened(prepare_image(encoded(image, "PNG")).data).getextrema() == (0, 0)


@pytest.mark.parametrize("mode", ["L", "RGB"])
def test_a_colour_that_a_png_calls_transparent_becomes_black(mode: str) -> None:
    image = Image.new(mode, (64, 64), "white")
    key = 255 if mode == "L" else (255, 255, 255)
    assert opened(prepare_image(encoded(image, "PNG", transparency=key)).data).getextrema() == (
        0,
        0,
    )


def test_a_palette_with_a_transparent_colour_becomes_black_there(draw: Draw) -> None:
    image = Image.new("P", (64, 64), 1)
    image.putpalette([0, 0, 0, 255, 255, 255])
    assert opened(prepare_image(encoded(image, "PNG", transparency=1)).data).getextrema() == (0, 0)


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("kind", ["JPEG", "PNG"])
def test_exif_orientation_is_baked_in(draw: Draw, orientation: int, kind: str) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    stored = encoded(
        draw(5, (100, 70)), kind, exif=exif, **({"quality": 95} if kind == "JPEG" else {})
    )
    made = prepare_image(stored)
    expected = ImageOps.exif_transpose(opened(stored))
    assert (made.width, made.height) == expected.size == opened(made.data).size
    assert largest_difference(opened(made.data), expected) <= (3 if kind == "JPEG" else 0)
    assert decode(stored).turned is (orientation != 1)
    assert not opened(made.data).getexif()


@pytest.mark.filterwarnings("ignore:Corrupt EXIF")
def test_a_damaged_exif_block_does_not_cost_the_image(draw: Draw) -> None:
    made = prepare_image(encoded(draw(), exif=b"Exif\0\0MM\0*\xff\xff\xff\xff" + b"\xff" * 40))
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


def chunks(png: bytes) -> list[bytes]:
    """Each chunk of a PNG, compressed ones also inflated."""
    at, found = 8, []
    while at < len(png):
        length = struct.unpack(">I", png[at : at + 4])[0]
        kind, content = png[at + 4 : at + 8], png[at + 8 : at + 8 + length]
        found += [kind, content, *([zlib.decompress(content)] if kind == b"IDAT" else [])]
        at += 12 + length
    return found


@pytest.mark.parametrize("planted", [jpeg_full_of_secrets, png_full_of_secrets])
@pytest.mark.parametrize("mode", ["L", "RGB"])
def test_nothing_but_pixels_gets_through(
    draw: Draw, planted: Callable[[Image.Image], bytes], mode: str
) -> None:
    source = planted(draw(6, mode=mode))
    assert SECRET in source
    result = prepare_image(source)
    assert SECRET not in result.data
    assert SECRET.decode() not in repr(result)
    if result.extension == "png":
        assert SECRET not in b"".join(chunks(result.data))
        assert set(chunks(result.data)) >= {b"IHDR", b"IDAT", b"IEND"}
    image = opened(result.data)
    assert not image.getexif()
    assert set(image.info) <= {"jfif", "jfif_version", "jfif_unit", "jfif_density"}


def test_metadata_do_not_change_the_result(draw: Draw) -> None:
    assert prepare_image(png_full_of_secrets(draw(6))) == prepare_image(encoded(draw(6), "PNG"))


def test_the_same_image_gives_the_same_bytes_from_bytes_path_and_image(
    draw: Draw, write: Write
) -> None:
    path = write("a.jpeg", draw(7, mode="RGB"))
    with Image.open(path) as image:
        assert prepare_image(path) == prepare_image(path.read_bytes()) == prepare_image(image)


def test_a_picture_made_in_memory_becomes_png(draw: Draw) -> None:
    made = prepare_image(draw(8))
    assert made.extension == "png"
    assert opened(made.data).tobytes() == draw(8).tobytes()


def test_preparing_leaves_the_given_image_alone(draw: Draw) -> None:
    image = draw(9, mode="RGB")
    before = image.tobytes()
    prepare_image(image)
    assert (image.mode, image.tobytes()) == ("RGB", before)


def test_the_steps_are_reported_in_their_order(draw: Draw) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    stored = encoded(draw(14, (5000, 4000), "RGB"), exif=exif)
    assert prepare_image(stored).steps == (
        "decoded JPEG",
        "turned by EXIF",
        "made grey",
        "scaled 4000 x 5000 -> 3277 x 4096",
        "encoded JPEG 95",
    )
    assert prepare_image(encoded(draw(14), "PNG")).steps == ("decoded PNG", "encoded PNG")
    assert prepare_image(draw(14)).steps == ("taken from memory", "encoded PNG")


def test_preparing_can_be_sent_to_another_process(draw: Draw, write: Write) -> None:
    path = write("a.jpeg", draw(15))
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
        assert pool.submit(prepare_image, path).result(timeout=60) == prepare_image(path)


@given(data=st.data(), kind=st.sampled_from(["JPEG", "PNG"]))
@settings(max_examples=150, deadline=None)
def test_damaged_bytes_end_as_an_image_or_as_an_image_error(
    draw: Draw, data: st.DataObject, kind: str
) -> None:
    content = bytearray(encoded(draw(10, mode="RGB"), kind))
    for _ in range(data.draw(st.integers(1, 6))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    del content[data.draw(st.integers(len(content) // 2, len(content))) :]
    try:
        made = prepare_image(bytes(content))
    except ImageError as error:
        code = error.code
    else:
        code = check_image_size(probe_of(made.data)) or "sound"
    assert code in {"sound", "truncated", "unreadable", "over-limits", "not-an-image"}


def probe_of(data: bytes) -> Probe:
    image = opened(data)
    return Probe("JPEG", *image.size, image.mode, len(data))


def test_real_originals_are_prepared_alike(xrays: Path) -> None:
    images = sorted((xrays / "originals").rglob("*.jpeg"))[::20]
    for image in images:
        made = prepare_image(image)
        assert opened(made.data).mode == "L"
        assert b"Photoshop" not in made.data
        assert (made.width, made.height) == (probe(image).width, probe(image).height)

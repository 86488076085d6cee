"""Images that are refused: no image, damaged, bombs, pipes."""

from __future__ import annotations

import os
import random
import struct
import zlib
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image

from rekognition_xray.data.images import prepare_image
from rekognition_xray.data.images.image import probe
from rekognition_xray.errors import ImageError

from ...support.pictures import Draw, Write, encoded


def png_of_size(width: int, height: int) -> bytes:
    """A PNG whose header promises any size and whose pixels are missing."""
    header = b"IHDR" + struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    crc = struct.pack(">I", zlib.crc32(header))
    return b"\x89PNG\r\n\x1a\n\0\0\0\r" + header + crc + b"\0\0\0\0IDAT5\xaf\x06\x1e"


@pytest.mark.parametrize(
    ("content", "code", "reason"),
    [
        (b"", "zero-bytes", "empty"),
        (b"this is no image\n", "not-an-image", "content is text"),
        (b"\0\1\2\3" * 50, "not-an-image", "content is unknown"),
        (b"GIF89a" + bytes(60), "unreadable", "header cannot be read"),
        (b"II*\0" + bytes(60), "unreadable", "header cannot be read"),
        (b"RIFF\0\0\0\0WEBP" + bytes(60), "unreadable", "header cannot be read"),
        (b"%PDF-1.7", "not-an-image", "content is PDF"),
        (b"\xff\xd8\xff\xe0", "unreadable", "damaged"),
        (b"\x89PNG\r\n\x1a\n", "unreadable", "damaged"),
    ],
)
@pytest.mark.parametrize("read", [probe, prepare_image])
def test_a_file_that_is_no_image_is_refused_with_its_path(
    write: Write, read: Callable[[Path], object], content: bytes, code: str, reason: str
) -> None:
    path = write("image.jpeg", content)
    with pytest.raises(ImageError) as caught:
        read(path)
    assert caught.value.code == code
    assert caught.value.paths == (path,)
    assert reason in caught.value.reason
    assert str(path) in str(caught.value)


@pytest.mark.parametrize("kind", ["JPEG", "PNG"])
@pytest.mark.parametrize("share", [0.3, 0.6, 0.9])
def test_an_image_that_is_cut_off_is_refused(draw: Draw, kind: str, share: float) -> None:
    noise = Image.frombytes("L", (128, 128), random.Random(1).randbytes(128 * 128))
    whole = encoded(noise, kind)
    with pytest.raises(ImageError) as caught:
        prepare_image(whole[: int(len(whole) * share)], name="image 7")
    assert caught.value.code == "truncated"
    assert "image 7" in caught.value.message


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ImageError) as caught:
        prepare_image(tmp_path / "nowhere.jpeg")
    assert caught.value.code == "missing"


@pytest.mark.parametrize("read", [probe, prepare_image])
@pytest.mark.parametrize("make", [Path.mkdir, getattr(os, "mkfifo", Path.mkdir)])
def test_a_folder_or_a_pipe_is_refused(
    tmp_path: Path, read: Callable[[Path], object], make: Callable[[Path], None]
) -> None:
    make(tmp_path / "a.png")
    with pytest.raises(ImageError, match="not a regular file") as caught:
        read(tmp_path / "a.png")
    assert caught.value.code == "unreadable"


@pytest.mark.parametrize("size", [(8193, 8193), (12_000, 12_000), (60_000, 60_000)])
@pytest.mark.filterwarnings("ignore::PIL.Image.DecompressionBombWarning")
def test_a_bomb_is_refused_unopened(size: tuple[int, int]) -> None:
    with pytest.raises(ImageError) as caught:
        prepare_image(png_of_size(*size))
    assert caught.value.code == "over-limits"


def test_a_bomb_is_refused_where_warnings_are_errors() -> None:
    with pytest.raises(ImageError) as caught:
        prepare_image(png_of_size(12_000, 12_000))
    assert caught.value.code == "over-limits"


def test_a_file_over_256_mib_is_not_even_read(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    with path.open("wb") as stream:
        stream.truncate(2**28 + 1)
    with pytest.raises(ImageError, match="over 256 MiB are not read") as caught:
        prepare_image(path)
    assert caught.value.code == "over-limits"

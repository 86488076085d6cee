"""DICOM in every transfer syntax, and the same in many threads."""

from __future__ import annotations

import io
from pathlib import Path

import pytest

pytest.importorskip("pydicom")

import numpy as np
from PIL import Image
from pydicom import dcmread, uid

from rekognition_xray.data.images.dicom import read_image
from rekognition_xray.data.images.dicom.frames import jpeg_frame
from rekognition_xray.data.images.dicom.pixels import Raster, stored_values
from rekognition_xray.data.images.dicom.tags import Fault

from ...support.dicom_files import (
    as_jpeg_2000,
    as_jpeg_lossless,
    as_jpeg_ls,
    as_rle,
    everywhere,
    grey,
    image,
    packed,
    ramp,
    refused,
    saved,
)


def test_each_transfer_syntax_gives_the_stored_values(tmp_path: Path) -> None:
    read = []
    for syntax, pixels, data, off in everywhere(tmp_path):
        dataset = dcmread(io.BytesIO(data))
        assert dataset.file_meta.TransferSyntaxUID == syntax
        found, _ = stored_values(dataset, Raster.of(dataset), syntax)
        assert np.abs(found.astype(int) - pixels.astype(int)).max() <= off, syntax.name
        made = read_image(data)
        assert made.steps[0] == f"decoded DICOM in {syntax.name}"
        assert made.grey.size == (90, 70)
        read.append(syntax)
    assert len(set(read)) == 13


@pytest.mark.parametrize("pack", ["RLE", "JPEG-LS", "JPEG 2000", "JPEG Lossless"])
def test_packed_pixels_may_be_signed(tmp_path: Path, pack: str) -> None:
    pixels = ramp(12, signed=True)
    made = {
        "RLE": lambda: packed(image(pixels), as_rle(image(pixels)), uid.RLELossless),
        "JPEG-LS": lambda: packed(
            image(pixels), as_jpeg_ls(pixels.astype("u2") & 0xFFF), uid.JPEGLSLossless
        ),
        "JPEG 2000": lambda: packed(image(pixels), as_jpeg_2000(pixels, 12), uid.JPEG2000Lossless),
        "JPEG Lossless": lambda: as_jpeg_lossless(
            image(pixels), str(tmp_path), uid.JPEGLosslessSV1
        ),
    }[pack]()
    assert grey(made) == grey(saved(image(pixels)))


def test_8_bit_pixels_in_big_endian_words_are_swapped_back() -> None:
    pixels = ramp(8)
    words = image(pixels)
    words.PixelData = pixels.view("u2").byteswap().tobytes()
    words["PixelData"].VR = "OW"
    assert grey(saved(words, uid.ExplicitVRBigEndian)) == grey(saved(image(pixels)))


NATIVE = [uid.ImplicitVRLittleEndian, uid.ExplicitVRLittleEndian, uid.ExplicitVRBigEndian]


@pytest.mark.parametrize("syntax", NATIVE)
def test_a_file_without_preamble_and_file_meta_is_read(syntax: uid.UID) -> None:
    bare = image()
    if not syntax.is_little_endian:
        bare.PixelData = ramp().astype(">u2").tobytes()
    data = saved(bare, syntax, whole=False)
    assert data[128:132] != b"DICM"
    assert grey(data) == grey(saved(image()))


def test_a_file_of_file_meta_without_preamble_is_read() -> None:
    assert grey(saved(image())[132:]) == grey(saved(image()))


@pytest.mark.parametrize(
    ("syntax", "name"),
    [
        (uid.MPEG4HP41, "MPEG-4"),
        (uid.MPEG2MPML, "MPEG2"),
        ("1.2.3.4.5.6.7", "1.2.3.4.5.6.7"),
    ],
)
def test_a_transfer_syntax_that_nobody_reads_is_named(syntax: str, name: str) -> None:
    error = refused(packed(image(), b"\xff\xd8\xff\xd9", uid.UID(syntax)))
    assert error.code == "no-decoder"
    assert name in error.reason
    assert str(syntax) in error.reason


@pytest.mark.parametrize("behind", [b"", b"\0", b"\xff\0\xff", b"A", b"A\0"])
def test_a_byte_behind_the_end_marker_is_no_truncation(behind: bytes) -> None:
    made = io.BytesIO()
    Image.fromarray(ramp(8)).save(made, "JPEG")
    frame = jpeg_frame(made.getvalue() + behind)
    assert (frame.rows, frame.columns, frame.precision) == (70, 90, 8)


@pytest.mark.parametrize("rest", [b"AB", b"once more"])
def test_more_than_a_byte_behind_the_end_marker_is_another_picture_cut_off(rest: bytes) -> None:
    made = io.BytesIO()
    Image.fromarray(ramp(8)).save(made, "JPEG")
    with pytest.raises(Fault, match="end before their last one"):
        jpeg_frame(made.getvalue() + rest)

"""Pixels that are not square, and pixels that contradict the tags on their bits."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("pydicom")

from pydicom import uid

from rekognition_xray.data.images.dicom import read_image

from ...support.dicom_files import as_jpeg_2000, grey, image, packed, put, ramp, refused, saved

SQUARE = (90, 70)


@pytest.mark.parametrize(
    ("tags", "size"),
    [
        ({"PixelSpacing": [0.2, 0.2]}, SQUARE),
        ({"PixelSpacing": [0.2, 0.1]}, (90, 140)),
        ({"PixelSpacing": [0.1, 0.2]}, (180, 70)),
        ({"ImagerPixelSpacing": [0.3, 0.2]}, (90, 105)),
        ({"PixelAspectRatio": [2, 1]}, (90, 140)),
        ({"PixelAspectRatio": [1, 1]}, SQUARE),
        ({"PixelAspectRatio": "1"}, SQUARE),
        ({"PixelSpacing": [0.0, 0.0], "PixelAspectRatio": [2, 1]}, (90, 140)),
        ({"PixelSpacing": [0.2, 0.2], "PixelAspectRatio": [2, 1]}, SQUARE),
        ({"PixelSpacing": [0.2, 0.2001]}, SQUARE),
    ],
)
def test_pixels_are_made_square(tags: dict[str, object], size: tuple[int, int]) -> None:
    made = read_image(saved(image(**tags)))
    assert made.grey.size == size
    assert any("made square: 90 x 70 ->" in step for step in made.steps) is (size != SQUARE)


def test_a_circle_of_tall_pixels_becomes_round() -> None:
    down, right = np.mgrid[:100, :200]
    inside = ((down - 50) * 2) ** 2 + (right - 100) ** 2 < 80**2
    made = read_image(saved(image((inside * 4000).astype("u2"), PixelSpacing=[0.2, 0.1])))
    seen = np.asarray(made.grey) > 127
    assert seen.any(0).sum() == pytest.approx(seen.any(1).sum(), abs=2)


def test_pixels_that_cannot_be_so_long_are_refused() -> None:
    error = refused(saved(image(PixelSpacing=[0.1, 100])))
    assert "too long to be right" in error.reason


def test_a_signed_codestream_under_unsigned_tags_is_refused() -> None:
    pixels = ramp(12, signed=True)
    dataset = image(pixels, PixelRepresentation=0)
    error = refused(packed(dataset, as_jpeg_2000(pixels, 12), uid.JPEG2000Lossless))
    assert "declare unsigned pixels, the pixels are signed" in error.reason


def test_bits_above_the_stored_ones_are_reported() -> None:
    pixels = ramp(12)
    pixels[0, :7] |= 0x4000
    made = read_image(saved(image(pixels)))
    assert "bits above the 12 stored ones, set in 7 pixels, left out" in made.steps
    assert list(made.grey.tobytes()) == grey(saved(image(ramp(12))))


def test_an_overlay_in_the_unused_bits_is_nothing_to_report() -> None:
    pixels = ramp(12)
    pixels[0, :7] |= 0x4000
    dataset = image(pixels)
    dataset.add_new(0x60000102, "US", 14)
    assert not any("left out" in step for step in read_image(saved(dataset)).steps)


def test_a_sign_that_is_repeated_above_is_nothing_to_report() -> None:
    made = read_image(saved(image(ramp(12, signed=True))))
    assert not any("left out" in step for step in made.steps)


def test_a_tag_that_is_put_in_stays_what_it_was() -> None:
    dataset = image()
    put(dataset, "PixelAspectRatio", [3, 2])
    assert read_image(saved(dataset)).grey.size == (90, 105)

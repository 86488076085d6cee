"""Images are scaled into the limits of the service."""

from __future__ import annotations

import random

import pytest
from PIL import Image

from rekognition_xray.data.images import (
    MAX_BYTES,
    MAX_DETECT_BYTES,
    check_image_size,
    decode,
    prepare_image,
)
from rekognition_xray.data.images.image import Probe
from rekognition_xray.errors import ImageError

from ...support.pictures import Draw, encoded, noise, opened


@pytest.mark.parametrize(
    ("kind", "old", "new"),
    [
        ("JPEG", (5000, 4000), (4096, 3277)),
        ("JPEG", (4000, 5000), (3277, 4096)),
        ("PNG", (4097, 300), (4096, 300)),
        ("PNG", (6000, 300), (4096, 205)),
        ("JPEG", (8000, 8000), (4096, 4096)),
    ],
)
def test_an_image_that_is_too_large_is_scaled_down(
    draw: Draw, kind: str, old: tuple[int, int], new: tuple[int, int]
) -> None:
    made = prepare_image(encoded(draw(11, old), kind))
    assert (made.width, made.height) == opened(made.data).size == new
    assert f"scaled {old[0]} x {old[1]} -> {new[0]} x {new[1]}" in made.steps
    assert check_image_size(Probe(kind, *new, "L", len(made.data))) is None


def test_scaling_down_neither_moves_nor_aliases() -> None:
    fine = Image.new("L", (6000, 600))  # alternate black and white columns: grey from afar
    fine.putdata([255 * (place % 2) for place in range(6000)] * 600)
    fine.paste(255, (3000, 0, 6000, 600))
    made = opened(prepare_image(fine).data)
    assert all(abs(made.getpixel((x, 200)) - 127) <= 4 for x in range(100, 2000, 37))
    assert made.getpixel((2060, 200)) == 255


def test_a_decoded_image_is_scaled_like_a_prepared_one(draw: Draw) -> None:
    image = decode(draw(12, (5000, 1000)))
    made = prepare_image(draw(12, (5000, 1000)))
    assert image.grey.size == (made.width, made.height)
    assert image.grey.tobytes() == opened(made.data).tobytes()
    assert (image.probe.width, image.probe.height) == (5000, 1000)
    assert check_image_size(image.probe) is not None


@pytest.mark.heavy
def test_an_image_of_too_many_bytes_is_scaled_down_to_15_mib() -> None:
    made = prepare_image(noise(4096))
    assert len(made.data) <= MAX_BYTES
    assert 3700 < made.width < 4096
    assert made.steps[-2] == f"scaled 4096 x 4096 -> {made.width} x {made.height}"


@pytest.mark.parametrize("kind", ["JPEG", "PNG"])
def test_an_image_for_detection_fits_into_4_mib(kind: str) -> None:
    source = encoded(noise(2600), kind, **({"quality": 100} if kind == "JPEG" else {}))
    whole, small = prepare_image(source), prepare_image(source, max_bytes=MAX_DETECT_BYTES)
    assert len(small.data) <= MAX_DETECT_BYTES < len(whole.data)
    assert 0.8 * 2600 * (MAX_DETECT_BYTES / len(whole.data)) ** 0.5 < small.width < 2600
    assert small.steps[-2].startswith("scaled 2600 x 2600 -> ")
    assert (opened(small.data).format, small.height) == (kind, small.width)


def test_an_image_that_fits_is_the_same_for_training_and_detection(draw: Draw) -> None:
    for source in (encoded(draw(13)), encoded(draw(13), "PNG"), draw(13, (5000, 400))):
        assert prepare_image(source) == prepare_image(source, max_bytes=MAX_DETECT_BYTES)


def test_narrow_images_keep_within_the_aspect_when_scaled() -> None:
    strip = Image.frombytes("L", (2000, 100), random.Random(3).randbytes(200_000))
    made = prepare_image(strip, max_bytes=150_000)
    assert check_image_size(Probe("PNG", made.width, made.height, "L", 1)) is None


def test_an_image_that_fits_in_no_size_is_refused() -> None:
    with pytest.raises(ImageError, match="does not fit into") as caught:
        prepare_image(noise(200), max_bytes=1000)
    assert caught.value.code == "over-limits"

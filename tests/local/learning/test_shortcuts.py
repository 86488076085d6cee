"""Size, shape, mode, quality, exposure and border text carry no label, even when they could."""

from __future__ import annotations

import io
from collections.abc import Callable

import numpy as np
import pytest
from PIL import Image, ImageDraw

from rekognition_xray.local.learning import Example, FastLearner
from rekognition_xray.local.learning.fast.fast import FastModel

IMAGES = 40


def scene(number: int) -> Image.Image:
    """A random picture with two dark lungs and the grain of an image, 240 x 240."""
    draw = np.random.default_rng(number)
    rough = Image.fromarray(draw.integers(60, 200, (9, 9), dtype=np.uint8))
    picture = rough.resize((240, 240), Image.Resampling.BICUBIC)
    lungs = ImageDraw.Draw(picture)
    for left in (50, 135):
        lungs.ellipse((left, 60, left + 55, 190), fill=int(draw.integers(20, 60)))
    grainy = np.asarray(picture) + draw.normal(0, 5, (240, 240))
    return Image.fromarray(grainy.clip(0, 255).astype(np.uint8))


def saved(image: Image.Image, kind: str = "JPEG", **options: object) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def lettered(image: Image.Image, text: str) -> Image.Image:
    marked = image.copy()
    ImageDraw.Draw(marked).text((6, 6), text, fill=255, font_size=20)
    return marked


Disguise = Callable[[Image.Image], bytes]

SHORTCUTS: dict[str, tuple[Disguise, Disguise]] = {
    "size": (
        lambda image: saved(image.resize((900, 900)), quality=95),
        lambda image: saved(image, quality=95),
    ),
    "aspect ratio": (
        lambda image: saved(image.resize((480, 240)), quality=95),
        lambda image: saved(image.resize((240, 480)), quality=95),
    ),
    "colour mode": (
        lambda image: saved(image.convert("RGB"), quality=95),
        lambda image: saved(image, quality=95),
    ),
    "file format": (lambda image: saved(image, "PNG"), lambda image: saved(image, quality=95)),
    "JPEG quality": (
        lambda image: saved(image, quality=40),
        lambda image: saved(image, quality=95),
    ),
    "exposure": (
        lambda image: saved(image.point(lambda value: 255 * (value / 255) ** 0.7), "PNG"),
        lambda image: saved(image.point(lambda value: 255 * (value / 255) ** 1.4), "PNG"),
    ),
    "border text": (
        lambda image: saved(lettered(image, "R"), quality=95),
        lambda image: saved(lettered(image, "L 7"), quality=95),
    ),
}


def trained(images: list[Example]) -> FastModel:
    return FastLearner().fit(images, seed=0, progress=lambda at: None, stopped=lambda: False)


@pytest.fixture(scope="module")
def honest() -> FastModel:
    """A model of a difference that is in the lungs: a bright spot in the left one."""
    images = []
    for number in range(IMAGES):
        picture = scene(number)
        if number % 2:
            ImageDraw.Draw(picture).ellipse((60, 100, 95, 140), fill=190)
        image = saved(picture, quality=95)
        label = ("clear", "spot")[number % 2]
        images.append(Example(lambda image=image: image, (label,), str(number)))
    return trained(images)


@pytest.mark.parametrize("shortcut", SHORTCUTS)
def test_the_same_picture_in_another_file_gets_the_same_answer(
    honest: FastModel, shortcut: str
) -> None:
    for number in range(500, 510):
        one, other = (
            honest.confidences(disguise(scene(number))) for disguise in SHORTCUTS[shortcut]
        )
        assert one == pytest.approx(other, abs=0.1)


@pytest.mark.parametrize("shortcut", SHORTCUTS)
def test_a_label_that_is_only_in_the_file_is_not_learned(shortcut: str) -> None:
    def image(number: int) -> bytes:
        return SHORTCUTS[shortcut][number % 2](scene(number))

    images = [
        Example(lambda number=number: image(number), ("ab"[number % 2],), str(number))
        for number in range(IMAGES)
    ]
    model = trained(images)
    unseen = range(IMAGES, 3 * IMAGES // 2)
    trusts = [model.confidences(image(number))["ab"[number % 2]] for number in unseen]
    assert np.mean(trusts) < 0.65

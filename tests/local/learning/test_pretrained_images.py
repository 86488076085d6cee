from __future__ import annotations

import io

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from rekognition_xray.local.learning import Example, TrainingStopped, UnreadableImage
from rekognition_xray.local.learning.fast.images import Square, grey_square
from rekognition_xray.local.learning.pretrained import images as pretrained_images
from rekognition_xray.local.learning.pretrained.images import (
    Squares,
    exposed_alike,
    read_squares,
)
from rekognition_xray.local.learning.watch import Watch


def image(seed: int) -> bytes:
    values = np.random.default_rng(seed).integers(0, 255, (60, 80), dtype=np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(values).save(buffer, "PNG")
    return buffer.getvalue()


def examples(count: int) -> list[Example]:
    return [Example(lambda seed=seed: image(seed), ("a",), str(seed)) for seed in range(count)]  # type: ignore[misc]


def watch(*, stop: bool = False) -> Watch:
    return Watch(lambda fraction: None, lambda: stop)


def test_squares_are_read_in_order_and_taken_by_number(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pretrained_images, "CHUNK", 4)
    with Squares() as squares:
        read_squares(examples(11), watch(), squares)
        assert len(squares) == 11
        taken = squares.take([7, 0, 7])
    assert np.array_equal(taken, np.stack([grey_square(image(seed)) for seed in (7, 0, 7)]))


def test_none_taken_are_none() -> None:
    with Squares() as squares:
        assert squares.take([]).shape[0] == 0


def test_a_stop_is_heard_while_reading() -> None:
    with Squares() as squares, pytest.raises(TrainingStopped):
        read_squares(examples(3), watch(stop=True), squares)


def test_an_unreadable_image_is_named_by_place_and_group() -> None:
    images = [*examples(2), Example(lambda: b"no image", ("a",), "patient 9")]
    with Squares() as squares, pytest.raises(UnreadableImage, match="image 2 of group 'patient 9'"):
        read_squares(images, watch(), squares)


def blurred(seed: int) -> Square:
    """A picture of smooth greys between 40 and 200, without sharp edges."""
    rough = np.random.default_rng(seed).integers(40, 200, (9, 9), dtype=np.uint8)
    return np.asarray(Image.fromarray(rough).resize((128, 128), Image.Resampling.BICUBIC))


def exposed(image: Square, gamma: float, contrast: float) -> Square:
    return np.rint(255 * (contrast * image / 255) ** gamma).astype(np.uint8)


@given(
    seed=st.integers(0, 1000),
    gamma=st.floats(0.6, 1.6),
    contrast=st.floats(0.6, 1.0),
)
def test_another_exposure_of_an_image_looks_nearly_the_same(
    seed: int, gamma: float, contrast: float
) -> None:
    image = blurred(seed)
    one, other = exposed_alike(image), exposed_alike(exposed(image, gamma, contrast))
    difference = np.abs(one.astype(int) - other.astype(int))
    assert difference.mean() < 10


@given(seed=st.integers(0, 1000))
def test_the_median_becomes_mid_grey_and_the_ends_black_and_white(seed: int) -> None:
    alike = exposed_alike(blurred(seed))
    assert np.median(alike) == pytest.approx(127.5, abs=6)
    assert (alike.min(), alike.max()) == (0, 255)


@given(seed=st.integers(0, 1000))
def test_what_is_brighter_stays_no_darker(seed: int) -> None:
    image = blurred(seed)
    order = np.argsort(image, axis=None)
    assert np.all(np.diff(exposed_alike(image).ravel()[order].astype(int)) >= 0)


@pytest.mark.parametrize("grey", [0, 77, 255])
def test_an_image_of_one_grey_stays_as_it_is(grey: int) -> None:
    plain = np.full((128, 128), grey, dtype=np.uint8)
    assert np.array_equal(exposed_alike(plain), plain)


def test_one_speck_on_an_image_of_one_grey_makes_no_difference() -> None:
    plain = np.full((128, 128), 77, dtype=np.uint8)
    plain[5, 5] = 200
    assert np.array_equal(exposed_alike(plain), plain)

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from rekognition_xray.local.learning import Example, TrainingStopped, UnreadableImage, square
from rekognition_xray.local.learning.pretrained import images as pretrained_images
from rekognition_xray.local.learning.pretrained.images import Squares, read_squares
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
    assert np.array_equal(taken, np.stack([square(image(seed)) for seed in (7, 0, 7)]))


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

"""Options are checked when they are made, and change what they say and nothing else."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

import rekognition_xray as rx
from rekognition_xray.data.images import decode
from rekognition_xray.errors import DataError


@pytest.mark.parametrize(
    "wrong",
    [
        {"allow_burned_in": "no"},
        {"allow_other_views": 1},
        {"stretch": None},
        {"polarity": "MONOCHROME1"},
        {"window": (1, 0)},
        {"window": (0, 0)},
        {"window": (0, float("nan"))},
        {"window": (10**400, 10**401)},
        {"window": ("a", "b")},
        {"window": 3},
        {"window": (1, 2, 3)},
    ],
)
def test_options_that_mean_nothing_are_refused(wrong: dict[str, object]) -> None:
    (name,) = wrong
    with pytest.raises(DataError, match=name):
        rx.ImageOptions(**wrong)  # type: ignore[arg-type]


def test_a_window_may_be_of_numpy() -> None:
    assert rx.ImageOptions(window=(np.float32(0), np.int64(2)))  # type: ignore[arg-type]


@pytest.mark.parametrize("wrong", [None, {"stretch": True}])
def test_a_dataset_takes_options_alone(wrong: object) -> None:
    dataset = rx.XrayDataset([rx.Xray("s3://bucket/a.png", "normal")])
    with pytest.raises(DataError, match="no options for images"):
        dataset.with_options(wrong)  # type: ignore[arg-type]


def test_options_stay_with_the_parts_of_a_dataset() -> None:
    options = rx.ImageOptions(stretch=True)
    images = [
        rx.Xray(f"s3://b/{n}.png", "normal" if n % 2 else "viral", f"p{n}") for n in range(20)
    ]
    dataset = rx.XrayDataset(images).with_options(options)
    split = dataset.split(test=0.5)
    parts = [split.train, split.test, *(part for fold in dataset.folds(2) for part in fold)]
    assert {part.options for part in parts} == {options}


def test_a_floating_point_tiff_in_which_0_is_white_is_turned() -> None:
    grey = np.random.default_rng(3).integers(0, 256, (80, 96)).astype("float32")
    buffer = io.BytesIO()
    Image.fromarray(grey).save(buffer, "TIFF", tiffinfo={262: 0})
    made = decode(buffer.getvalue(), options=rx.ImageOptions(window=(0, 255)))
    assert np.array_equal(np.asarray(made.grey), 255 - grey)
    assert "inverted: 0 was white" in made.steps

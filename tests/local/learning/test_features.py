from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from rekognition_xray.local.learning.fast.features import features
from rekognition_xray.local.learning.fast.images import SIDE, Square

NOISE = np.random.default_rng(0).integers(0, 256, (SIDE, SIDE), dtype=np.uint8)
LYING = np.repeat(np.arange(SIDE, dtype=np.uint8) // 8 % 2 * 255, SIDE).reshape(SIDE, SIDE)


def apart(one: Square, other: Square) -> float:
    return float(np.linalg.norm(features(one) - features(other)))


@settings(max_examples=20, deadline=None)
@given(arrays.arrays(np.uint8, (4, 4), elements=st.integers(0, 255)))
def test_every_image_has_finite_features_of_one_length(small: Square) -> None:
    image = np.kron(small, np.ones((SIDE // 4, SIDE // 4), dtype=np.uint8))
    vector = features(image)
    assert vector.dtype == np.float32
    assert vector.shape == features(NOISE).shape
    assert np.isfinite(vector).all()


def test_the_same_image_has_the_same_features() -> None:
    assert np.array_equal(features(NOISE), features(NOISE.copy()))


def test_a_small_shift_matters_less_than_another_direction() -> None:
    assert apart(LYING, np.roll(LYING, 1, axis=0)) < apart(LYING, LYING.T) / 2


def test_texture_tells_noise_from_smoothness() -> None:
    assert apart(NOISE, np.full_like(NOISE, 128)) > 1


def test_a_stack_of_squares_has_the_features_that_each_has_alone() -> None:
    stack = np.stack((NOISE, LYING, LYING.T))
    assert np.array_equal(features(stack), np.stack([features(image) for image in stack]))

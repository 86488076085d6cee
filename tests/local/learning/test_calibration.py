from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import expit, softmax

from rekognition_xray.local.learning.calibration import Array, Calibration

IMAGES = 4000


def drawn(probabilities: Array, seed: int = 0) -> Array:
    """One label per image, drawn by its probabilities."""
    draw = np.random.default_rng(seed).uniform(size=(len(probabilities), 1))
    labels = (np.cumsum(probabilities, axis=1) < draw).sum(axis=1)
    return np.eye(probabilities.shape[1])[labels]


def scores(labels: int = 3, images: int = IMAGES) -> Array:
    return np.random.default_rng(1).normal(size=(images, labels))


def test_single_label_data_finds_the_slopes_and_shifts_it_was_drawn_with() -> None:
    slope, shift = np.array([2.5, 4.0, 1.5]), np.array([0.8, -0.3, -0.5])
    truth = drawn(softmax(slope * scores() + shift, axis=1))
    found = Calibration.fit(scores(), truth, single=True)
    assert found.slope == pytest.approx(slope, abs=0.3)
    assert found.shift - found.shift.mean() == pytest.approx(shift, abs=0.15)


def test_multi_label_data_finds_a_slope_and_shift_for_each_label() -> None:
    slope, shift = np.array([3.0, 1.0]), np.array([-1.0, 0.5])
    probable = expit(slope * scores(2) + shift)
    truth = (np.random.default_rng(2).uniform(size=probable.shape) < probable).astype(float)
    found = Calibration.fit(scores(2), truth, single=False)
    assert found.slope == pytest.approx(slope, abs=0.25)
    assert found.shift == pytest.approx(shift, abs=0.15)


def test_scores_that_say_nothing_give_the_shares_of_the_labels() -> None:
    truth = drawn(np.tile([0.7, 0.2, 0.1], (IMAGES, 1)))
    confidences = Calibration.fit(scores(), truth, single=True)(scores())
    assert confidences.max(axis=0) == pytest.approx([0.7, 0.2, 0.1], abs=0.08)


def test_scores_that_point_the_wrong_way_are_not_turned_round() -> None:
    truth = drawn(softmax(-3 * scores(), axis=1))
    assert Calibration.fit(scores(), truth, single=True).slope == pytest.approx([0.0] * 3)


def test_perfect_scores_do_not_give_an_endless_slope() -> None:
    truth = drawn(np.full((50, 3), 1 / 3))
    found = Calibration.fit(truth, truth, single=True)
    assert 4 < found.slope[0] < 100


@pytest.mark.parametrize("single", [True, False])
def test_too_few_images_fall_back_to_the_usual_slope(single: bool) -> None:
    found = Calibration.fit(np.eye(3), np.eye(3), single=single)
    assert np.array_equal(found.slope, Calibration.usual(3, single=single).slope)


@settings(max_examples=50, deadline=None)
@given(
    st.integers(1, 6), st.floats(0, 50), st.floats(-30, 30), st.integers(1, 5), st.integers(0, 99)
)
def test_confidences_of_single_label_data_sum_to_one(
    labels: int, slope: float, shift: float, images: int, seed: int
) -> None:
    values = np.random.default_rng(seed).normal(scale=20, size=(images, labels))
    calibration = Calibration(True, np.full(labels, slope), shift * np.arange(labels))
    assert calibration(values).sum(axis=1) == pytest.approx(np.ones(images))

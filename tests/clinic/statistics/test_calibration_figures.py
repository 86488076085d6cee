from __future__ import annotations

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from rekognition_xray.clinic.policy import fit_calibration
from rekognition_xray.clinic.statistics import Resamples, calibration_error, log_odds
from rekognition_xray.clinic.statistics.calibration import (
    bin_edges,
    bin_places,
    intercept_and_slope,
)


def _sample(count, *, slope=1.0, intercept=0.0, seed=0):
    rng = np.random.default_rng(seed)
    odds = rng.normal(size=count) * 2
    truth = rng.random(count) < 1 / (1 + np.exp(-(slope * odds + intercept)))
    sample = Resamples([f"{patient:05d}" for patient in range(count)], resamples=200, seed=seed)
    return sample, truth, 1 / (1 + np.exp(-odds))


def test_the_slope_is_that_of_scikit_learns_logistic_regression():
    sample, truth, score = _sample(400, slope=0.6)
    model = LogisticRegression(C=np.inf, tol=1e-10).fit(log_odds(score)[:, None], truth)
    _, slope = intercept_and_slope(sample, truth, score)
    assert slope.value == pytest.approx(model.coef_[0, 0], abs=1e-5)


@pytest.mark.parametrize(("slope", "intercept"), [(1.0, 0.0), (0.5, 0.0), (1.0, -1.5)])
def test_slope_and_intercept_tell_what_is_wrong_with_confidences(slope, intercept):
    sample, truth, score = _sample(6000, slope=slope, intercept=intercept)
    found = intercept_and_slope(sample, truth, score)
    assert found[1].low < slope < found[1].high
    assert (found[0].low < 0 < found[0].high) == (intercept == 0)


def test_the_calibration_error_of_probabilities_is_within_the_noise():
    sample, truth, score = _sample(3000)
    figure = calibration_error(sample, truth, score)
    assert figure.low < 0.01
    assert figure.high < 0.06
    assert figure.value < 0.03


def test_the_calibration_error_of_far_too_bold_confidences_is_large():
    sample, truth, score = _sample(3000, slope=0.2)
    assert calibration_error(sample, truth, score).low > 0.15


def test_bins_hold_equally_many_images():
    score = np.random.default_rng(0).random(1000)
    counts = np.bincount(bin_places(score, bin_edges(score)))
    assert list(counts) == [100] * 10


def test_confidences_that_repeat_make_fewer_bins():
    score = np.array([0.2] * 80 + [0.9] * 20)
    assert len(set(bin_places(score, bin_edges(score)))) == 2


@pytest.mark.parametrize("kind", ["platt", "temperature", "isotonic"])
def test_a_fitted_calibration_brings_probabilities_back(kind):
    _, truth, score = _sample(5000, slope=0.5)
    made = fit_calibration(kind, truth, score, patients=5000)
    output = np.array([made.probability(value) for value in score])
    expected = 1 / (1 + np.exp(-0.5 * log_odds(score)))
    assert np.abs(output - expected).mean() < 0.03


@pytest.mark.parametrize("kind", ["platt", "temperature", "isotonic"])
def test_confidences_that_separate_the_images_still_give_a_calibration(kind):
    truth = np.array([True] * 10 + [False] * 10)
    made = fit_calibration(kind, truth, np.linspace(0.9, 0.1, 20), patients=20)
    assert 0 <= made.probability(0.1) < made.probability(0.9) <= 1
    assert made.slope > 0

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rekognition_xray.clinic.statistics import score_figure
from rekognition_xray.clinic.statistics.intervals import (
    BootstrapStatistic,
    error_figure,
    gap_figure,
    logit_figure,
    score_interval,
)


def _statistic(value, spread, *, units=40, reason=""):
    replicates = value + spread * np.random.default_rng(0).normal(size=4000)
    return BootstrapStatistic(
        value, replicates, images=100, patients=60, units=units, reason=reason
    )


@given(st.floats(0, 1), st.floats(1, 1e6))
def test_the_score_interval_holds_its_value_and_stays_within_0_and_1(value, units):
    low, high = score_interval(value, units)
    assert 0 <= low <= value + 1e-12
    assert value - 1e-12 <= high <= 1


@pytest.mark.parametrize(
    ("hits", "n", "low", "high"), [(15, 16, 0.717, 0.989), (85, 100, 0.767, 0.907)]
)
def test_the_score_interval_is_wilsons(hits, n, low, high):
    assert score_interval(hits / n, n) == pytest.approx((low, high), abs=1e-3)


def test_the_spread_of_resamples_sets_the_number_of_independent_units():
    figure = score_figure(_statistic(0.8, math.sqrt(0.8 * 0.2 / 50), units=10_000))
    assert (figure.low, figure.high) == pytest.approx(score_interval(0.8, 50), abs=2e-3)


@pytest.mark.parametrize("interval", [score_figure, logit_figure])
def test_few_units_widen_the_interval(interval):
    few, many = (interval(_statistic(0.8, 0.05, units=units)) for units in (5, 500))
    assert few.high - few.low > 1.2 * (many.high - many.low)
    assert 0 < few.low < few.value < few.high < 1


@pytest.mark.parametrize("interval", [score_figure, logit_figure])
@pytest.mark.parametrize(("value", "low", "high"), [(1.0, 0.806, 1), (0.0, 0, 0.194)])
def test_where_all_resamples_agree_the_interval_is_wilsons(interval, value, low, high):
    figure = interval(_statistic(value, 0.0, units=16))
    assert (figure.low, figure.high) == pytest.approx((low, high), abs=1e-3)


@pytest.mark.parametrize("interval", [score_figure, logit_figure])
def test_no_value_gives_no_interval_and_keeps_the_reason(interval):
    figure = interval(_statistic(math.nan, 0.0, reason="no image"))
    assert (figure.value, figure.low, figure.high, figure.reason) == (None, None, None, "no image")


@pytest.mark.parametrize("interval", [score_figure, logit_figure])
def test_resamples_without_a_value_are_left_aside(interval):
    whole = _statistic(0.8, 0.05)
    holed = BootstrapStatistic(
        0.8, np.append(whole.replicates, [math.nan] * 50), images=100, patients=60, units=40
    )
    assert interval(holed) == interval(whole)


def test_gaps_within_the_noise_are_no_gaps():
    noise = 0.02 * np.random.default_rng(1).normal(size=(2000, 10))
    seen = 0.02 * np.random.default_rng(2).normal(size=10)
    figure = gap_figure(seen, seen + noise, images=100, patients=100)
    assert figure.low == 0
    assert figure.value < 0.5 * np.abs(seen).sum()
    assert figure.value <= figure.high < 0.3


def test_gaps_far_beyond_the_noise_are_kept():
    noise = 0.002 * np.random.default_rng(1).normal(size=(2000, 10))
    seen = np.array([0.05, -0.05] * 5)
    figure = gap_figure(seen, seen + noise, images=100, patients=100)
    assert figure.value == pytest.approx(0.5, abs=0.005)
    assert 0.48 < figure.low < figure.value < figure.high < 0.52


@given(st.integers(0, 1000), st.floats(0, 0.1))
def test_the_interval_of_gaps_holds_its_value_and_stays_within_0_and_1(seed, size):
    rng = np.random.default_rng(seed)
    seen = rng.uniform(-0.1, 0.1, 10)
    figure = gap_figure(seen, seen + size * rng.normal(size=(60, 10)), images=9, patients=9)
    assert 0 <= figure.low <= figure.value <= figure.high <= 1


def test_a_standard_error_becomes_an_interval_by_students_t():
    figure = error_figure(1.0, 0.1, images=100, patients=60, least=6)
    assert (figure.low, figure.high) == pytest.approx((1 - 0.2571, 1 + 0.2571), abs=1e-4)

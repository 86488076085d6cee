from __future__ import annotations

import copy

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rekognition_xray.clinic.monitoring.change_test import ChangeTest


def _watch(values, *, reference=(), seed=0):
    test = ChangeTest(reference, seed=seed)
    for value in values:
        test.take(float(value))
    return test


@pytest.mark.parametrize("values", ["distinct", "tied"])
def test_without_a_change_at_most_the_promised_share_reaches_a_threshold(values) -> None:
    rng = np.random.default_rng(3)
    draw = {
        "distinct": lambda count: rng.normal(size=count),
        "tied": lambda count: rng.random(count) < 0.05,
    }[values]
    highest = [
        _watch(draw(120), reference=map(float, draw(20)), seed=run).highest for run in range(150)
    ]
    assert sum(value >= 5 for value in highest) <= 30  # at most one fifth, by Ville's inequality
    assert sum(value >= 2 for value in highest) >= 3  # it does bet


@settings(max_examples=20)
@given(st.lists(st.floats(0, 1), max_size=40))
def test_whatever_came_before_no_bet_gains_on_average_over_uniform_ranks(before) -> None:
    """So the e-value is a martingale."""
    test = ChangeTest([], seed=0)
    for rank in before:
        test._gains(rank)
    gains = [copy.deepcopy(test)._gains((place + 0.5) / 600) for place in range(600)]
    assert np.mean(gains, axis=0) == pytest.approx(1, abs=1e-4)
    assert np.min(gains) >= 0.5


@pytest.mark.parametrize(
    "after",
    [
        lambda rng: rng.normal(1, size=300),
        lambda rng: rng.normal(-1, size=300),
        lambda rng: rng.normal(0, 3, size=300),
        lambda rng: rng.normal(0, 0.2, size=300),
        lambda rng: np.where(rng.random(300) < 0.3, 0.7, rng.normal(size=300)),
    ],
    ids=["higher", "lower", "wider", "narrower", "one value again and again"],
)
def test_a_change_is_found(after) -> None:
    rng = np.random.default_rng(1)
    reference = map(float, rng.normal(size=500))
    assert _watch([*rng.normal(size=500), *after(rng)], reference=reference).e_value > 300


def test_without_a_reference_a_change_within_the_values_is_found() -> None:
    rng = np.random.default_rng(1)
    assert _watch([*rng.normal(size=500), *rng.normal(2, size=300)]).e_value > 300


def test_the_same_values_and_seed_give_the_same_e_value() -> None:
    values = np.random.default_rng(0).integers(0, 3, 200)
    assert _watch(values).e_value == _watch(values).e_value != _watch(values, seed=1).e_value


def test_evidence_without_end_stays_a_number() -> None:
    assert np.isfinite(_watch(range(3000)).e_value)

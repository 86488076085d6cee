"""How much the pretrained learner does in its time; no PyTorch needed."""

from __future__ import annotations

import math

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rekognition_xray.local.learning import BudgetTooShort
from rekognition_xray.local.learning.pretrained.plan import (
    FEW_IMAGES,
    FROZEN,
    SIDE,
    SMALL,
    Plan,
    Speed,
    Timer,
    beside_fits,
    check_budget,
    plan_within,
    usual_plan,
)

SPEED = Speed(beside=0.01, look=0.02, tune=0.02)
seconds = st.floats(1e-3, 1e5)
images = st.integers(1, 250_000)


def test_few_images_are_seen_more_often_and_very_few_tune_nothing() -> None:
    rounds = [usual_plan(count).rounds for count in (100, 1000, 4000, 250_000)]
    assert rounds == sorted(rounds, reverse=True)
    assert rounds[-1] >= 1
    assert usual_plan(FEW_IMAGES - 1) == FROZEN


def test_rounds_that_are_asked_for_are_planned() -> None:
    assert usual_plan(5, rounds=3) == Plan(SIDE, 3)
    assert usual_plan(5000, rounds=0) == FROZEN


def test_with_time_enough_the_plan_is_the_usual_one() -> None:
    assert plan_within(math.inf, 4000, SPEED) == usual_plan(4000)


def test_with_less_time_images_are_smaller_then_seen_less_often_then_only_a_head_is_fitted() -> (
    None
):
    usual = usual_plan(4000)
    plans = [plan_within(left, 4000, SPEED) for left in range(1500, 0, -10)]
    assert plans[0] == usual
    assert Plan(SMALL, usual.rounds) in plans
    assert any(0 < plan.rounds < usual.rounds for plan in plans)
    assert plans[-1] == FROZEN


@given(left=seconds, count=images)
def test_a_plan_fits_into_the_time_or_is_the_least(left: float, count: int) -> None:
    plan = plan_within(left, count, SPEED)
    assert plan.rounds * count * SPEED.tune <= left or plan == FROZEN


@given(left=seconds, count=images, slower=st.floats(1, 100))
def test_a_slower_machine_never_plans_more(left: float, count: int, slower: float) -> None:
    slow = Speed(*(slower * value for value in attrs.astuple(SPEED)))
    one, other = (plan_within(left, count, speed) for speed in (SPEED, slow))
    assert other.rounds <= one.rounds


def test_a_fast_model_is_trained_where_it_leaves_most_of_the_time() -> None:
    assert beside_fits(100, 1000, SPEED)
    assert not beside_fits(20, 1000, SPEED)


def test_a_budget_in_which_nothing_can_be_done_is_refused() -> None:
    check_budget(100, 110, 1000, least=0.022)
    with pytest.raises(BudgetTooShort, match=r"1000 images.*budget of 1 s; it needs about 28 s"):
        check_budget(0.5, 1, 1000, least=0.022)


def test_a_plan_says_what_is_done() -> None:
    assert str(FROZEN) == "frozen network, 128 px"
    assert str(Plan(SMALL, 3)) == "fine-tuned network, 3 rounds, 96 px"
    assert str(Plan(SIDE, 8)) == "fine-tuned network, 8 rounds, 96 px, then 128 px"


def test_time_without_a_budget_never_runs_out() -> None:
    timer = Timer.start(None, lambda: 5.0)
    assert timer.left == math.inf
    assert timer.guarded(lambda: False, 10)() is False


def test_when_the_time_is_over_the_next_poll_ends_the_training() -> None:
    now = iter([0.0, 9.0, 11.0])
    polled = Timer.start(10.0, lambda: next(now)).guarded(lambda: True, 10)
    assert polled() is True
    with pytest.raises(BudgetTooShort):
        polled()

"""Plans: never dearer than any other way in time, and every assumption on the page."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from fractions import Fraction

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rekognition_xray.costs import Price, PriceBook
from rekognition_xray.errors import PlanError
from rekognition_xray.plans import PUBLISHED_TPS, BatchPlan, plan_batch, plan_month

MINUTE = dt.timedelta(minutes=1)
HOUR = 60 * MINUTE


@attrs.frozen
class Asked:
    """What a plan is asked for; times are in seconds."""

    images: int
    tps: Decimal
    deadline: int
    startup: int
    stop: int
    most: int

    def plan(self) -> BatchPlan:
        return plan_batch(
            self.images,
            tps_per_unit=self.tps,
            deadline=dt.timedelta(seconds=self.deadline),
            startup=dt.timedelta(seconds=self.startup),
            stop=dt.timedelta(seconds=self.stop),
            max_units=self.most,
        )

    def ways(self) -> list[Way]:
        """Every way that is in time, over all units and 50 start times."""
        starts = range(0, self.deadline + 1, max(1, self.deadline // 50))
        ways = []
        for units in range(1, self.most + 1):
            work = Fraction(self.images) / min(units * Fraction(self.tps), Fraction(50))
            timely = [start for start in starts if start + self.startup + work <= self.deadline]
            high = units * (self.startup + work + self.stop)
            ways += [Way(units, high, units * work) for _ in timely]
        return ways


@attrs.frozen
class Way:
    """Units, and the unit-seconds that are billed by either reading."""

    units: int
    high: Fraction
    low: Fraction


asked = st.builds(
    Asked,
    images=st.integers(1, 20_000),
    tps=st.decimals("0.1", 30, places=2),
    deadline=st.integers(0, 20_000),
    startup=st.integers(0, 2_000),
    stop=st.integers(0, 400),
    most=st.integers(1, 5),
)


@given(asked)
def test_no_other_units_or_start_time_is_cheaper_by_either_reading(asked: Asked) -> None:
    ways = asked.ways()
    if not ways:
        with pytest.raises(PlanError):
            asked.plan()
        return
    plan = asked.plan()
    high, low = min(way.high for way in ways), min(way.low for way in ways)
    assert any((way.units, way.high, way.low) == (plan.units, high, low) for way in ways)
    assert abs(Fraction(plan.high.total) - high * 4 / 3600) < Fraction(1, 100)
    assert abs(Fraction(plan.low.total) - low * 4 / 3600) < Fraction(1, 100)


@given(asked)
def test_a_plan_that_starts_as_late_as_it_may_ends_at_the_deadline(asked: Asked) -> None:
    if not asked.ways():
        return
    plan = asked.plan()
    end = plan.latest_start + dt.timedelta(seconds=asked.startup) + plan.work
    assert abs(dt.timedelta(seconds=asked.deadline) - end) <= dt.timedelta(microseconds=1)
    assert plan.latest_start >= dt.timedelta(0)


def batch(**changed: object) -> BatchPlan:
    asked: dict[str, object] = {"tps_per_unit": 5, "deadline": 2 * HOUR, "startup": 10 * MINUTE}
    return plan_batch(36_000, **{**asked, **changed})  # type: ignore[arg-type]


def test_a_tight_deadline_takes_more_units_and_costs_their_starts() -> None:
    assert batch(deadline=3 * HOUR).units == 1
    plan = batch(deadline=80 * MINUTE)
    assert (plan.units, plan.work, plan.latest_start) == (2, HOUR, 10 * MINUTE)
    assert plan.low.total == Decimal("8.00")
    assert plan.dollars == plan.high.total == Decimal("9.60")  # 72 minutes on 2 units


def test_a_plan_tells_both_readings_of_the_bill_and_what_it_assumes() -> None:
    output = str(batch())
    for text in (
        "36,000 images on 2 inference units: 1:00:00 of running; start within 0:50:00",
        "in state RUNNING only",
        "starting and stopping as well",
        "AWS does not document",
        "one unit answers 5 images a second",
        "a start takes 0:10:00, a stop 0:02:00",
        "rounded",
        "quoted by third parties for us-east-1, as of 2026-11-01",
    ):
        assert text in output


def test_a_deadline_that_five_units_cannot_meet_is_refused_with_what_they_take() -> None:
    with pytest.raises(PlanError, match=r"5 inference units: 0:34:00"):
        batch(deadline=30 * MINUTE)


def test_units_beyond_the_accounts_fifty_calls_a_second_are_not_paid_for() -> None:
    plan = batch(tps_per_unit=40, deadline=22 * MINUTE)
    assert (plan.units, plan.work) == (2, 12 * MINUTE)


@pytest.mark.parametrize(
    ("changed", "output"),
    [
        ({"tps_per_unit": 0}, "above 0"),
        ({"tps_per_unit": "fast"}, "above 0"),
        ({"tps_per_unit": float("nan")}, "above 0"),
        ({"max_units": 6}, "1 to 5"),
        ({"max_units": 0}, "1 to 5"),
        ({"startup": -MINUTE}, "no less than no time"),
    ],
)
def test_arguments_out_of_range_are_refused(changed: dict[str, object], output: str) -> None:
    with pytest.raises(ValueError, match=output):
        batch(**changed)


def test_all_arguments_out_of_range_are_reported_together() -> None:
    with pytest.raises(ValueError, match=r"images are 1 or more.*1 to 5.*above 0"):
        plan_batch(0, tps_per_unit=-1, deadline=HOUR, max_units=9)


def test_no_speed_is_too_slow_to_be_reported() -> None:
    with pytest.raises(PlanError, match="999999999 days"):
        batch(tps_per_unit=1e-300)


def test_300_images_a_day_beside_the_articles_month() -> None:
    plan = plan_month(300)
    assert plan.always_on.low.total == Decimal("2688.00")
    assert plan.article.low.total == Decimal("448.00")
    assert plan.drained.low.total == Decimal("3.51")  # 28 x (300 / 2.78 + 5) s
    assert plan.drained.high.total == Decimal("25.91")  # and 28 x 12 min
    assert plan.saved == Decimal("444.49")
    output = str(plan)
    for text in ("448.00 USD", "25.91 USD", "AWS does not document", str(PUBLISHED_TPS)):
        assert text in output


@given(st.integers(1, 2_000), st.integers(1, 31), st.integers(1, 4), st.integers(1, 5))
def test_a_month_is_the_sum_of_its_runs(images: int, days: int, runs: int, units: int) -> None:
    plan = plan_month(images, days=days, runs_per_day=runs, units=units)
    exact = days * (Fraction(images) / Fraction(PUBLISHED_TPS) + runs * units * 5) * 4 / 3600
    assert abs(Fraction(plan.drained.low.total) - exact) < Fraction(1, 100)
    starts = Fraction(days * runs * units * 720 * 4, 3600)
    assert abs(Fraction(plan.drained.high.total) - exact - starts) < Fraction(1, 100)


def test_a_month_with_your_own_prices_names_their_source() -> None:
    book = PriceBook()
    dear = Price(Decimal(8), "unit-hour", "our contract", dt.date(2026, 10, 1))
    book = attrs.evolve(book, prices={**book.prices, "inference-unit-hour": dear})
    plan = plan_month(300, prices=book)
    assert plan.article.low.total == Decimal("896.00")
    assert "our contract, as of 2026-10-01" in str(plan)


def test_a_month_says_where_four_hours_a_day_do_not_suffice() -> None:
    assert "4 hours a day do not suffice" in str(plan_month(60_000))
    assert "4 hours a day do not suffice" not in str(plan_month(30_000))


def test_more_images_than_a_day_can_hold_are_refused() -> None:
    with pytest.raises(PlanError, match="longer than the day"):
        plan_month(300_000)
    with pytest.raises(ValueError, match="days and runs"):
        plan_month(300, days=0)

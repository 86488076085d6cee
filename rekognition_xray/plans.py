"""What running a model will cost: the cheapest plan for a batch, and ways to spend a month."""

from __future__ import annotations

import datetime as dt
import math
from decimal import ROUND_UP, Decimal
from fractions import Fraction
from typing import Final

import attrs

from rekognition_xray._text import quantity
from rekognition_xray.costs import Estimate, PriceBook
from rekognition_xray.errors import PlanError, list_paths
from rekognition_xray.records import Record

MAX_UNITS: Final = 5
"""Inference units that one model can have, by AWS's quotas."""

ACCOUNT_TPS: Final = 50
"""Calls of DetectCustomLabels a second, per account and Region, by AWS's quotas."""

PUBLISHED_TPS: Final = Decimal("2.78")
"""Images a second and unit of the example on AWS's price page: 440,000 images in 44 hours."""

STARTUP: Final = dt.timedelta(minutes=10)
"""How long a start takes; people report a few minutes to half an hour."""

STOP: Final = dt.timedelta(minutes=2)
"""How long a stop takes: minutes, by what people report."""

NOTICE: Final = dt.timedelta(seconds=5)
"""How long a model has been running before it is noticed: half of the pause between two looks."""

_MICRO: Final = Decimal("0.000001")
_LOW: Final = "if AWS bills the time in state RUNNING only"
_HIGH: Final = "if AWS bills starting and stopping as well"
_UNDOCUMENTED: Final = (
    "AWS does not document whether starting and stopping are billed, nor a smallest amount or "
    "step of billing: both readings are shown, billed by the second"
)
_ROUNDING: Final = "time is rounded up to a millionth of an hour, money half up to the cent"

Speed = Decimal | float | str


@attrs.frozen
class _Run:
    """One time that a model is started, used and stopped, in exact seconds."""

    work: Fraction
    startup: Fraction
    stop: Fraction

    def billed(self, units: int) -> tuple[Fraction, Fraction]:
        """Unit-seconds by the reading that starts and stops bill, and by the one that they don't.

        The higher price comes first: it is the one to guard against.
        """
        return units * (self.startup + self.work + self.stop), units * self.work


@attrs.frozen(str=False)
class BatchPlan(Record):
    """The cheapest way to have so many images answered in time.

    Attributes:
        images: images.
        units: inference units to start the model with.
        work: how long the model has to be running.
        latest_start: how long the start may be put off, counted from now, without missing the
            deadline; putting it off costs nothing.
        low: the price if only the time in state RUNNING is billed.
        high: the price if starting and stopping are billed as well.
        assumptions: what the plan rests on.
    """

    images: int
    units: int
    work: dt.timedelta
    latest_start: dt.timedelta
    low: Estimate
    high: Estimate
    assumptions: tuple[str, ...]

    @property
    def hours(self) -> Decimal:
        """Hours that the model has to be running, by the clock."""
        return _hours(Fraction(self.work / dt.timedelta(microseconds=1)) / 10**6)

    @property
    def dollars(self) -> Decimal:
        """The higher price of the two ways to read AWS's billing, in the book's currency."""
        return self.high.total

    def __str__(self) -> str:
        head = (
            f"{self.images:,} images on {quantity(self.units, 'inference unit')}: "
            f"{_span(self.work)} of running; "
            f"start within {_span(self.latest_start)}"
        )
        rows = [head, *_readings(self.low, self.high)]
        return "\n".join([*rows, *(f"(assumed: {text})" for text in self.assumptions)])


@attrs.frozen(str=False)
class MonthOption(Record):
    """One way to spend a month.

    Attributes:
        name: in words.
        low: the price if only the time in state RUNNING is billed.
        high: the price if starting and stopping are billed as well.
    """

    name: str
    low: Estimate
    high: Estimate

    def __str__(self) -> str:
        return "\n".join([f"{self.name}:", *_readings(self.low, self.high)])


@attrs.frozen(str=False)
class MonthPlan(Record):
    """Three ways to answer so many images a day, and what each costs.

    Attributes:
        always_on: the model is never stopped.
        article: on for four hours of each day, as in the 2020 article, whatever there is to do.
        drained: started, given all images that wait, and stopped.
        assumptions: what the figures rest on.
    """

    images_per_day: int
    days: int
    always_on: MonthOption
    article: MonthOption
    drained: MonthOption
    assumptions: tuple[str, ...]

    _derived = ("saved",)

    @property
    def saved(self) -> Decimal:
        """What draining saves beside the article's four hours, by the reading that saves less."""
        return min(
            self.article.low.total - self.drained.low.total,
            self.article.high.total - self.drained.high.total,
        )

    def __str__(self) -> str:
        currency = self.article.low.currency
        rows = [
            f"{self.images_per_day:,} images a day for {self.days} days:",
            *(str(one) for one in (self.always_on, self.article, self.drained)),
            f"start, drain and stop saves at least {self.saved} {currency} beside 4 hours a day",
        ]
        return "\n".join([*rows, *(f"(assumed: {text})" for text in self.assumptions)])


def plan_batch(
    images: int,
    *,
    tps_per_unit: Speed,
    deadline: dt.timedelta,
    startup: dt.timedelta = STARTUP,
    stop: dt.timedelta = STOP,
    prices: PriceBook | None = None,
    max_units: int = MAX_UNITS,
) -> BatchPlan:
    """The cheapest plan that answers a batch of images before a deadline.

    Cheapest by the higher of the two ways to read AWS's billing; among equals by the other, then
    with fewer units. Makes no call.

    Args:
        images: images, 1 or more.
        tps_per_unit: images a second and unit, as ``throughput.calibrate`` measures them.
        deadline: how long from now until all images are to be answered.
        startup: how long the start takes.
        stop: how long the stop takes; it may end after the deadline.
        prices: the price book.
        max_units: 1 to 5.

    Raises:
        PlanError: even the most units cannot meet the deadline; says what would.
        ValueError: an argument is out of its range.
    """
    speed = _checked_rate(images=images, tps=tps_per_unit, units=max_units, spans=[startup, stop])
    runs = {
        units: _Run(Fraction(images) / _rate(units, speed), _seconds(startup), _seconds(stop))
        for units in range(1, max_units + 1)
    }
    until = _seconds(deadline)
    timely = [units for units, run in runs.items() if run.startup + run.work <= until]
    if not timely:
        raise _too_late(images, deadline, runs)
    units = min(timely, key=lambda units: (*runs[units].billed(units), units))
    run = runs[units]
    book = prices or PriceBook()
    low, high = _price(run, units, 1, book)
    return BatchPlan(
        images,
        units,
        _timedelta(run.work),
        dt.timedelta(microseconds=math.floor((until - run.startup - run.work) * 10**6)),
        low,
        high,
        (
            *_speeds(tps_per_unit),
            f"a start takes {_span(startup)}, a stop {_span(stop)}",
            _UNDOCUMENTED,
            _ROUNDING,
            _source(book),
        ),
    )


def plan_month(
    images_per_day: int,
    *,
    tps_per_unit: Speed = PUBLISHED_TPS,
    units: int = 1,
    days: int = 28,
    runs_per_day: int = 1,
    startup: dt.timedelta = STARTUP,
    stop: dt.timedelta = STOP,
    notice: dt.timedelta = NOTICE,
    prices: PriceBook | None = None,
) -> MonthPlan:
    """Compares a model that is always on, the article's 4 hours a day, and start-drain-stop.

    The article's month is 28 days. Makes no call.

    Args:
        images_per_day: images, 1 or more.
        tps_per_unit: images a second and unit; the default is derived from AWS's own example.
        units: inference units, 1 to 5, of all three ways.
        days: days of the month with images.
        runs_per_day: how often a day the waiting images are drained.
        startup: how long a start takes.
        stop: how long a stop takes.
        notice: how long the model has been running before the program sees it.
        prices: the price book.

    Raises:
        PlanError: one day's images take longer than the day.
        ValueError: an argument is out of its range.
    """
    spans = [startup, stop, notice]
    speed = _checked_rate(images=images_per_day, tps=tps_per_unit, units=units, spans=spans)
    if min(days, runs_per_day) < 1:
        raise ValueError(f"days and runs a day are 1 or more, not {days} and {runs_per_day}")
    book = prices or PriceBook()
    begin, end = _seconds(startup), _seconds(stop)
    drain = Fraction(images_per_day) / _rate(units, speed) / runs_per_day
    run = _Run(drain + _seconds(notice), begin, end)
    if (begin + run.work + end) * runs_per_day > 86400:
        raise PlanError(
            f"{images_per_day:,} images a day on {quantity(units, 'inference unit')} in "
            f"{quantity(runs_per_day, 'run')} take longer than the day.",
            hint="Use more units, or fewer runs a day.",
        )
    four = _Run(Fraction(4 * 3600), begin, end)
    month = _Run(Fraction(86400 * days), begin, end)
    return MonthPlan(
        images_per_day,
        days,
        MonthOption("always on", *_price(month, units, 1, book)),
        MonthOption("4 hours a day, as in the article", *_price(four, units, days, book)),
        MonthOption("start, drain, stop", *_price(run, units, days * runs_per_day, book)),
        (
            *_speeds(tps_per_unit),
            (
                f"{quantity(units, 'inference unit')}; "
                f"images wait for the next of {quantity(runs_per_day, 'run')} a day"
            ),
            *([_too_many(drain * runs_per_day)] if drain * runs_per_day > 4 * 3600 else []),
            f"a start takes {_span(startup)}, a stop {_span(stop)}",
            f"the model has been running for {_span(notice)} when the program notices",
            _UNDOCUMENTED,
            _ROUNDING,
            _source(book),
        ),
    )


def _checked_rate(*, images: int, tps: Speed, units: int, spans: list[dt.timedelta]) -> Fraction:
    """The speed as an exact number, once every argument has proved to be in its range."""
    wrong = []
    if images < 1:
        wrong.append(f"images are 1 or more, not {images}")
    if not 1 <= units <= MAX_UNITS:
        wrong.append(f"a model has 1 to {MAX_UNITS} inference units, not {units}")
    if min(spans) < dt.timedelta(0):
        wrong.append("a start, a stop and a notice take no less than no time")
    try:
        speed = Fraction(str(tps))
    except (ValueError, ZeroDivisionError):  # nan, infinity, no number
        speed = Fraction(0)
    if speed <= 0:
        wrong.append(f"images a second and unit are a number above 0, not {tps!r}")
    if wrong:
        raise ValueError("; ".join(wrong))
    return speed


def _rate(units: int, speed: Fraction) -> Fraction:
    return min(units * speed, Fraction(ACCOUNT_TPS))


def _price(run: _Run, units: int, times: int, book: PriceBook) -> tuple[Estimate, Estimate]:
    dear, cheap = run.billed(units)
    low, high = (
        attrs.evolve(book.inference(_hours(times * seconds / units), units=units), assumptions=())
        for seconds in (cheap, dear)
    )
    return low, high


def _hours(seconds: Fraction) -> Decimal:
    steps = math.ceil(seconds / 3600 / Fraction(_MICRO))
    return (Decimal(steps) * _MICRO).quantize(_MICRO, ROUND_UP)


def _seconds(span: dt.timedelta) -> Fraction:
    return Fraction(span // dt.timedelta(microseconds=1), 10**6)


def _timedelta(seconds: Fraction) -> dt.timedelta:
    most = dt.timedelta.max // dt.timedelta(microseconds=1)
    return dt.timedelta(microseconds=min(most, math.ceil(seconds * 10**6)))


def _span(span: dt.timedelta) -> str:
    return str(span - dt.timedelta(microseconds=span.microseconds))


def _readings(low: Estimate, high: Estimate) -> list[str]:
    return [f"  {low} {_LOW}", f"  {high} {_HIGH}"]


def _speeds(tps: Speed) -> tuple[str, str]:
    return (
        f"one unit answers {tps} images a second, every image alike; measure yours",
        f"the account's {ACCOUNT_TPS} calls a second are not exceeded, and nothing else uses them",
    )


def _source(book: PriceBook) -> str:
    price = book.prices["inference-unit-hour"]
    each = f"{price.amount} {book.currency} per unit and hour in {book.region}"
    return f"{each}: {price.source}, as of {price.as_of}"


def _too_many(seconds: Fraction) -> str:
    return f"4 hours a day do not suffice: a day's images take {_span(_timedelta(seconds))}"


def _too_late(images: int, deadline: dt.timedelta, runs: dict[int, _Run]) -> PlanError:
    ends = [
        f"{quantity(units, 'inference unit')}: {_span(_timedelta(run.startup + run.work))}"
        for units, run in runs.items()
    ]
    return PlanError(
        f"No plan answers {images:,} images within {_span(deadline)}; start and work take with\n"
        f"{list_paths(ends)}",
        hint="Allow the time that the list names; AWS grants more units on request.",
    )

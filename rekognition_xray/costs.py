"""Prices with their source and date, and what a piece of work costs by them. Decimal money."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping
from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path
from types import MappingProxyType
from typing import Final, Literal, cast

import attrs

from rekognition_xray._text import quantity
from rekognition_xray.pricefile import Figure, PriceReader, no_region
from rekognition_xray.records import Record

Item = Literal[
    "training-hour", "inference-unit-hour", "s3-gib-month", "s3-1000-writes", "s3-1000-reads"
]
Money = Decimal | str | int
"""What is accepted as an amount of money; never a float, which cannot hold cents exactly."""

_CENT: Final = Decimal("0.01")


def money(amount: Money) -> Decimal:
    """An amount in the price book's currency, exact.

    Raises:
        TypeError: the amount is a float.
        ValueError: it is not a finite number or is negative.
    """
    if isinstance(amount, float):
        message = f"write money as a string or Decimal, not as the float {amount!r}"
        raise TypeError(message)
    try:
        value = Decimal(amount)
    except ArithmeticError:
        value = Decimal("NaN")
    if not value.is_finite() or value < 0:
        message = f"{amount!r} is not an amount of money; write it as '5.00'"
        raise ValueError(message)
    return value


@attrs.frozen
class Price:
    """One figure of a price book: an amount per unit, where it was read, and as of when."""

    amount: Decimal
    unit: str
    source: str
    as_of: dt.date


@attrs.frozen
class Line(Record):
    """One line of an estimate: a quantity at a price per unit, hours by default."""

    what: str
    quantity: Decimal
    price: Decimal
    unit: str = "h"

    _derived = ("amount",)

    @property
    def amount(self) -> Decimal:
        """Quantity times price, rounded half up to the cent."""
        return (self.quantity * self.price).quantize(_CENT, ROUND_HALF_UP)


@attrs.frozen
class Estimate(Record):
    """What a piece of work costs, line by line, and what was assumed.

    Attributes:
        lines: quantity times price each.
        assumptions: in sentences.
        currency: of all amounts, such as ``USD``.
    """

    lines: tuple[Line, ...]
    assumptions: tuple[str, ...] = ()
    currency: str = "USD"

    _derived = ("total",)

    @property
    def total(self) -> Decimal:
        """Sum of the lines, each rounded to the cent."""
        return sum((line.amount for line in self.lines), Decimal("0.00"))

    def __add__(self, other: Estimate) -> Estimate:
        if self.currency != other.currency:
            message = f"cannot add {other.currency} to {self.currency}"
            raise ValueError(message)
        kept = dict.fromkeys(self.assumptions + other.assumptions)
        return Estimate(self.lines + other.lines, tuple(kept), self.currency)

    def __str__(self) -> str:
        rows = [
            f"{line.what}: {line.quantity.normalize():f} {line.unit} x {line.price} "
            f"{self.currency}/{line.unit} = {line.amount} {self.currency}"
            for line in self.lines
        ]
        if len(rows) > 1:
            rows.append(f"total: {self.total} {self.currency}")
        return "\n".join([*rows, *(f"(assumed: {text})" for text in self.assumptions)])


@attrs.frozen(str=False)
class EstimateRange(Record):
    """What a piece of work costs at least and at most, and where both figures come from."""

    low: Estimate
    high: Estimate
    sources: tuple[str, ...]

    def __str__(self) -> str:
        least, most = self.low.lines[0], self.high.lines[0]
        hours = f"{least.quantity.normalize():f} to {most.quantity.normalize():f} {least.unit}"
        price = f"{self.low.total} to {self.high.total} {self.high.currency}"
        rows = [f"{least.what}: {hours}, {price} at {least.price} {self.low.currency}/{least.unit}"]
        return "\n".join([*rows, *(f"(by: {text})" for text in self.sources)])


@attrs.frozen(str=False)
class BillComparison(Record):
    """What was estimated, beside what was billed."""

    estimated: Estimate
    actual: Estimate

    _derived = ("difference", "share")

    @property
    def difference(self) -> Decimal:
        """Billed less estimated; above zero where it cost more than estimated."""
        return self.actual.total - self.estimated.total

    @property
    def share(self) -> Decimal | None:
        """The difference as a share of what was billed; None where nothing was billed."""
        return self.difference / self.actual.total if self.actual.total else None

    def __str__(self) -> str:
        share = "" if self.share is None else f", {self.share:+.1%} of the bill"
        return (
            f"estimated {self.estimated.total}, billed {self.actual.total} {self.actual.currency} "
            f"({self.difference:+}{share})"
        )


_THIRD_PARTY: Final = "AWS's price page as quoted by third parties for us-east-1"
_S3: Final = "AWS's price page of S3 as quoted by third parties: Standard, first 50 TB, us-east-1"
_READ: Final = dt.date(2026, 11, 1)
_GIB: Final = 2**30


UNITS: Final[Mapping[Item, str]] = MappingProxyType(
    {
        "training-hour": "hour",
        "inference-unit-hour": "unit-hour",
        "s3-gib-month": "GiB-month",
        "s3-1000-writes": "1,000 requests",
        "s3-1000-reads": "1,000 requests",
    }
)
"""What each price is per."""


def _published_prices() -> Mapping[Item, Price]:
    figures: Mapping[Item, tuple[str, str]] = {
        "training-hour": ("1.00", _THIRD_PARTY),
        "inference-unit-hour": ("4.00", _THIRD_PARTY),
        "s3-gib-month": ("0.023", _S3),
        "s3-1000-writes": ("0.005", _S3),
        "s3-1000-reads": ("0.0004", _S3),
    }
    return MappingProxyType(
        {
            item: Price(Decimal(amount), UNITS[item], source, _READ)
            for item, (amount, source) in figures.items()
        }
    )


@attrs.frozen(str=False)
class PriceBook:
    """Prices of one Region; bring your own where you know better.

    The default holds figures that third parties quoted from AWS's price page for us-east-1 (read in
    November 2026; AWS's own page was not read): 1.00 USD per training hour, 4.00 USD per
    inference unit and hour; S3 Standard at 0.023 USD per GiB and month, 0.005 USD per 1,000 writes
    (PUT, LIST) and 0.0004 USD per 1,000 reads (HEAD, GET). Check them before you rely on them.
    Prices of other Regions are not known here: bring them with `from_file`.

    Attributes:
        prices: each with its source and date.
        currency: of all of them, such as ``USD``.
        region: the AWS Region that they hold for.
    """

    prices: Mapping[Item, Price] = attrs.field(factory=_published_prices)
    currency: str = "USD"
    region: str = "us-east-1"

    @classmethod
    def for_region(cls, region: str) -> PriceBook:
        """The prices that come with the library for a Region.

        Raises:
            PriceBookError: none come with it; names the Regions known and how to add one.
        """
        if region != "us-east-1":
            raise no_region(region, ["us-east-1"], "The price book that comes with the library")
        return cls()

    @classmethod
    def from_file(cls, path: str | Path, *, region: str = "us-east-1") -> PriceBook:
        """Prices of one Region from a TOML or JSON file of your own.

        Each figure bears its source and date; hours must cost more than nothing, and figures for S3
        may be left out. In JSON the same names are nested, and dates are written as text:

            currency = "USD"

            [regions.eu-west-1.inference-unit-hour]
            amount = "4.00"
            source = "aws.amazon.com/rekognition/pricing"
            as_of = 2026-11-01

            [regions.eu-west-1.training-hour]
            ...

        Args:
            path: the file; TOML, or JSON where its name ends in ``.json``.
            region: the Region whose prices are wanted.

        Raises:
            PriceBookError: the file cannot be read, holds faults (all are reported together, those
                of other Regions included) or lacks the Region.
        """
        units = {str(item): unit for item, unit in UNITS.items()}
        file = PriceReader(units, money).read(Path(path))
        if region not in file.regions:
            raise no_region(region, file.regions, f"The price book {path}")
        figures = cast("Mapping[Item, Figure]", file.regions[region])
        prices: dict[Item, Price] = {
            item: Price(figure.amount, UNITS[item], figure.source, figure.as_of)
            for item, figure in figures.items()
        }
        return cls(prices, file.currency, region)

    def __str__(self) -> str:
        rows = [
            f"{item}: {price.amount} {self.currency} per {price.unit} "
            f"({price.source}, as of {price.as_of})"
            for item, price in self.prices.items()
        ]
        return "\n".join([f"Prices in {self.region}:", *rows])

    def training(self, hours: Money) -> Estimate:
        """Cost of a training of so many billable hours. AWS bills only trainings that succeed."""
        line = Line("training", money(hours), self.prices["training-hour"].amount)
        return Estimate((line,), currency=self.currency)

    def training_range(self, low: Money, high: Money, sources: Iterable[str]) -> EstimateRange:
        """Cost of a training that takes from ``low`` to ``high`` billable hours.

        Args:
            low: hours, as a number, text or Decimal.
            high: hours.
            sources: where these hours come from, in sentences.
        """
        return EstimateRange(self.training(low), self.training(high), tuple(sources))

    def inference(self, hours: Money, *, units: int = 1) -> Estimate:
        """Cost of a model that is running for so many hours on so many inference units.

        A running model is billed whether it is used or not.

        Args:
            hours: that it runs.
            units: inference units that it runs on, 1 or more.

        Raises:
            ValueError: less than one unit.
        """
        if units < 1:
            message = f"a running model has at least 1 inference unit, not {units}"
            raise ValueError(message)
        line = Line(
            f"inference on {quantity(units, 'unit')}",
            money(hours) * units,
            self.prices["inference-unit-hour"].amount,
        )
        assumed = "only the time in state RUNNING is billed; AWS does not document start and stop"
        return Estimate((line,), (assumed,), self.currency)

    def compare_with_bill(
        self, estimated: Estimate, *, hours: Money, units: int = 1
    ) -> BillComparison:
        """After a run: the estimate beside what the hours come to that AWS's bill shows.

        Args:
            estimated: what was expected, such as `inference` of the hours planned.
            hours: that the model ran, by the bill (usage type CustomLabels-Inference-Hrs, there
                multiplied by the units already; leave ``units`` at 1 for it) or by the clock.
            units: inference units that it ran on.

        Raises:
            ValueError: the estimate is in another currency.
        """
        if estimated.currency != self.currency:
            message = f"cannot compare {estimated.currency} with {self.currency}"
            raise ValueError(message)
        return BillComparison(estimated, self.inference(hours, units=units))

    def storage(self, size: int, *, months: Money = 1) -> Estimate:
        """Cost of keeping images in S3.

        Args:
            size: bytes.
            months: how long.
        """
        held = (Decimal(size) / _GIB * money(months)).quantize(Decimal("0.000001"))
        price = self._price("s3-gib-month")
        return Estimate((Line("S3 storage", held, price, "GiB-month"),), currency=self.currency)

    def requests(self, *, writes: int = 0, reads: int = 0) -> Estimate:
        """Cost of requests to S3.

        Args:
            writes: number of PUT and LIST requests.
            reads: number of GET and HEAD requests.
        """
        asked: dict[str, tuple[int, Item]] = {
            "S3 writes and lists": (writes, "s3-1000-writes"),
            "S3 reads": (reads, "s3-1000-reads"),
        }
        lines = tuple(
            Line(what, Decimal(count) / 1000, self._price(item), "thousand")
            for what, (count, item) in asked.items()
            if count
        )
        return Estimate(lines, currency=self.currency)

    def _price(self, item: Item) -> Decimal:
        if item not in self.prices:
            message = f"this price book has no price for {item!r}; add one"
            raise ValueError(message)
        return self.prices[item].amount

    def per_hour(self, units: int = 1) -> Decimal:
        """Price of one hour of a model running on so many inference units."""
        return self.prices["inference-unit-hour"].amount * units

    def hours_within(self, cap: Money, *, units: int = 1) -> Decimal:
        """How many hours a model may run before it has cost so much.

        Args:
            cap: the amount, in the price book's currency.
            units: inference units that it runs on.
        """
        return money(cap) / self.per_hour(units)


ARTICLE_IMAGES: Final = 5_856
"""Images of the article, of three labels, for training and test together."""

ARTICLE_TRAINING_HOURS: Final = Decimal("1.308")
"""Training time of the 2020 article that this library replays: 5,856 chest X-rays, three labels."""

PUBLISHED_TRAINING_HOURS: Final = (Decimal("0.5"), Decimal(24))
"""How long a training takes by AWS's guide: 30 minutes to 24 hours."""

CANNOT_STOP: Final = "AWS has no call that stops a training, and bills only one that succeeds."

ARTICLE_BILL: Final[Mapping[str, Decimal]] = MappingProxyType(
    {
        "training (1.308 h, which the article rounds up)": Decimal("2.00"),
        "inference": Decimal("2.00"),
        "the rest of its bill": Decimal("0.90"),
    }
)
"""What the 2020 article says it paid, in USD: 4.90 in all."""


def article_month(prices: PriceBook | None = None) -> Estimate:
    """The article's month of inference: one unit, 4 hours a day, 28 days; 448.00 USD."""
    return (prices or PriceBook()).inference(4 * 28)

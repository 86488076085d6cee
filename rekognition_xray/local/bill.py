"""What AWS would have charged: seconds of training, unit-seconds of running models, dollars."""

from __future__ import annotations

import json
from collections.abc import Mapping
from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path
from typing import Any, Final

import attrs

_CENT: Final = Decimal("0.01")
_HOUR: Final = Decimal(3600)
_NAMES: Final = {"training-hour": "training_hour", "inference-unit-hour": "inference_unit_hour"}


def _price(value: object) -> Decimal:
    try:
        price = Decimal("NaN") if isinstance(value, bool) else Decimal(str(value))
    except ArithmeticError:
        price = Decimal("NaN")
    if not price.is_finite() or price < 0:
        raise ValueError(f"a price is zero or more dollars, not {value!r}")
    return price


@attrs.frozen
class Charge:
    """What costs: a training (`units` 1) or a running version; `ended` is None while it runs."""

    id: str
    kind: str
    version_arn: str
    started: float
    ended: float | None
    units: int


@attrs.frozen(kw_only=True)
class Prices:
    """Dollars per hour of training, and per hour of one inference unit.

    The defaults are figures of third parties for us-east-1 of unknown date; bring your own.
    """

    training_hour: Decimal = attrs.field(default=Decimal(1), converter=_price)
    inference_unit_hour: Decimal = attrs.field(default=Decimal(4), converter=_price)

    @classmethod
    def of(cls, source: Prices | Mapping[str, object] | str | Path | None) -> Prices:
        """From dollars by name, from a JSON file of the same, or the defaults.

        The names are ``training-hour`` and ``inference-unit-hour``; one that is left out keeps its
        default. Raises ValueError for names that are no price and for values that are none,
        OSError for a file that cannot be read.
        """
        if source is None:
            return cls()
        if isinstance(source, Prices):
            return source
        numbers: Any = source
        if isinstance(source, str | Path):
            numbers = json.loads(Path(source).read_text("utf-8"), parse_float=Decimal)
        if not isinstance(numbers, Mapping):
            raise ValueError(f"prices are numbers by name, not {numbers!r}")  # noqa: TRY004
        if strangers := sorted(map(str, set(numbers) - set(_NAMES))):
            raise ValueError(f"no such price: {', '.join(strangers)}; there is {', '.join(_NAMES)}")
        return cls(**{_NAMES[name]: value for name, value in numbers.items()})


@attrs.frozen(kw_only=True)
class Bill:
    """A bill so far. Money is in US dollars, exact; only the text is rounded to cents.

    Attributes:
        training_seconds: billable seconds of trainings that succeeded; failed ones are free.
        unit_seconds: seconds times inference units of running versions, those still on included.
        running: ARNs of versions that still bill.
    """

    training_seconds: int
    unit_seconds: float
    running: tuple[str, ...]
    prices: Prices

    @property
    def training(self) -> Decimal:
        """Dollars for training."""
        return Decimal(self.training_seconds) * self.prices.training_hour / _HOUR

    @property
    def inference(self) -> Decimal:
        """Dollars for running versions."""
        return Decimal(str(self.unit_seconds)) * self.prices.inference_unit_hour / _HOUR

    @property
    def total(self) -> Decimal:
        """Dollars in all."""
        return self.training + self.inference

    def __str__(self) -> str:
        rows = [
            ("training", f"{self.training_seconds} s", self.prices.training_hour, self.training),
            (
                "inference",
                f"{self.unit_seconds:.0f} unit-s",
                self.prices.inference_unit_hour,
                self.inference,
            ),
        ]
        lines = [
            f"{name:<10} {amount:>14}  at ${price}/h  {_dollars(cost):>10}"
            for name, amount, price, cost in rows
        ]
        lines.append(f"{'total':<10} {_dollars(self.total):>{len(lines[0]) - 11}}")
        lines.extend(f"still billing: {arn}" for arn in self.running)
        return "\n".join(lines)


def bill(charges: list[Charge], *, now: float, prices: Prices) -> Bill:
    """The bill of these charges at a time in seconds since the epoch."""
    running = [charge for charge in charges if charge.kind == "running"]
    seconds = ((c.ended if c.ended is not None else now) - c.started for c in running)
    units = (charge.units for charge in running)
    trainings = (c for c in charges if c.kind == "training" and c.ended is not None)
    return Bill(
        training_seconds=sum(round((c.ended or 0) - c.started) for c in trainings),
        unit_seconds=sum(max(0.0, s) * u for s, u in zip(seconds, units, strict=True)),
        running=tuple(c.version_arn for c in running if c.ended is None),
        prices=prices,
    )


def _dollars(amount: Decimal) -> str:
    return f"${amount.quantize(_CENT, ROUND_HALF_UP)}"

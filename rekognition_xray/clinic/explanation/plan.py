"""What an explanation costs, known before the first call: calls, seconds and money."""

from __future__ import annotations

from decimal import Decimal
from typing import Final

import attrs

from rekognition_xray.clinic.explanation.occlusion import check_grid
from rekognition_xray.costs import Estimate, Money, PriceBook, money
from rekognition_xray.errors import CostCapError, InvalidRequestError
from rekognition_xray.plans import PUBLISHED_TPS

_HOUR: Final = Decimal("0.0001")


@attrs.frozen(str=False)
class ExplainPlan:
    """What an occlusion map takes.

    Attributes:
        grid: rows and columns of the map.
        calls: DetectCustomLabels calls, one for each cell and one for the whole image.
        seconds: how long they take at the rate that was assumed.
        estimate: what the model costs in that time.
    """

    grid: int
    calls: int
    seconds: float
    estimate: Estimate

    def __str__(self) -> str:
        calls = f"{self.calls} calls for a grid of {self.grid} x {self.grid}"
        return f"{calls}, about {self.seconds:.0f} s\n{self.estimate}"

    def check(self, *, max_calls: int, max_cost: Money | None) -> None:
        """Raises CostCapError where the plan exceeds a cap."""
        over = []
        if self.calls > max_calls:
            over.append(f"{self.calls} calls are over the cap of {max_calls}")
        if max_cost is not None and self.estimate.total > money(max_cost):
            price = f"{self.estimate.total} {self.estimate.currency}"
            over.append(f"{price} is over the cap of {money(max_cost)}")
        if over:
            raise CostCapError(
                f"The explanation was not begun: {' and '.join(over)}.",
                hint="Use a coarser grid, or raise max_calls or max_cost.",
            )


def plan_explanation(
    grid: int = 8,
    *,
    units: int = 1,
    per_second: float = float(PUBLISHED_TPS),
    prices: PriceBook | None = None,
) -> ExplainPlan:
    """The calls, time and price of ``explain`` with such a grid; makes no call.

    A call has no price; the running model is billed by time, used or not. So the price is that
    of the time that the calls take: calls / (units x calls a second) x price an hour x units.

    Args:
        grid: rows and columns, 2 to 32.
        units: inference units that the model runs on.
        per_second: calls a second that one unit answers. The default is from an example on AWS's
            price page; AWS promises no number, so measure your own.
        prices: the price book; by default the library's, for us-east-1.

    Raises:
        InvalidRequestError: a grid outside of 2 to 32, no units, or a rate of nothing.
    """
    check_grid(grid)
    if units < 1 or not per_second > 0:
        raise InvalidRequestError(f"units is {units}, per_second {per_second}: both must be > 0.")
    calls = grid * grid + 1
    seconds = calls / (units * per_second)
    hours = (Decimal(seconds) / 3600).quantize(_HOUR)
    estimate = (prices or PriceBook()).inference(hours, units=units)
    assumed = f"a unit answers {per_second:g} calls a second; the model runs anyway, or for this"
    return ExplainPlan(
        grid,
        calls,
        seconds,
        attrs.evolve(estimate, assumptions=(*estimate.assumptions, assumed)),
    )

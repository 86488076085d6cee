"""Errors about what would cost, or may be costing, too much."""

from __future__ import annotations

from collections.abc import Iterable

from rekognition_xray.errors.base import XrayError, above


class MoneyError(XrayError):
    """Something would cost, or may be costing, more than was agreed."""


class CostCapError(MoneyError):
    """Refused to start: the price would exceed the cap. Nothing was billed."""

    default_hint = "Raise the cap, or ask for less."


class PlanError(MoneyError, ValueError):
    """No plan meets what was asked; nothing was billed."""

    default_hint = "Allow more time or more units."


class PriceBookError(MoneyError, ValueError):
    """A file of prices that cannot be relied on, or no prices for the Region.

    Attributes:
        faults: each thing that is wrong, with its place in the file.
    """

    default_hint = "Correct what is named; PriceBook.from_file says how a file of prices reads."

    def __init__(
        self, message: str, *, faults: Iterable[str] = (), hint: str | None = None
    ) -> None:
        self.faults = tuple(faults)
        super().__init__(above(message, self.faults), hint=hint)


class StopFailedError(MoneyError):
    """A running model could not be stopped and goes on billing."""

    default_hint = (
        "Stop it by hand: aws rekognition stop-project-version --project-version-arn <ARN>"
    )

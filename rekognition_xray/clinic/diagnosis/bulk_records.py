"""What a bulk run tells of itself: while it runs, and in sum."""

from __future__ import annotations

from decimal import Decimal

import attrs

from rekognition_xray.costs import Estimate
from rekognition_xray.records import Record


@attrs.frozen
class BulkProgress:
    """How far a bulk run is.

    Attributes:
        done: images that have their answer.
        total: images in all; None where the iterable does not say.
        failed: those of them that got no diagnosis.
        throttled: calls that were refused for coming too fast, and repeated.
        rate: calls a second at present.
    """

    done: int
    total: int | None
    failed: int
    throttled: int
    rate: float


@attrs.frozen(str=False)
class BulkSummary(Record):
    """A bulk run in figures, so far or in all.

    Attributes:
        images: images that have their answer.
        diagnosed: those with a diagnosis.
        failed: those without one.
        remembered: those whose answer stood in the journal or had come for the same image before;
            nothing was asked for them.
        calls: calls made.
        throttled: calls that were refused for coming too fast, and repeated.
        faulted: calls that met a fault (no reply, a failing service), and were repeated.
        seconds: from the first image to the last answer.
        price: what the version cost in these seconds; None where nobody could say on how many
            units it ran.
    """

    images: int
    diagnosed: int
    failed: int
    remembered: int
    calls: int
    throttled: int
    faulted: int
    seconds: float
    price: Estimate | None

    _derived = ("per_second", "per_image")

    @property
    def per_second(self) -> float:
        """Images answered by calls, a second."""
        asked = self.images - self.remembered
        return asked / self.seconds if self.seconds else 0.0

    @property
    def per_image(self) -> Decimal | None:
        """Price of an image that was asked for; None where there is none, or no price is known."""
        asked = self.images - self.remembered
        return self.price.total / asked if self.price and asked else None

    def __str__(self) -> str:
        rows = [
            f"{self.images:,} images: {self.diagnosed:,} diagnosed, {self.failed:,} failed",
            f"{self.remembered:,} of them known before, without a call",
            f"{self.calls:,} calls in {self.seconds:,.1f} s, {self.per_second:.2f} images a second",
            f"{self.throttled:,} throttled and {self.faulted:,} faulty calls were repeated",
        ]
        return "\n".join([*rows, *([str(self.price)] if self.price else [])])

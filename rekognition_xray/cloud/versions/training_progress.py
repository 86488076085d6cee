"""What is shown while a version is trained: the time since it began, and its price by the clock."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from decimal import Decimal

import attrs
from tqdm import tqdm

from rekognition_xray.cloud.waiting import WaitProgress
from rekognition_xray.costs import PriceBook


@attrs.frozen
class TrainingProgress(WaitProgress):
    """One look at a version that is being trained.

    Attributes:
        elapsed: seconds since the training began, not since somebody began to wait.
        cost: elapsed hours at the price of an hour. AWS bills by a count of its own, which can be
            higher than the clock's, and only a training that succeeds.
        currency: of the cost.
    """

    cost: Decimal
    currency: str

    def __str__(self) -> str:
        time = dt.timedelta(seconds=int(self.elapsed))
        price = f"{self.cost} {self.currency} by the clock if it succeeds"
        return f"{self.what} is {self.status}, {time}, {price}"


Show = Callable[[TrainingProgress], None]
Progress = bool | Show
"""True for a line on the terminal, or a callable that gets a record of every look."""


@attrs.define
class Watch:
    """Turns looks of a wait into looks at a training.

    Attributes:
        show: what reports it.
        prices: the price book for the cost.
        age: seconds for which the training had been going on when the waiting began.
    """

    show: Show | None
    prices: PriceBook
    age: float | None = None

    def begun(self, created: dt.datetime | None, now: dt.datetime | None = None) -> None:
        """Learns from the first look when the training began."""
        if self.age is None:
            moment = now or dt.datetime.now(dt.UTC)
            self.age = max(0.0, (moment - created).total_seconds()) if created else 0.0

    def look(self, seen: WaitProgress) -> None:
        """Reports one look."""
        if self.show is not None:
            elapsed = (self.age or 0.0) + seen.elapsed
            cost = self.prices.training(Decimal(round(elapsed)) / 3600).total
            text = TrainingProgress(seen.what, seen.status, elapsed, cost, self.prices.currency)
            self.show(text)


@contextmanager
def training_reporter(progress: Progress, prices: PriceBook) -> Iterator[Watch]:
    """What reports each look: the caller's function, a line, or nothing."""
    if not isinstance(progress, bool):
        yield Watch(progress, prices)
    elif not progress:
        yield Watch(None, prices)
    else:
        with tqdm(bar_format="{desc}") as bar:
            yield Watch(lambda seen: bar.set_description_str(str(seen)), prices)

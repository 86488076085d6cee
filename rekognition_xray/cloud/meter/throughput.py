"""How many images a second one inference unit answers, measured on a running model."""

from __future__ import annotations

import logging
import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from typing import Final, Protocol

import attrs

from rekognition_xray._text import quantity
from rekognition_xray.cloud.aws import Aws
from rekognition_xray.cloud.pricing import book_for
from rekognition_xray.cloud.version_description import VersionDescription
from rekognition_xray.costs import Estimate, Money, PriceBook
from rekognition_xray.errors import CostCapError, InvalidRequestError, ThrottledError

log = logging.getLogger(__name__)

_PAUSE: Final = 0.4
"""Seconds that a thread rests after a throttle: all threads together still ask for too much."""
_THREADS: Final = 8
"""Calls under way for each unit: more than a unit of 5 images a second can answer at once."""
_MOST_THREADS: Final = 32
_LEAST_SECONDS: Final = 5
_FEWEST: Final = 20
"""Answers between the first throttle and the end from which a speed counts as measured."""


class RunningModel(Protocol):
    """What is asked here; ``ModelVersion`` is one."""

    @property
    def aws(self) -> Aws:
        """Session and clients."""
        raise NotImplementedError

    @property
    def arn(self) -> str:
        """The version's ARN."""
        raise NotImplementedError

    def describe(self) -> VersionDescription:
        """What the service says of the version."""
        raise NotImplementedError

    def detect(self, image: bytes, *, once: bool = False) -> object:
        """Asks the running model once."""
        raise NotImplementedError


@attrs.frozen(str=False)
class Throughput:
    """What a measurement found.

    Attributes:
        tps_per_unit: images a second and inference unit.
        units: inference units that the model ran on.
        calls: calls made, throttled ones included.
        throttled: calls that were refused as too many.
        seconds: how long it took.
        saturated: whether the model was kept busy for long enough. Where not, the figure is what
            was reached: the model may be faster, and a burst at the start may have helped.
        cost: what the model cost meanwhile.
    """

    tps_per_unit: float
    units: int
    calls: int
    throttled: int
    seconds: float
    saturated: bool
    cost: Estimate

    def __str__(self) -> str:
        rough = "" if self.saturated else " (rough: the model was not kept busy)"
        units = quantity(self.units, "unit")
        return (
            f"{self.tps_per_unit:.2f} images a second and unit{rough}, by {self.calls} calls "
            f"({self.throttled} throttled) in {self.seconds:.1f} s on {units}; "
            f"{self.cost.total} {self.cost.currency}"
        )


def measure_throughput(
    model: RunningModel,
    images: Sequence[bytes],
    *,
    max_calls: int = 200,
    max_cost: Money = "0.25",
    prices: PriceBook | None = None,
) -> Throughput:
    """Measures how many images a second and unit a running model answers.

    Asks from several threads for more than the model can answer, until a budget is used up. At a
    throttle the service's allowance is empty, so what is answered between the first one and the end
    is what the units can do. Nobody else should use the model meanwhile, and it should not scale
    (no ``max_units``). Calls DescribeProjectVersions once and DetectCustomLabels at most
    ``max_calls`` times; the model bills as it runs anyway.

    Args:
        model: a version that is running, as ``version.running()`` gives it.
        images: prepared images like those to come, such as ``prepare_image`` makes; used in turn.
        max_calls: calls at most, throttled ones included.
        max_cost: what the model may cost meanwhile, at most.
        prices: the price book; by default the library's for the Region.

    Raises:
        PriceBookError: the prices of the Region are not known; give ``prices``.
        InvalidRequestError: no images, or no calls.
        CostCapError: the cost buys less than five seconds; nothing was asked.
        NotReadyError: the model is not running.
    """
    if not images or max_calls < 1:
        raise InvalidRequestError(
            f"A speed cannot be measured by {max_calls} calls with {len(images)} images.",
            hint="Give one image or more, and some hundred calls.",
        )
    book = book_for(model.aws, prices, max_cost)
    units = model.describe().units or 1
    seconds = float(book.hours_within(max_cost, units=units) * 3600)
    if seconds < _LEAST_SECONDS:
        raise CostCapError(
            f"{max_cost} {book.currency} buys {seconds:.1f} s of a model that costs "
            f"{book.per_hour(units)} per hour; nothing was asked."
        )
    work = _Work(model, images, max_calls, model.aws.clock.now() + seconds)
    threads = min(_MOST_THREADS, _THREADS * units)
    with ThreadPoolExecutor(threads, "rekognition-xray-speed") as pool:
        for done in [pool.submit(work.run) for _ in range(threads)]:
            done.result()
    found = work.found(units, book)
    log.info("%s: %s", model.arn, found)
    return found


@attrs.define
class _Work:
    """What the threads share."""

    model: RunningModel
    images: Sequence[bytes]
    max_calls: int
    end: float
    calls: int = 0
    over: bool = False
    answered: list[float] = attrs.field(factory=list)
    throttled: list[float] = attrs.field(factory=list)
    began: float = attrs.field(init=False)
    _lock: threading.Lock = attrs.field(factory=threading.Lock, init=False)

    def __attrs_post_init__(self) -> None:
        self.began = self.model.aws.clock.now()

    def run(self) -> None:
        """Asks until a budget is used up, or until any thread has met an error."""
        clock = self.model.aws.clock
        while (image := self._next()) is not None:
            try:
                self.model.detect(image, once=True)
                self.answered.append(clock.now())
            except ThrottledError:
                self.throttled.append(clock.now())
                clock.sleep(_PAUSE)
            except BaseException:
                self.over = True
                raise

    def _next(self) -> bytes | None:
        with self._lock:
            late = self.model.aws.clock.now() >= self.end
            if self.over or late or self.calls >= self.max_calls:
                return None
            self.calls += 1
            return self.images[self.calls % len(self.images)]

    def found(self, units: int, book: PriceBook) -> Throughput:
        """The figure, from the first throttle on where there was one."""
        since = min(self.throttled, default=self.began)
        until = max([*self.answered, since])
        counted = sum(at > since for at in self.answered)
        spent = self.model.aws.clock.now() - self.began
        return Throughput(
            tps_per_unit=counted / (until - since) / units if until > since else 0.0,
            units=units,
            calls=self.calls,
            throttled=len(self.throttled),
            seconds=spent,
            saturated=bool(self.throttled) and counted >= _FEWEST,
            cost=book.inference(Decimal(f"{spent / 3600:.6f}"), units=units),
        )

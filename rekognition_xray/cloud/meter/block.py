"""A model runs for a ``with`` block and is stopped after it, whatever ends the block."""

from __future__ import annotations

import logging
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from decimal import Decimal
from types import FrameType
from typing import Self

import attrs
from tqdm import tqdm

from rekognition_xray.cloud.meter.runs import Run, keep_watchdog_awake
from rekognition_xray.cloud.meter.starting import check_units, start_or_join
from rekognition_xray.cloud.version_description import VersionRef
from rekognition_xray.cloud.waiting import Wait, WaitProgress
from rekognition_xray.costs import Money, PriceBook
from rekognition_xray.errors import CostCapError, InvalidRequestError

log = logging.getLogger(__name__)

Progress = bool | Callable[[WaitProgress], None] | None
"""True for a line on the terminal, or a callable that gets a record of every look."""


@contextmanager
def run(
    version: VersionRef,
    units: int = 1,
    *,
    max_units: int | None = None,
    max_cost: Money | None = None,
    max_hours: Money | None = None,
    idle_stop: float | None = None,
    take_over: bool = False,
    progress: Progress = None,
    prices: PriceBook,
    budget: float,
) -> Iterator[Run]:
    """Starts a model, waits until it runs, and stops it at the end of the ``with`` block.

    The stop happens on leaving, on any exception, on SIGINT and SIGTERM where this is the main
    thread, at the cap and when idle; it is verified. A tag on the version, a lease, says that this
    process needs it, and is renewed every 5 minutes. Where another live lease says so, too, the
    last to leave stops the model; where this process is killed, its lease expires after 15 minutes
    and ``meter.stop_expired`` stops the model. A model that somebody without a lease has started is
    joined and left running.

    Without the permission to write tags it works, and a warning says that no lease protects: who
    is killed then leaves the model running. Leaving stops it as ever, unless it was running before
    or leases of others can be read.

    Calls StartProjectVersion, DescribeProjectVersions, StopProjectVersion, ListTagsForResource,
    TagResource and UntagResource; only the running model bills. StopProjectVersion is called once
    before the start, when AWS can only refuse it, to learn whether it is permitted.

    Args:
        version: a trained version.
        units: inference units, 1 to 5; one answers a few calls a second.
        max_units: lets AWS scale up to so many units; each running one bills.
        max_cost: ends the use when it may have cost so much by ``prices``, counted from the start
            call and at ``max_units``; calls made after that raise NotReadyError.
        max_hours: ends it after so many hours, counted in the same way.
        idle_stop: ends it after so many seconds without a detection by the block's handle.
        take_over: stops the model at the end even where somebody without a lease had started it.
        progress: True for a line with the status while it starts, or a callable.
        prices: the price book that the price is taken from.
        budget: seconds to wait for the model to run; AWS takes minutes, now and then 30.

    Returns:
        The run; its ``per_hour`` is the price of an hour.

    Raises:
        CostCapError: the cap buys less than a minute; nothing was started.
        InvalidRequestError: a limit that is none.
        AccessDeniedError: it may not be started, or not be stopped; nothing was started.
        UnreachableStateError: the version cannot be started, or its start failed.
        WaitTimeoutError: it did not run within the budget; it was stopped.
        QuotaError: too many running models or units in this account.
        StopFailedError: it could not be stopped and may go on billing.
    """
    check_units(version.aws, units)
    check_units(version.aws, units if max_units is None else max_units)
    per_hour = prices.per_hour(max_units or units)
    if idle_stop is not None and not idle_stop > 0:
        raise InvalidRequestError(f"idle_stop is {idle_stop}, not a number of seconds above 0.")
    seconds = _seconds_within(max_cost, max_hours, prices, max_units or units)
    log.info("%s costs %s %s per hour while it runs", version.arn, per_hour, prices.currency)
    current = Run(version, per_hour, prices.currency, seconds, idle_stop)
    with Signals() as signals, keep_watchdog_awake(current):
        try:
            try:
                with _show_progress(progress) as show:
                    wait = Wait(budget, on_look=show)
                    start_or_join(current, units, max_units, wait, mine=take_over)
                current.arm()
                yield current
            finally:
                signals.hold()
        finally:  # of its own: a signal may cut off the hold, and never the stop
            current.leave()


def _seconds_within(
    max_cost: Money | None, max_hours: Money | None, prices: PriceBook, units: int
) -> float | None:
    limits = []
    if max_cost is not None:
        seconds = float(prices.hours_within(max_cost, units=units) * 3600)
        if seconds < 60:
            raise CostCapError(
                f"A cap of {max_cost} buys {seconds:.0f} s of a model that costs "
                f"{prices.per_hour(units)} per hour; nothing was started."
            )
        limits.append(seconds)
    if max_hours is not None:
        hours = Decimal(max_hours)
        if not (hours.is_finite() and hours > 0):
            raise InvalidRequestError(f"max_hours is {max_hours}, not a number of hours above 0.")
        limits.append(float(hours * 3600))
    return min(limits, default=None)


@contextmanager
def _show_progress(progress: Progress) -> Iterator[Callable[[WaitProgress], None] | None]:
    if progress is not True:
        yield progress or None
        return
    with tqdm(bar_format="{desc}") as bar:
        yield lambda seen: bar.set_description_str(
            f"{seen.what} is {seen.status}, {seen.elapsed:.0f} s"
        )


class _SignalReceived(BaseException):
    """Unwinds the block after a signal; never seen outside this module."""


@attrs.define
class Signals:
    """Turns SIGINT and SIGTERM into an unwinding of the block; delivers them once it is over.

    Outside the main thread, where Python allows no handlers, it does nothing.
    """

    _previous: dict[int, object] = attrs.field(factory=dict)
    _received: list[int] = attrs.field(factory=list)
    _hold: bool = False

    def __enter__(self) -> Self:
        if threading.current_thread() is threading.main_thread():
            for number in (signal.SIGINT, signal.SIGTERM):
                self._previous[number] = signal.signal(number, self._handle)
        return self

    def _handle(self, number: int, _frame: FrameType | None) -> None:
        self._received.append(number)
        if not self._hold:
            self._hold = True
            raise _SignalReceived

    def hold(self) -> None:
        """Keeps signals waiting, so that an impatient second Ctrl-C cannot cut off the stop."""
        self._hold = True

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> bool:
        for number, handler in self._previous.items():
            signal.signal(number, handler)  # type: ignore[arg-type]
        if self._received:
            # The previous handler decides now: KeyboardInterrupt, the end, or the caller's own.
            signal.raise_signal(self._received[0])
        return kind is not None and issubclass(kind, _SignalReceived)

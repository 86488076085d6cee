"""Who pays: a running model is stopped again, on every way out that a process can notice."""

from __future__ import annotations

import logging
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from decimal import Decimal
from types import FrameType
from typing import TYPE_CHECKING, Final, Self

import attrs

from rekognition_xray.cloud.aws import aws_errors
from rekognition_xray.cloud.waiting import Settled, SettleTable, Wait
from rekognition_xray.costs import Money, PriceBook
from rekognition_xray.errors import (
    AwsError,
    CostCapError,
    InUseError,
    NotFoundError,
    StopFailedError,
    UnreachableStateError,
    WaitError,
)

if TYPE_CHECKING:
    from rekognition_xray.cloud.version import ModelVersion, VersionDescription

log = logging.getLogger(__name__)

_GONE: Final = "(deleted)"

RUNS: Final[SettleTable] = {
    "TRAINING_IN_PROGRESS": Settled.FAILED,
    "TRAINING_COMPLETED": Settled.FAILED,
    "TRAINING_FAILED": Settled.FAILED,
    "STARTING": Settled.GO_ON,
    "RUNNING": Settled.DONE,
    "FAILED": Settled.FAILED,
    "STOPPING": Settled.FAILED,
    "STOPPED": Settled.FAILED,
    "DELETING": Settled.FAILED,
    "COPYING_IN_PROGRESS": Settled.FAILED,
    "COPYING_COMPLETED": Settled.FAILED,
    "COPYING_FAILED": Settled.FAILED,
    "DEPRECATED": Settled.FAILED,
    "EXPIRED": Settled.FAILED,
}
"""Once it has been started: does the version run?"""

RESTS: Final[SettleTable] = {
    status: Settled.GO_ON if status in {"STARTING", "RUNNING", "STOPPING"} else Settled.DONE
    for status in [*RUNS, _GONE]
}
"""Is the version in a state in which it does not bill?"""

_STARTABLE: Final = frozenset({"TRAINING_COMPLETED", "COPYING_COMPLETED", "STOPPED", "FAILED"})
_STOPPABLE: Final = frozenset({"STARTING", "RUNNING"})
_STOP_BUDGET: Final = 1800.0


@contextmanager
def running(
    version: ModelVersion,
    units: int = 1,
    *,
    max_units: int | None = None,
    max_cost: Money | None = None,
    prices: PriceBook,
    budget: float,
) -> Iterator[ModelVersion]:
    """Starts a model, waits until it runs, and stops it at the end of the ``with`` block.

    The stop happens on leaving, on any exception, and on SIGINT and SIGTERM where this is the
    main thread; it is verified. A model that is running already is joined and stopped all the
    same. A process that is killed outright cannot stop anything.
    Calls StartProjectVersion, DescribeProjectVersions and StopProjectVersion.

    Args:
        version: a trained version.
        units: inference units, 1 to 5; one answers a few calls a second.
        max_units: lets AWS scale up to so many units; each running one bills.
        max_cost: stops the model when it may have cost so much, counted from the start call and
            at ``max_units``; calls made after that raise NotReadyError.
        prices: the price book that the price is taken from.
        budget: seconds to wait for the model to run; AWS takes minutes, now and then 30.

    Raises:
        CostCapError: the cap buys less than a minute; nothing was started.
        UnreachableStateError: the version cannot be started, or its start failed.
        WaitTimeoutError: it did not run within the budget; it was stopped.
        QuotaError: too many running models or units in this account.
        StopFailedError: it could not be stopped and may go on billing.
    """
    per_hour = prices.per_hour(max_units or units)
    seconds = _seconds_within(max_cost, prices, max_units or units)
    log.info("%s costs %s %s per hour while it runs", version.arn, per_hour, prices.currency)
    with _Signals() as signals, _watchdog(seconds, lambda: _stop_at_cap(version, per_hour)):
        status = version.describe().status
        try:
            _start_or_join(version, status, units, max_units, budget)
            yield version
        finally:
            signals.hold()
            stop(version, per_hour=per_hour)


def stop(version: ModelVersion, *, per_hour: Decimal | None = None) -> None:
    """Stops a version and makes sure that it has stopped.

    Asks again at every look while the version is starting or running, since a stop that crosses a
    start may be refused. Calls DescribeProjectVersions and StopProjectVersion.

    Args:
        version: in any state.
        per_hour: price per hour, for the message of a failure.

    Raises:
        StopFailedError: it may go on billing; says what it costs and how to stop it by hand.
    """
    try:
        Wait(_STOP_BUDGET).until(
            lambda: _look_and_stop(version),
            RESTS,
            what=f"version {version.name}",
            clock=version.aws.clock,
        )
    except (AwsError, WaitError) as error:
        price = f"{per_hour} per hour" if per_hour else "per hour"
        raise StopFailedError(
            f"{version.arn} could not be stopped and may still be billing {price}: {error.message}",
            hint="Stop it by hand: aws rekognition stop-project-version "
            f"--project-version-arn {version.arn}",
        ) from error


def _look_and_stop(version: ModelVersion) -> tuple[str, VersionDescription | None]:
    try:
        seen = version.describe()
    except NotFoundError:
        return _GONE, None
    if seen.status in _STOPPABLE:
        try:
            with aws_errors(version.arn):
                version.aws.rekognition.stop_project_version(ProjectVersionArn=version.arn)
        except InUseError as error:
            log.warning("the stop will be asked for again: %s", error.message)
    return seen.status, seen


def _start_or_join(
    version: ModelVersion, status: str, units: int, max_units: int | None, budget: float
) -> None:
    wait = Wait(budget)
    clock, what = version.aws.clock, f"version {version.name}"
    if status == "STOPPING":
        status = wait.until(version.look, RESTS, what=what, clock=clock).status
    if status in _STARTABLE:
        _start(version, units, max_units)
    elif status not in _STOPPABLE:
        raise UnreachableStateError(
            f"{version.arn} is {status} and cannot be started.",
            hint="Only a version that is trained, copied or stopped can be started.",
        )
    wait.until(
        version.look,
        RUNS,
        what=what,
        clock=clock,
        on_timeout="It is being stopped.",
        failure=lambda seen: UnreachableStateError(
            f"{version.arn} did not start: it is {seen.status}. {seen.status_message}"
        ),
    )


def _start(version: ModelVersion, units: int, max_units: int | None) -> None:
    client = version.aws.rekognition_once
    with aws_errors(version.arn):
        if max_units is None:
            client.start_project_version(ProjectVersionArn=version.arn, MinInferenceUnits=units)
        else:
            client.start_project_version(
                ProjectVersionArn=version.arn, MinInferenceUnits=units, MaxInferenceUnits=max_units
            )


def _seconds_within(max_cost: Money | None, prices: PriceBook, units: int) -> float | None:
    if max_cost is None:
        return None
    seconds = float(prices.hours_within(max_cost, units=units) * 3600)
    if seconds < 60:
        raise CostCapError(
            f"A cap of {max_cost} buys {seconds:.0f} s of a model that costs "
            f"{prices.per_hour(units)} per hour; nothing was started."
        )
    return seconds


def _stop_at_cap(version: ModelVersion, per_hour: Decimal) -> None:
    log.warning("the cost cap is reached; stopping %s", version.arn)
    try:
        stop(version, per_hour=per_hour)
    except StopFailedError:
        log.exception("the stop at the cost cap failed; it is tried again at the end")


@contextmanager
def _watchdog(seconds: float | None, act: Callable[[], None]) -> Iterator[None]:
    """Calls ``act`` from a thread of its own when the block is still running after so long."""
    if seconds is None:
        yield
        return
    timer = threading.Timer(seconds, act)
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


class _Signalled(BaseException):
    """Unwinds the block after a signal; never seen outside this module."""


@attrs.define
class _Signals:
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
            raise _Signalled

    def hold(self) -> None:
        """Keeps signals waiting, so that an impatient second Ctrl-C cannot cut off the stop."""
        self._hold = True

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> bool:
        for number, handler in self._previous.items():
            signal.signal(number, handler)  # type: ignore[arg-type]
        if self._received:
            # The previous handler decides now: KeyboardInterrupt, the end, or the caller's own.
            signal.raise_signal(self._received[0])
        return kind is not None and issubclass(kind, _Signalled)

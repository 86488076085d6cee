"""One loop for everything that is waited for: read, settle, go on; time budget, clock injected."""

from __future__ import annotations

import enum
import logging
import time
from collections.abc import Callable, Mapping
from typing import Protocol, TypeVar

import attrs
import tenacity

from rekognition_xray.errors import UnreachableStateError, WaitTimeoutError, XrayError

log = logging.getLogger(__name__)
T = TypeVar("T")


class Clock(Protocol):
    """Where time comes from; tests bring their own."""

    def now(self) -> float:
        """Seconds on a clock that only goes forward."""
        raise NotImplementedError

    def sleep(self, seconds: float) -> None:
        """Lets so many seconds pass."""


class SystemClock:
    """The machine's monotonic clock."""

    def now(self) -> float:
        """Seconds of the monotonic clock."""
        return time.monotonic()

    def sleep(self, seconds: float) -> None:
        """Sleeps."""
        time.sleep(seconds)


class Settled(enum.Enum):
    """What a status means for whoever waits."""

    GO_ON = "go on"
    DONE = "done"
    FAILED = "failed"


SettleTable = Mapping[str, Settled]
"""For each status of a resource: is it what was waited for, may it still come, or never."""


@attrs.frozen
class WaitProgress:
    """One look at a resource that is being waited for.

    Attributes:
        what: the resource in words.
        status: its status as AWS writes it.
        elapsed: seconds since the waiting began.
    """

    what: str
    status: str
    elapsed: float


@attrs.frozen
class Wait:
    """How long to wait, how often to look, and what reports it.

    Attributes:
        budget: seconds after which waiting ends with WaitTimeoutError.
        first: seconds before the second look; each later pause is half as long again.
        longest: the longest pause in seconds.
        on_look: called with a WaitProgress after every look.
    """

    budget: float
    first: float = 1.0
    longest: float = 10.0
    on_look: Callable[[WaitProgress], None] | None = None

    def until(
        self,
        read: Callable[[], tuple[str, T]],
        table: SettleTable,
        *,
        what: str,
        clock: Clock,
        on_timeout: str = "",
        failure: Callable[[T], XrayError] | None = None,
    ) -> T:
        """Reads until the status settles.

        Args:
            read: gives the status and whatever the caller wants back when it has settled.
            table: the settle table; a status that it does not know is waited through.
            what: the resource in words, for messages.
            clock: source of time.
            on_timeout: what the caller should know when the budget is used up.
            failure: makes the error for a status that the table calls failed.

        Returns:
            What ``read`` gave with the settled status.

        Raises:
            UnreachableStateError: the status says that the awaited state cannot come, and no
                ``failure`` makes a better error.
            WaitTimeoutError: the budget is used up.
        """
        began = clock.now()

        def look() -> tuple[str, T]:
            status, value = read()
            log.debug("%s is %s", what, status)
            if self.on_look:
                self.on_look(WaitProgress(what, status, clock.now() - began))
            return status, value

        def timed_out(state: tenacity.RetryCallState) -> tuple[str, T]:
            status = state.outcome.result()[0] if state.outcome else "unknown"
            message = f"{what} was still {status} after {self.budget:g} s. {on_timeout}".strip()
            raise WaitTimeoutError(message)

        def left() -> float:
            return max(0.0, began + self.budget - clock.now())

        pause = tenacity.wait_exponential(multiplier=self.first, exp_base=1.5, max=self.longest)
        status, value = tenacity.Retrying(
            sleep=clock.sleep,
            wait=lambda state: min(pause(state), left()),
            stop=lambda _: left() == 0,
            retry=tenacity.retry_if_result(
                lambda seen: table.get(seen[0], Settled.GO_ON) is Settled.GO_ON
            ),
            retry_error_callback=timed_out,
        )(look)
        if table[status] is Settled.FAILED:
            if failure:
                raise failure(value)
            message = f"{what} is {status}; the state that was waited for cannot come any more."
            raise UnreachableStateError(message)
        return value

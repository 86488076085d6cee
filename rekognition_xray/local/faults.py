"""Failures on demand: of requests (errors, delays, lost connections) and of background work.

A fault is requested for an operation and a number of times; it applies to the next calls.
"""

from __future__ import annotations

import random
import threading
from collections.abc import Callable
from typing import Literal

import attrs

from rekognition_xray.local.manifests import TRAINING_FAILURES
from rekognition_xray.local.services import is_s3_operation, service_model

Moment = Literal["before", "after"]


@attrs.frozen
class Refusal:
    """An error in the service's own form; `status` None is the HTTP status of the code."""

    code: str
    message: str | None
    status: int | None
    retry_after: float | None = None


@attrs.frozen
class Page:
    """An HTML page in place of a reply, as a proxy or a load balancer sends it."""

    status: int


@attrs.frozen
class Drop:
    """A connection that ends without a reply, before or after the work was done."""

    when: Moment


@attrs.frozen
class Delay:
    """Seconds that pass before the request is read."""

    seconds: float


@attrs.frozen
class TrainingFailure:
    """A training that fails; `code` is empty where the service has only a message."""

    code: str
    message: str


@attrs.frozen
class StartFailure:
    """A start that ends in FAILED."""


@attrs.frozen
class Hang:
    """A stop that remains STOPPING for so many seconds; None means until `Fault.release`."""

    seconds: float | None


Effect = Refusal | Page | Drop | Delay | TrainingFailure | StartFailure | Hang


@attrs.define(eq=False)
class Fault:
    """A requested fault.

    Attributes:
        operation: the operation that fails, named as on the wire.
        effect: what happens.
        times: how often it applies at most; None means without limit.
        percent: the share of calls that it applies to.
        burst: how many calls in a row it applies to.
        met: how often it has applied.
    """

    operation: str
    effect: Effect
    times: int | None
    percent: float
    burst: int = 1
    met: int = 0
    _calls: int = attrs.field(default=0, init=False, repr=False)
    _dice: random.Random = attrs.field(
        factory=random.Random, alias="dice", kw_only=True, repr=False
    )
    _held: list[Callable[[], None]] = attrs.field(factory=list, init=False, repr=False)

    def strikes(self) -> bool:
        """Whether it applies to this call; counts it if so."""
        if self.times is not None and self.met >= self.times:
            return False
        if self.burst > 1:
            place = self._calls % round(self.burst * 100 / self.percent)
            self._calls += 1
            if place >= self.burst:
                return False
        elif self._dice.random() * 100 >= self.percent:
            return False
        self.met += 1
        return True

    def hold(self, go_on: Callable[[], None]) -> None:
        """Keeps a continuation for `release`."""
        self._held.append(go_on)

    def release(self) -> None:
        """Lets the hanging stops finish; other faults have nothing to release."""
        held, self._held = self._held, []  # each continues once, even if two threads release
        for go_on in held:
            go_on()

    def __str__(self) -> str:
        often = "every call" if self.times is None else f"{self.times} x"
        share = "" if self.percent >= 100 else f", {self.percent:g} % of calls"
        return f"{self.operation}: {self.effect} ({often}{share}, met {self.met} x)"


class Faults:
    """The faults of one local cloud; safe to use from many threads.

    Operations are named as on the wire, those of S3 too: ``DetectCustomLabels``, ``PutObject``.
    Each request fault applies to the next `times` calls, by default one; with `percent` it applies
    to that share of all calls, drawn with `seed`, so that every run meets it at the same calls.
    Where several apply to a call, all delays do, and of the others the one requested first.
    All methods that request a fault raise ValueError for one that can never apply.
    """

    def __init__(self) -> None:
        self._asked: list[Fault] = []
        self._lock = threading.Lock()
        self._closing = threading.Event()

    def error(
        self,
        operation: str,
        code: str,
        message: str | None = None,
        *,
        status: int | None = None,
        retry_after: float | None = None,
        times: int | None = None,
        percent: float | None = None,
        burst: int = 1,
        seed: int = 0,
    ) -> Fault:
        """An error reply, such as ``ThrottlingException``; nothing is done.

        Args:
            operation: the operation to refuse.
            code: the error's code as on the wire.
            message: the error's text; by default the service's own for that code.
            status: HTTP status; by default the one that belongs to the code.
            retry_after: seconds for the reply's header ``x-amz-retry-after``; by default none.
            times: how often; by default once, or without limit where `percent` is given.
            percent: 0 to 100, of the calls of this operation.
            burst: with `percent`, how many calls in a row fail; the pause between two bursts then
                always has the same length.
            seed: for the random draw with `percent`.
        """
        if retry_after is not None and not retry_after >= 0:
            raise ValueError(f"retry_after is zero or more seconds, not {retry_after}")
        if not code:
            raise ValueError("an error needs a code, such as ThrottlingException")
        refusal = Refusal(code, message, status, retry_after)
        return self._ask(operation, refusal, times, percent, seed, burst=burst)

    def html(
        self,
        operation: str,
        *,
        status: int = 500,
        times: int | None = None,
        percent: float | None = None,
        seed: int = 0,
    ) -> Fault:
        """An HTML page with status 500, as a proxy sends it; nothing is done."""
        return self._ask(operation, Page(status), times, percent, seed)

    def drop(
        self,
        operation: str,
        *,
        when: Moment = "before",
        times: int | None = None,
        percent: float | None = None,
        seed: int = 0,
    ) -> Fault:
        """A connection that is closed without a reply, ``before`` or ``after`` the work is done."""
        if when not in {"before", "after"}:
            raise ValueError(f"a connection is dropped before or after the work, not {when!r}")
        return self._ask(operation, Drop(when), times, percent, seed)

    def delay(
        self,
        operation: str,
        seconds: float,
        *,
        times: int | None = None,
        percent: float | None = None,
        seed: int = 0,
    ) -> Fault:
        """Latency: the request is read only after so many real seconds."""
        if not seconds >= 0:
            raise ValueError(f"a delay is zero or more seconds, not {seconds}")
        return self._ask(operation, Delay(seconds), times, percent, seed)

    def fail_training(self, reason: str, *, times: int = 1) -> Fault:
        """The next trainings end in TRAINING_FAILED.

        Args:
            reason: a code such as ``ERROR_MANIFEST_TOO_FEW_LABELS`` (the reports in S3 are then
                written and carry it), or one of the messages that have no code; all are in
                `TRAINING_FAILURES`.
            times: how many trainings.
        """
        if reason not in TRAINING_FAILURES:
            known = "\n".join(f"  {name}" for name in TRAINING_FAILURES)
            raise ValueError(f"no training fails for {reason!r}; there is\n{known}")
        message = TRAINING_FAILURES[reason]
        failure = TrainingFailure("" if reason == message else reason, message)
        return self._ask("CreateProjectVersion", failure, times)

    def fail_start(self, *, times: int = 1) -> Fault:
        """The next starts of a version end in FAILED."""
        return self._ask("StartProjectVersion", StartFailure(), times)

    def hang_stop(self, seconds: float | None = None, *, times: int = 1) -> Fault:
        """The next stops remain STOPPING.

        Such a version counts as running until then; no Describe waits for it.

        Args:
            seconds: how long, by the cloud's own clock; by default until `Fault.release`.
            times: how many stops.
        """
        if seconds is not None and not seconds >= 0:
            raise ValueError(f"a stop hangs for zero or more seconds, not {seconds}")
        return self._ask("StopProjectVersion", Hang(seconds), times)

    def unmet(self) -> tuple[Fault, ...]:
        """The faults that have not applied once."""
        with self._lock:
            return tuple(fault for fault in self._asked if not fault.met)

    def clear(self) -> None:
        """Removes all faults; hanging stops finish."""
        with self._lock:
            asked, self._asked = self._asked, []
        for fault in asked:
            fault.release()

    def on_request(self, is_operation: Callable[[str], bool]) -> list[Effect]:
        """The effects on one request: its delays, then at most one that ends it."""
        if not self._asked:
            return []
        delays: list[Effect] = []
        end: list[Effect] = []
        with self._lock:
            for fault in self._asked:
                found = delays if isinstance(fault.effect, Delay) else end
                if found is end and (end or not isinstance(fault.effect, Refusal | Page | Drop)):
                    continue
                if is_operation(fault.operation) and fault.strikes():
                    found.append(fault.effect)
        return delays + end

    def on_training(self) -> TrainingFailure | None:
        """The failure of a training, if one was requested."""
        fault = self._first(TrainingFailure)
        return fault.effect if fault and isinstance(fault.effect, TrainingFailure) else None

    def on_start(self) -> bool:
        """Whether a start fails."""
        return self._first(StartFailure) is not None

    def on_stop(self) -> Fault | None:
        """The fault that makes a stop hang, if any."""
        return self._first(Hang)

    def pause(self, seconds: float) -> None:
        """Lets real time pass, less where the cloud closes."""
        self._closing.wait(seconds)

    def close(self) -> None:
        """Ends all delays."""
        self._closing.set()

    def _first(self, kind: type[Effect]) -> Fault | None:
        with self._lock:
            for fault in self._asked:
                if isinstance(fault.effect, kind) and fault.strikes():
                    return fault
        return None

    def _ask(
        self,
        operation: str,
        effect: Effect,
        times: int | None,
        percent: float | None = None,
        seed: int = 0,
        *,
        burst: int = 1,
    ) -> Fault:
        _check(operation, times, percent, burst)
        if times is None and percent is None:
            times = 1
        share = 100.0 if percent is None else percent
        fault = Fault(operation, effect, times, share, burst=burst, dice=random.Random(seed))
        with self._lock:
            self._asked.append(fault)
        return fault


def _check(operation: str, times: int | None, percent: float | None, burst: int) -> None:
    if operation not in service_model().operation_names and not is_s3_operation(operation):
        raise ValueError(f"{operation!r} is no operation of Rekognition or S3")
    if times is not None and times < 1:
        raise ValueError(f"times is 1 or more, not {times}")
    if percent is not None and not 0 < percent <= 100:
        raise ValueError(f"percent is above 0 and at most 100, not {percent}")
    if burst < 1 or (burst > 1 and percent is None):
        raise ValueError(f"a burst is of 1 or more calls, and needs percent; not {burst}")

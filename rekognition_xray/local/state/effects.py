"""What a fault does, and the fault itself: an effect, the operation it strikes, and how often."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Literal

import attrs

Moment = Literal["before", "after"]


@attrs.frozen
class Refusal:
    """An error in the service's own form; `status` None is the HTTP status of the code."""

    code: str
    message: str | None
    status: int | None


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
    """Seconds that go by before the request is looked at."""

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
    """A stop that stays STOPPING so many seconds; None is until `Fault.release`."""

    seconds: float | None


Effect = Refusal | Page | Drop | Delay | TrainingFailure | StartFailure | Hang


@attrs.define(eq=False)
class Fault:
    """A fault that was asked for.

    Attributes:
        operation: the operation that it strikes, as on the wire.
        effect: what happens.
        times: how often it strikes at most; None is without limit.
        percent: of how many of the calls it strikes.
        met: how often it has struck.
    """

    operation: str
    effect: Effect
    times: int | None
    percent: float
    met: int = 0
    _dice: random.Random = attrs.field(
        factory=random.Random, alias="dice", kw_only=True, repr=False
    )
    _held: list[Callable[[], None]] = attrs.field(factory=list, init=False, repr=False)

    def strikes(self) -> bool:
        """Whether it strikes this call; counts it where it does."""
        if self.times is not None and self.met >= self.times:
            return False
        if self._dice.random() * 100 >= self.percent:
            return False
        self.met += 1
        return True

    def hold(self, go_on: Callable[[], None]) -> None:
        """Keeps what `release` lets go on."""
        self._held.append(go_on)

    def release(self) -> None:
        """Lets the stops that hang go on; anything else has nothing to release."""
        held, self._held = self._held, []  # each goes on once, though two may release at a time
        for go_on in held:
            go_on()

    def __str__(self) -> str:
        often = "every call" if self.times is None else f"{self.times} x"
        share = "" if self.percent >= 100 else f", {self.percent:g} % of calls"
        return f"{self.operation}: {self.effect} ({often}{share}, met {self.met} x)"

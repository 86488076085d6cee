"""How much a training does: by the number of images, and by the time that it may take."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import Final

import attrs

from rekognition_xray.local.learning.learner import BudgetTooShort

SIDE: Final = 128  # of the images that a finished network looks at, in pixels
SMALL: Final = 96  # of those that it sees in the first part of a training
SMALL_PART: Final = 0.6
FEW_IMAGES: Final = 60  # fewer do not tune a network
_USUAL_IMAGES, _USUAL_ROUNDS, _ROUNDS_AT_MOST = 4000, 6, 40
_FEWER_MORE: Final = 0.75  # power by which rounds grow as images become fewer
_SHARES: Final = (1.0, 0.7, 0.5, 0.35, 0.25)  # of the usual rounds, that time may leave
_LEAST_ROUNDS: Final = 2
_MARGIN: Final = 0.8  # of the time that is left is planned; the rest is for a slower hour
_LARGEST_BESIDE: Final = 0.4  # of the time that is left, for the fast model


@attrs.frozen
class Plan:
    """How the network is trained: `rounds` is how often it sees each image.

    No rounds leave the network as ImageNet trained it, and only its head is fitted. `side` is that
    of the images in the last part of the work, in pixels.
    """

    side: int
    rounds: int

    def __str__(self) -> str:
        if not self.rounds:
            return f"frozen network, {self.side} px"
        sides = f"{SMALL} px" if self.side == SMALL else f"{SMALL} px, then {self.side} px"
        return f"fine-tuned network, {self.rounds} rounds, {sides}"


FROZEN: Final = Plan(SIDE, 0)


def usual_plan(images: int, rounds: int | None = None) -> Plan:
    """The plan where time does not count: the fewer images, the more often each is seen.

    `rounds` are those that were asked for, if any.
    """
    if rounds is not None:
        return Plan(SIDE, rounds)
    if images < FEW_IMAGES:
        return FROZEN
    usual = _USUAL_ROUNDS * (_USUAL_IMAGES / images) ** _FEWER_MORE
    return Plan(SIDE, max(1, round(min(usual, _ROUNDS_AT_MOST))))


@attrs.frozen
class Speed:
    """Seconds that this machine takes for one image in each step of a training, as measured.

    `beside` is the fast model's work on it, `look` passes it and its mirror image through the
    finished network, and `tune` is a step of fine-tuning at `SMALL` pixels.
    """

    beside: float
    look: float
    tune: float


def plan_within(seconds: float, images: int, speed: Speed, rounds: int | None = None) -> Plan:
    """The most thorough plan that fits into `seconds` for so many images, up to the usual one."""
    for plan in _plans(usual_plan(images, rounds)):
        if _tuning(plan, images, speed) + images * speed.look <= _MARGIN * seconds:
            return plan
    return FROZEN


def beside_fits(seconds: float, images: int, speed: Speed) -> bool:
    """Whether there is time for a fast model beside the network."""
    return images * speed.beside <= _LARGEST_BESIDE * seconds


def check_budget(left: float, budget: float, images: int, least: float) -> None:
    """Raises `BudgetTooShort` where not even a frozen network could be done in the time `left`.

    `least` are the seconds in which an image is read and passed through the network.
    """
    needed = images * least / _MARGIN
    if needed > left:
        raise too_short(budget, images, budget - left + needed)


def too_short(budget: float, images: int, needed: float | None = None) -> BudgetTooShort:
    """The error for a budget in which a training of so many images cannot be done."""
    about = "" if needed is None else f"; it needs about {math.ceil(needed)} s here"
    return BudgetTooShort(
        f"a training of {images} images cannot be done in the training budget of {budget:g} s"
        f"{about}. What to do: give a longer training_budget, or train on fewer images"
    )


def _plans(usual: Plan) -> Iterator[Plan]:
    """The usual plan, and shorter ones."""
    if not usual.rounds:
        return
    seen: set[Plan] = set()
    for share in _SHARES:
        rounds = max(min(_LEAST_ROUNDS, usual.rounds), round(share * usual.rounds))
        for side in (SIDE, SMALL):
            plan = Plan(side, rounds)
            if plan not in seen:
                seen.add(plan)
                yield plan


def _tuning(plan: Plan, images: int, speed: Speed) -> float:
    """Seconds of fine-tuning; an image costs as much as it has pixels."""
    larger = (plan.side / SMALL) ** 2
    return images * plan.rounds * speed.tune * (SMALL_PART + (1 - SMALL_PART) * larger)


@attrs.frozen
class Timer:
    """The time of one training: `budget` seconds from `began`, or any time if it is None."""

    budget: float | None
    clock: Callable[[], float]
    began: float

    @classmethod
    def start(cls, budget: float | None, clock: Callable[[], float]) -> Timer:
        """A timer that runs from now on."""
        return cls(budget, clock, clock())

    @property
    def left(self) -> float:
        """Seconds that are left; without a budget infinitely many."""
        if self.budget is None:
            return math.inf
        return self.budget - (self.clock() - self.began)

    def guarded(self, stopped: Callable[[], bool], images: int) -> Callable[[], bool]:
        """`stopped`, which raises `BudgetTooShort` once the time is over."""

        def polled() -> bool:
            if self.budget is not None and self.left < 0:
                raise too_short(self.budget, images)
            return stopped()

        return polled

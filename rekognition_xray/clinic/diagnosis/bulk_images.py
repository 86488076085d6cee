"""The images of a bulk run that are under way: one record to each, and where their answers go."""

from __future__ import annotations

import heapq
import itertools
from collections.abc import Callable
from contextlib import ExitStack
from typing import TypeAlias

import attrs

from rekognition_xray.clinic.diagnosis.answers import Diagnosis, FailedDiagnosis
from rekognition_xray.clinic.diagnosis.inputs import ImageSource, Sendable
from rekognition_xray.clinic.diagnosis.journal import File

Answer: TypeAlias = Diagnosis | FailedDiagnosis


@attrs.define(eq=False)
class Task:
    """An image on its way to an answer.

    Attributes:
        place: its place among the images.
        image: as it was given; None when it is ready to be sent.
        source: what it is called; None as long as only its pixels will tell.
        file: size and time of its file.
        ready: what is to be sent, once that is known.
        tries: calls that met a fault.
        sent_at: when the last call was made.
        first_at: when the first one was.
        twins: places of the same image that came later.
        stay: held while a call is under way: a model that is asked is not idle.
    """

    place: int
    image: ImageSource | None
    source: str | None
    file: File | None = None
    ready: Sendable | None = None
    tries: int = 0
    sent_at: float = 0.0
    first_at: float = 0.0
    twins: list[int] = attrs.field(factory=list)
    stay: ExitStack = attrs.field(factory=ExitStack)


class Waiting:
    """Images that may be sent: those that came first go first, repeated ones after their pause."""

    def __init__(self) -> None:
        self._now: list[tuple[int, int, Task]] = []
        self._later: list[tuple[float, int, Task]] = []
        self._count = itertools.count()

    def __len__(self) -> int:
        return len(self._now) + len(self._later)

    def add(self, task: Task, *, at: float = 0.0) -> None:
        """Puts an image in; with a time, it may not be sent before."""
        if at:
            heapq.heappush(self._later, (at, next(self._count), task))
        else:
            heapq.heappush(self._now, (task.place, next(self._count), task))

    def next(self, now: float) -> Task | None:
        """Takes the next image out, if one may be sent."""
        while self._later and self._later[0][0] <= now:
            self.add(heapq.heappop(self._later)[2])
        return heapq.heappop(self._now)[2] if self._now else None

    def pause(self, now: float) -> float:
        """Seconds until one may be sent."""
        if self._now:
            return 0.0
        return max(0.0, self._later[0][0] - now) if self._later else float("inf")


class Outbox:
    """Answers on their way out: in the order of the images, or as they come."""

    def __init__(self, *, ordered: bool, give: Callable[[Answer], None]) -> None:
        self._ordered = ordered
        self._give = give
        self._held: dict[int, Answer] = {}
        self._next = 0

    def __len__(self) -> int:
        return len(self._held)

    @property
    def due(self) -> bool:
        """Whether an answer could be given out."""
        return bool(self._held) and (not self._ordered or self._next in self._held)

    def put(self, place: int, answer: Answer) -> None:
        """Takes an answer in."""
        self._held[place] = answer

    def release(self, *, rest: bool = False) -> None:
        """Gives out what is due; at the end of a run that was cut short, the rest, too."""
        if rest or not self._ordered:
            for place in sorted(self._held):
                self._give(self._held.pop(place))
        while self._next in self._held:
            self._give(self._held.pop(self._next))
            self._next += 1

"""The clock of a local cloud: instant, realistic as at AWS, or manual."""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping
from typing import Literal

Pace = Literal["instant", "realistic", "manual"]

_TICK = 0.5


class Clock:
    """The time of one local cloud, and how long its steps take.

    At ``instant`` a step takes as long as its work does. At ``realistic`` it takes at least its
    duration times `scale`. At ``manual`` time does not move until `advance`.
    """

    def __init__(self, pace: Pace, durations: Mapping[str, float], scale: float = 1.0) -> None:
        if pace not in {"instant", "realistic", "manual"}:
            raise ValueError(f"pace is instant, realistic or manual, not {pace!r}")
        self.pace = pace
        self._durations = durations
        self._scale = scale
        self._moved = threading.Condition()
        self._manual = time.time()
        self._last_stamp = 0

    @property
    def holds(self) -> bool:
        """Whether a Describe on a busy resource waits for the end of the work."""
        return self.pace == "instant"

    def now(self) -> float:
        """Seconds since the epoch."""
        return self._manual if self.pace == "manual" else time.time()

    def stamp(self) -> int:
        """Milliseconds since the epoch, never twice the same: two ARNs must differ."""
        with self._moved:
            self._last_stamp = max(int(self.now() * 1000), self._last_stamp + 1)
            return self._last_stamp

    def due(self, step: str) -> float:
        """When a step that starts now may end at the earliest."""
        if self.pace == "instant":
            return self.now()
        return self.now() + self._durations[step] * self._scale

    def wait(self, due: float, closing: threading.Event) -> bool:
        """Waits until `due`; False when the cloud closes before."""
        with self._moved:
            while not closing.is_set():
                left = due - self.now()
                if left <= 0:
                    return True
                self._moved.wait(_TICK if self.pace == "manual" else min(left, _TICK))
        return False

    def advance(self, seconds: float) -> float:
        """Moves a manual clock forward and returns the new time."""
        if self.pace != "manual":
            raise ValueError(f"only a manual clock is moved by hand; this one is {self.pace}")
        with self._moved:
            self._manual += seconds
            self._moved.notify_all()
            return self._manual

    def wake(self) -> None:
        """Lets waiting steps see that the cloud closes."""
        with self._moved:
            self._moved.notify_all()

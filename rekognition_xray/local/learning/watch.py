"""A training's progress reports and stop requests, passed along as one value."""

from __future__ import annotations

from collections.abc import Callable

import attrs

from rekognition_xray.local.learning.learner import TrainingStopped


@attrs.frozen
class Watch:
    """The caller's two callables, for the part of the work from `start` to `end` (0-1)."""

    progress: Callable[[float], None]
    stopped: Callable[[], bool]
    start: float = 0.0
    end: float = 1.0

    def at(self, fraction: float) -> None:
        """Report `fraction` (0-1) of this part. Raises `TrainingStopped` when asked to stop."""
        if self.stopped():
            raise TrainingStopped
        self.progress(self.start + fraction * (self.end - self.start))

    def part(self, start: float, end: float) -> Watch:
        """The watch over a piece of this part, from `start` to `end` (0-1) of it."""
        width = self.end - self.start
        return attrs.evolve(self, start=self.start + start * width, end=self.start + end * width)

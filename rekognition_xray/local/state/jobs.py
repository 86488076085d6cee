"""Work that outlives its request: one thread each, which all end when the cloud closes."""

from __future__ import annotations

import logging
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable

import attrs

from rekognition_xray.local.clock import Clock

logger = logging.getLogger(__name__)

Finish = Callable[[], None]
Stopped = Callable[[], bool]
Work = Callable[[Stopped], Finish]


class JobStopped(Exception):  # noqa: N818 (an answer to a wish, not a fault)
    """The cloud closes while a job is at work; nothing of it is kept."""


@attrs.frozen(eq=False)
class _Job:
    arns: tuple[str, ...]
    due: float
    work: Work
    failed: Callable[[Exception], None]


class DescribeHold:
    """How long, and how many at once, a Describe may wait for work to end.

    There are fewer places than server threads: a Describe that finds none is answered at once.
    """

    def __init__(self, seconds: float, places: int) -> None:
        self._seconds = seconds
        self._places = threading.BoundedSemaphore(places)

    def hold(self, jobs: Jobs, arns: Iterable[str]) -> None:
        """Waits until none of the resources is busy, as long as it may."""
        if self._places.acquire(blocking=False):
            try:
                jobs.wait(arns, self._seconds)
            finally:
                self._places.release()


class Jobs:
    """Runs jobs and knows which resources are busy."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._closing = threading.Event()
        self._changed = threading.Condition()
        self._busy: Counter[str] = Counter()
        self._running: dict[_Job, threading.Thread] = {}

    def start(
        self,
        arns: Iterable[str],
        step: str,
        work: Work,
        failed: Callable[[Exception], None],
        *,
        due: float | None = None,
    ) -> None:
        """Starts `work` for these resources.

        `work` is given a function that returns whether to stop (it may raise `JobStopped`), and
        returns what makes the new state visible; that is called when the step's time is over.
        `failed` is called with an unexpected exception. `due` is when the step's time is
        over, where that is not the usual one.
        """
        end = self._clock.due(step) if due is None else due
        job = _Job(tuple(arns), end, work, failed)
        thread = threading.Thread(target=self._run, args=(job,), name=f"{step} job", daemon=True)
        with self._changed:
            self._busy.update(job.arns)
            self._running[job] = thread
        thread.start()

    def wait(self, arns: Iterable[str], seconds: float) -> bool:
        """Waits until none of the resources is busy, at most `seconds`; whether that is so."""
        asked = set(arns)
        with self._changed:
            return self._changed.wait_for(
                lambda: self._closing.is_set() or not asked & self._busy.keys(), seconds
            )

    def advance(self, seconds: float) -> None:
        """Moves a manual clock and waits for the jobs that are due."""
        now = self._clock.advance(seconds)
        with self._changed:
            self._changed.wait_for(lambda: not any(job.due <= now for job in self._running))

    def stop(self) -> None:
        """Asks all jobs to stop; nothing waits for them any longer."""
        self._closing.set()
        self._clock.wake()
        with self._changed:
            self._changed.notify_all()

    def join(self, seconds: float) -> bool:
        """Waits for the threads of jobs that were asked to stop; True when all have ended."""
        with self._changed:
            threads = list(self._running.values())
        end = time.monotonic() + seconds
        for thread in threads:
            thread.join(max(0.0, end - time.monotonic()))
        return not any(thread.is_alive() for thread in threads)

    def close(self, seconds: float = 30.0) -> None:
        """Asks all jobs to stop and waits for their threads."""
        self.stop()
        if not self.join(seconds):
            with self._changed:
                names = sorted(thread.name for thread in self._running.values())
            logger.warning("%s did not stop within %g s", ", ".join(names), seconds)

    def _run(self, job: _Job) -> None:
        try:
            if self._closing.is_set():
                raise JobStopped  # noqa: TRY301 (it ends as any other job that is stopped)
            finish = job.work(self._closing.is_set)
            if self._clock.wait(job.due, self._closing):
                finish()
        except JobStopped:
            logger.info("work on %s was stopped", ", ".join(job.arns))
        except Exception as error:
            if self._closing.is_set():
                logger.info("work on %s ended with the cloud: %r", ", ".join(job.arns), error)
            else:
                logger.exception("work on %s failed", ", ".join(job.arns))
                job.failed(error)
        finally:
            with self._changed:
                self._busy -= Counter(job.arns)
                del self._running[job]
                self._changed.notify_all()

"""The engine of bulk runs: paced calls, a bounded window of work, and no answer is lost."""

from __future__ import annotations

import heapq
import itertools
import logging
import math
import queue
import random
import threading
import time
import uuid
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from contextlib import ExitStack
from typing import Final, TypeAlias

import attrs

from rekognition_xray.clinic.diagnosis.diagnosis import Answer, Diagnosis, FailedDiagnosis
from rekognition_xray.clinic.diagnosis.inputs import (
    DiagnosableImage,
    Sendable,
    file_of,
    source_of,
)
from rekognition_xray.clinic.diagnosis.journal import Entry, File, Journal
from rekognition_xray.clinic.diagnosis.pacer import Pacer
from rekognition_xray.clinic.diagnosis.request import (
    CallResult,
    DiagnosisRequest,
    apply_policy,
    diagnose_once,
    identify_image,
    prepare_to_send,
    refer_refused,
)
from rekognition_xray.clinic.fatal_errors import FATAL_ERRORS
from rekognition_xray.data.images import PreparedImage
from rekognition_xray.errors import (
    AwsError,
    ConnectionFailedError,
    ImageError,
    NotReadyError,
    ServiceFaultError,
    ThrottledError,
)

log = logging.getLogger(__name__)

MOST_CALLS: Final = 64  # under way at once
_AHEAD: Final = 8  # images that are being prepared, or are ready and wait
_WINDOW: Final = 256  # answers that wait for those before them, or for being taken
_TRIES: Final = 10  # calls for an image that may meet a fault; for all under way, on average
_FIRST_PAUSE: Final = 0.1  # seconds before the first repetition after a fault
_LONGEST_PAUSE: Final = 10.0
_SYNC: Final = 0.02  # least seconds between two writes to the disk
_PATIENCE: Final = 900.0  # seconds of nothing but throttles that a run bears


@attrs.define
class Counts:
    """What has happened so far."""

    images: int = 0
    failed: int = 0
    remembered: int = 0
    calls: int = 0
    throttled: int = 0
    faulted: int = 0
    began: float | None = None
    ended: float | None = None


@attrs.define(eq=False)
class Task:
    """An image on its way to an answer.

    Attributes:
        place: its place among the images.
        image: as it was given; None once it is prepared.
        source: its name; None until it is made from its pixels.
        file: size and time of its file.
        ready: what is to be sent, once it is prepared.
        tries: calls that met a fault.
        first_at: when the first call was made.
        own_faults: those before which another image's call went well since the fault before.
        faulted_at: when the last of them ended.
        sent_at: when the last call was made.
        twins: places where the same image was given again.
        use: open while a call is under way, so that the meter does not count the model as idle.
    """

    place: int
    image: DiagnosableImage | None
    source: str | None
    file: File | None = None
    ready: Sendable | None = None
    tries: int = 0
    own_faults: int = 0
    first_at: float = 0.0
    faulted_at: float = -math.inf
    sent_at: float = 0.0
    twins: list[int] = attrs.field(factory=list)
    use: ExitStack = attrs.field(factory=ExitStack)


class TaskQueue:
    """Images that may be sent: in their order; repeated ones after their pause."""

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

    def __init__(self, *, ordered: bool, hand_over: Callable[[Answer], None]) -> None:
        self._ordered = ordered
        self._hand_over = hand_over
        self._held: dict[int, Answer] = {}
        self._next = 0

    def __len__(self) -> int:
        return len(self._held)

    @property
    def due(self) -> bool:
        """Whether an answer can be given out."""
        return bool(self._held) and (not self._ordered or self._next in self._held)

    def put(self, place: int, answer: Answer) -> None:
        """Takes an answer in."""
        self._held[place] = answer

    def release(self, *, rest: bool = False) -> None:
        """Gives out what is due; with ``rest``, all answers: the run was cut short."""
        if rest or not self._ordered:
            for place in sorted(self._held):
                self._hand_over(self._held.pop(place))
        while self._next in self._held:
            self._hand_over(self._held.pop(self._next))
            self._next += 1


_Completed: TypeAlias = tuple[str, Task, "Future[object]"] | None


class Engine:
    """Runs in its own thread: reads images, hands them to workers, paces calls, keeps the journal.

    Images are read as they are needed. Workers prepare them and make the calls; without the
    caller's executor, images are prepared before their turn. The engine alone decides when a call
    is made and what follows from its result: a throttled call is repeated in its turn, a call that
    met a fault after a pause. An answer goes out after it has reached the disk.
    """

    def __init__(
        self,
        request: DiagnosisRequest,
        images: Iterable[DiagnosableImage],
        *,
        journal: Journal | None,
        ordered: bool,
        executor: Executor | None,
        retry_failed: bool,
    ) -> None:
        self.counts = Counts()
        self.pacer = Pacer(most=MOST_CALLS)
        self.out: queue.SimpleQueue[Answer | BaseException | None] = queue.SimpleQueue()
        self._name, self._number = uuid.uuid4().hex, itertools.count()
        self._untaken = 0  # answers given out and not yet taken
        self._full = False  # whether the engine waits until one is taken
        self._request = request
        self._images: Iterator[tuple[int, DiagnosableImage]] = enumerate(images)
        self._journal = journal
        self._executor = executor
        self._retry_failed = retry_failed
        self._completed: queue.SimpleQueue[_Completed] = queue.SimpleQueue()
        self._stop = threading.Event()
        self._lock = threading.Lock()
        self._exhausted = False
        self._error: BaseException | None = None
        self._source_error: BaseException | None = None  # the caller's images ended with it
        self._preparing = 0
        self._queue = TaskQueue()
        self._calling = 0  # calls under way
        self._by_source: dict[str, Task] = {}
        self._outbox = Outbox(ordered=ordered, hand_over=self._hand_over)
        self._synced = -math.inf
        self._last_success = -math.inf
        self._faults_in_a_row = 0

    # -- from other threads ----------------------------------------------------------------------

    def stop(self) -> None:
        """Asks for no further image; what is under way is awaited and kept."""
        self._stop.set()
        self._completed.put(None)

    def answer_taken(self) -> None:
        """An answer was taken: there is room for one more."""
        with self._lock:
            self._untaken -= 1
            awaited, self._full = self._full, False
        if awaited:
            self._completed.put(None)

    def run(self) -> None:
        """The whole run; its end, or its error, is the last thing to go out."""
        self.counts.began = time.monotonic()
        try:
            with ExitStack() as stack:
                if self._journal is not None:
                    stack.enter_context(self._journal.writing())
                pool = self._executor or stack.enter_context(
                    ThreadPoolExecutor(MOST_CALLS + _AHEAD, thread_name_prefix="diagnose")
                )
                self._work(pool)
        except BaseException as error:  # noqa: BLE001 - it is raised where the answers are taken
            self._error = self._error or error
        self.counts.ended = time.monotonic()
        self.out.put(self._error or self._source_error)

    # -- the loop --------------------------------------------------------------------------------

    def _work(self, pool: Executor) -> None:
        while True:
            now = time.monotonic()
            if not self._ending:
                self._read(pool, now)
                self._send(pool)
            self._release_answers(now)
            if not self._busy and (self._ending or self._exhausted):
                break
            for kind, task, future in self._completed_work(self._pause()):
                self._settle(kind, task, future)
        if self._journal is not None:
            self._journal.sync()
        self._outbox.release(rest=True)

    @property
    def _ending(self) -> bool:
        return self._stop.is_set() or self._error is not None

    @property
    def _busy(self) -> bool:
        waiting = 0 if self._ending else len(self._queue)
        return bool(self._calling + self._preparing + waiting)

    def _pause(self) -> float | None:
        """Seconds to wait for news; None until some come."""
        now = time.monotonic()
        pause = math.inf
        if len(self._queue) and not self._ending:
            pause = max(self.pacer.delay(now), self._queue.pause(now))
        if self._outbox.due:
            pause = min(pause, max(0.0, self._synced + _SYNC - now))
        return None if pause == math.inf else pause

    def _completed_work(self, pause: float | None) -> Iterator[tuple[str, Task, Future[object]]]:
        try:
            if pause != 0:
                first = self._completed.get(timeout=pause)
                if first is not None:
                    yield first
            while True:
                more = self._completed.get_nowait()
                if more is not None:
                    yield more
        except queue.Empty:
            return

    # -- reading images ---------------------------------------------------------------------------

    def _read(self, pool: Executor, now: float) -> None:
        """Reads images as long as there is room for them."""
        while not self._exhausted and self._has_room():
            found = self._next_image()
            if found is None:
                self._exhausted = True
                return
            self._start(Task(found[0], found[1], source_of(found[1])), pool)
            if (
                time.monotonic() - now > _SYNC
            ):  # images that are known already must not hold up news
                self._completed.put(None)
                return

    def _next_image(self) -> tuple[int, DiagnosableImage] | None:
        try:
            return next(self._images, None)
        except Exception as error:  # noqa: BLE001 - the caller's own: images before it have their turn
            self._source_error = error
            return None

    def _has_room(self) -> bool:
        with self._lock:
            self._full = len(self._outbox) + self._untaken >= _WINDOW
        if self._full:
            return False
        return self._preparing + len(self._queue) < _AHEAD

    def _start(self, task: Task, pool: Executor) -> None:
        if self._journal is None or task.source is None:
            known = False
        elif (twin := self._by_source.get(task.source)) is not None:
            twin.twins.append(task.place)
            return
        else:
            assert task.image is not None  # noqa: S101 - it was just read
            task.file = file_of(task.image)
            entry = self._journal.last(task.source)
            if entry is not None and self._still_valid(entry, task):
                self._reuse(task, entry.answer)
                return
            self._by_source[task.source] = task
            known = entry is not None
        image, gate = task.image, self._request.gate
        if self._executor is None and isinstance(image, PreparedImage) and gate is None:
            # Nothing is to be done: a worker would cost more than it takes from the engine.
            self._take_result(task, prepare_to_send(self._request, image), keep=True)
        elif self._executor is None:
            self._preparing += 1
            self._submit("prepare", task, pool, prepare_to_send)
        elif known or (self._journal is not None and task.source is None):
            self._preparing += 1
            self._submit("identify", task, pool, identify_image)
        else:
            self._queue.add(task)

    def _still_valid(self, entry: Entry, task: Task) -> bool:
        """Whether a journal entry still holds for the image's file."""
        if self._journal is None or entry.options != self._journal.options:
            return False
        if isinstance(entry.answer, FailedDiagnosis):
            return not self._retry_failed and entry.file == task.file
        same_gate = entry.answer.gate == self._gate
        return same_gate and entry.file is not None and entry.file == task.file

    @property
    def _gate(self) -> str | None:
        gate = self._request.gate
        return None if gate is None else gate.fingerprint

    def _submit(self, kind: str, task: Task, pool: Executor, work: Callable[..., object]) -> None:
        image = task.ready if task.image is None else task.image  # one of both is kept
        # A name of its own for each: of two equal calls Dask answers the second from memory.
        future = pool.submit(work, self._request, image, f"{self._name}-{next(self._number)}")
        future.add_done_callback(lambda done: self._completed.put((kind, task, done)))

    # -- sending ---------------------------------------------------------------------------------

    def _send(self, pool: Executor) -> None:
        now = time.monotonic()
        while self.pacer.delay(now) <= 0 and (task := self._queue.next(now)) is not None:
            if not self._use_model(task):
                return
            self.pacer.sent(now)
            self.counts.calls += 1
            self._calling += 1
            task.sent_at, task.first_at = now, task.first_at or now
            self._submit("call", task, pool, diagnose_once)
            now = time.monotonic()

    def _use_model(self, task: Task) -> bool:
        """Marks the model as in use, if it runs; processes of workers cannot mark it."""
        if (run := self._request.version.run) is not None:
            try:
                task.use.enter_context(run.detection())
            except NotReadyError as over:
                self._end_run(over)
                return False
        return True

    # -- outcomes --------------------------------------------------------------------------------

    def _settle(self, kind: str, task: Task, future: Future[object]) -> None:
        if kind == "call":
            self._calling -= 1
            task.use.close()
        else:
            self._preparing -= 1
        try:
            result = future.result()
        except BaseException as error:  # noqa: BLE001 - a worker that died, or a mistake of ours
            if kind == "call":
                self.pacer.faulted()
            self._end_run(error)
            return
        self._take_result(task, result, keep=kind == "prepare")

    def _take_result(self, task: Task, result: object, *, keep: bool) -> None:
        """Takes what a worker returned; with ``keep``, prepared pixels stay with the image."""
        if isinstance(result, CallResult):
            self._take_call_result(task, result)
        elif isinstance(result, Sendable):
            self._take_prepared(task, result, keep=keep)
        elif isinstance(result, ImageError | AwsError):
            self._conclude(task, result)

    def _take_prepared(self, task: Task, ready: Sendable, *, keep: bool) -> None:
        if self._journal is not None:
            diagnosis = self._journal.known(ready.source, ready.sha256)
            if diagnosis is not None and diagnosis.gate == self._gate:
                self._journal.add(diagnosis, task.file)  # with the file as it is now
                self._reuse(task, diagnosis)
                return
        if ready.refusal:
            self._finish(task, refer_refused(self._request, ready))
            return
        if keep:
            task.image, task.ready = None, ready
        self._queue.add(task)

    def _take_call_result(self, task: Task, reply: CallResult) -> None:
        now = time.monotonic()
        result = reply.outcome
        if not reply.seconds:  # the worker could not prepare it, and made no call
            self.counts.calls -= 1
            self.pacer.faulted()
            self._conclude(task, result)
        elif isinstance(result, ThrottledError):
            self.counts.throttled += 1
            self.pacer.throttled(task.sent_at, now, retry_after=result.retry_after or 0.0)
            self._queue.add(task)
            if now - max(self._last_success, self.counts.began or now) > _PATIENCE:
                self._end_run(result)
        elif isinstance(result, ConnectionFailedError | ServiceFaultError):
            self.pacer.faulted()
            self._retry_after_fault(task, result, now)
        else:
            self.pacer.answered(task.sent_at, now)
            self._conclude(task, result)

    def _retry_after_fault(self, task: Task, error: AwsError, now: float) -> None:
        self.counts.faulted += 1
        self._faults_in_a_row += 1
        task.tries += 1
        if self._last_success >= task.faulted_at:  # so it is this image, not the service
            task.own_faults += 1
        task.faulted_at = now
        under_way = len(self._queue) + self._calling + 1
        lasting = task.tries >= _TRIES and self._faults_in_a_row >= _TRIES * under_way
        if task.own_faults >= _TRIES or (lasting and self._last_success >= task.first_at):
            self._conclude(task, error)
        elif lasting:  # no call at all went well
            self._end_run(error)
        else:
            pause = min(_LONGEST_PAUSE, _FIRST_PAUSE * 2**task.tries) * random.uniform(0.5, 1)
            self._queue.add(task, at=now + pause)

    def _conclude(self, task: Task, result: Diagnosis | ImageError | AwsError | object) -> None:
        """An image has its diagnosis, or the reason why it gets none."""
        if isinstance(result, Diagnosis):
            if not result.gate_reason:  # else nothing was asked
                self._note_success()
            self._finish(task, result)
        elif isinstance(result, FATAL_ERRORS):
            self._end_run(result)
        elif isinstance(result, ImageError | AwsError):
            if isinstance(result, AwsError):
                self._note_success()
            source = task.source or (task.ready.source if task.ready else f"image {task.place}")
            arn = self._request.version.arn
            kind = type(result).__name__
            self._finish(task, FailedDiagnosis(source, str(result), kind, result.retryable, arn))

    def _note_success(self) -> None:
        self._last_success, self._faults_in_a_row = time.monotonic(), 0

    def _end_run(self, error: BaseException) -> None:
        """Ends the run: no more calls are made; those under way are awaited."""
        if self._error is None:
            log.info("the run ends: %s", error)
            self._error = error

    def _reuse(self, task: Task, answer: Answer) -> None:
        """An image whose answer is known: by the policy of now, and without a call."""
        if isinstance(answer, Diagnosis):
            answer = apply_policy(self._request.policy, answer)
        self.counts.remembered += 1
        self._finish(task, answer)

    def _finish(self, task: Task, answer: Answer) -> None:
        if self._journal is not None:
            self._journal.add(answer, task.file)
        if task.source is not None:
            self._by_source.pop(task.source, None)
        self.counts.remembered += len(task.twins)
        for place in (task.place, *task.twins):
            self.counts.images += 1
            self.counts.failed += isinstance(answer, FailedDiagnosis)
            self._outbox.put(place, answer)

    # -- answers ---------------------------------------------------------------------------------

    def _release_answers(self, now: float) -> None:
        """Gives out what is due, after it has reached the disk; many with one write."""
        if self._journal is not None:
            self._journal.flush()
            if not self._outbox.due or now < self._synced + _SYNC:
                return
            self._journal.sync()
            self._synced = time.monotonic()
        self._outbox.release()

    def _hand_over(self, answer: Answer) -> None:
        with self._lock:
            self._untaken += 1
        self.out.put(answer)

"""Many films: a bounded window of work, answers in order, what was paid for is kept."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import nullcontext
from pathlib import Path
from typing import TypeAlias

from tqdm import tqdm

from rekognition_xray.clinic.answers import Diagnosis, FailedDiagnosis
from rekognition_xray.clinic.journal import Journal

Answer: TypeAlias = Diagnosis | FailedDiagnosis


def answers(
    paths: Iterable[Path],
    ask: Callable[[Path], Answer],
    *,
    journal: Journal | None,
    workers: int,
    bar: tqdm[None],
) -> Iterator[Answer]:
    """Asks for every film and gives the answers in the order of the films.

    At most twice as many films as workers are under way, so that memory stays flat however many
    paths come and however slowly the answers are taken. When an answer raises, or the caller
    stops early, films not yet begun are given up, those under way are awaited, and their answers
    still go to the journal.
    """
    writing = nullcontext() if journal is None else journal.writing()
    with writing, ThreadPoolExecutor(workers) as pool, bar:
        window: deque[Future[Answer]] = deque()
        try:
            for path in paths:
                window.append(pool.submit(ask, path))
                if len(window) >= 2 * workers:
                    yield _next(window, journal, bar)
            while window:
                yield _next(window, journal, bar)
        finally:
            _keep(window, journal)


def _next(window: deque[Future[Answer]], journal: Journal | None, bar: tqdm[None]) -> Answer:
    answer = window.popleft().result()
    if journal is not None:
        journal.add(answer)
    bar.update()
    return answer


def _keep(window: deque[Future[Answer]], journal: Journal | None) -> None:
    begun = [future for future in window if not future.cancel()]
    for future in begun:
        if future.exception() is None and journal is not None:
            journal.add(future.result())

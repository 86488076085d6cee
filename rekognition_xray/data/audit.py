"""``audit``: looks at every film of a dataset, in threads, and says what is wrong with it."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path
from typing import Final

from tqdm import tqdm

from rekognition_xray.data.checks import CHECKS, Look, Looks, look
from rekognition_xray.data.dataset import XrayDataset
from rekognition_xray.data.findings import Audit, Finding

__all__ = ["Audit", "Finding", "audit"]

_BATCH: Final = 32

Progress = bool | Callable[[int, int], None] | None


def audit(
    dataset: XrayDataset, *, progress: Progress = None, executor: Executor | None = None
) -> Audit:
    """Decodes every film to the end and reports all findings together.

    Errors: ``missing``, ``unreadable``, ``zero-bytes``, ``not-an-image``, ``truncated``,
    ``over-limits`` (64 to 4096 px a side, aspect 20:1, 15 MB), ``no-label``,
    ``contradictory-labels`` (by name and folder, or the same pixels under two labels).

    Warnings: ``duplicates``, ``patients-across-official-splits``, ``too-few-labels``,
    ``few-films`` (under 10 of a label), ``imbalance`` (over 5 to 1), ``rgb-among-grey``,
    ``exif-orientation``, ``wrong-extension``.

    Args:
        dataset: what to look at; its rejected files are reported too.
        progress: True for a bar, or a function that gets films done and films in all.
        executor: what to decode in; threads, one for each processor, unless told.
    """
    looks = _look_at(dataset, progress, executor)
    found = [finding for check in CHECKS for finding in check(dataset, looks)]
    found.sort(key=lambda finding: finding.severity)  # "error" sorts before "warning"
    return Audit(tuple(found), len(dataset))


def _look_at(dataset: XrayDataset, progress: Progress, executor: Executor | None) -> Looks:
    films = dataset.films
    batches = [
        [film.path for film in films[start : start + _BATCH]]
        for start in range(0, len(films), _BATCH)
    ]
    looks: list[Look] = []
    with _workers(executor) as pool, _told(progress, len(films)) as tell:
        for batch in pool.map(_look_at_batch, batches):
            looks += batch
            tell(len(looks))
    return dict(zip(films, looks, strict=True))


def _workers(executor: Executor | None) -> AbstractContextManager[Executor]:
    """Threads of our own, which end with the audit, or the caller's executor, which does not."""
    return ThreadPoolExecutor(os.cpu_count()) if executor is None else nullcontext(executor)


def _look_at_batch(paths: list[Path]) -> list[Look]:
    return [look(path) for path in paths]


@contextmanager
def _told(progress: Progress, total: int) -> Iterator[Callable[[int], object]]:
    """A function to call with the number of films done."""
    if callable(progress):
        yield lambda done: progress(done, total)
    elif progress:
        with tqdm(total=total, unit="film", desc="audit") as bar:
            yield lambda done: bar.update(done - bar.n)
    else:
        yield lambda _: None

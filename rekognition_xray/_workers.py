"""Who does work that fans out, and how far it is: our own threads, or the caller's executor."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import TypeVar

from tqdm import tqdm

_Item = TypeVar("_Item")


def worker_pool(executor: Executor | None) -> AbstractContextManager[Executor]:
    """A block's executor: threads that end with the block, or the caller's, which goes on."""
    return thread_pool() if executor is None else nullcontext(executor)


@contextmanager
def thread_pool() -> Iterator[ThreadPoolExecutor]:
    """A thread for each processor; what has not begun when the block ends is given up."""
    pool = ThreadPoolExecutor(os.cpu_count())
    try:
        yield pool
    finally:
        pool.shutdown(cancel_futures=True)


def report_batches(
    batches: Iterable[Sequence[_Item]],
    total: int,
    progress: bool | Callable[[int, int], None],  # noqa: FBT001 - as the callers take it
    *,
    title: str,
) -> Iterator[Sequence[_Item]]:
    """The batches as they come, each reported.

    Args:
        batches: what workers answer.
        total: items in all.
        progress: True for a bar, or a function that gets items done and items in all.
        title: of the bar.
    """
    done = 0
    with tqdm(total=total, unit="image", desc=title, disable=progress is not True) as bar:
        for batch in batches:
            yield batch
            done += len(batch)
            bar.update(len(batch))
            if callable(progress):
                progress(done, total)

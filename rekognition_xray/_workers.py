"""Who does work that fans out: our own threads, or the caller's executor."""

from __future__ import annotations

import os
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import AbstractContextManager, nullcontext


def worker_pool(executor: Executor | None) -> AbstractContextManager[Executor]:
    """A block's executor: threads that end with the block, or the caller's, which goes on."""
    return ThreadPoolExecutor(os.cpu_count()) if executor is None else nullcontext(executor)

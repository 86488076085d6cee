from __future__ import annotations

import threading

import pytest

from rekognition_xray._workers import thread_pool


def test_an_interruption_gives_up_what_no_thread_has_begun() -> None:
    begun: list[int] = []
    free = threading.Event()

    def work(number: int) -> None:
        begun.append(number)
        free.wait()

    def interrupt() -> None:
        with thread_pool() as pool:
            last = [pool.submit(work, number) for number in range(1000)][-1]
            last.add_done_callback(lambda _: free.set())  # when it is given up
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupt()
    assert len(begun) < 1000

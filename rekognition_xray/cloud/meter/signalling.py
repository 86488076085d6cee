"""Signals that end a block first, and the program after it."""

from __future__ import annotations

import signal
import threading
from types import FrameType
from typing import Self

import attrs


class _Signalled(BaseException):
    """Unwinds the block after a signal; never seen outside this module."""


@attrs.define
class Signals:
    """Turns SIGINT and SIGTERM into an unwinding of the block; delivers them once it is over.

    Outside the main thread, where Python allows no handlers, it does nothing.
    """

    _previous: dict[int, object] = attrs.field(factory=dict)
    _received: list[int] = attrs.field(factory=list)
    _hold: bool = False

    def __enter__(self) -> Self:
        if threading.current_thread() is threading.main_thread():
            for number in (signal.SIGINT, signal.SIGTERM):
                self._previous[number] = signal.signal(number, self._handle)
        return self

    def _handle(self, number: int, _frame: FrameType | None) -> None:
        self._received.append(number)
        if not self._hold:
            self._hold = True
            raise _Signalled

    def hold(self) -> None:
        """Keeps signals waiting, so that an impatient second Ctrl-C cannot cut off the stop."""
        self._hold = True

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> bool:
        for number, handler in self._previous.items():
            signal.signal(number, handler)  # type: ignore[arg-type]
        if self._received:
            # The previous handler decides now: KeyboardInterrupt, the end, or the caller's own.
            signal.raise_signal(self._received[0])
        return kind is not None and issubclass(kind, _Signalled)

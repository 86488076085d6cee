"""Squares of all films of a training, decoded once and kept in a file, not in memory."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from types import TracebackType
from typing import Self

import numpy as np

from rekognition_xray.local.training.films import SIDE, Square, square
from rekognition_xray.local.training.learner import Example, UnreadableFilm
from rekognition_xray.local.training.reading import CHUNK
from rekognition_xray.local.training.watch import Watch

_BYTES = SIDE * SIDE


class Squares:
    """Squares by number, in a nameless temporary file (16 KB a film) that ends with the process.

    Read piece by piece, it takes no memory of this process, however many films there are. Use it
    as a context manager.
    """

    def __init__(self) -> None:
        self._file = tempfile.TemporaryFile(prefix="films-")  # noqa: SIM115 (closed by __exit__)
        self._count = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._file.close()

    def __len__(self) -> int:
        return self._count

    def append(self, films: Iterable[Square]) -> None:
        """Add films at the end."""
        self._file.seek(0, os.SEEK_END)
        for film in films:
            self._file.write(film.tobytes())
            self._count += 1

    def take(self, films: Sequence[int]) -> Square:
        """The films of these numbers: uint8 (n, SIDE, SIDE)."""
        taken = np.empty((len(films), SIDE, SIDE), dtype=np.uint8)
        for place, film in enumerate(films):
            self._file.seek(film * _BYTES)
            taken[place] = np.frombuffer(self._file.read(_BYTES), np.uint8).reshape(SIDE, SIDE)
        return taken


def read_squares(examples: Sequence[Example], watch: Watch, squares: Squares) -> None:
    """Decode all examples into `squares`, in their order.

    Raises `UnreadableFilm` with the film's place and group, `TrainingStopped` when asked to stop.
    """
    workers = min(4, os.cpu_count() or 1)
    with ThreadPoolExecutor(workers, thread_name_prefix="films") as pool:
        for start in range(0, len(examples), CHUNK):
            watch.at(start / len(examples))
            chunk = list(enumerate(examples[start : start + CHUNK], start))
            squares.append(pool.map(_square, chunk))


def _square(numbered: tuple[int, Example]) -> Square:
    index, example = numbered
    try:
        return square(example.read())
    except UnreadableFilm as error:
        raise UnreadableFilm(f"film {index} of group {example.group!r}: {error}") from error

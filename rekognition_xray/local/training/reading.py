"""Feature rows of many films: read and decoded by a few threads, in order, in bounded chunks."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import numpy.typing as npt

from rekognition_xray.local.training.features import Vector, features
from rekognition_xray.local.training.films import square
from rekognition_xray.local.training.learner import Example, UnreadableFilm
from rekognition_xray.local.training.watch import Watch

Rows = npt.NDArray[np.float32]
CHUNK = 64  # about 0.2 s of work: how soon a stop is seen


def feature_rows(examples: Sequence[Example], watch: Watch) -> Iterator[Rows]:
    """Feature rows of all examples, in their order, a few dozen at a time.

    Raises `UnreadableFilm` with the film's place and group, `TrainingStopped` when asked to stop.
    """
    workers = min(4, os.cpu_count() or 1)
    with ThreadPoolExecutor(workers, thread_name_prefix="films") as pool:
        for start in range(0, len(examples), CHUNK):
            watch.at(start / len(examples))
            chunk = list(enumerate(examples[start : start + CHUNK], start))
            yield np.stack(list(pool.map(_row, chunk)))


def _row(numbered: tuple[int, Example]) -> Vector:
    index, example = numbered
    try:
        return features(square(example.read()))
    except UnreadableFilm as error:
        raise UnreadableFilm(f"film {index} of group {example.group!r}: {error}") from error

"""Feature rows of many films: read and decoded by a few threads, in order, in bounded chunks."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import numpy.typing as npt

from rekognition_xray.local.training.features import features
from rekognition_xray.local.training.films import reframed, square
from rekognition_xray.local.training.learner import Example, UnreadableFilm
from rekognition_xray.local.training.watch import Watch

Rows = npt.NDArray[np.float32]
CHUNK = 64  # films; about 0.3 s of work: how soon a stop is seen
VIEWS = 2


def feature_rows(examples: Sequence[Example], watch: Watch) -> Iterator[Rows]:
    """Feature rows of all examples, in their order, a few dozen films at a time.

    Each film has `VIEWS` rows, one after the other: itself, and itself in another frame, so that
    a training learns not to mind how a film is framed.

    Raises `UnreadableFilm` with the film's place and group, `TrainingStopped` when asked to stop.
    """
    workers = min(4, os.cpu_count() or 1)
    with ThreadPoolExecutor(workers, thread_name_prefix="films") as pool:
        for start in range(0, len(examples), CHUNK):
            watch.at(start / len(examples))
            chunk = list(enumerate(examples[start : start + CHUNK], start))
            yield np.concatenate(list(pool.map(_rows, chunk)))


def _rows(numbered: tuple[int, Example]) -> Rows:
    index, example = numbered
    try:
        film = square(example.read())
    except UnreadableFilm as error:
        raise UnreadableFilm(f"film {index} of group {example.group!r}: {error}") from error
    return np.stack((features(film), features(reframed(film, closer=index % 2 == 0))))

"""Feature rows of many images, in order, in bounded chunks.

A few images make one piece of work for a thread: so each step takes long enough that threads seldom
wait for each other.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import numpy.typing as npt

from rekognition_xray.local.learning.fast.features import features
from rekognition_xray.local.learning.fast.images import (
    MOVES,
    ZOOMS,
    Framing,
    Square,
    reframe,
    square,
)
from rekognition_xray.local.learning.learner import Example, UnreadableImage
from rekognition_xray.local.learning.watch import Watch

Rows = npt.NDArray[np.float32]
CHUNK = 64  # images; less than a second of work: how soon a stop is seen
_PIECE = 4  # images of one piece of work
MOST_VIEWS = 2 + len(MOVES)


def feature_rows(examples: Sequence[Example], views: int, watch: Watch) -> Iterator[Rows]:
    """Feature rows of all examples, in their order, a few dozen images at a time.

    Each image has `views` rows, one after the other: itself, and itself in other frames, so that a
    training learns not to mind how an image is framed. There are `MOST_VIEWS` at most.

    Raises `UnreadableImage` with the image's place and group, `TrainingStopped` when asked to stop.
    """
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        for start in range(0, len(examples), CHUNK):
            watch.at(start / len(examples))
            chunk = list(enumerate(examples[start : start + CHUNK], start))
            pieces = [chunk[place : place + _PIECE] for place in range(0, len(chunk), _PIECE)]
            yield np.concatenate(list(pool.map(_rows, pieces, [views] * len(pieces))))


def _rows(piece: Sequence[tuple[int, Example]], views: int) -> Rows:
    return features(np.stack([view for image in piece for view in _views(*image, views)]))


def _views(index: int, example: Example, views: int) -> Iterator[Square]:
    try:
        image = square(example.read())
    except UnreadableImage as error:
        raise UnreadableImage(f"image {index} of group {example.group!r}: {error}") from error
    yield image
    for framing in _framings(index)[: views - 1]:
        yield reframe(image, framing)


def _framings(index: int) -> list[Framing]:
    """A zoom, and then moves; another image's are others."""
    first = index % len(MOVES)
    return [ZOOMS[index % len(ZOOMS)], *MOVES[first:], *MOVES[:first]]

"""Feature rows of many images, in order, in bounded chunks.

Images are read one after the other: most of the work is in short steps, so threads would only wait
for each other.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import numpy.typing as npt

from rekognition_xray.local.learning.fast.features import features
from rekognition_xray.local.learning.fast.images import MOVES, ZOOMS, Framing, reframe, square
from rekognition_xray.local.learning.learner import Example, UnreadableImage
from rekognition_xray.local.learning.watch import Watch

Rows = npt.NDArray[np.float32]
CHUNK = 64  # images; less than a second of work: how soon a stop is seen
MOST_VIEWS = 2 + len(MOVES)


def feature_rows(examples: Sequence[Example], views: int, watch: Watch) -> Iterator[Rows]:
    """Feature rows of all examples, in their order, a few dozen images at a time.

    Each image has `views` rows, one after the other: itself, and itself in other frames, so that a
    training learns not to mind how an image is framed. There are `MOST_VIEWS` at most.

    Raises `UnreadableImage` with the image's place and group, `TrainingStopped` when asked to stop.
    """
    for start in range(0, len(examples), CHUNK):
        watch.at(start / len(examples))
        chunk = enumerate(examples[start : start + CHUNK], start)
        yield np.concatenate([_rows(index, example, views) for index, example in chunk])


def _rows(index: int, example: Example, views: int) -> Rows:
    try:
        image = square(example.read())
    except UnreadableImage as error:
        raise UnreadableImage(f"image {index} of group {example.group!r}: {error}") from error
    framings = _framings(index)[: views - 1]
    return np.stack([features(image), *(features(reframe(image, framing)) for framing in framings)])


def _framings(index: int) -> list[Framing]:
    """A zoom, and then moves; another image's are others."""
    first = index % len(MOVES)
    return [ZOOMS[index % len(ZOOMS)], *MOVES[first:], *MOVES[:first]]

"""What the network sees: squares of one exposure. Those of a training are kept in a file."""

from __future__ import annotations

import math
import os
import tempfile
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from types import TracebackType
from typing import Final, Self

import numpy as np

from rekognition_xray.local.learning.fast.images import SIDE, Square, grey_square
from rekognition_xray.local.learning.fast.reading import CHUNK
from rekognition_xray.local.learning.learner import Example, UnreadableImage
from rekognition_xray.local.learning.watch import Watch

_BYTES = SIDE * SIDE
_ENDS: Final = (0.01, 0.99)  # shares of the pixels that are darker than black and white
_MIDDLES: Final = (0.05, 0.95)  # where the middle of an image can lie that is made mid-grey


def exposed_alike(image: Square) -> Square:
    """The image as if all had been exposed alike: black, white and the median at the same greys.

    A straight line and a power do that. Unlike a flat histogram they do not strengthen the grain
    of parts that are nearly even.
    """
    counts = np.bincount(image.ravel(), minlength=256)
    below = np.cumsum(counts)
    low, middle, high = np.searchsorted(below, np.multiply((_ENDS[0], 0.5, _ENDS[1]), below[-1]))
    if low == high:
        return image
    scaled = np.clip((np.arange(256) - low) / (high - low), 0, 1)
    power = math.log(0.5) / math.log(np.clip(scaled[middle], *_MIDDLES))
    greys = np.rint(255 * scaled**power).astype(np.uint8)
    return np.asarray(greys[image], dtype=np.uint8)


class Squares:
    """Squares by number, in a nameless temporary file (16 KB an image) that ends with the process.

    Read piece by piece, it takes no memory of this process, however many images there are. Use it
    as a context manager.
    """

    def __init__(self) -> None:
        self._file = tempfile.TemporaryFile(prefix="images-")  # noqa: SIM115 (closed by __exit__)
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

    def append(self, images: Iterable[Square]) -> None:
        """Add images at the end."""
        self._file.seek(0, os.SEEK_END)
        for image in images:
            self._file.write(image.tobytes())
            self._count += 1

    def take(self, images: Sequence[int]) -> Square:
        """The images of these numbers: uint8 (n, SIDE, SIDE)."""
        taken = np.empty((len(images), SIDE, SIDE), dtype=np.uint8)
        for place, image in enumerate(images):
            self._file.seek(image * _BYTES)
            taken[place] = np.frombuffer(self._file.read(_BYTES), np.uint8).reshape(SIDE, SIDE)
        return taken


def read_squares(examples: Sequence[Example], watch: Watch, squares: Squares) -> None:
    """Decode all examples into `squares`, in their order.

    Raises `UnreadableImage` with the image's place and group, `TrainingStopped` when asked to stop.
    """
    workers = min(4, os.cpu_count() or 1)
    with ThreadPoolExecutor(workers, thread_name_prefix="images") as pool:
        for start in range(0, len(examples), CHUNK):
            watch.at(start / len(examples))
            chunk = list(enumerate(examples[start : start + CHUNK], start))
            squares.append(pool.map(_square, chunk))


def _square(numbered: tuple[int, Example]) -> Square:
    index, example = numbered
    try:
        return grey_square(example.read())
    except UnreadableImage as error:
        raise UnreadableImage(f"image {index} of group {example.group!r}: {error}") from error

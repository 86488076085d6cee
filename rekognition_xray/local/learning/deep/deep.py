"""The deep learner: a small convolutional network trained from scratch, beside a fast model.

Both are calibrated on patients that they never saw, and a confidence is the mean of theirs: their
mistakes differ, so that the mean is right more often than either.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from threading import Lock

import attrs
import numpy as np
import torch
from torch.nn import functional

from rekognition_xray.local.learning.calibration import FEW, Array, Calibration
from rekognition_xray.local.learning.deep import network
from rekognition_xray.local.learning.deep.images import Squares, read_squares
from rekognition_xray.local.learning.deep.training import Places, Task, train
from rekognition_xray.local.learning.fast.fast import FastLearner, FastModel
from rekognition_xray.local.learning.fast.images import Square, square
from rekognition_xray.local.learning.fast.targets import Flags, draw_held_back, truth_of, weights_of
from rekognition_xray.local.learning.learner import Example, ModelFormatError
from rekognition_xray.local.learning.saved import Arrays, read_model, write_model
from rekognition_xray.local.learning.watch import Watch

NAME = "deep"
_SCALE = 10.0  # logits are divided by it, so that scores lie about between -1 and 1
_HELD, _HELD_AT_LEAST, _HELD_AT_MOST = 0.1, 60, 2000
_LARGEST_PART = 0.3  # of the images, that is held back at most
_BESIDE = "fast"  # the folder of the fast model in that of a saved one
_VIEWS = 4  # in which the fast model learns an image
_READ, _BEGUN, _TRAINED = 0.02, 0.3, 0.99  # shares of the work that is done after each step
_CHUNK = 64
_DIGITS = 6
_ALONE = Lock()


@attrs.frozen(eq=False)
class DeepModel:
    """A trained network, its calibration and a fast model; used by any number of threads."""

    labels: tuple[str, ...]
    tensors: network.Tensors
    calibration: Calibration
    beside: FastModel

    def confidences(self, image: bytes) -> dict[str, float]:
        """Confidence 0-1 per label for a JPEG or PNG. Raises `UnreadableImage`."""
        pixels = square(image)
        with _on_one_processor():
            scores = scores_of(self.tensors, pixels[None])
        seen = self.calibration(scores)[0]
        beside = self.beside.judge(pixels)
        return {
            label: round((float(value) + beside[label]) / 2, _DIGITS)
            for label, value in zip(self.labels, seen, strict=True)
        }

    def save(self, folder: Path) -> None:
        """Write `arrays.npz` and `model.json` into `folder`, which is made if need be."""
        arrays: Arrays = {
            name: values.numpy().astype(np.float32) for name, values in self.tensors.items()
        }
        arrays |= {"slope": self.calibration.slope, "shift": self.calibration.shift}
        self.beside.save(folder / _BESIDE)
        write_model(folder, NAME, self.labels, single=self.calibration.single, arrays=arrays)


@attrs.frozen
class DeepLearner:
    """Learns a few thousand images in about five minutes on two cores, sooner on a GPU.

    Args:
        effort: how often images are seen, in shares of the usual; less is quicker and worse.
    """

    effort: float = attrs.field(default=1.0, validator=attrs.validators.gt(0))
    name: str = attrs.field(default=NAME, init=False)

    def fit(
        self,
        examples: Sequence[Example],
        *,
        seed: int,
        progress: Callable[[float], None],
        stopped: Callable[[], bool],
    ) -> DeepModel:
        """Train on `examples`; see `Learner.fit` for progress, stopping and errors.

        Takes the memory of the fast learner and PyTorch's own, however many images there are, and
        16 KB an image in a temporary file.
        """
        if not examples:
            raise ValueError("a training needs at least one labelled image")
        watch = Watch(_in_percents(progress), stopped)
        labels, truth = truth_of(examples)
        single = bool(np.all(truth.sum(axis=1) == 1))
        away = np.flatnonzero(_away(truth, [example.group for example in examples], seed))
        with Squares() as squares:
            read_squares(examples, watch.part(0.0, _READ), squares)
            images = np.setdiff1d(np.arange(len(examples)), away)
            beside = _fast(examples, seed, watch.part(_READ, _BEGUN))
            task = Task(squares, images, truth[images], weights_of(truth[images]), single)
            tensors = train(task, seed=seed, effort=self.effort, watch=watch.part(_BEGUN, _TRAINED))
            scores = _score_all(tensors, squares, away, watch.part(_TRAINED, 1.0))
        calibration = Calibration.fit(scores, truth[away], single=single)
        watch.at(1.0)
        return DeepModel(labels, tensors, calibration, beside)

    def load(self, folder: Path) -> DeepModel:
        """Read what `DeepModel.save` wrote. Raises `ModelFormatError`."""
        names = frozenset(network.shapes(1)) | {"slope", "shift"}
        labels, single, arrays = read_model(folder, NAME, names)
        tensors: network.Tensors = {}
        for name, shape in network.shapes(len(labels)).items():
            if arrays[name].shape != shape:
                raise ModelFormatError(
                    f"{folder}: array {name!r} has shape {arrays[name].shape}, expected {shape}"
                )
            tensors[name] = torch.from_numpy(arrays[name].astype(np.float32))
        slope, shift = (arrays[name].astype(np.float64) for name in ("slope", "shift"))
        beside = FastLearner().load(folder / _BESIDE)
        return DeepModel(labels, tensors, Calibration(single, slope, shift), beside)


def _fast(examples: Sequence[Example], seed: int, watch: Watch) -> FastModel:
    """A fast model of the same images; it is calibrated on patients held back by itself."""
    return FastLearner(_VIEWS).fit(examples, seed=seed, progress=watch.at, stopped=watch.stopped)


def _away(truth: Array, groups: Sequence[str], seed: int) -> Flags:
    """The images that the network never sees and its confidences are calibrated on."""
    wanted = int(np.clip(_HELD * len(truth), _HELD_AT_LEAST, _HELD_AT_MOST))
    wanted = min(wanted, int(_LARGEST_PART * len(truth)))
    held = draw_held_back(truth, groups, wanted, seed)
    return held if held.sum() >= FEW else np.zeros(len(truth), dtype=np.bool_)


def _score_all(tensors: network.Tensors, squares: Squares, images: Places, watch: Watch) -> Array:
    """Scores (n, labels) of the squares with these numbers."""
    parts = [np.zeros((0, len(tensors["head.bias"])))]
    for start in range(0, len(images), _CHUNK):
        watch.at(start / len(images))
        parts.append(scores_of(tensors, squares.take(images[start : start + _CHUNK].tolist())))
    return np.concatenate(parts)


def scores_of(tensors: network.Tensors, images: Square) -> Array:
    """Mean scores of images (n, side, side) and their mirror images."""
    with torch.inference_mode():
        values = torch.from_numpy(images[:, None].astype(np.float32) / 255)
        side = (network.SIDE, network.SIDE)
        values = functional.interpolate(values, size=side, mode="bilinear", align_corners=False)
        logits = (network.look(tensors, values) + network.look(tensors, values.flip(3))) / 2
    return np.asarray(logits.numpy(), dtype=np.float64) / _SCALE


@contextmanager
def _on_one_processor() -> Iterator[None]:
    """One image is too little to share: threads that wait for each other take many times as long.

    How many threads PyTorch takes is a setting of the process, so only one caller changes it.
    """
    with _ALONE:
        usual = torch.get_num_threads()
        torch.set_num_threads(1)
        try:
            yield
        finally:
            torch.set_num_threads(usual)


def _in_percents(progress: Callable[[float], None]) -> Callable[[float], None]:
    """`progress`, called at most once a percent."""
    last = -1.0

    def at(fraction: float) -> None:
        nonlocal last
        if fraction - last >= 0.01 or fraction in {0.0, 1.0}:
            last = fraction
            progress(fraction)

    return at

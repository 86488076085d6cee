"""The default learner: image features, principal components, kernel ridge, calibration."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import chain
from pathlib import Path

import attrs
import numpy as np
import numpy.typing as npt

from rekognition_xray.local.learning.calibration import FEW, Array, Calibration
from rekognition_xray.local.learning.fast.features import features
from rekognition_xray.local.learning.fast.images import Square, square
from rekognition_xray.local.learning.fast.projection import Projection
from rekognition_xray.local.learning.fast.reading import CHUNK, MOST_VIEWS, Rows, feature_rows
from rekognition_xray.local.learning.fast.ridge import Fit, KernelMap, Ridge
from rekognition_xray.local.learning.fast.targets import Flags, truth_of, weights_of
from rekognition_xray.local.learning.learner import Example
from rekognition_xray.local.learning.saved import Arrays, read_model, write_model
from rekognition_xray.local.learning.watch import Watch

Halves = npt.NDArray[np.float16]

NAME = "fast"
_ROWS = frozenset({"mean", "axes"})
_NUMBERS = frozenset({"landmarks", "gamma", "coefficients", "slope", "shift"})
_AXES = 300
_SAMPLE = 2500  # images that the principal components are taken from
_ROWS_AT_MOST = 30_000  # of views, where each image has more than one
_PROJECTED = 0.5  # share of the work that is done when all images are points
_AS_GOOD = 1.02  # times the best held-back loss
_DIGITS = 6  # beyond them, sums may differ with the order of their terms


@attrs.frozen(eq=False)
class FastModel:
    """A trained model: a few matrices, so saved as arrays and used by any number of threads."""

    labels: tuple[str, ...]
    projection: Projection
    kernel: KernelMap
    coefficients: Array
    calibration: Calibration

    def confidences(self, image: bytes) -> dict[str, float]:
        """Confidence 0-1 per label for a JPEG or PNG. Raises `UnreadableImage`."""
        return self.judge(square(image))

    def judge(self, image: Square) -> dict[str, float]:
        """Confidence 0-1 per label for a square that was made of an image."""
        point = self.projection(features(image)[None, :])
        scores = self.kernel(point) @ self.coefficients
        values = np.round(self.calibration(scores)[0], _DIGITS)
        return {label: float(value) for label, value in zip(self.labels, values, strict=True)}

    def save(self, folder: Path) -> None:
        """Write `arrays.npz` and `model.json` into `folder`, which is made if need be."""
        arrays: Arrays = {
            "mean": self.projection.mean,
            "axes": self.projection.axes,
            "landmarks": self.kernel.landmarks.astype(np.float32),  # as they were made
            "gamma": np.array(self.kernel.gamma),
            "coefficients": self.coefficients,
            "slope": self.calibration.slope,
            "shift": self.calibration.shift,
        }
        write_model(folder, NAME, self.labels, single=self.calibration.single, arrays=arrays)


@attrs.frozen
class FastLearner:
    """Learns a few thousand images in less than a minute on two cores, without a GPU.

    Args:
        views: in how many frames an image is learnt, its own among them; fewer where there are very
            many images.
    """

    views: int = attrs.field(
        default=2, validator=[attrs.validators.ge(1), attrs.validators.le(MOST_VIEWS)]
    )
    name: str = attrs.field(default=NAME, init=False)

    def fit(
        self,
        examples: Sequence[Example],
        *,
        seed: int,
        progress: Callable[[float], None],
        stopped: Callable[[], bool],
    ) -> FastModel:
        """Train on `examples`; see `Learner.fit` for progress, stopping and errors.

        Takes less than 1 GB of memory up to 15,000 images, and 2 KB more for each image beyond them
        (measured: 1.2 GB at 250,000): images are read one by one, and 300 numbers of a view kept.
        """
        if not examples:
            raise ValueError("a training needs at least one labelled image")
        watch = Watch(progress, stopped)
        views = max(1, min(self.views, _ROWS_AT_MOST // len(examples)))
        projection, points = _project(examples, views, seed, watch.part(0.0, _PROJECTED))
        labels, truth = truth_of(examples)
        single = bool(np.all(truth.sum(axis=1) == 1))
        groups = _numbers([example.group for example in examples])
        weights = weights_of(truth)
        targets = truth - np.average(truth, axis=0, weights=weights)
        ridge = Ridge.of(
            points,
            np.repeat(targets, views, axis=0),
            np.repeat(weights, views),
            np.repeat(groups, views).tolist(),
            seed,
            among=np.arange(len(points)) % views == 0,
        )
        fits = [fit.every(views) for fit in ridge.fits(watch.part(_PROJECTED, 1.0))]
        fair = ridge.honest()[::views] & _borne_elsewhere(truth, groups)
        fit, calibration = _choose(fits, truth, fair, single=single)
        progress(1.0)
        return FastModel(labels, projection, ridge.kernel, fit.coefficients, calibration)

    def load(self, folder: Path) -> FastModel:
        """Read what `FastModel.save` wrote. Raises `ModelFormatError`."""
        labels, single, arrays = read_model(folder, NAME, _ROWS | _NUMBERS)
        wide = {name: arrays[name].astype(np.float32) for name in _ROWS}
        fine = {name: arrays[name].astype(np.float64) for name in _NUMBERS}
        return FastModel(
            labels,
            Projection(wide["mean"], wide["axes"]),
            KernelMap(fine["landmarks"], float(fine["gamma"])),
            fine["coefficients"],
            Calibration(single, fine["slope"], fine["shift"]),
        )


def _project(
    examples: Sequence[Example], views: int, seed: int, watch: Watch
) -> tuple[Projection, Rows]:
    """Coordinates of all images; the wide feature rows of no more than a sample are ever kept."""
    order = np.random.default_rng(seed).permutation(len(examples))
    reader = feature_rows([examples[image] for image in order], views, watch)
    rows = _stack(reader, views * min(len(examples), _SAMPLE // CHUNK * CHUNK))
    here = len(rows) / (views * len(examples))
    plain = rows[::views].astype(np.float32)
    projection = Projection.fit(plain, _AXES, watch.part(here, here))
    del plain
    points = np.empty((len(examples), views, len(projection.axes)), dtype=np.float32)
    done = 0
    for part in chain(_pieces(rows, views * CHUNK), reader):
        images = len(part) // views
        points[order[done : done + images]] = projection(part).reshape(images, views, -1)
        done += images
    return projection, points.reshape(len(examples) * views, -1)


def _pieces(rows: Halves, size: int) -> Iterator[Rows]:
    for start in range(0, len(rows), size):
        yield rows[start : start + size].astype(np.float32)


def _stack(reader: Iterator[Rows], count: int) -> Halves:
    """The next `count` rows of `reader`, which end where one of its chunks does.

    In half precision: they are the most that a training of few images keeps.
    """
    first = next(reader)
    rows = np.empty((count, first.shape[1]), dtype=np.float16)
    done = 0
    for part in chain((first,), reader):
        rows[done : done + len(part)] = part
        done += len(part)
        if done == count:
            break
    return rows


def _numbers(groups: Sequence[str]) -> list[int]:
    known: dict[str, int] = {}
    return [known.setdefault(group, len(known)) for group in groups]


def _borne_elsewhere(truth: Array, groups: Sequence[int]) -> Flags:
    """Images all of whose labels other groups bear too: without its group, a label can be known."""
    number = np.asarray(groups)
    bearing = np.zeros((number.max() + 1, truth.shape[1]))
    np.maximum.at(bearing, number, truth)
    others = bearing.sum(axis=0) - bearing[number] > 0
    return np.asarray(np.all(others | (truth == 0), axis=1), dtype=np.bool_)


def _choose(
    fits: Sequence[Fit], truth: Array, fair: Flags, *, single: bool
) -> tuple[Fit, Calibration]:
    """The weakest penalty whose held-back confidences are about as likely as the best ones.

    Of fits that are equally likely, the less penalised one ranks images a little better.
    """
    known = truth[fair]
    tried = [(fit, Calibration.fit(fit.held_back[fair], known, single=single)) for fit in fits]
    if len(known) < FEW:
        return tried[len(tried) // 2]
    losses = [calibration.loss(fit.held_back[fair], known) for fit, calibration in tried]
    enough = _AS_GOOD * min(losses)
    return next(pair for pair, loss in zip(tried, losses, strict=True) if loss <= enough)

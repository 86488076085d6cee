"""The default learner: image features, principal components, kernel ridge, calibration."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from pathlib import Path

import attrs
import numpy as np
import numpy.typing as npt

from rekognition_xray.local.training import saved
from rekognition_xray.local.training.calibration import FEW, Array, Calibration
from rekognition_xray.local.training.features import features
from rekognition_xray.local.training.films import square
from rekognition_xray.local.training.learner import Example
from rekognition_xray.local.training.projection import Projection
from rekognition_xray.local.training.reading import CHUNK, Rows, feature_rows
from rekognition_xray.local.training.ridge import HELD_BACK_AT_MOST, Fit, KernelMap, Ridge

NAME = "fast"
_FILMS = frozenset({"mean", "axes", "landmarks"})
_NUMBERS = frozenset({"gamma", "coefficients", "slope", "shift"})
_AXES = 300
_SAMPLE = 5000  # films that the principal components are taken from
_READING = 0.85  # share of the work, for progress
_DIGITS = 6  # what is rounded away is the only thing that could differ between two machines


@attrs.frozen(eq=False)
class FastModel:
    """A trained model: a few matrices, so saved as arrays and used by any number of threads."""

    labels: tuple[str, ...]
    projection: Projection
    kernel: KernelMap
    coefficients: Array
    calibration: Calibration

    def confidences(self, image: bytes) -> dict[str, float]:
        """Confidence 0-1 per label for a JPEG or PNG. Raises `UnreadableFilm`."""
        point = self.projection(features(square(image))[None, :])
        scores = self.kernel(point) @ self.coefficients
        values = np.round(self.calibration(scores)[0], _DIGITS)
        return {label: float(value) for label, value in zip(self.labels, values, strict=True)}

    def save(self, folder: Path) -> None:
        """Write `arrays.npz` and `model.json` into `folder`, which is made if need be."""
        arrays: saved.Arrays = {
            "mean": self.projection.mean,
            "axes": self.projection.axes,
            "landmarks": self.kernel.landmarks,
            "gamma": np.array(self.kernel.gamma),
            "coefficients": self.coefficients,
            "slope": self.calibration.slope,
            "shift": self.calibration.shift,
        }
        saved.write(folder, NAME, self.labels, single=self.calibration.single, arrays=arrays)


@attrs.frozen
class FastLearner:
    """Learns a few thousand films in well under a minute on two cores, without a GPU."""

    name: str = attrs.field(default=NAME, init=False)

    def fit(
        self,
        examples: Sequence[Example],
        *,
        seed: int,
        progress: Callable[[float], None],
        stopped: Callable[[], bool],
    ) -> FastModel:
        """Train on `examples`; see `Learner.fit` for progress, stopping and errors."""
        if not examples:
            raise ValueError("a training needs at least one labelled film")
        projection, points = _project(examples, seed, progress, stopped)
        labels, truth = _truth(examples)
        single = bool(np.all(truth.sum(axis=1) == 1))
        groups = _numbers([example.group for example in examples])
        kernel = KernelMap.fit(points, seed)
        weights = _weights(truth)
        targets = truth - np.average(truth, axis=0, weights=weights)
        fits = Ridge(kernel, points, targets, weights, groups).fits(stopped)
        progress(0.97)
        fit, calibration = _choose(fits, truth, _told_apart(truth, groups), single=single)
        progress(1.0)
        return FastModel(labels, projection, kernel, fit.coefficients, calibration)

    def load(self, folder: Path) -> FastModel:
        """Read what `FastModel.save` wrote. Raises `ModelFormatError`."""
        labels, single, arrays = saved.read(folder, NAME, _FILMS | _NUMBERS)
        wide = {name: arrays[name].astype(np.float32) for name in _FILMS}
        fine = {name: arrays[name].astype(np.float64) for name in _NUMBERS}
        return FastModel(
            labels,
            Projection(wide["mean"], wide["axes"]),
            KernelMap(wide["landmarks"], float(fine["gamma"])),
            fine["coefficients"],
            Calibration(single, fine["slope"], fine["shift"]),
        )


def _project(
    examples: Sequence[Example],
    seed: int,
    progress: Callable[[float], None],
    stopped: Callable[[], bool],
) -> tuple[Projection, Rows]:
    """Coordinates of all films; the wide feature rows of no more than a sample are ever kept."""
    order = np.random.default_rng(seed).permutation(len(examples))
    reader = _reader([examples[film] for film in order], progress, stopped)
    rows = np.concatenate(list(islice(reader, _SAMPLE // CHUNK)))
    projection = Projection.fit(rows, _AXES, seed)
    shuffled = [projection(rows), *map(projection, reader)]
    points = np.empty((len(examples), len(projection.axes)), dtype=np.float32)
    points[order] = np.concatenate(shuffled)
    return projection, points


def _reader(
    examples: Sequence[Example], progress: Callable[[float], None], stopped: Callable[[], bool]
) -> Iterator[Rows]:
    done = 0
    for chunk in feature_rows(examples, stopped):
        done += len(chunk)
        progress(_READING * done / len(examples))
        yield chunk


def _truth(examples: Sequence[Example]) -> tuple[tuple[str, ...], Array]:
    """The sorted labels, and 1 where a film (row) bears a label (column), else 0."""
    labels = tuple(sorted({label for example in examples for label in example.labels}))
    place = {label: column for column, label in enumerate(labels)}
    truth = np.zeros((len(examples), len(labels)))
    for row, example in enumerate(examples):
        truth[row, [place[label] for label in example.labels]] = 1.0
    return labels, truth


def _weights(truth: Array) -> Array:
    """Films of rare labels weigh more, by the root of their rarity; the mean weight is 1."""
    rarity = 1.0 / np.sqrt(np.maximum(truth.sum(axis=0), 1.0))
    bare = truth.sum(axis=1) == 0
    raw = np.where(bare, rarity.min(), (truth @ rarity) / np.maximum(truth.sum(axis=1), 1.0))
    return np.asarray(raw / raw.mean(), dtype=np.float64)


def _numbers(groups: Sequence[str]) -> list[int]:
    known: dict[str, int] = {}
    return [known.setdefault(group, len(known)) for group in groups]


def _told_apart(truth: Array, groups: Sequence[int]) -> npt.NDArray[np.bool_]:
    """Films whose held-back score is worth something: other groups bear their labels too."""
    number = np.asarray(groups)
    sizes = np.bincount(number)
    bearing = np.zeros((len(sizes), truth.shape[1]))
    np.maximum.at(bearing, number, truth)
    elsewhere = bearing.sum(axis=0) - bearing[number] > 0
    fair = np.all(elsewhere | (truth == 0), axis=1)
    return np.asarray(fair & (sizes[number] <= HELD_BACK_AT_MOST), dtype=np.bool_)


def _choose(
    fits: Sequence[Fit], truth: Array, fair: npt.NDArray[np.bool_], *, single: bool
) -> tuple[Fit, Calibration]:
    """The penalty whose calibrated held-back confidences are the likeliest."""
    tried = [
        (fit, Calibration.fit(fit.held_back[fair], truth[fair], single=single)) for fit in fits
    ]
    if fair.sum() < FEW:
        return tried[len(tried) // 2]
    return min(tried, key=lambda pair: pair[1].loss(pair[0].held_back[fair], truth[fair]))

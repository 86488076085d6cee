"""Shortcuts: how well the label can be predicted without looking at the picture."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from typing import Final, TypeAlias

import attrs
import numpy as np
from sklearn.ensemble import RandomForestClassifier
from sklearn.model_selection import StratifiedGroupKFold

from rekognition_xray.data.auditing.looks import Look, Looks
from rekognition_xray.data.xrays import Xray

WARNED: Final = 0.65
"""A property whose AUROC is above this with its whole interval calls for a warning."""
FEW_PATIENTS: Final = 10
"""Labels of fewer patients are left out: they are too few to measure."""

_FOLDS: Final = 5
_TREES: Final = 24
_MANY: Final = 1000  # images from which a forest grows on all cores
_DRAWS: Final = 400
_BLOCK: Final = 1_000_000  # images times draws that are worked on at once

Floats: TypeAlias = np.ndarray[tuple[int, ...], np.dtype[np.float64]]
Integers: TypeAlias = np.ndarray[tuple[int, ...], np.dtype[np.int64]]
Counts: TypeAlias = np.ndarray[tuple[int, ...], np.dtype[np.uint8]]


@attrs.frozen
class Shortcut:
    """How well one property of the files predicts the label, on patients it was not fitted to.

    Attributes:
        property: ``size`` (width and height in pixels), ``aspect``, ``colour`` (mode of the
            file), ``file-size`` (bytes), ``border`` (mean and deviation of grey in the outer 3 %
            along each edge), or ``all`` of them together.
        auroc: 0.5 says nothing, 1 gives the label away; the mean over the labels, one against
            the rest.
        low, high: 95 % interval.
        images, patients: how many it was measured on.
    """

    property: str
    auroc: float
    low: float
    high: float
    images: int
    patients: int


def _colours(looks: Sequence[Look]) -> Floats:
    modes = sorted({seen.mode for seen in looks})
    return np.array([[seen.mode == mode for mode in modes] for seen in looks], dtype=float)


_PROPERTIES: Final[dict[str, Callable[[Sequence[Look]], Floats]]] = {
    "size": lambda looks: np.array([[seen.width, seen.height] for seen in looks], dtype=float),
    "aspect": lambda looks: np.array([[seen.width / seen.height] for seen in looks]),
    "colour": _colours,
    "file-size": lambda looks: np.array([[seen.size] for seen in looks], dtype=float),
    "border": lambda looks: np.array([seen.border for seen in looks]),
}


def measure_shortcuts(looks: Looks) -> tuple[Shortcut, ...]:
    """Measures every property by itself, and all together, by five folds of whole patients.

    A random forest learns the label from the property; its scores for the patients it has not
    seen are judged by AUROC. The interval is the middle 95 % over 400 seeded draws of patients.

    Returns:
        Nothing where fewer than two labels have images of ten patients.
    """
    images = _enough({image: seen for image, seen in looks.items() if not seen.fault})
    if not images:
        return ()
    seen = [looks[image] for image in images]
    text = _Target.of(images)
    columns = {name: values(seen) for name, values in _PROPERTIES.items()}
    columns["all"] = np.concatenate(list(columns.values()), axis=1)
    return tuple(text.by(name, values) for name, values in columns.items())


def _enough(looks: Looks) -> list[Xray]:
    patients: dict[str, set[str]] = defaultdict(set)
    for image in looks:
        patients[image.label].add(image.group)
    kept = {label for label, groups in patients.items() if len(groups) >= FEW_PATIENTS}
    return [image for image in looks if image.label in kept] if len(kept) > 1 else []


@attrs.frozen
class _Target:
    """What is to be predicted, and whose image it is: labels and patients as numbers.

    The first row of ``draws`` counts each image once, the others as often as its patient is drawn.
    ``folds`` are images to learn from and images to judge by, the same for every property.
    """

    labels: Integers
    patients: Integers
    draws: Counts
    folds: tuple[tuple[Integers, Integers], ...]

    @classmethod
    def of(cls, images: Sequence[Xray]) -> _Target:
        _, labels = np.unique([image.label for image in images], return_inverse=True)
        _, patients = np.unique([image.group for image in images], return_inverse=True)
        count = int(patients.max()) + 1
        drawn = np.random.default_rng(0).multinomial(count, np.full(count, 1 / count), size=_DRAWS)
        times = np.concatenate([np.ones((1, count)), drawn]).astype(np.uint8)
        cut = StratifiedGroupKFold(_FOLDS, shuffle=True, random_state=0)
        folds = tuple(cut.split(np.zeros(len(labels)), labels, patients))
        return cls(labels, patients, times[:, patients], folds)

    def by(self, name: str, values: Floats) -> Shortcut:
        """One row of the table; what is the same for all images predicts nothing."""
        found: Floats = np.full(len(self.draws), 0.5)
        if np.ptp(values, axis=0).any():
            found = _auroc(self._unseen(values), self.labels, self.draws)
        low, high = np.nanquantile(found[1:], [0.025, 0.975]).tolist()
        patients = int(self.patients.max()) + 1
        return Shortcut(name, float(found[0]), low, high, len(self.labels), patients)

    def _unseen(self, values: Floats) -> Floats:
        """Images x labels: what a forest that never saw the image's patient gives each label."""
        scores = np.zeros((len(self.labels), int(self.labels.max()) + 1))
        for train, test in self.folds:
            fitted = _learner(len(train)).fit(values[train], self.labels[train])
            scores[np.ix_(test, fitted.classes_)] = fitted.predict_proba(values[test])
        return scores


def _learner(images: int) -> RandomForestClassifier:
    """Assumes no shape, and passes over what says nothing among what says much."""
    leaf, cores = max(3, images // 100), -1 if images > _MANY else 1
    return RandomForestClassifier(_TREES, min_samples_leaf=leaf, random_state=0, n_jobs=cores)


def _auroc(scores: Floats, labels: Integers, draws: Counts) -> Floats:
    """AUROC under each draw's weights: the mean over the labels, one against the rest.

    As scikit-learn's with ``sample_weight``, for many draws at once; not a number where a draw
    has no image of some label.
    """
    each = [
        np.concatenate(
            [_one_against_rest(column, labels == label, block) for block in _blocks(draws)]
        )
        for label, column in enumerate(scores.T)
    ]
    return np.asarray(np.mean(each, axis=0))


def _blocks(draws: Counts) -> list[Counts]:
    return np.array_split(draws, -(-draws.size // _BLOCK))


def _one_against_rest(
    scores: Floats, bearing: np.ndarray[tuple[int, ...], np.dtype[np.bool_]], draws: Counts
) -> Floats:
    _, rank = np.unique(scores, return_inverse=True)
    order = np.argsort(rank, kind="stable")
    starts = np.flatnonzero(np.diff(rank[order], prepend=-1))
    with_it, without = (
        np.add.reduceat((draws * mask)[:, order], starts, axis=1, dtype=np.float64)
        for mask in (bearing, ~bearing)
    )
    below = np.cumsum(without, axis=1) - without / 2  # a tie counts half
    pairs = with_it.sum(axis=1) * without.sum(axis=1)
    won = (with_it * below).sum(axis=1)
    return np.asarray(np.divide(won, pairs, out=np.full(len(draws), np.nan), where=pairs > 0))

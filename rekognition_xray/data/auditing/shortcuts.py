"""Shortcuts: how well the label can be predicted without looking at the picture."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice
from typing import Final, TypeAlias

import attrs
import numpy as np
from sklearn.tree import DecisionTreeClassifier

from rekognition_xray._workers import thread_pool
from rekognition_xray.data.auditing.looks import Look, Looks
from rekognition_xray.data.xrays import Xray

WARNED: Final = 0.65
"""A property whose AUROC is above this with its whole interval calls for a warning."""
FEW_PATIENTS: Final = 10
"""Labels of fewer patients are left out: they are too few to measure."""

_FOLDS: Final = 5
_TREES: Final = 24
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
    target = _Target.of(images)
    columns = {name: values(seen) for name, values in _PROPERTIES.items()}
    columns["all"] = np.concatenate(list(columns.values()), axis=1)
    jobs = [(values, *fold) for values in columns.values() for fold in target.folds]
    with thread_pool() as pool:
        parts = pool.map(target.unseen, *zip(*jobs, strict=True))
        scores = [target.joined(islice(parts, _FOLDS)) for _ in columns]
        return tuple(pool.map(target.judge, columns, scores))


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
        return cls(labels, patients, times[:, patients], _folds(labels, patients))

    def unseen(self, values: Floats, train: Integers, test: Integers) -> Floats:
        """Test images x labels: what a forest that never saw the image's patient gives each."""
        scores = np.zeros((len(test), int(self.labels.max()) + 1))
        if np.ptp(values, axis=0).any():
            for tree in _forest(values[train], self.labels[train]):
                scores[:, tree.classes_] += tree.predict_proba(values[test]) / _TREES
        return scores

    def joined(self, parts: Iterable[Floats]) -> Floats:
        """Images x labels: what is given to the test images of all folds."""
        scores = np.zeros((len(self.labels), int(self.labels.max()) + 1))
        for (_, test), part in zip(self.folds, parts, strict=True):
            scores[test] = part
        return scores

    def judge(self, name: str, scores: Floats) -> Shortcut:
        """One row of the table; what is the same for all images predicts nothing."""
        found = _auroc(scores, self.labels, self.draws)
        low, high = np.nanquantile(found[1:], [0.025, 0.975]).tolist()
        patients = int(self.patients.max()) + 1
        return Shortcut(name, float(found[0]), low, high, len(self.labels), patients)


def _forest(values: Floats, labels: Integers) -> Iterator[DecisionTreeClassifier]:
    """A random forest: it assumes no shape, and passes over what says nothing among what says much.

    Tree by tree, since scikit-learn's forest sets the warning filters of the whole process anew for
    each tree, which threads must not do at once, and takes longer.
    """
    images = len(labels)
    dice = np.random.default_rng(0)
    for number in range(_TREES):
        drawn = np.bincount(dice.integers(images, size=images), minlength=images)
        yield DecisionTreeClassifier(
            max_features="sqrt", min_samples_leaf=max(3, images // 100), random_state=number
        ).fit(values, labels, sample_weight=drawn)


def _folds(labels: Integers, patients: Integers) -> tuple[tuple[Integers, Integers], ...]:
    """Whole patients, dealt out in turn, label by label: each fold has its share of each.

    scikit-learn's ``StratifiedGroupKFold`` weighs every patient against every fold, in Python: for
    thousands of patients it took as long as the forests.
    """
    label = np.zeros(patients.max() + 1, dtype=np.int64)
    label[patients] = labels  # of patients with several, any
    mixed = np.random.default_rng(0).permutation(len(label))
    dealt = np.empty_like(label)
    dealt[mixed[np.argsort(label[mixed], kind="stable")]] = np.arange(len(label)) % _FOLDS
    fold = dealt[patients]
    return tuple(
        (np.flatnonzero(fold != number), np.flatnonzero(fold == number)) for number in range(_FOLDS)
    )


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

"""What a learner aims at: labels as columns, weights against imbalance, patients to hold back."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from rekognition_xray.local.learning.calibration import Array
from rekognition_xray.local.learning.learner import Example

Flags = npt.NDArray[np.bool_]


def truth_of(examples: Sequence[Example]) -> tuple[tuple[str, ...], Array]:
    """The sorted labels, and 1 where an image (row) has a label (column), else 0."""
    labels = tuple(sorted({label for example in examples for label in example.labels}))
    place = {label: column for column, label in enumerate(labels)}
    truth = np.zeros((len(examples), len(labels)))
    for row, example in enumerate(examples):
        truth[row, [place[label] for label in example.labels]] = 1.0
    return labels, truth


def weights_of(truth: Array) -> Array:
    """Images of rare labels weigh more, by the root of their rarity; the mean weight is 1."""
    rarity = 1.0 / np.sqrt(np.maximum(truth.sum(axis=0), 1.0))
    bare = truth.sum(axis=1) == 0
    raw = np.where(bare, rarity.min(), (truth @ rarity) / np.maximum(truth.sum(axis=1), 1.0))
    return np.asarray(raw / raw.mean(), dtype=np.float64)


def draw_held_back(truth: Array, groups: Sequence[str], images: int, seed: int) -> Flags:
    """About `images` images in whole groups, drawn at random, such that the rest has every label.

    There are fewer where the groups do not allow more: a group that is far too large is not drawn.
    """
    members: dict[str, list[int]] = {}
    for image, group in enumerate(groups):
        members.setdefault(group, []).append(image)
    left = truth.sum(axis=0)
    held = np.zeros(len(truth), dtype=np.bool_)
    names = list(members)
    for number in np.random.default_rng(seed).permutation(len(names)):
        mine = members[names[number]]
        borne = truth[mine].sum(axis=0)
        fits = held.sum() + len(mine) <= 1.2 * images
        if fits and np.all((borne == 0) | (left > borne)) and held.sum() < images:
            held[mine] = True
            left -= borne
    return held

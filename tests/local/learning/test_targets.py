from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rekognition_xray.local.learning import Example
from rekognition_xray.local.learning.fast.targets import draw_held_back, truth_of, weights_of


def example(*labels: str) -> Example:
    return Example(lambda: b"", labels, "a patient")


def test_labels_are_sorted_columns() -> None:
    labels, truth = truth_of([example("b"), example("a", "c"), example()])
    assert labels == ("a", "b", "c")
    assert truth.tolist() == [[0, 1, 0], [1, 0, 1], [0, 0, 0]]


def test_rare_labels_weigh_more_and_images_one_in_the_mean() -> None:
    _, truth = truth_of([example("often")] * 9 + [example("rare")])
    weights = weights_of(truth)
    assert weights.mean() == pytest.approx(1)
    assert weights[-1] == pytest.approx(3 * weights[0])


images = st.lists(st.tuples(st.integers(0, 12), st.integers(0, 2)), min_size=1, max_size=60)


@given(images, st.integers(0, 30), st.integers(0, 5))
def test_whole_groups_are_held_back_and_every_label_stays(
    drawn: list[tuple[int, int]], wanted: int, seed: int
) -> None:
    groups = [str(group) for group, _ in drawn]
    _, truth = truth_of([example("abc"[label]) for _, label in drawn])
    held = draw_held_back(truth, groups, wanted, seed)
    away = {group for group, flag in zip(groups, held, strict=True) if flag}
    assert not any(group in away for group, flag in zip(groups, held, strict=True) if not flag)
    assert np.all(truth[~held].sum(axis=0) > 0)
    assert held.sum() <= 1.2 * wanted


def test_about_as_many_are_held_back_as_wanted() -> None:
    groups = [str(image // 3) for image in range(300)]
    _, truth = truth_of([example("ab"[image % 2]) for image in range(300)])
    assert 30 <= draw_held_back(truth, groups, 30, 1).sum() <= 36


def test_the_seed_draws_the_groups() -> None:
    groups = [str(image) for image in range(100)]
    _, truth = truth_of([example("ab"[image % 2]) for image in range(100)])
    one, again, other = (draw_held_back(truth, groups, 20, seed) for seed in (1, 1, 2))
    assert np.array_equal(one, again)
    assert not np.array_equal(one, other)

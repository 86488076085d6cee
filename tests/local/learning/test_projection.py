from __future__ import annotations

import numpy as np
import pytest
from sklearn.decomposition import PCA

from rekognition_xray.local.learning import TrainingStopped
from rekognition_xray.local.learning.fast.projection import Projection
from rekognition_xray.local.learning.fast.reading import Rows
from rekognition_xray.local.learning.watch import Watch

UNWATCHED = Watch(lambda fraction: None, lambda: False)


def rows(images: int = 80, width: int = 200) -> Rows:
    """Rows that differ less and less from direction to direction, around a mean that is not 0."""
    draw = np.random.default_rng(5)
    spread = np.diag(0.9 ** np.arange(min(images, width)))
    values = draw.normal(size=(images, len(spread))) @ spread
    return (3 + values @ draw.normal(size=(len(spread), width))).astype(np.float32)


def test_distances_are_those_of_scikit_learns_principal_components() -> None:
    found = Projection.fit(rows(), 12, UNWATCHED)(rows())
    expected = PCA(12, svd_solver="full").fit_transform(rows())
    assert found @ found.T == pytest.approx(expected @ expected.T, rel=1e-3, abs=0.5)


def test_the_axes_are_orthonormal() -> None:
    axes = Projection.fit(rows(), 12, UNWATCHED).axes
    assert axes @ axes.T == pytest.approx(np.eye(12), abs=1e-4)


@pytest.mark.parametrize(("images", "axes"), [(1, 0), (2, 1), (5, 4), (80, 30)])
def test_there_are_fewer_axes_than_images(images: int, axes: int) -> None:
    fitted = Projection.fit(rows(images), 30, UNWATCHED)
    assert fitted(rows(images)).shape == (images, axes)


def test_images_that_are_all_alike_have_no_axes() -> None:
    alike = np.ones((10, 50), dtype=np.float32)
    assert Projection.fit(alike, 5, UNWATCHED)(alike).shape == (10, 0)


def test_the_same_images_give_the_same_axes() -> None:
    one, other = (Projection.fit(rows(), 12, UNWATCHED) for _ in range(2))
    assert np.array_equal(one.axes, other.axes)


def test_a_stop_is_heard() -> None:
    with pytest.raises(TrainingStopped):
        Projection.fit(rows(), 12, Watch(lambda fraction: None, lambda: True))

from __future__ import annotations

import numpy as np
import pytest
from sklearn.kernel_ridge import KernelRidge

from rekognition_xray.local.learning import TrainingStopped
from rekognition_xray.local.learning.calibration import Array
from rekognition_xray.local.learning.fast import ridge as module
from rekognition_xray.local.learning.fast.reading import Rows
from rekognition_xray.local.learning.fast.ridge import PENALTIES, Ridge
from rekognition_xray.local.learning.watch import Watch

UNWATCHED = Watch(lambda fraction: None, lambda: False)


def problem(images: int = 60, groups: int = 20) -> tuple[Rows, Array, Array, list[int]]:
    draw = np.random.default_rng(3)
    points = draw.normal(size=(images, 5)).astype(np.float32)
    targets = np.stack((np.sin(points[:, 0]), points[:, 1] * points[:, 2]), axis=1)
    targets += draw.normal(scale=0.1, size=targets.shape)
    return points, targets, draw.uniform(0.5, 2, images), draw.integers(0, groups, images).tolist()


def reference(ridge: Ridge, penalty: float, images: Array) -> KernelRidge:
    """Scikit-learn's kernel ridge regression on some of the images."""
    return KernelRidge(alpha=penalty, kernel="rbf", gamma=ridge.kernel.gamma).fit(
        ridge.points[images], ridge.targets[images], sample_weight=ridge.weights[images]
    )


def test_the_fit_is_scikit_learns_kernel_ridge() -> None:
    ridge = Ridge.of(*problem(), seed=0)
    for fit in ridge.fits(UNWATCHED):
        expected = reference(ridge, fit.penalty, np.arange(60)).predict(ridge.points)
        found = ridge.kernel(ridge.points) @ fit.coefficients
        assert found == pytest.approx(expected, abs=1e-4)


def test_held_back_scores_are_those_of_a_training_without_the_group() -> None:
    ridge = Ridge.of(*problem(), seed=0)
    groups = np.asarray(ridge.groups)
    for fit in ridge.fits(UNWATCHED):
        for group in set(ridge.groups):
            mine, others = np.flatnonzero(groups == group), np.flatnonzero(groups != group)
            expected = reference(ridge, fit.penalty, others).predict(ridge.points[mine])
            assert fit.held_back[mine] == pytest.approx(expected, abs=1e-3)


def test_there_is_one_fit_per_penalty() -> None:
    fits = Ridge.of(*problem(), seed=0).fits(UNWATCHED)
    assert tuple(fit.penalty for fit in fits) == PENALTIES


@pytest.fixture
def few_landmarks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_LANDMARKS", 40)
    monkeypatch.setattr(module, "_CHUNK", 7)


@pytest.mark.usefixtures("few_landmarks")
def test_landmarks_of_many_images_come_close_to_all_images() -> None:
    ridge = Ridge.of(*problem(), seed=0)
    assert ridge.kernel.landmarks.shape == (40, 5)
    for fit in ridge.fits(UNWATCHED):
        expected = reference(ridge, fit.penalty, np.arange(60)).predict(ridge.points)
        found = ridge.kernel(ridge.points) @ fit.coefficients
        assert np.corrcoef(found[:, 0], expected[:, 0])[0, 1] > 0.98


@pytest.mark.usefixtures("few_landmarks")
def test_a_landmarks_own_held_back_score_is_not_trusted() -> None:
    ridge = Ridge.of(*problem(), seed=0)
    assert np.array_equal(ridge.honest(), ~ridge.landmarks)


def test_another_view_of_an_image_is_not_trusted() -> None:
    views = np.arange(60) % 2 == 0
    assert np.array_equal(Ridge.of(*problem(), seed=0, among=views).honest(), views)


def test_without_landmarks_to_spare_every_image_is_trusted() -> None:
    assert Ridge.of(*problem(), seed=0).honest().all()


def test_a_group_too_large_to_hold_back_is_not_trusted(monkeypatch: pytest.MonkeyPatch) -> None:
    points, targets, weights, _ = problem()
    monkeypatch.setattr(module, "_HELD_BACK_AT_MOST", 5)
    ridge = Ridge.of(points, targets, weights, [0] * 50 + list(range(1, 11)), seed=0)
    assert np.flatnonzero(ridge.honest()).tolist() == list(range(50, 60))
    assert all(np.isfinite(fit.held_back).all() for fit in ridge.fits(UNWATCHED))


def test_a_stop_is_heard_before_the_work_is_done() -> None:
    with pytest.raises(TrainingStopped):
        Ridge.of(*problem(), seed=0).fits(Watch(lambda fraction: None, lambda: True))

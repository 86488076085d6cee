"""Kernel ridge regression on landmarks, with the scores every film gets when its patient is away.

The Gaussian kernel is approximated by Nyström features (Williams and Seeger, NIPS 2000), which is
exact while there are no more films than landmarks. Leaving a group out needs no second training:
residuals without group g are (I - H_g W_g)^-1 times the residuals with it, H the hat matrix.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import attrs
import numpy as np
from scipy.linalg import cho_solve, cholesky, solve, solve_triangular

from rekognition_xray.local.training.calibration import Array
from rekognition_xray.local.training.learner import TrainingStopped
from rekognition_xray.local.training.reading import Rows

PENALTIES = (0.1, 0.3, 1.0, 3.0)
_WIDTH = 1.25  # kernel exponent at the mean squared distance of two films
_LANDMARKS = 2500
_JITTER = 1e-6
_CHUNK = 1000
HELD_BACK_AT_MOST = 1000  # films of one group; a larger one would need a square of that size


@attrs.frozen(eq=False)
class KernelMap:
    """exp(-gamma * squared distance) of coordinates (n, k) to landmarks (m, k)."""

    landmarks: Rows
    gamma: float

    @classmethod
    def fit(cls, points: Rows, seed: int) -> KernelMap:
        """Landmarks drawn from `points`; the width follows their spread."""
        draw = np.random.default_rng(seed)
        count = min(len(points), _LANDMARKS)
        chosen = np.sort(draw.choice(len(points), count, replace=False))
        spread = float(points.var(axis=0, dtype=np.float64).sum())
        return cls(points[chosen], _WIDTH / (2 * spread) if spread > 0 else 0.0)

    def __call__(self, points: Rows) -> Array:
        """The kernel matrix (n, m)."""
        wide, marks = points.astype(np.float64), self.landmarks.astype(np.float64)
        distance = np.sum(wide**2, axis=1)[:, None] + np.sum(marks**2, axis=1) - 2 * wide @ marks.T
        return np.asarray(np.exp(-self.gamma * np.maximum(distance, 0)), dtype=np.float64)


@attrs.frozen(eq=False)
class Fit:
    """One penalty's result: coefficients (m, labels) and held-back scores (n, labels)."""

    penalty: float
    coefficients: Array
    held_back: Array


@attrs.frozen(eq=False)
class Ridge:
    """The least-squares problem of n films.

    `points` are coordinates (n, k), `targets` (n, labels), `weights` and `groups` (n,).
    """

    kernel: KernelMap
    points: Rows
    targets: Array
    weights: Array
    groups: Sequence[int]

    def fits(self, stopped: Callable[[], bool]) -> list[Fit]:
        """A fit for each of `PENALTIES`; groups too large to hold back keep their fitted scores."""
        corner = self._corner()
        normal, right = self._normal_equations(corner, stopped)
        factors = [_factor(normal + penalty * np.eye(len(normal))) for penalty in PENALTIES]
        solutions = [cho_solve((factor, True), right) for factor in factors]
        held = [np.empty_like(self.targets) for _ in PENALTIES]
        for films in self._chunks(stopped):
            basis = self._basis(corner, films)
            for factor, solution, scores in zip(factors, solutions, held, strict=True):
                self._hold_back(films, basis, factor, solution, scores)
        return [
            Fit(penalty, _unfold(corner, solution), scores)
            for penalty, solution, scores in zip(PENALTIES, solutions, held, strict=True)
        ]

    def _corner(self) -> Array:
        among = self.kernel(self.kernel.landmarks)
        return _factor(among + _JITTER * np.eye(len(among)))

    def _basis(self, corner: Array, films: Sequence[int]) -> Array:
        """Nyström features of some films (films, m): their dot products are the kernel."""
        reach = self.kernel(self.points[films])
        return np.asarray(solve_triangular(corner, reach.T, lower=True).T, dtype=np.float64)

    def _normal_equations(self, corner: Array, stopped: Callable[[], bool]) -> tuple[Array, Array]:
        size = len(corner)
        normal = np.zeros((size, size))
        right = np.zeros((size, self.targets.shape[1]))
        for films in self._chunks(stopped):
            basis = self._basis(corner, films)
            weighted = basis.T * self.weights[films]
            normal += weighted @ basis
            right += weighted @ self.targets[films]
        return normal, right

    def _hold_back(
        self, films: Sequence[int], basis: Array, factor: Array, solution: Array, scores: Array
    ) -> None:
        """Fill in `scores` of `films`, which are whole groups, each without its own group."""
        scores[films] = basis @ solution
        half = solve_triangular(factor, basis.T, lower=True)
        for start, end in _runs([self.groups[film] for film in films]):
            if end - start > HELD_BACK_AT_MOST:
                continue
            mine = films[start:end]
            hat = half[:, start:end].T @ half[:, start:end]
            rest = np.eye(end - start) - hat * self.weights[mine]
            scores[mine] = self.targets[mine] - solve(rest, self.targets[mine] - scores[mine])

    def _chunks(self, stopped: Callable[[], bool]) -> Iterator[list[int]]:
        """Film numbers, group by group, in chunks that end where a group ends."""
        order = np.argsort(np.asarray(self.groups), kind="stable").tolist()
        chunk: list[int] = []
        for start, end in _runs([self.groups[film] for film in order]):
            if chunk and len(chunk) + end - start > _CHUNK:
                yield chunk
                chunk = []
                if stopped():
                    raise TrainingStopped
            chunk.extend(order[start:end])
        yield chunk


def _unfold(corner: Array, solution: Array) -> Array:
    """From coefficients of the Nyström features to those of the kernel."""
    return np.ascontiguousarray(solve_triangular(corner, solution, lower=True, trans="T"))


def _factor(matrix: Array) -> Array:
    return np.asarray(cholesky(matrix, lower=True, check_finite=False), dtype=np.float64)


def _runs(values: Sequence[int]) -> Iterator[tuple[int, int]]:
    """Start and end of each run of equal values."""
    start = 0
    for place in range(1, len(values) + 1):
        if place == len(values) or values[place] != values[start]:
            yield start, place
            start = place

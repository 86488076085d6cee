"""Kernel ridge regression on landmarks, with the scores every image gets when its patient is away.

The Gaussian kernel is approximated by Nyström features (Williams and Seeger, NIPS 2000), which is
exact while there are no more images than landmarks. Leaving a group out needs no second training:
residuals without group g are (I - H_g W_g)^-1 times the residuals with it, H the hat matrix.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import attrs
import numpy as np
import numpy.typing as npt
from scipy.linalg import cho_solve, cholesky, solve, solve_triangular

from rekognition_xray.local.learning.calibration import Array
from rekognition_xray.local.learning.fast.reading import Rows
from rekognition_xray.local.learning.watch import Watch

Flags = npt.NDArray[np.bool_]

PENALTIES = (0.6, 1.2, 4.0)
_WIDTH = 1.25  # kernel exponent at the mean squared distance of two images
_LANDMARKS = 3000  # at most
_JITTER = 1e-6
_CHUNK = 1000
_HELD_BACK_AT_MOST = 1000  # images of one group; a larger one would need a square of that size


@attrs.frozen(eq=False)
class KernelMap:
    """exp(-gamma * squared distance) of coordinates (n, k) to landmarks (m, k)."""

    landmarks: Array
    gamma: float
    _squares: Array = attrs.field(
        default=attrs.Factory(lambda self: _squared_lengths(self.landmarks), takes_self=True),
        init=False,
    )

    def __call__(self, points: Rows | Array) -> Array:
        """The kernel matrix (n, m)."""
        wide = points.astype(np.float64)
        values = wide @ self.landmarks.T  # in place from here on: the largest array of a training
        values *= -2
        values += np.sum(wide**2, axis=1)[:, None]
        values += self._squares
        np.maximum(values, 0, out=values)
        values *= -self.gamma
        return np.exp(values, out=values)


@attrs.frozen(eq=False)
class Fit:
    """One penalty's result: coefficients (m, labels) and held-back scores (n, labels)."""

    penalty: float
    coefficients: Array
    held_back: Array

    def every(self, step: int) -> Fit:
        """The same with the held-back scores of every `step`-th row only."""
        return attrs.evolve(self, held_back=self.held_back[::step])


@attrs.frozen(eq=False)
class Ridge:
    """The least-squares problem of n images.

    `points` are coordinates (n, k), `targets` (n, labels), `landmarks`, `weights` and `groups`
    (n,); `exact` says that all images that may be landmarks are. Build it with `of`.
    """

    kernel: KernelMap
    landmarks: Flags
    points: Rows
    targets: Array
    weights: Array
    groups: Sequence[int]
    exact: bool

    @classmethod
    def of(
        cls,
        points: Rows,
        targets: Array,
        weights: Array,
        groups: Sequence[int],
        seed: int,
        *,
        among: Flags | None = None,
    ) -> Ridge:
        """Landmarks are drawn from the images `among`; the kernel's width follows their spread."""
        landmarks = np.ones(len(points), dtype=np.bool_) if among is None else among.copy()
        able = np.flatnonzero(landmarks)
        landmarks[np.random.default_rng(seed).permutation(able)[_LANDMARKS:]] = False
        spread = float(points.var(axis=0, dtype=np.float64).sum())
        gamma = _WIDTH / (2 * spread) if spread > 0 else 0.0
        kernel = KernelMap(points[landmarks].astype(np.float64), gamma)
        exact = len(able) <= _LANDMARKS
        return cls(kernel, landmarks, points, targets, weights, groups, exact)

    def honest(self) -> Flags:
        """Images (n,) whose held-back score is what an unseen image of that patient would get.

        Not those of groups too large to hold back. Nor landmarks, unless all images are: the basis
        of a landmark stays when its image goes, and fits noise just there.
        """
        sizes = np.bincount(self.groups)[np.asarray(self.groups)]
        elsewhere = ~self.landmarks | self.exact
        return np.asarray((sizes <= _HELD_BACK_AT_MOST) & elsewhere, dtype=np.bool_)

    def fits(self, watch: Watch) -> list[Fit]:
        """A fit for each of `PENALTIES`; groups too large to hold back keep their fitted scores."""
        watch.at(0.0)
        corner = self._corner()
        normal, right = self._normal_equations(corner, watch.part(0.0, 0.3))
        solved = _solve(normal, right, watch.part(0.3, 0.5))
        del normal
        held = [np.empty_like(self.targets) for _ in solved]
        for images in self._chunks(watch.part(0.5, 1.0)):
            basis = self._basis(corner, images)
            for (factor, solution), scores in zip(solved, held, strict=True):
                self._hold_back(images, basis, factor, solution, scores)
        return [
            Fit(penalty, _unfold(corner, solution), scores)
            for penalty, (_, solution), scores in zip(PENALTIES, solved, held, strict=True)
        ]

    def _corner(self) -> Array:
        return _factor(self.kernel(self.kernel.landmarks), _JITTER)

    def _basis(self, corner: Array, images: Sequence[int]) -> Array:
        """Nyström features of some images (images, m): their dot products are the kernel."""
        reach = self.kernel(self.points[images])
        return np.asarray(solve_triangular(corner, reach.T, lower=True).T, dtype=np.float64)

    def _normal_equations(self, corner: Array, watch: Watch) -> tuple[Array, Array]:
        size = len(corner)
        normal = np.zeros((size, size))
        right = np.zeros((size, self.targets.shape[1]))
        for images in self._chunks(watch):
            basis = self._basis(corner, images)
            weighted = basis.T * self.weights[images]
            normal += weighted @ basis
            right += weighted @ self.targets[images]
        return normal, right

    def _hold_back(
        self, images: Sequence[int], basis: Array, factor: Rows, solution: Array, scores: Array
    ) -> None:
        """Fill in `scores` of `images`, which are whole groups, each without its own group."""
        scores[images] = basis @ solution
        half = solve_triangular(factor, basis.T.astype(np.float32), lower=True)
        for start, end in _runs([self.groups[image] for image in images]):
            if end - start > _HELD_BACK_AT_MOST:
                continue
            mine = images[start:end]
            hat = half[:, start:end].T @ half[:, start:end]
            rest = np.eye(end - start) - hat * self.weights[mine]
            scores[mine] = self.targets[mine] - solve(rest, self.targets[mine] - scores[mine])

    def _chunks(self, watch: Watch) -> Iterator[list[int]]:
        """Image numbers, group by group, in chunks that end where a group ends."""
        order = np.argsort(np.asarray(self.groups), kind="stable").tolist()
        chunk: list[int] = []
        watch.at(0.0)
        for start, end in _runs([self.groups[image] for image in order]):
            if chunk and len(chunk) + end - start > _CHUNK:
                yield chunk
                watch.at(start / len(order))
                chunk = []
            chunk.extend(order[start:end])
        yield chunk


def _squared_lengths(landmarks: Array) -> Array:
    return np.asarray(np.sum(landmarks**2, axis=1), dtype=np.float64)


def _unfold(corner: Array, solution: Array) -> Array:
    """From coefficients of the Nyström features to those of the kernel."""
    return np.ascontiguousarray(solve_triangular(corner, solution, lower=True, trans=1))


def _solve(normal: Array, right: Array, watch: Watch) -> list[tuple[Rows, Array]]:
    """Cholesky factor and solution for each penalty.

    Factors are kept in single precision: they only serve the held-back scores from here on, and
    several of them have to be in memory together.
    """
    solved = []
    for done, penalty in enumerate(PENALTIES):
        watch.at(done / len(PENALTIES))
        factor = _factor(normal.copy(), penalty)
        solved.append((factor.astype(np.float32), cho_solve((factor, True), right)))
    return solved


def _factor(matrix: Array, ridge: float) -> Array:
    """The lower Cholesky factor of `matrix`, which is overwritten, plus `ridge` on its diagonal."""
    matrix.flat[:: len(matrix) + 1] += ridge
    factor = cholesky(matrix.T, lower=True, overwrite_a=True, check_finite=False)
    return np.asarray(factor, dtype=np.float64)


def _runs(values: Sequence[int]) -> Iterator[tuple[int, int]]:
    """Start and end of each run of equal values."""
    start = 0
    for place in range(1, len(values) + 1):
        if place == len(values) or values[place] != values[start]:
            yield start, place
            start = place

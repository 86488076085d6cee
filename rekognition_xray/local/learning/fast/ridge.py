"""Kernel ridge regression on landmarks, with the scores every image gets when its patient is away.

The Gaussian kernel is approximated by that of landmarks (Nyström; Williams and Seeger, NIPS 2000),
which is exact while there are no more images than landmarks. With K the kernel of images and
landmarks, L that of the landmarks and W the weights, a penalty p gives the coefficients
(K'WK + pL)^-1 K'Wy: one Cholesky factor for each penalty, and neither L nor K has to be factored.
Leaving a group out needs no second training: residuals without group g are (I - H_g W_g)^-1 times
the residuals with it, where H = K (K'WK + pL)^-1 K' is the hat matrix.
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
_JITTER = 1e-5  # of a landmark's kernel with itself: equal images leave the matrix solvable
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

    `points` are coordinates (n, k), `targets` (n, labels), `weights` and `groups` (n,); `able` are
    those that may be landmarks, `landmarks` those that are. Build it with `of`.
    """

    kernel: KernelMap
    landmarks: Flags
    points: Rows
    targets: Array
    weights: Array
    groups: Sequence[int]
    able: Flags

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
        able = np.ones(len(points), dtype=np.bool_) if among is None else among
        landmarks = able.copy()
        drawn = np.random.default_rng(seed).permutation(np.flatnonzero(able))
        landmarks[drawn[_LANDMARKS:]] = False
        spread = float(points.var(axis=0, dtype=np.float64).sum())
        gamma = _WIDTH / (2 * spread) if spread > 0 else 0.0
        kernel = KernelMap(points[landmarks].astype(np.float64), gamma)
        return cls(kernel, landmarks, points, targets, weights, groups, able)

    def honest(self) -> Flags:
        """Images (n,) whose held-back score is what an unseen image of that patient would get.

        Not those of groups too large to hold back, nor other views of an image. Nor landmarks,
        unless all images are: the basis of a landmark stays when its image goes, and fits noise
        just there.
        """
        sizes = np.bincount(self.groups)[np.asarray(self.groups)]
        elsewhere = self.able & ~self.landmarks
        elsewhere = elsewhere if np.any(elsewhere) else self.able
        return np.asarray((sizes <= _HELD_BACK_AT_MOST) & elsewhere, dtype=np.bool_)

    def fits(self, watch: Watch) -> list[Fit]:
        """A fit for each of `PENALTIES`, with held-back scores of the groups that need them.

        Groups without an `honest` image, and those too large to hold back, keep fitted scores.
        """
        watch.at(0.0)
        solved = self._solve(watch.part(0.0, 0.5))
        held = [np.empty_like(self.targets) for _ in solved]
        asked = self._groups_to_hold_back()
        for images in self._chunks(watch.part(0.5, 1.0)):
            reach = self.kernel(self.points[images])
            for (factor, coefficients), scores in zip(solved, held, strict=True):
                scores[images] = reach @ coefficients
                self._hold_back(images, asked[images], reach, factor, scores)
        return [
            Fit(penalty, coefficients, scores)
            for penalty, (_, coefficients), scores in zip(PENALTIES, solved, held, strict=True)
        ]

    def _solve(self, watch: Watch) -> list[tuple[Rows, Array]]:
        """Cholesky factor and coefficients for each penalty.

        Factors are kept in single precision: they only serve the held-back scores from here on,
        and several of them have to be in memory together.
        """
        normal, right = self._normal_equations(watch.part(0.0, 0.7))
        among = self.kernel(self.kernel.landmarks)
        among.flat[:: len(among) + 1] += _JITTER
        solved = []
        for done, penalty in enumerate(PENALTIES):
            watch.at(0.7 + 0.3 * done / len(PENALTIES))
            factor = _factor(normal + penalty * among)
            solved.append((factor.astype(np.float32), cho_solve((factor, True), right)))
        return solved

    def _normal_equations(self, watch: Watch) -> tuple[Array, Array]:
        size = len(self.kernel.landmarks)
        normal = np.zeros((size, size))
        right = np.zeros((size, self.targets.shape[1]))
        for images in self._chunks(watch):
            root = np.sqrt(self.weights[images])[:, None]
            reach = self.kernel(self.points[images]) * root
            normal += reach.T @ reach
            right += reach.T @ (self.targets[images] * root)
        return normal, right

    def _groups_to_hold_back(self) -> Flags:
        """Images (n,) of groups one of whose images is `honest`: the others' scores say nothing."""
        needed = np.bincount(self.groups, self.honest()) > 0
        return np.asarray(needed[np.asarray(self.groups)], dtype=np.bool_)

    def _hold_back(
        self, images: Sequence[int], asked: Flags, reach: Array, factor: Rows, scores: Array
    ) -> None:
        """Fill in `scores` of those `asked` of `images`, each without its own group."""
        rows = np.flatnonzero(asked).tolist()
        half = solve_triangular(factor, reach[rows].T.astype(np.float32), lower=True)
        for start, end in _runs([self.groups[images[row]] for row in rows]):
            mine = [images[row] for row in rows[start:end]]
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


def _factor(matrix: Array) -> Array:
    """The lower Cholesky factor of the symmetric `matrix`, which is overwritten."""
    factor = cholesky(matrix.T, lower=True, overwrite_a=True, check_finite=False)
    return np.asarray(factor, dtype=np.float64)


def _runs(values: Sequence[int]) -> Iterator[tuple[int, int]]:
    """Start and end of each run of equal values."""
    start = 0
    for place in range(1, len(values) + 1):
        if place == len(values) or values[place] != values[start]:
            yield start, place
            start = place

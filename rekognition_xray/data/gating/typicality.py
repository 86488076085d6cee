"""How unlike the training images an image is: its distance from the subspace that they lie in."""

from __future__ import annotations

from typing import Final, TypeAlias

import attrs
import numpy as np
from numpy.typing import NDArray

from rekognition_xray.data.gating.features import Features

Vector: TypeAlias = NDArray[np.float32]
_RIDGE: Final = 0.1  # of the mean variance


@attrs.frozen(eq=False)
class Typicality:
    """A subspace of features, and the usual distances from it and within it.

    Attributes:
        mean: features of the average image.
        components: dimensions x features, orthonormal: where the training images vary most.
        spread: the deviation along each dimension.
        usual: median and upper decile of the logarithm of the distance from the subspace, and
            of the one within it, among images that it was not made of.
    """

    mean: Vector
    components: Vector
    spread: Vector
    usual: NDArray[np.float64]

    @classmethod
    def fit(cls, features: Features, dimensions: int) -> Typicality:
        """The subspace of most variance, a principal component analysis; about 0.3 s.

        The usual distances are those of the training images themselves, until ``scaled``.
        """
        mean = features.mean(0, dtype=np.float64).astype(np.float32)
        centred = features - mean
        values, components = _main_axes(centred, dimensions)
        spread = np.sqrt(np.maximum(values, 1e-6)).astype(np.float32)
        made = cls(mean, components, spread, np.array([0.0, 1.0, 0.0, 1.0]))
        return made.scaled(made.distances(features))

    def distances(self, features: Features) -> NDArray[np.float64]:
        """Logarithms of the distances from and within the subspace; shape images x 2."""
        centred = features - self.mean
        within = centred @ self.components.T
        rest = np.einsum("ij,ij->i", centred, centred) - np.einsum("ij,ij->i", within, within)
        inside = ((within / self.spread) ** 2).sum(1)
        return np.log(np.maximum(np.stack([rest, inside], 1).astype(np.float64), 1e-9))

    def scaled(self, distances: NDArray[np.float64]) -> Typicality:
        """The same subspace, with the usual distances of these images."""
        middle, upper = np.quantile(distances, (0.5, 0.9), axis=0)
        width = np.maximum(upper - middle, 1e-6)
        return attrs.evolve(self, usual=np.array([middle[0], width[0], middle[1], width[1]]))

    def score(self, distances: NDArray[np.float64]) -> NDArray[np.float64]:
        """One number for both distances: 1 for the median image, 2 where both are upper deciles."""
        first = (distances[:, 0] - self.usual[0]) / self.usual[1]
        second = (distances[:, 1] - self.usual[2]) / self.usual[3]
        score: NDArray[np.float64] = 1 + (first + second) / 2
        return score


def _main_axes(centred: Features, count: int) -> tuple[Vector, Features]:
    """Variances and directions of most variance, by whichever matrix is smaller."""
    images, features = centred.shape
    if images < features:
        _, sizes, axes = np.linalg.svd(centred, full_matrices=False)
        return sizes[:count] ** 2 / max(1, images - 1), axes[:count].copy()
    values, vectors = np.linalg.eigh(centred.T @ centred / (images - 1))
    best = np.argsort(values)[::-1][:count]
    return values[best], vectors[:, best].T.copy()


def direction_between(one: Features, other: Features) -> tuple[Vector, float]:
    """Weights and offset of the line that tells two sets apart: their means lie at -1 and at 1.

    Fisher's linear discriminant with a ridge, so that few images do not overfit.
    """
    means = one.mean(0), other.mean(0)
    joined = np.vstack([one - means[0], other - means[1]])
    spread = joined.T @ joined / len(joined)
    spread[np.diag_indices_from(spread)] += _RIDGE * float(np.trace(spread)) / len(spread)
    apart = means[1] - means[0]
    weights = np.linalg.solve(spread, apart)
    weights = (2 * weights / max(float(weights @ apart), 1e-9)).astype(np.float32)
    return weights, -float(weights @ (means[0] + means[1])) / 2

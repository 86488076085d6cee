"""The few hundred directions in which images differ most (principal components).

By a random sketch and a few power iterations (Halko, Martinsson and Tropp, SIAM Review 2011): a
handful of matrix products, between which a stop can be heard.
"""

from __future__ import annotations

import attrs
import numpy as np
from scipy.linalg import qr, svd

from rekognition_xray.local.learning.fast.reading import Rows
from rekognition_xray.local.learning.watch import Watch

_SPARE = 10  # directions beyond those wanted, which make the wanted ones exact
_ROUNDS = 5


@attrs.frozen(eq=False)
class Projection:
    """Feature rows (n, d) to coordinates (n, k); `mean` is (d,), `axes` (k, d), both float32."""

    mean: Rows
    axes: Rows

    @classmethod
    def fit(cls, rows: Rows, size: int, seed: int, watch: Watch) -> Projection:
        """The first `size` principal axes of `rows`, fewer where there are fewer images."""
        mean = rows.mean(axis=0, dtype=np.float64).astype(np.float32)
        size = min(size, len(rows) - 1, rows.shape[1])
        if size < 1 or not np.any(rows != rows[0]):
            return cls(mean, np.zeros((0, rows.shape[1]), dtype=np.float32))
        return cls(mean, _principal_axes(rows - mean, size, seed, watch))

    def __call__(self, rows: Rows) -> Rows:
        """Coordinates of `rows`, float32."""
        return np.asarray((rows - self.mean) @ self.axes.T, dtype=np.float32)


def _principal_axes(centred: Rows, size: int, seed: int, watch: Watch) -> Rows:
    width = min(size + _SPARE, *centred.shape)
    if width == len(centred):  # so few images that the sketch would be no smaller than they are
        *_, right = svd(centred, full_matrices=False, check_finite=False)
        return np.ascontiguousarray(right[:size], dtype=np.float32)
    draw = np.random.default_rng(seed)
    across = draw.standard_normal((centred.shape[1], width), dtype=np.float32)
    for done in range(_ROUNDS):
        watch.at(done / _ROUNDS)
        down = _orthonormal(centred @ across)
        across = _orthonormal(centred.T @ down) if done < _ROUNDS - 1 else centred.T @ down
    watch.at(1.0)
    left, *_ = svd(across, full_matrices=False, check_finite=False)
    return np.ascontiguousarray(left[:, :size].T, dtype=np.float32)


def _orthonormal(columns: Rows) -> Rows:
    basis, *_ = qr(columns, mode="economic", overwrite_a=True, check_finite=False)
    return np.asarray(basis, dtype=np.float32)

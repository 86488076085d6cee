"""The few hundred directions in which films differ most (principal components)."""

from __future__ import annotations

import attrs
import numpy as np
from sklearn.decomposition import PCA

from rekognition_xray.local.training.reading import Rows


@attrs.frozen(eq=False)
class Projection:
    """Feature rows (n, d) to coordinates (n, k); `mean` is (d,), `axes` (k, d), both float32."""

    mean: Rows
    axes: Rows

    @classmethod
    def fit(cls, rows: Rows, size: int, seed: int) -> Projection:
        """The first `size` principal axes of `rows`, fewer where there are fewer films."""
        mean = rows.mean(axis=0, dtype=np.float64).astype(np.float32)
        size = min(size, len(rows) - 1, rows.shape[1])
        if size < 1 or not np.any(rows != rows[0]):
            return cls(mean, np.zeros((0, rows.shape[1]), dtype=np.float32))
        pca = PCA(size, svd_solver="randomized", random_state=seed).fit(rows)
        return cls(mean, np.ascontiguousarray(pca.components_, dtype=np.float32))

    def __call__(self, rows: Rows) -> Rows:
        """Coordinates of `rows`, float32."""
        return np.asarray((rows - self.mean) @ self.axes.T, dtype=np.float32)

"""The few hundred directions in which images differ most (principal components).

There are far fewer images than numbers of an image. So they are taken from the eigenvectors of the
images' dot products, a small matrix, by one eigendecomposition.
"""

from __future__ import annotations

import attrs
import numpy as np
from scipy.linalg import eigh

from rekognition_xray.local.learning.fast.reading import Rows
from rekognition_xray.local.learning.watch import Watch

_PIECE = 256  # images whose dot products with all are taken at once
_RELATIVE = 1e-6  # of the largest eigenvalue: smaller ones are rounding


@attrs.frozen(eq=False)
class Projection:
    """Feature rows (n, d) to coordinates (n, k); `mean` is (d,), `axes` (k, d), both float32."""

    mean: Rows
    axes: Rows

    @classmethod
    def fit(cls, rows: Rows, size: int, watch: Watch) -> Projection:
        """The first `size` principal axes of `rows`, fewer where images differ in fewer ways."""
        mean = rows.mean(axis=0, dtype=np.float64).astype(np.float32)
        size = min(size, len(rows) - 1, rows.shape[1])
        if size < 1 or not np.any(rows != rows[0]):
            return cls(mean, np.zeros((0, rows.shape[1]), dtype=np.float32))
        return cls(mean, _principal_axes(rows - mean, size, watch))

    def __call__(self, rows: Rows) -> Rows:
        """Coordinates of `rows`, float32."""
        return np.asarray((rows - self.mean) @ self.axes.T, dtype=np.float32)


def _principal_axes(centred: Rows, size: int, watch: Watch) -> Rows:
    images = len(centred)
    products = np.empty((images, images))
    for start in range(0, images, _PIECE):
        watch.at(start / images)
        end = start + _PIECE  # the lower triangle: no more is read
        products[start:end, :end] = centred[start:end] @ centred[:end].T
    values, vectors = eigh(
        products, subset_by_index=(images - size, images - 1), overwrite_a=True, check_finite=False
    )
    real = values > _RELATIVE * values[-1]
    across = vectors[:, real][:, ::-1] / np.sqrt(values[real][::-1])
    watch.at(1.0)
    return np.ascontiguousarray(across.T.astype(np.float32) @ centred)

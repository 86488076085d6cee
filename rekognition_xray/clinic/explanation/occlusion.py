"""Covering: an image cut into the cells of a grid, and the image with one cell hidden."""

from __future__ import annotations

from typing import Final, Literal, TypeAlias, get_args

import attrs
from PIL import Image, ImageFilter

from rekognition_xray.errors import InvalidRequestError, MissingExtraError

try:
    import numpy as np
except ModuleNotFoundError as error:
    raise MissingExtraError("science", needed_for="An explanation") from error

Fill: TypeAlias = Literal["mean", "blur"]
Floats: TypeAlias = np.ndarray[tuple[int, ...], np.dtype[np.float64]]

LEAST: Final = 2
MOST: Final = 32
_SOFT: Final = 0.3
"""Width of a cell's soft edge, in shares of the cell."""


def check_grid(grid: int) -> None:
    """Raises InvalidRequestError unless a grid has 2 to 32 rows and columns."""
    if not LEAST <= grid <= MOST:
        raise InvalidRequestError(
            f"grid is {grid}, not from {LEAST} to {MOST}.",
            hint="8 asks 65 times; twice as fine a grid asks four times as often.",
        )


def shares(cells: int, length: int) -> Floats:
    """How much of each pixel along one side belongs to each cell: cells x pixels, 0 to 1.

    Neighbours fade into each other over 0.3 of a cell, so that covering one draws no new edge
    for a model to see. The shares of a pixel add up to 1.
    """
    edges = np.arange(1, cells)[:, None] * (length / cells)
    centres = np.arange(length) + 0.5
    ramps = np.clip((centres - edges) / max(_SOFT * length / cells, 1.0) + 0.5, 0.0, 1.0)
    smooth = ramps**2 * (3 - 2 * ramps)
    behind = np.vstack([np.ones(length), smooth, np.zeros(length)])
    return np.asarray(behind[:-1] - behind[1:], dtype=np.float64)


@attrs.frozen(eq=False)
class Covering:
    """A grey image, what its cells are covered with, and the shares of its rows and columns."""

    image: Floats
    cover: Floats
    rows: Floats
    columns: Floats

    @classmethod
    def of(cls, image: Image.Image, *, grid: int, fill: Fill) -> Covering:
        """Makes ready to cover a grey image.

        Args:
            image: 8-bit grey.
            grid: cells along each side, 2 to 32.
            fill: ``mean``, the image's mean grey; ``blur``, the image itself without any detail
                smaller than a cell.

        Raises:
            InvalidRequestError: another grid or fill.
        """
        check_grid(grid)
        if fill not in get_args(Fill):
            raise InvalidRequestError(f"fill is {fill!r}.", hint="Use 'mean' or 'blur'.")
        pixels = np.asarray(image, dtype=np.float64)
        cover = np.full_like(pixels, pixels.mean())
        if fill == "blur":
            radius = max(image.size) / grid / 2
            cover = np.asarray(image.filter(ImageFilter.GaussianBlur(radius)), dtype=np.float64)
        return cls(pixels, cover, shares(grid, image.height), shares(grid, image.width))

    def without(self, row: int, column: int) -> Image.Image:
        """The image with one cell covered; everything outside its soft edges is as it was."""
        mask = np.outer(self.rows[row], self.columns[column])
        mixed = self.image + mask * (self.cover - self.image)
        return Image.fromarray(np.rint(mixed).astype(np.uint8))

"""``Prepared`` and ``PreparedFile``: what preparing a dataset gives, as values."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Literal

import attrs

from rekognition_xray.data.dataset.dataset import XrayDataset
from rekognition_xray.data.xrays import Xray


@attrs.frozen
class PreparedFile:
    """One image as it lies prepared on this machine.

    Attributes:
        image: the image it was made from.
        file: where it lies; images with equal pixels share one file.
        sha256: hex digest of the file.
        extension: ``jpg`` or ``png``.
        size: bytes of the file.
        width, height: pixels.
    """

    image: Xray
    file: Path
    sha256: str
    extension: Literal["jpg", "png"]
    size: int
    width: int
    height: int


@attrs.frozen
class HeldBack:
    """An image whose pixels may show a name, and which was left out for that.

    Attributes:
        image: the image.
        reason: what the file says, or does not say, of text in its pixels.
    """

    image: Xray
    reason: str


@attrs.frozen(repr=False)
class Prepared:
    """A dataset whose images lie prepared in a folder.

    Attributes:
        dataset: the dataset, without images that were held back.
        folder: where the files lie.
        files: one for each image, in the order of the dataset.
        made: images that were prepared in this run.
        cached: images that an earlier run had prepared.
        held: images that were held back, where ``held="leave-out"`` asked for that.
    """

    dataset: XrayDataset
    folder: Path
    files: tuple[PreparedFile, ...]
    made: int
    cached: int
    held: tuple[HeldBack, ...] = ()

    @property
    def bytes(self) -> int:
        """Bytes of all files, each counted once."""
        return sum({item.file: item.size for item in self.files}.values())

    def __len__(self) -> int:
        return len(self.files)

    def __iter__(self) -> Iterator[PreparedFile]:
        return iter(self.files)

    def to_dict(self) -> dict[str, object]:
        """Images, patients, folder, bytes, and what was held back; plain data ready for JSON."""
        return {
            **self.dataset.tally(),
            "folder": str(self.folder),
            "made": self.made,
            "cached": self.cached,
            "bytes": self.bytes,
            "held": [{"path": str(one.image.source), "reason": one.reason} for one in self.held],
        }

    def __str__(self) -> str:
        told = (
            f"{len(self):,} images lie prepared in {self.folder}, {self.bytes / 1e6:.1f} MB: "
            f"{self.made:,} made, {self.cached:,} known from an earlier run"
        )
        held = (f"held back: {one.image.source}: {one.reason}" for one in self.held)
        return "\n".join([told, *held])

    def __repr__(self) -> str:
        held = f", {len(self.held)} held back" if self.held else ""
        return f"<Prepared of {len(self)} images in {self.folder}: {self.made} made{held}>"


@attrs.frozen
class PrepareProgress:
    """How far preparing has come.

    Attributes:
        done: images that are prepared, or found to be unusable, so far.
        total: images in all.
        cached: those among ``done`` that an earlier run had prepared.
        bad: those among ``done`` that cannot be used.
    """

    done: int
    total: int
    cached: int
    bad: int

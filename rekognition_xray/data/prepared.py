"""``Prepared`` and ``PreparedFile``: what preparing a dataset gives, as values."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Literal

import attrs

from rekognition_xray.data.dataset import XrayDataset
from rekognition_xray.data.films import Xray


@attrs.frozen
class PreparedFile:
    """One film as it lies prepared on this machine.

    Attributes:
        film: the film it was made from.
        file: where it lies; films with equal pixels share one file.
        sha256: hex digest of the file.
        extension: ``jpg`` or ``png``.
        size: bytes of the file.
        width, height: pixels.
    """

    film: Xray
    file: Path
    sha256: str
    extension: Literal["jpg", "png"]
    size: int
    width: int
    height: int


@attrs.frozen
class HeldBack:
    """A film whose pixels may show a name, and which was left out for that.

    Attributes:
        film: the film.
        reason: what the file says, or does not say, of text in its pixels.
    """

    film: Xray
    reason: str


@attrs.frozen(repr=False)
class Prepared:
    """A dataset whose films lie prepared in a folder.

    Attributes:
        dataset: the dataset, without films that were held back.
        folder: where the files lie.
        files: one for each film, in the order of the dataset.
        made: films that were prepared in this run.
        cached: films that an earlier run had prepared.
        held: films that were held back, where ``held="leave-out"`` asked for that.
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
        """Films, patients, folder, bytes, and what was held back; plain data ready for JSON."""
        return {
            **self.dataset.tally(),
            "folder": str(self.folder),
            "made": self.made,
            "cached": self.cached,
            "bytes": self.bytes,
            "held": [{"path": str(one.film.source), "reason": one.reason} for one in self.held],
        }

    def __str__(self) -> str:
        told = (
            f"{len(self):,} films lie prepared in {self.folder}, {self.bytes / 1e6:.1f} MB: "
            f"{self.made:,} made, {self.cached:,} known from an earlier run"
        )
        held = (f"held back: {one.film.source}: {one.reason}" for one in self.held)
        return "\n".join([told, *held])

    def __repr__(self) -> str:
        held = f", {len(self.held)} held back" if self.held else ""
        return f"<Prepared of {len(self)} films in {self.folder}: {self.made} made{held}>"


@attrs.frozen
class PrepareProgress:
    """How far preparing has come.

    Attributes:
        done: films that are prepared, or found to be unusable, so far.
        total: films in all.
        cached: those among ``done`` that an earlier run had prepared.
        bad: those among ``done`` that cannot be used.
    """

    done: int
    total: int
    cached: int
    bad: int

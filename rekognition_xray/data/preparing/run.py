"""``PreparationRun``: one run over the images of a dataset, and what has become of each so far."""

from __future__ import annotations

import time
import uuid
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

import attrs

from rekognition_xray.data.images import Gate, ImageOptions, refusal
from rekognition_xray.data.preparing.ledger import LEDGER, Ledger, LedgerEntry
from rekognition_xray.data.preparing.prepared import PrepareProgress
from rekognition_xray.data.preparing.worker import (
    UNFINISHED,
    Batch,
    Developed,
    software,
    unwritable,
)
from rekognition_xray.data.xrays import Xray
from rekognition_xray.errors import ImageError, PreparedFolderError

_BATCH: Final = 4
"""Images for a worker at a time: few enough that all workers end at about the same time."""
_HOUR: Final = 3600


@attrs.define
class PreparationRun:
    """One run over the images; only its process writes the ledger.

    Attributes:
        root: the folder of prepared images.
        images: all images.
        options: how the images are read.
        gate: asked before an image is prepared; None for no gate.
        made: images that this run has prepared.
        cached: images that an earlier run had prepared.
        faults: images that cannot be used.
    """

    root: Path
    images: Sequence[Xray]
    options: ImageOptions
    gate: Gate | None
    _ledger: Ledger
    made: dict[Xray, LedgerEntry] = attrs.field(factory=dict, init=False)
    cached: dict[Xray, LedgerEntry] = attrs.field(factory=dict, init=False)
    faults: dict[Xray, ImageError] = attrs.field(factory=dict, init=False)

    @classmethod
    def begin(
        cls,
        root: Path,
        images: Sequence[Xray],
        *,
        options: ImageOptions,
        gate: Gate | None = None,
    ) -> PreparationRun:
        """Makes the folder where it is new, reads its ledger, and sees what is left to do.

        Raises:
            PreparedFolderError: the folder cannot be written.
            DataError: the ledger is damaged.
        """
        try:
            unfinished = root / UNFINISHED
            unfinished.mkdir(parents=True, exist_ok=True)
            for left in unfinished.iterdir():
                if left.stat().st_mtime < time.time() - _HOUR:  # of a run that was killed
                    left.unlink()
        except OSError as error:
            raise unwritable(root, error) from error
        run = cls(root, images, options, gate, Ledger.open(root / LEDGER))
        run._look_up()
        return run

    @property
    def progress(self) -> PrepareProgress:
        """How far the run is."""
        cached, bad = len(self.cached), len(self.faults)
        return PrepareProgress(len(self.made) + cached + bad, len(self.images), cached, bad)

    def batches(self) -> Iterator[tuple[list[Xray], Batch]]:
        """The images that are left, in pieces for a worker."""
        left = [
            image for image in self.images if image not in self.cached and image not in self.faults
        ]
        run = uuid.uuid4().hex
        for start in range(0, len(left), _BATCH):
            images = left[start : start + _BATCH]
            named = tuple((image.name, _path(image)) for image in images)
            yield images, Batch(named, str(self.root), self.options, self.gate, run)

    def take(self, images: Sequence[Xray], found: Sequence[Developed]) -> None:
        """Writes a worker's answer into the ledger, and only then counts it.

        Raises:
            PreparedFolderError: the worker or the ledger met a folder that cannot be written.
        """
        try:
            self._ledger.append(item for item in found if isinstance(item, LedgerEntry))
        except OSError as error:
            raise self._stop_error(unwritable(self.root, error)) from error
        for image, item in zip(images, found, strict=False):  # shorter where the folder is full
            if isinstance(item, LedgerEntry):
                self.made[image] = item
            elif isinstance(item, ImageError):
                self.faults[image] = item
            else:
                raise self._stop_error(item) from item

    def entry(self, image: Xray) -> LedgerEntry | None:
        """How an image was prepared, now or earlier."""
        return self.made.get(image) or self.cached.get(image)

    def _look_up(self) -> None:
        latest = self._ledger.latest()
        for image in self.images:
            if image.address is not None:
                reason = "it lies in S3, not on this machine"
                self.faults[image] = refusal("missing", reason, image.address)
                continue
            entry = latest.get(_path(image))
            if entry is not None and self._still_holds(entry, image.path):
                self.cached[image] = entry

    def _still_holds(self, entry: LedgerEntry, path: Path) -> bool:
        return (
            entry.software in (software(dicom=False), software(dicom=True))
            and _reads_alike(self.options, entry.options)
            and entry.gate == ("" if self.gate is None else self.gate.fingerprint)
            and _stamp(path) == (entry.source_size, entry.source_mtime_ns)
            and _stamp(entry.file(self.root))[0] == entry.size
        )

    def _stop_error(self, error: PreparedFolderError) -> PreparedFolderError:
        done = len(self.made) + len(self.cached)
        return PreparedFolderError(
            f"{error.message} {done} of {len(self.images)} images are prepared and kept.",
            paths=error.paths,
        )


def _reads_alike(now: ImageOptions, then: ImageOptions) -> bool:
    """Whether an image that was prepared with other options would be prepared alike now."""
    return (
        (now.allow_burned_in or not then.allow_burned_in)
        and (now.allow_other_views or not then.allow_other_views)
        and (now.polarity, now.window, now.stretch) == (then.polarity, then.window, then.stretch)
    )


def _path(image: Xray) -> str:
    return str(image.path.absolute())


def _stamp(path: Path) -> tuple[int, int]:
    """Size and time of change; (-1, 0) for what is not there."""
    try:
        found = path.stat()
    except OSError:
        return -1, 0
    return found.st_size, found.st_mtime_ns

"""``Run``: one run over the films of a dataset, and what has become of each so far."""

from __future__ import annotations

import time
import uuid
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

import attrs

from rekognition_xray.data.film_file import refusal
from rekognition_xray.data.films import Xray
from rekognition_xray.data.ledger import LEDGER, Ledger, LedgerEntry
from rekognition_xray.data.prepare_worker import UNFINISHED, Batch, Developed, software, unwritable
from rekognition_xray.data.prepared import PrepareProgress
from rekognition_xray.errors import ImageError, PreparedFolderError

_BATCH: Final = 4
"""Films for a worker at a time: few enough that all workers end at about the same time."""
_HOUR: Final = 3600


@attrs.define
class Run:
    """One run over the films; only its process writes the ledger.

    Attributes:
        root: the folder of prepared films.
        films: all films.
        allow_burned_in: see `prepare`.
        made: films that this run has prepared.
        cached: films that an earlier run had prepared.
        faults: films that cannot be used.
    """

    root: Path
    films: Sequence[Xray]
    allow_burned_in: bool
    _ledger: Ledger
    made: dict[Xray, LedgerEntry] = attrs.field(factory=dict, init=False)
    cached: dict[Xray, LedgerEntry] = attrs.field(factory=dict, init=False)
    faults: dict[Xray, ImageError] = attrs.field(factory=dict, init=False)

    @classmethod
    def begin(cls, root: Path, films: Sequence[Xray], *, allow_burned_in: bool) -> Run:
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
        run = cls(root, films, allow_burned_in, Ledger.open(root / LEDGER))
        run._look_up()
        return run

    @property
    def progress(self) -> PrepareProgress:
        """How far the run is."""
        cached, bad = len(self.cached), len(self.faults)
        return PrepareProgress(len(self.made) + cached + bad, len(self.films), cached, bad)

    def batches(self) -> Iterator[tuple[list[Xray], Batch]]:
        """The films that are left, in pieces for a worker."""
        left = [film for film in self.films if film not in self.cached and film not in self.faults]
        run = uuid.uuid4().hex
        for start in range(0, len(left), _BATCH):
            films = left[start : start + _BATCH]
            named = tuple((film.name, _path(film)) for film in films)
            yield films, Batch(named, str(self.root), self.allow_burned_in, run)

    def take(self, films: Sequence[Xray], found: Sequence[Developed]) -> None:
        """Writes a worker's answer into the ledger, and only then counts it.

        Raises:
            PreparedFolderError: the worker or the ledger met a folder that cannot be written.
        """
        try:
            self._ledger.append(item for item in found if isinstance(item, LedgerEntry))
        except OSError as error:
            raise self._stopped(unwritable(self.root, error)) from error
        for film, item in zip(films, found, strict=False):  # shorter where the folder is full
            if isinstance(item, LedgerEntry):
                self.made[film] = item
            elif isinstance(item, ImageError):
                self.faults[film] = item
            else:
                raise self._stopped(item) from item

    def entry(self, film: Xray) -> LedgerEntry | None:
        """How a film was prepared, now or earlier."""
        return self.made.get(film) or self.cached.get(film)

    def _look_up(self) -> None:
        latest = self._ledger.latest()
        for film in self.films:
            if film.address is not None:
                reason = "it lies in S3, not on this machine"
                self.faults[film] = refusal("missing", reason, film.address)
                continue
            entry = latest.get(_path(film))
            if entry is not None and self._still_holds(entry, film.path):
                self.cached[film] = entry

    def _still_holds(self, entry: LedgerEntry, path: Path) -> bool:
        return (
            entry.software in (software(dicom=False), software(dicom=True))
            and (self.allow_burned_in or not entry.allow_burned_in)
            and _stamp(path) == (entry.source_size, entry.source_mtime_ns)
            and _stamp(entry.file(self.root))[0] == entry.size
        )

    def _stopped(self, error: PreparedFolderError) -> PreparedFolderError:
        done = len(self.made) + len(self.cached)
        return PreparedFolderError(
            f"{error.message} {done} of {len(self.films)} films are prepared and stay there.",
            paths=error.paths,
        )


def _path(film: Xray) -> str:
    return str(film.path.absolute())


def _stamp(path: Path) -> tuple[int, int]:
    """Size and time of change; (-1, 0) for what is not there."""
    try:
        found = path.stat()
    except OSError:
        return -1, 0
    return found.st_size, found.st_mtime_ns

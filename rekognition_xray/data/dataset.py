"""``XrayDataset``: an immutable, ordered collection of films, and how it is read from a folder."""

from __future__ import annotations

import datetime
import logging
import os
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal

import attrs

from rekognition_xray.data.names import KERMANY, NamingRule
from rekognition_xray.errors import (
    EmptyDatasetError,
    FolderNotFoundError,
    LabelsError,
    list_paths,
)
from rekognition_xray.labels import in_order

if TYPE_CHECKING:
    from rekognition_xray.data.audit import Audit
    from rekognition_xray.data.split import Split

logger = logging.getLogger(__name__)

IMAGE_EXTENSIONS: Final = frozenset(
    {
        *(".jpg", ".jpeg", ".jpe", ".jfif", ".png"),
        *(".gif", ".bmp", ".tif", ".tiff", ".webp", ".jp2", ".heic", ".dcm", ".dicom"),
    }
)
"""Extensions of files that count as films, wanted or not; others are no concern of a dataset."""


@attrs.frozen
class Xray:
    """One film on disk.

    Attributes:
        path: where the file lies.
        label: such as ``normal``.
        patient: equal for all films of one patient; None where nobody knows.
        split: the official folder ``train``, ``test`` or ``val``, where there is one.
        name: the path within the dataset, with ``/``; the same on every machine.
    """

    path: Path
    label: str
    patient: str | None = None
    split: str | None = None
    name: str = attrs.field(
        default=attrs.Factory(lambda self: self.path.as_posix(), takes_self=True)
    )

    @property
    def group(self) -> str:
        """What must stay together: the patient, or for an unknown one the film by itself."""
        return f"film:{self.name}" if self.patient is None else self.patient


@attrs.frozen
class Rejected:
    """A file that looks like a film and did not become one.

    Attributes:
        path: where the file lies.
        reason: why, as part of a sentence.
        code: ``no-label``, ``contradictory-labels`` or ``unreadable``.
    """

    path: Path
    reason: str
    code: Literal["no-label", "contradictory-labels", "unreadable"] = "no-label"


@attrs.frozen
class Part:
    """Says of which split a dataset is a part; it travels into the manifest's job name.

    Attributes:
        name: ``train`` or ``test``.
        fingerprint: the split's fingerprint.
    """

    name: str
    fingerprint: str


def _ordered(films: Iterable[Xray]) -> tuple[Xray, ...]:
    return tuple(sorted(films, key=lambda film: (film.name, str(film.path))))


@attrs.frozen(repr=False)
class XrayDataset:
    """Films in the order of their names, whatever order they are given in.

    Attributes:
        films: the films.
        rejected: files that look like films and could not be taken; ``audit()`` reports them.
        rule: name of the naming rule that gave the labels.
        labelled: a date by which the labels were made, where one is known.
        part: of which split this dataset is a part, if it is one.
    """

    films: tuple[Xray, ...] = attrs.field(converter=_ordered)
    rejected: tuple[Rejected, ...] = ()
    rule: str = ""
    labelled: datetime.date | None = None
    part: Part | None = None

    @classmethod
    def from_folder(cls, folder: str | Path, *, names: NamingRule = KERMANY) -> XrayDataset:
        """Reads a folder and all folders in it; only names are looked at, no file is opened.

        Hidden files, and files whose extension is not an image's, are left alone. Everything
        else is either in ``films`` or, with a reason, in ``rejected``.

        Args:
            folder: such as ``chest_xray``.
            names: the rule that reads label, patient and official split from each path.

        Raises:
            FolderNotFoundError: no such folder.
            EmptyDatasetError: no file fits the rule.
        """
        root = Path(folder).expanduser()
        if not root.is_dir():
            what = "is not a folder" if root.exists() else "does not exist"
            raise FolderNotFoundError(f"{folder} {what}.", paths=(root,))
        films, rejected = _sort_out(_walk(root, frozenset()), root, names)
        if not films:
            raise _empty(root, names, rejected)
        return cls(films, tuple(rejected), names.name, names.labelled)

    @property
    def labels(self) -> tuple[str, ...]:
        """The labels that occur: normal, bacterial, viral first, others by name."""
        return in_order(film.label for film in self.films)

    @property
    def counts(self) -> Mapping[str, int]:
        """Films by label, in the order of ``labels``."""
        found = Counter(film.label for film in self.films)
        return {label: found[label] for label in self.labels}

    @property
    def patients(self) -> Mapping[str, int]:
        """Patients by label, in the order of ``labels``; one may count under several labels.

        A film without a patient counts as a patient of its own.
        """
        found = Counter(label for label, _ in {(film.label, film.group) for film in self.films})
        return {label: found[label] for label in self.labels}

    @property
    def patient_count(self) -> int:
        """Patients in all, each counted once."""
        return len({film.group for film in self.films})

    def audit(self, *, progress: bool | Callable[[int, int], None] | None = None) -> Audit:
        """Looks at every film and says what is wrong; see ``rekognition_xray.data.audit``."""
        from rekognition_xray.data.audit import audit

        return audit(self, progress=progress)

    def split(self, test: float = 0.2, seed: int = 0) -> Split:
        """Splits into train and test by whole patients; see ``rekognition_xray.data.split``."""
        from rekognition_xray.data.split import split

        return split(self, test=test, seed=seed)

    def __len__(self) -> int:
        return len(self.films)

    def __iter__(self) -> Iterator[Xray]:
        return iter(self.films)

    def __repr__(self) -> str:
        counts = ", ".join(f"{label} {count}" for label, count in self.counts.items())
        part = f", part={self.part.name!r}" if self.part else ""
        rejected = f", rejected={len(self.rejected)}" if self.rejected else ""
        return f"<XrayDataset of {len(self)} films ({counts}){part}{rejected}>"


def _walk(folder: Path, above: frozenset[Path]) -> Iterator[Path | Rejected]:
    """Every visible file below a folder; links are followed, but never in a circle."""
    here = folder.resolve()
    if here in above:
        yield Rejected(folder, "a link back to a folder above it", "unreadable")
        return
    try:
        entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
    except OSError as error:
        yield Rejected(folder, f"the folder cannot be read: {error.strerror}", "unreadable")
        return
    for entry in entries:
        if entry.name.startswith("."):
            continue
        if entry.is_dir():
            yield from _walk(Path(entry.path), above | {here})
        else:
            yield Path(entry.path)


def _sort_out(
    found: Iterable[Path | Rejected], root: Path, names: NamingRule
) -> tuple[list[Xray], list[Rejected]]:
    films: list[Xray] = []
    rejected: list[Rejected] = []
    ignored = 0
    for item in found:
        if isinstance(item, Rejected):
            rejected.append(item)
        elif item.suffix.lower() not in IMAGE_EXTENSIONS:
            ignored += 1
        else:
            taken = _film(item, root, names)
            if isinstance(taken, Xray):
                films.append(taken)
            else:
                rejected.append(taken)
    logger.debug(
        "%s: %d films, %d rejected, %d other files", root, len(films), len(rejected), ignored
    )
    return films, rejected


def _film(path: Path, root: Path, names: NamingRule) -> Xray | Rejected:
    relative = path.relative_to(root)
    try:
        read = names.read(relative)
    except LabelsError as error:
        return Rejected(path, error.message, "contradictory-labels")
    if read is None or not read.label:
        return Rejected(path, f"the name fits no pattern of the rule {names.name!r}")
    return Xray(path, read.label, read.patient, read.split, relative.as_posix())


def _empty(root: Path, names: NamingRule, rejected: list[Rejected]) -> EmptyDatasetError:
    if not rejected:
        return EmptyDatasetError(f"{root} holds no image.", paths=(root,))
    listed = list_paths(f"{item.path}: {item.reason}" for item in rejected)
    return EmptyDatasetError(
        f"No image in {root} fits the naming rule {names.name!r}:\n{listed}",
        paths=[item.path for item in rejected],
    )

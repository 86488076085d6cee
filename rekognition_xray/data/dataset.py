"""``XrayDataset``: an immutable, ordered collection of films."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import attrs

from rekognition_xray.data.films import Labelling, Part, Rejected, Xray
from rekognition_xray.data.folders import read_folder
from rekognition_xray.data.names import KERMANY, NamingRule
from rekognition_xray.labels import in_order

if TYPE_CHECKING:
    from rekognition_xray.data.audit import Audit
    from rekognition_xray.data.leakage import Leakage
    from rekognition_xray.data.split import Audited, Split

__all__ = ["Labelling", "Part", "Rejected", "Xray", "XrayDataset"]


def _ordered(films: Iterable[Xray]) -> tuple[Xray, ...]:
    return tuple(sorted(films, key=lambda film: (film.name, str(film.source))))


@attrs.frozen(repr=False)
class XrayDataset:
    """Films in the order of their names, whatever order they are given in.

    Attributes:
        films: the films.
        rejected: files that look like films and could not be taken; ``audit()`` reports them.
        labelling: where the labels come from.
        part: of which split this dataset is a part, if it is one.
    """

    films: tuple[Xray, ...] = attrs.field(converter=_ordered)
    rejected: tuple[Rejected, ...] = ()
    labelling: Labelling = attrs.field(factory=Labelling)
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
        films, rejected = read_folder(folder, names)
        return cls(films, tuple(rejected), names.labelling)

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
        from rekognition_xray.data.audit import audit  # noqa: PLC0415 - it imports this module

        return audit(self, progress=progress)

    def split(
        self,
        test: float = 0.2,
        *,
        validation: float | None = None,
        seed: int = 0,
        audit: Audited | None = None,
    ) -> Split:
        """Splits by whole patients into train, test and, where asked for, validation.

        See ``rekognition_xray.data.split.split``; ``audit`` keeps shared pictures together too.
        """
        from rekognition_xray.data.split import split  # noqa: PLC0415 - it imports this module

        return split(self, test=test, validation=validation, seed=seed, audit=audit)

    def folds(
        self, k: int = 5, *, seed: int = 0, audit: Audited | None = None
    ) -> tuple[Split, ...]:
        """Cuts k folds of whole patients; see ``rekognition_xray.data.folds``."""
        from rekognition_xray.data.folds import folds  # noqa: PLC0415 - it imports this module

        return folds(self, k=k, seed=seed, audit=audit)

    def official(self) -> Split:
        """The split of the official folders; see ``rekognition_xray.data.split.official``."""
        from rekognition_xray.data.split import official  # noqa: PLC0415 - it imports this module

        return official(self)

    def leakage(self, fraction: float = 0.2, seed: int = 0, *, repeats: int = 100) -> Leakage:
        """What a random split by film would put on both sides; nothing is split.

        See ``rekognition_xray.data.leakage``.
        """
        from rekognition_xray.data.leakage import leakage  # noqa: PLC0415 - it imports this module

        return leakage(self, fraction, seed, repeats=repeats)

    def __len__(self) -> int:
        return len(self.films)

    def __iter__(self) -> Iterator[Xray]:
        return iter(self.films)

    def __repr__(self) -> str:
        counts = ", ".join(f"{label} {count}" for label, count in self.counts.items())
        part = f", part={self.part.name!r}" if self.part else ""
        rejected = f", rejected={len(self.rejected)}" if self.rejected else ""
        return f"<XrayDataset of {len(self)} films ({counts}){part}{rejected}>"

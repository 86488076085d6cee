"""Rules from a file's place and name to label, patient and official split.

``NamingRule`` is what a rule looks like; ``KERMANY`` reads the official chest X-ray set.
"""

from __future__ import annotations

import datetime
import re
from pathlib import PurePath
from typing import Final, Protocol

import attrs

from rekognition_xray.data.films import Labelling
from rekognition_xray.errors import LabelsError
from rekognition_xray.labels import BACTERIAL, NORMAL, PNEUMONIA, VIRAL, is_pneumonia


@attrs.frozen
class FilmName:
    """What a name says about its film.

    Attributes:
        label: such as ``bacterial``.
        patient: equal for all films of one patient; None where the name does not tell.
        split: ``train``, ``test`` or ``val`` where the film lies in such an official folder.
    """

    label: str
    patient: str | None = None
    split: str | None = None


class NamingRule(Protocol):
    """A rule; any frozen object with these members will do."""

    @property
    def labelling(self) -> Labelling:
        """Where the labels come from: the rule's name, who made them, and when."""

    def read(self, path: PurePath) -> FilmName | None:
        """Reads one path, relative to the dataset's folder.

        Returns:
            None for a path that fits no pattern: such a file is reported, never guessed.

        Raises:
            LabelsError: name and folder contradict each other.
        """


_PATTERNS: Final = tuple(
    re.compile(pattern, re.IGNORECASE)
    for pattern in (
        r"(?P<person>person[0-9]+)_(?P<type>bacteria|virus)_[0-9]+(?:_[0-9]+)?",
        r"(?P<image>(?:NORMAL2-)?IM-[0-9]{4})-[0-9]{4}(?:-[0-9]{4})?",
        r"(?P<type>BACTERIA|VIRUS|NORMAL)-(?P<id>[0-9]+)-[0-9]+",
    )
)
_TYPES: Final = {"bacteria": BACTERIAL, "virus": VIRAL, "normal": NORMAL}
_FOLDERS: Final = {
    "normal": NORMAL,
    "pneumonia": PNEUMONIA,
    "bacteria": BACTERIAL,
    "bacterial": BACTERIAL,
    "virus": VIRAL,
    "viral": VIRAL,
}
_SPLITS: Final = frozenset({"train", "test", "val"})


@attrs.frozen
class KermanyRule:
    """Names of the set of Kermany, Zhang and Goldbaum (2018), Mendeley V2 (Kaggle's) and V3.

    The name gives the label; a folder above it that names another label is a contradiction.
    Upper and lower case do not matter, and neither does the extension.

    Attributes:
        typed: patients are (number, type) instead of the number alone.
    """

    typed: bool = False

    @property
    def labelling(self) -> Labelling:
        """By the set's readers, by 2 June 2018, when V2 was published (doi:10.17632/rscbjbr9sj.2).

        The rule is called ``kermany``, or ``kermany-by-type``.
        """
        rule = "kermany-by-type" if self.typed else "kermany"
        return Labelling(rule, by="readers of Kermany 2018", on=datetime.date(2018, 6, 2))

    def by_type(self) -> KermanyRule:
        """The same names with (number, type) as the patient.

        The set seems to count its numbers apart for bacteria and virus. By this rule no patient
        crosses the official folders, but where the numbers do mean one child, it leaks.
        """
        return attrs.evolve(self, typed=True)

    def read(self, path: PurePath) -> FilmName | None:
        """Label, patient and official split of one path; see ``NamingRule.read``."""
        found = next(filter(None, (p.fullmatch(path.stem) for p in _PATTERNS)), None)
        if found is None:
            return None
        parts = found.groupdict()
        label = _TYPES[(parts.get("type") or "normal").lower()]
        folders = [part.lower() for part in path.parts[:-1]]
        _check_folder(label, folders)
        split = next((part for part in reversed(folders) if part in _SPLITS), None)
        return FilmName(label, self._patient(parts), split)

    def _patient(self, parts: dict[str, str | None]) -> str:
        if image := parts.get("image"):
            return image.upper()
        kind = (parts["type"] or "").lower()
        if person := parts.get("person"):
            return f"{person.lower()}_{kind}" if self.typed else person.lower()
        return f"{kind.upper()}-{parts['id']}" if self.typed else str(parts["id"])


def _check_folder(label: str, folders: list[str]) -> None:
    folder = next((part for part in reversed(folders) if part in _FOLDERS), None)
    if folder is None:
        return
    said = _FOLDERS[folder]
    if said != label and not (said == PNEUMONIA and is_pneumonia(label)):
        raise LabelsError(
            f"{label} by its name, but it lies in a folder {folder!r}",
            hint="Move the film, or correct its name.",
        )


KERMANY: Final = KermanyRule()
"""The official chest X-ray set: three labels, patients by the number alone.

The number alone may join a bacterial and a viral patient into one group. That costs only larger
groups, while taking them apart may put one child on both sides of a split.
"""

"""Rules from a file's place and name to label, patient and official split.

``KERMANY`` reads the official chest X-ray set, ``FOLDERS`` labels by folder as the console of AWS
does, and any function will do. Tables are in ``rekognition_xray.data.reading.tables``.
"""

from __future__ import annotations

import datetime
import re
import unicodedata
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import PurePath
from typing import Final, Protocol, runtime_checkable

import attrs

from rekognition_xray.data.pseudonyms import pseudonym_in
from rekognition_xray.data.xrays import Labelling
from rekognition_xray.errors import LabelsError, NoLabelError
from rekognition_xray.labels import BACTERIAL, NORMAL, PNEUMONIA, VIRAL, is_pneumonia


@attrs.frozen
class ImageName:
    """What a name says about its image.

    Attributes:
        label: such as ``bacterial``.
        patient: equal for all images of one patient; None where the name does not say.
        split: ``train``, ``test`` or ``val`` where the image lies in such an official folder.
    """

    label: str
    patient: str | None = None
    split: str | None = None


@runtime_checkable
class NamingRule(Protocol):
    """A rule; any frozen object with these members will do."""

    @property
    def labelling(self) -> Labelling:
        """Where the labels come from: the rule's name, who made them, and when."""
        raise NotImplementedError

    def read(self, path: PurePath) -> ImageName | None:
        """Reads one path, relative to the dataset's folder, with ``/``.

        Returns:
            None for a path that fits no pattern: such a file is reported, never guessed.

        Raises:
            LabelsError: name and folder contradict each other.
            NoLabelError: there is no label, and the rule can say why.
        """


@runtime_checkable
class ListedRule(NamingRule, Protocol):
    """A rule that names its images one by one, and so can miss some of them."""

    def among(self, names: Sequence[str]) -> tuple[NamingRule, Sequence[tuple[str, str]]]:
        """Finds its images among names relative to the dataset's folder.

        Returns:
            The rule to read these very names with, and what it lists in vain, as pairs of the
            name that is listed and the reason.
        """
        raise NotImplementedError


@runtime_checkable
class SkippingRule(NamingRule, Protocol):
    """A rule that knows files which are no images of the dataset, such as masks."""

    def skip(self, path: PurePath) -> str:
        """Why a file is skipped, as it is counted in ``XrayDataset.skipped``; empty if it is not.

        Args:
            path: relative to the dataset's folder, with ``/``.
        """
        raise NotImplementedError


Names = NamingRule | Callable[[PurePath], ImageName | str | None]
"""What ``names=`` takes: a rule, or a function from a path to an ImageName, a label or None."""


def as_rule(names: Names) -> NamingRule:
    """A rule as it is; a callable as a rule that bears its name.

    Raises:
        TypeError: it is neither.
    """
    given: object = names
    if not isinstance(given, type):
        if isinstance(names, NamingRule):
            return names
        if callable(given):
            return _CallableRule(names)
    raise TypeError(f"names must be a rule or a function, not {given!r}.")


@attrs.frozen
class _CallableRule:
    """A function as a rule: a text that it returns is a label."""

    function: Callable[[PurePath], ImageName | str | None]

    @property
    def labelling(self) -> Labelling:
        """The function's name; a function does not say who labelled, or when."""
        name = getattr(self.function, "__name__", type(self.function).__name__)
        return Labelling(str(name).strip("<>"))

    def read(self, path: PurePath) -> ImageName | None:
        """What the function says of one path; see ``NamingRule.read``."""
        answer: object = self.function(path)
        if isinstance(answer, str):
            return ImageName(answer)
        if answer is None or isinstance(answer, ImageName):
            return answer
        kind = type(answer).__name__
        raise TypeError(
            f"{self.labelling.rule} must return an ImageName, a label or None, not {kind}."
        )


_PATTERNS: Final = tuple(
    re.compile(pattern, re.IGNORECASE | re.ASCII)  # ASCII: else a long s would do for an s
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
SPLITS: Final = frozenset({"train", "test", "val"})
"""Names of official folders, in lower case."""


@attrs.frozen
class KermanyRule:
    """Names of the set of Kermany, Zhang and Goldbaum (2018), Mendeley V2 (Kaggle's) and V3.

    The name gives the label; a folder above it that names another label is a contradiction.
    Upper and lower case do not matter, and neither does the extension.

    Attributes:
        typed: patients are (number, type) instead of the number alone.
        two_classes: bacterial and viral are both ``pneumonia``.
    """

    typed: bool = False
    two_classes: bool = False

    @property
    def labelling(self) -> Labelling:
        """By the set's readers, by 2 June 2018, when V3, its last version, was published.

        The labels of V2 (doi:10.17632/rscbjbr9sj.2, January 2018) are older still. The rule is
        called ``kermany``, with ``-two-class`` and ``-by-type`` behind it where they apply.
        """
        rule = "kermany"
        rule += "-two-class" if self.two_classes else ""
        rule += "-by-type" if self.typed else ""
        return Labelling(rule, by="readers of Kermany 2018", on=datetime.date(2018, 6, 2))

    def by_type(self) -> KermanyRule:
        """The same names with (number, type) as the patient.

        The set seems to count its numbers apart for bacteria and virus. By this rule no patient
        crosses the official folders, but where the numbers do mean one child, it leaks.
        """
        return attrs.evolve(self, typed=True)

    def two_class(self) -> KermanyRule:
        """The same names and patients with the labels ``normal`` and ``pneumonia``."""
        return attrs.evolve(self, two_classes=True)

    def read(self, path: PurePath) -> ImageName | None:
        """Label, patient and official split of one path; see ``NamingRule.read``."""
        found = next(filter(None, (p.fullmatch(path.stem) for p in _PATTERNS)), None)
        if found is None:
            return None
        parts = found.groupdict()
        label = _TYPES[(parts.get("type") or "normal").lower()]
        folders = [part.lower() for part in path.parts[:-1]]
        _check_folder(label, folders)
        shown = PNEUMONIA if self.two_classes and is_pneumonia(label) else label
        return ImageName(shown, self._patient(parts), _official(folders))

    def _patient(self, parts: dict[str, str | None]) -> str:
        if image := parts.get("image"):
            return image.upper()
        kind = (parts["type"] or "").lower()
        if person := parts.get("person"):
            return f"{person.lower()}_{kind}" if self.typed else person.lower()
        return f"{kind.upper()}-{parts['id']}" if self.typed else str(parts["id"])


def _check_folder(label: str, folders: Sequence[str]) -> None:
    folder = next((part for part in reversed(folders) if part in _FOLDERS), None)
    if folder is None:
        return
    implied = _FOLDERS[folder]
    if implied != label and not (implied == PNEUMONIA and is_pneumonia(label)):
        raise LabelsError(
            f"{label} by its name, but it lies in a folder {folder!r}",
            hint="Move the image, or correct its name.",
        )


def _official(folders: Iterable[str]) -> str | None:
    """The nearest official folder; folders come in lower case, the outermost first."""
    return next((part for part in reversed(list(folders)) if part in SPLITS), None)


@attrs.frozen
class FoldersRule:
    """The folder that an image lies in is its label, letter by letter; nobody knows the patient.

    That is what the console of AWS does with "automatically attach labels". Labels are put into
    Unicode's form NFC, so that a Mac and a Linux machine read the same one. An image that lies in
    no folder, or directly in ``train``, ``test`` or ``val``, has no label.

    Attributes:
        level: which folder is the label: 1 for that of the image, 2 for the one above, and so on.
        skipped: names of folders whose files are skipped and counted, such as ``masks``.
        labels: from a folder's name to the label; a folder that is not in it is its own label.
    """

    level: int = 1
    skipped: frozenset[str] = frozenset()
    labels: Mapping[str, str] = attrs.field(factory=dict, hash=False)

    def above(self) -> FoldersRule:
        """The rule by which the folder above that of this rule is the label.

        For sets that have a folder such as ``images`` below each label.
        """
        return attrs.evolve(self, level=self.level + 1)

    def without(self, *folders: str) -> FoldersRule:
        """The same rule, which skips and counts files in folders of these names, in any case."""
        names = frozenset(folder.lower() for folder in folders)
        return attrs.evolve(self, skipped=self.skipped | names)

    def with_labels(self, labels: Mapping[str, str]) -> FoldersRule:
        """The same rule with other labels than the folders' names: ``{"NORMAL": "normal"}``."""
        named = {unicodedata.normalize("NFC", folder): to for folder, to in labels.items()}
        return attrs.evolve(self, labels={**self.labels, **named})

    @property
    def labelling(self) -> Labelling:
        """The rule ``folders``; folders do not say who sorted the images, or when."""
        return Labelling("folders" if self.level == 1 else f"folders-{self.level}")

    def read(self, path: PurePath) -> ImageName:
        """Label and official split of one path; see ``NamingRule.read``."""
        folders = path.parts[: -self.level]
        if not folders:
            raise NoLabelError("it lies in no folder that could label it")
        if folders[-1].lower() in SPLITS:
            raise NoLabelError(f"it lies directly in {folders[-1]!r}, which is no label")
        if pseudonym_in(path.as_posix()):
            raise NoLabelError("its folder is a patient's pseudonym; the label is in the manifest")
        label = unicodedata.normalize("NFC", folders[-1])
        split = _official(part.lower() for part in folders[:-1])
        return ImageName(self.labels.get(label, label), split=split)

    def skip(self, path: PurePath) -> str:
        """Why a file is skipped; see ``SkippingRule.skip``."""
        found = next((part for part in path.parts[:-1] if part.lower() in self.skipped), "")
        return f"in folders {found.lower()!r}" if found else ""


KERMANY: Final = KermanyRule()
"""The official chest X-ray set: three labels, patients by the number alone.

The number alone may join a bacterial and a viral patient into one group. That costs only larger
groups, while taking them apart may put one child on both sides of a split.
"""

FOLDERS: Final = FoldersRule()
"""Any set that is sorted into one folder per label; each image is a group of its own."""

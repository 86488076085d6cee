"""From a folder to images: every file ends as an image or, with a reason, among the rejected."""

from __future__ import annotations

import filecmp
import logging
import os
from collections import Counter, deque
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Final, Literal

import attrs

from rekognition_xray.data.images import begins_as_image
from rekognition_xray.data.manifests import is_unicode
from rekognition_xray.data.pseudonyms import pseudonym_in
from rekognition_xray.data.reading.names import ImageName, ListedRule, NamingRule, SkippingRule
from rekognition_xray.data.xrays import Labelling, Rejected, Xray
from rekognition_xray.errors import (
    EmptyDatasetError,
    FolderNotFoundError,
    ImageError,
    LabelsError,
    NoLabelError,
    list_paths,
)

if TYPE_CHECKING:
    from rekognition_xray.data.manifests import Entry


logger = logging.getLogger(__name__)

_MAC: Final = "__MACOSX"
IMAGE_EXTENSIONS: Final = frozenset(
    {
        *(".jpg", ".jpeg", ".jpe", ".jfif", ".png"),
        *(
            ".gif",
            ".bmp",
            ".tif",
            ".tiff",
            ".webp",
            ".jp2",
            ".j2k",
            ".heic",
            ".avif",
            ".dcm",
            ".dicom",
        ),
    }
)
"""Extensions of files that count as images, wanted or not; of others the content decides."""

Place = Callable[[str], Path | str]
"""From a name within a dataset to where the image lies: a path, or an address in S3."""


def looks_like_image(name: str) -> bool:
    """Whether a file's extension is one of an image, whatever its case."""
    stem, dot, extension = name.removesuffix(".gz").rpartition(".")
    return bool(stem) and f"{dot}{extension.lower()}" in IMAGE_EXTENSIONS


def resolve_labelling(labelling: Labelling | None, rule: NamingRule) -> Labelling:
    """Where labels come from: as the user says, else as the rule does; its name is the rule's."""
    if labelling is None:
        return rule.labelling
    return attrs.evolve(labelling, rule=labelling.rule or rule.labelling.rule)


def sort_out(
    names: Sequence[str], rule: NamingRule, place: Place
) -> tuple[list[Xray], list[Rejected]]:
    """Asks the rule about every name; what it lists and nobody found is rejected too.

    Args:
        names: names within the dataset, with ``/``.
        rule: what reads them.
        place: where an image of that name lies.
    """
    images: list[Xray] = []
    rejected: list[Rejected] = []
    if isinstance(rule, ListedRule):
        rule, missed = rule.among(names)
        rejected += [Rejected(place(name), reason, "no-image") for name, reason in missed]
    for name in names:
        read = _ask(rule, name, place)
        if isinstance(read, Rejected):
            rejected.append(read)
        else:
            images.append(Xray(place(name), read.label, read.patient, read.split, name))
    return images, rejected


def _ask(rule: NamingRule, name: str, place: Place) -> ImageName | Rejected:
    try:
        read = rule.read(PurePosixPath(name))
    except NoLabelError as error:
        return Rejected(place(name), error.message)
    except ImageError as error:  # of a rule that reads the file itself
        return Rejected(place(name), error.reason, "unreadable")
    except LabelsError as error:
        return Rejected(place(name), error.message, "contradictory-labels")
    except Exception as error:
        error.add_note(f"The rule {rule.labelling.rule!r} raised this for {place(name)}")
        raise
    if read is None or not read.label.strip():
        return Rejected(place(name), f"the name fits no pattern of the rule {_rule_name(rule)}")
    if not is_unicode(read.label):
        return Rejected(place(name), f"the label {read.label!r} is no valid Unicode")
    return read


def _rule_name(rule: NamingRule) -> str:
    return repr(rule.labelling.rule)


def images_of_entries(
    entries: Iterable[Entry], rule: NamingRule | None
) -> tuple[list[Xray], list[Rejected]]:
    """Images of a manifest's entries, which lie in S3.

    The patient is the pseudonym in the key. With a rule it is what the rule reads from the key,
    the official split too, and an entry whose label the rule does not confirm is rejected.
    """
    labels = {entry.source_ref: entry.label for entry in entries}
    if rule is None:
        images = [Xray(ref, label, pseudonym_in(ref)) for ref, label in labels.items()]
        _warn_of_other_files(images)
        return images, []
    places = {ref.split("/", 3)[-1]: ref for ref in labels}  # the entries share one bucket
    read, rejected = sort_out(list(places), rule, lambda key: places.get(key, key))
    images = []
    for image in read:
        ref = str(image.source)
        if image.label == labels[ref]:
            images.append(attrs.evolve(image, name=ref))
        else:
            reason = (
                f"{labels[ref]} in the manifest, but {image.label} by the rule {_rule_name(rule)}"
            )
            rejected.append(Rejected(ref, reason, "contradictory-labels"))
    return images, rejected


def _warn_of_other_files(images: Sequence[Xray]) -> None:
    strangers = sum(image.patient is None for image in images)
    if strangers:
        logger.warning(
            "%d of %d images bear no pseudonym, so each counts as a patient of its own; "
            "pass names=... if their keys name the patient",
            strangers,
            len(images),
        )


__all__ = ["IMAGE_EXTENSIONS", "read_folder"]

logger = logging.getLogger(__name__)

NO_IMAGE: Final = "that are no images"
CLOSED: Final = "that cannot be opened, without the name of an image"
NO_FILE: Final = "that are links to nothing, or no regular files"
HIDDEN: Final = f"hidden, or {_MAC}"
AGAIN: Final = "of a folder that holds itself once more"
_COMPARED: Final = 20
"""Files of a folder that seems to be repeated whose content is compared; of all others the size."""
_START: Final = 132  # bytes: DICOM says what it is at the end of these
_LINK: Final = "a link to a folder that is read already, or to one above it"
_NO_FILE: Final = {
    "neither": "a link to nothing, or no regular file",
    "closed": "a link that may not be followed",
}


def read_folder(
    folder: str | Path, rule: NamingRule, *, only: Collection[str] = ()
) -> tuple[list[Xray], list[Rejected], dict[str, int]]:
    """Reads a folder and all folders in it.

    Files whose extension is not an image's are opened to see how they begin: DICOM often has names
    such as ``IM000001``. Files that are no images, hidden ones (AppleDouble's ``._*`` among them)
    and ``__MACOSX`` are skipped and counted. A dataset that holds itself once more in a folder of
    its own name, as Kaggle's archive does, is read once.

    Args:
        folder: where the images lie.
        rule: what reads their names.
        only: names of folders directly in it, where the others are to be left alone.

    Returns:
        The images, the rejected files, and how many files were skipped, by reason.

    Raises:
        FolderNotFoundError: no such folder, or one that cannot be opened.
        EmptyDatasetError: no file fits the rule.
    """
    root = Path(folder).expanduser()
    _require_folder(root)
    names: list[str] = []
    unreadable: list[Rejected] = []
    skipped: Counter[str] = Counter()
    for item in _walk(root, only, skipped):
        if isinstance(item, Rejected):
            unreadable.append(item)
        elif isinstance(rule, SkippingRule) and (reason := rule.skip(PurePosixPath(item))):
            skipped[reason] += 1
        elif looks_like_image(item):
            names.append(item)
        elif (begins := _begins_as_image(root / item)) is None:
            skipped[CLOSED] += 1
        elif begins:
            names.append(item)
        else:
            skipped[NO_IMAGE] += 1
    names = _without_itself(root, sorted(names), skipped)  # a rule meets one order everywhere
    images, refused = sort_out(names, rule, lambda name: root / name)
    rejected = sorted(unreadable + refused, key=lambda item: (str(item.path), item.reason))
    if skipped:
        counts = ", ".join(f"{count:,} {reason}" for reason, count in sorted(skipped.items()))
        logger.info("%s: skipped %s", root, counts)
    if not images:
        raise _empty(root, rule, rejected)
    return images, rejected, dict(skipped)


def _begins_as_image(path: Path) -> bool | None:
    """None where the file cannot be opened."""
    try:
        with path.open("rb") as file:
            return begins_as_image(file.read(_START))
    except OSError:
        return None


def _without_itself(root: Path, names: list[str], skipped: Counter[str]) -> list[str]:
    """The names without those of a folder that repeats the one that holds it."""
    there = set(names)
    inner = {name: outer for name in names if (outer := _outer_name(root, name))}
    sizes_agree = inner and all(
        outer in there and _same_size(root, name, outer) for name, outer in inner.items()
    )
    few = list(inner.items())[:: max(1, len(inner) // _COMPARED)]
    if not sizes_agree or not all(_same_content(root / one, root / two) for one, two in few):
        return names  # nothing is repeated, or something in it is not there a second time
    skipped[AGAIN] += len(inner)
    logger.warning("%s holds itself once more: %d files in it are read once", root, len(inner))
    return [name for name in names if name not in inner]


def _outer_name(root: Path, name: str) -> str:
    """The name without a folder that lies in one of its own name; empty if there is none."""
    parts = (root.name, *name.split("/"))
    for at in range(1, len(parts) - 1):
        if parts[at] == parts[at - 1]:
            return "/".join((*parts[1:at], *parts[at + 1 :]))
    return ""


def _same_size(root: Path, one: str, other: str) -> bool:
    try:
        return (root / one).stat().st_size == (root / other).stat().st_size
    except OSError:
        return False


def _same_content(one: Path, other: Path) -> bool:
    try:
        return filecmp.cmp(one, other, shallow=False)
    except OSError:
        return False


def _require_folder(root: Path) -> None:
    try:
        there, is_folder = root.exists(), root.is_dir()
    except (OSError, ValueError) as error:
        raise FolderNotFoundError(f"{root} cannot be opened: {error}.", paths=(root,)) from error
    if not is_folder:
        what = "is not a folder" if there else "does not exist"
        raise FolderNotFoundError(f"{root} {what}.", paths=(root,))


def _walk(root: Path, only: Collection[str], skipped: Counter[str]) -> Iterator[str | Rejected]:
    """The name of every visible file below a folder, with ``/``.

    Folders are read once: linked ones last, and only where they were not met before, so neither a
    circle of links nor two links to one folder count an image twice. No recursion: a tree may be
    deeper than Python's stack.
    """
    read: set[tuple[int, int]] = set()
    here, links = [""], deque[str]()
    while here or links:
        name = here.pop() if here else links.popleft()
        try:
            entries = _entries(root / name, read)
        except OSError as error:
            reason = f"the folder cannot be read: {error.strerror}"
            yield Rejected(root / name, reason, "unreadable")
            continue
        if entries is None:
            yield Rejected(root / name, _LINK, "unreadable")
            continue
        for entry in entries:
            if entry.name.startswith(".") or entry.name == _MAC:
                skipped[HIDDEN] += 1
                continue
            if only and not name and entry.name not in only:
                continue
            found = f"{name}/{entry.name}" if name else entry.name
            kind = _kind(entry)
            if kind == "file":
                yield found
            elif kind == "folder":
                (links if entry.is_symlink() else here).append(found)
            elif kind == "closed" or looks_like_image(entry.name):
                yield Rejected(root / found, _NO_FILE[kind], "unreadable")
            else:
                skipped[NO_FILE] += 1


def _entries(folder: Path, read: set[tuple[int, int]]) -> list[os.DirEntry[str]] | None:
    """What is in a folder; None where it was read before."""
    status = folder.stat()
    identity = (status.st_dev, status.st_ino)
    if identity in read:
        return None
    read.add(identity)
    with os.scandir(folder) as entries:
        return sorted(entries, key=lambda entry: entry.name)


def _kind(entry: os.DirEntry[str]) -> Literal["folder", "file", "neither", "closed"]:
    try:
        if entry.is_dir():
            return "folder"
        return "file" if entry.is_file() else "neither"
    except PermissionError:  # whether the link leads to images is unknown
        return "closed"
    except OSError:  # a link to itself, for example
        return "neither"


def _empty(root: Path, rule: NamingRule, rejected: list[Rejected]) -> EmptyDatasetError:
    if not rejected:
        return EmptyDatasetError(f"{root} holds no image.", paths=(root,))
    listed = list_paths(f"{item.path}: {item.reason}" for item in rejected)
    return EmptyDatasetError(
        f"No image in {root} fits the naming rule {rule.labelling.rule!r}:\n{listed}",
        paths=[item.path for item in rejected],
    )

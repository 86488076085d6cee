"""From a folder to films: every file ends as a film or, with a reason, among the rejected."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final, Literal

from rekognition_xray.data.films import Rejected, Xray
from rekognition_xray.data.names import NamingRule
from rekognition_xray.errors import (
    EmptyDatasetError,
    FolderNotFoundError,
    LabelsError,
    list_paths,
)

logger = logging.getLogger(__name__)

IMAGE_EXTENSIONS: Final = frozenset(
    {
        *(".jpg", ".jpeg", ".jpe", ".jfif", ".png"),
        *(".gif", ".bmp", ".tif", ".tiff", ".webp", ".jp2", ".heic", ".dcm", ".dicom"),
    }
)
"""Extensions of files that count as films, wanted or not; others are no concern of a dataset."""


def read_folder(folder: str | Path, names: NamingRule) -> tuple[list[Xray], list[Rejected]]:
    """Reads a folder and all folders in it; only names are looked at, no file is opened.

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
    return films, rejected


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
        path = Path(entry.path)
        kind = _kind(entry)
        if kind == "folder":
            yield from _walk(path, above | {here})
        elif kind == "file":
            yield path
        elif path.suffix.lower() in IMAGE_EXTENSIONS:
            yield Rejected(path, "a link to nothing, or no regular file", "unreadable")


def _kind(entry: os.DirEntry[str]) -> Literal["folder", "file", "neither"]:
    try:
        if entry.is_dir():
            return "folder"
        return "file" if entry.is_file() else "neither"
    except OSError:  # a link to itself, for example
        return "neither"


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
        return Rejected(path, f"the name fits no pattern of the rule {names.labelling.rule!r}")
    return Xray(path, read.label, read.patient, read.split, relative.as_posix())


def _empty(root: Path, names: NamingRule, rejected: list[Rejected]) -> EmptyDatasetError:
    if not rejected:
        return EmptyDatasetError(f"{root} holds no image.", paths=(root,))
    listed = list_paths(f"{item.path}: {item.reason}" for item in rejected)
    return EmptyDatasetError(
        f"No image in {root} fits the naming rule {names.labelling.rule!r}:\n{listed}",
        paths=[item.path for item in rejected],
    )

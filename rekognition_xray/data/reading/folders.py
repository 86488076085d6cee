"""From a folder to images: every file ends as an image or, with a reason, among the rejected."""

from __future__ import annotations

import logging
import os
from collections import deque
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Final, Literal

from rekognition_xray.data.reading.names import NamingRule
from rekognition_xray.data.reading.names_to_images import (
    IMAGE_EXTENSIONS,
    looks_like_image,
    sort_out,
)
from rekognition_xray.data.xrays import Rejected, Xray
from rekognition_xray.errors import EmptyDatasetError, FolderNotFoundError, list_paths

__all__ = ["IMAGE_EXTENSIONS", "read_folder"]

logger = logging.getLogger(__name__)

_LINK: Final = "a link to a folder that is read already, or to one above it"
_NO_FILE: Final = {
    "neither": "a link to nothing, or no regular file",
    "closed": "a link that may not be followed",
}


def read_folder(
    folder: str | Path, rule: NamingRule, *, only: Collection[str] = ()
) -> tuple[list[Xray], list[Rejected]]:
    """Reads a folder and all folders in it; only names are looked at, no file is opened.

    Args:
        folder: where the images lie.
        rule: what reads their names.
        only: names of folders directly in it, where the others are to be left alone.

    Raises:
        FolderNotFoundError: no such folder, or one that cannot be opened.
        EmptyDatasetError: no file fits the rule.
    """
    root = Path(folder).expanduser()
    _require_folder(root)
    names: list[str] = []
    unreadable: list[Rejected] = []
    ignored = 0
    for item in _walk(root, only):
        if isinstance(item, Rejected):
            unreadable.append(item)
        elif looks_like_image(item):
            names.append(item)
        else:
            ignored += 1
    names.sort()  # so that a rule meets them in one order everywhere
    images, refused = sort_out(names, rule, lambda name: root / name)
    rejected = sorted(unreadable + refused, key=lambda item: (str(item.path), item.reason))
    logger.debug(
        "%s: %d images, %d rejected, %d other files", root, len(images), len(rejected), ignored
    )
    if not images:
        raise _empty(root, rule, rejected)
    return images, rejected


def _require_folder(root: Path) -> None:
    try:
        there, is_folder = root.exists(), root.is_dir()
    except (OSError, ValueError) as error:
        raise FolderNotFoundError(f"{root} cannot be opened: {error}.", paths=(root,)) from error
    if not is_folder:
        what = "is not a folder" if there else "does not exist"
        raise FolderNotFoundError(f"{root} {what}.", paths=(root,))


def _walk(root: Path, only: Collection[str]) -> Iterator[str | Rejected]:
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
            if entry.name.startswith(".") or (only and not name and entry.name not in only):
                continue
            found = f"{name}/{entry.name}" if name else entry.name
            kind = _kind(entry)
            if kind == "file":
                yield found
            elif kind == "folder":
                (links if entry.is_symlink() else here).append(found)
            elif kind == "closed" or looks_like_image(entry.name):
                yield Rejected(root / found, _NO_FILE[kind], "unreadable")


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
    except PermissionError:  # nobody can tell whether the link leads to images
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

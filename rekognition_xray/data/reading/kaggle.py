"""The chest X-ray set from Kaggle: downloaded by ``kagglehub``, found, and counted."""

from __future__ import annotations

import datetime
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Final

import attrs

from rekognition_xray.data.reading.folders import read_folder
from rekognition_xray.data.reading.names import KERMANY, SPLITS, KermanyRule
from rekognition_xray.data.xrays import Rejected, Xray
from rekognition_xray.errors import DataError, EmptyDatasetError, MissingExtraError, list_paths
from rekognition_xray.labels import BACTERIAL, NORMAL, VIRAL

HANDLE: Final = "paultimothymooney/chest-xray-pneumonia"
"""The set's name on Kaggle."""
VERSION: Final = 2
"""The version that the counts below are those of."""


@attrs.frozen
class PublishedCounts:
    """Images that a set should hold.

    Attributes:
        images: number of images by official split and label.
        source: who says so.
        on: when that was looked up.
    """

    images: Mapping[tuple[str, str], int]
    source: str
    on: datetime.date


PUBLISHED: Final = PublishedCounts(
    {
        ("train", NORMAL): 1341,
        ("train", BACTERIAL): 2530,
        ("train", VIRAL): 1345,
        ("val", NORMAL): 8,
        ("val", BACTERIAL): 8,
        ("test", NORMAL): 234,
        ("test", BACTERIAL): 242,
        ("test", VIRAL): 148,
    },
    "https://www.kaggle.com/datasets/paultimothymooney/chest-xray-pneumonia, version 2",
    datetime.date(2026, 11, 1),
)
"""5,856 images: 5,216 in train, 16 in val (none of them viral), 624 in test."""


def download(version: int | None, folder: str | Path | None) -> Path:
    """Downloads the set, or finds it where an earlier call left it, and says where it lies.

    Raises:
        MissingExtraError: ``kagglehub`` is not installed.
        DataError: Kaggle cannot be reached, refuses, or the disk is full.
    """
    hub, failures = _hub()
    handle = HANDLE if version is None else f"{HANDLE}/versions/{version}"
    options = {} if folder is None else {"output_dir": str(folder)}
    try:
        return Path(hub.dataset_download(handle, **options))
    except failures as error:
        raise DataError(
            f"{handle} could not be downloaded from Kaggle: {error}", hint=_advice(error)
        ) from error


def read_download(
    root: Path, rule: KermanyRule, expected: PublishedCounts | None
) -> tuple[list[Xray], list[Rejected]]:
    """Reads the one folder below the root that holds the set as published.

    Kaggle's archive holds the set twice, the second time within the first, beside ``__MACOSX``.

    Raises:
        DataError: no such folder, or images are missing or too many.
    """
    problems: list[str] = []
    for folder in _candidates(root):
        try:
            images, rejected, _ = read_folder(folder, rule, only=SPLITS)
        except EmptyDatasetError as error:
            problems.append(error.message)
            continue
        differences = _differences(images, expected)
        if not differences:
            return images, rejected
        problems.append(f"{folder} is not complete:\n{list_paths(differences)}")
    if not problems:
        problems = [f"{root} holds no folder with train and test in it."]
    if expected is not None:
        problems.append(f"Counts as published: {expected.source} (looked up {expected.on}).")
    raise DataError(
        "\n".join(problems),
        paths=(root,),
        hint=f"Delete {root} and download again; expected=None takes what is there.",
    )


def _candidates(root: Path) -> Iterator[Path]:
    """Folders that hold train and test: the outermost first."""
    level = [root]
    while level:
        below = [_folders(folder) for folder in level]
        for folder, names in zip(level, below, strict=True):
            if {"train", "test"} <= names:
                yield folder
        level = [
            folder / name
            for folder, names in zip(level, below, strict=True)
            for name in sorted(names - SPLITS - {"__MACOSX"})
            if not name.startswith(".")
        ]


def _folders(folder: Path) -> set[str]:
    try:
        found = list(folder.iterdir())
    except OSError:  # a set that cannot be read is not complete either
        return set()
    return {entry.name for entry in found if entry.is_dir() and not entry.is_symlink()}


def _differences(images: Iterable[Xray], expected: PublishedCounts | None) -> list[str]:
    """What is missing or too many, a line for each split and label."""
    if expected is None:
        return []
    found = Counter(map(_split_and_label, images))
    return [
        f"{split}, {label}: {found[split, label]:,} images, {wanted:,} published"
        for split, label in sorted(found.keys() | expected.images.keys())
        if found[split, label] != (wanted := expected.images.get((split, label), 0))
    ]


def _split_and_label(image: Xray) -> tuple[str, str]:
    """By the three labels, whatever the labels of the dataset are."""
    name = KERMANY.read(Path(image.name))
    return (image.split or "", name.label if name else image.label)


def _hub() -> tuple[ModuleType, tuple[type[Exception], ...]]:
    """kagglehub, and what it raises when a download fails."""
    try:
        hub = import_module("kagglehub")
        text = vars(import_module("kagglehub.exceptions")).values()
    except ImportError as error:
        raise MissingExtraError("kaggle", needed_for="XrayDataset.from_kaggle()") from error
    own = {kind for kind in text if isinstance(kind, type) and issubclass(kind, Exception)}
    return hub, (OSError, *own)  # the errors of requests are OSErrors


def _advice(error: Exception) -> str:
    by_hand = "or download it in a browser and use XrayDataset.from_folder()."
    status = getattr(getattr(error, "response", None), "status_code", None)
    if status in {401, 403} or "auth" in type(error).__name__.lower():
        return f"Sign in (kagglehub.login(), or KAGGLE_USERNAME and KAGGLE_KEY), {by_hand}"
    if status == 404:
        return "Check the version: version=None takes the newest."
    if isinstance(error, FileExistsError):
        return "Choose an empty folder, or read that one with XrayDataset.from_folder()."
    return f"Check network and disk (archive and images take 5 GB), {by_hand}"

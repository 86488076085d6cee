"""A project of Azure Custom Vision, which is retired in September 2028: its images with tags.

Custom Vision has no export of images. What one can take along are the replies of its operation
GetTaggedImages (REST API 3.x: a list of images with ``id``, ``tags``, ``regions``, ``metadata``),
saved as JSON, and the images, saved under their ids.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from rekognition_xray.data.reading.folders import looks_like_image
from rekognition_xray.data.xrays import Labelling, Rejected, Xray
from rekognition_xray.errors import DataError, EmptyDatasetError, FolderNotFoundError

LABELLING = Labelling("custom-vision")


def read_custom_vision(folder: Path, patient: str | None) -> tuple[list[Xray], list[Rejected]]:
    """The images of a folder by the replies of GetTaggedImages in it.

    Args:
        folder: holds the replies as ``*.json``, and the images, each named by its id.
        patient: the key of the images' metadata that identifies the patient, if one does.

    Raises:
        FolderNotFoundError: no such folder.
        DataError: a JSON file is no reply of GetTaggedImages; all are named.
        EmptyDatasetError: no image.
    """
    if not folder.is_dir():
        raise FolderNotFoundError(f"There is no folder {folder}.", paths=[folder])
    files: dict[str, list[Path]] = {}
    for path in sorted(folder.rglob("*")):
        if _is_image(path):
            files.setdefault(path.stem.lower(), []).append(path)
    images: list[Xray] = []
    rejected: list[Rejected] = []
    records = list(_records(folder))
    if patient is not None and not any(patient in _metadata(record) for record in records):
        raise DataError(
            f"No image has metadata {patient!r}, so no patient is known.",
            hint="Check the key; without one, each image counts as a patient of its own.",
        )
    for record in records:
        found = _read(record, files.pop(str(record["id"]).lower(), []), folder, patient)
        images += [one for one in found if isinstance(one, Xray)]
        rejected += [one for one in found if isinstance(one, Rejected)]
    unknown = "no reply of GetTaggedImages has its id"
    rejected += [Rejected(path, unknown) for same in files.values() for path in same]
    if not images:
        raise EmptyDatasetError(
            f"{folder} gives no image: {len(rejected)} were rejected.",
            paths=[item.path for item in rejected],
            hint="Save the replies of GetTaggedImages as *.json, and each image under its id.",
        )
    return images, rejected


def _is_image(path: Path) -> bool:
    return path.is_file() and looks_like_image(path.name)


def _records(folder: Path) -> Iterator[Mapping[str, Any]]:
    """The images of all replies, each once; pages may overlap."""
    seen: dict[str, Mapping[str, Any]] = {}
    bad = []
    for path in sorted(folder.rglob("*.json")):
        try:
            page = json.loads(path.read_text("utf-8-sig"))
            for record in page:
                _ = [tag["tagName"] for tag in record.get("tags") or ()]
                seen[str(record["id"])] = record
        except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
            bad.append(path)
    if bad:
        raise DataError(
            f"These files are no reply of GetTaggedImages: {', '.join(map(str, bad))}",
            paths=bad,
            hint="A reply is a JSON list of images, each with an id and tags that have a tagName.",
        )
    yield from seen.values()


def _metadata(record: Mapping[str, Any]) -> Mapping[str, Any]:
    found = record.get("metadata")
    return found if isinstance(found, dict) else {}


def _read(
    record: Mapping[str, Any], paths: list[Path], folder: Path, patient: str | None
) -> list[Xray | Rejected]:
    """The image of a record, or why there is none; one reason for each file."""
    if not paths:
        reason = "there is no image of this id in the folder"
        return [Rejected(str(record["id"]), reason, "no-image")]
    if len(paths) > 1:
        reason = f"{len(paths)} files have this id, and nobody knows which is meant"
        return [Rejected(path, reason, "contradictory-labels") for path in paths]
    (path,) = paths
    tags = [tag["tagName"] for tag in record.get("tags") or ()]
    if record.get("regions"):
        return [Rejected(path, "its tags are those of boxes, not of the whole image")]
    if len(tags) > 1:
        reason = f"it has {len(tags)} tags ({', '.join(sorted(map(str, tags)))}); one is needed"
        return [Rejected(path, reason, "contradictory-labels")]
    if not tags or not isinstance(tags[0], str) or not tags[0].strip():
        return [Rejected(path, "it has no tag; one is needed")]
    known = _metadata(record).get(patient) if patient else None
    child = None if known is None else str(known).strip() or None
    return [Xray(path, tags[0], patient=child, name=path.relative_to(folder).as_posix())]

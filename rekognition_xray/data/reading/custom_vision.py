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
    files = {path.stem.lower(): path for path in sorted(folder.rglob("*")) if _is_image(path)}
    images, rejected = [], []
    for record in _records(folder):
        found = _read(record, files.pop(str(record["id"]).lower(), None), folder, patient)
        if isinstance(found, Xray):
            images.append(found)
        else:
            rejected.append(found)
    unknown = "no reply of GetTaggedImages has its id"
    rejected += [Rejected(path, unknown) for path in files.values()]
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
            seen |= {str(record["id"]): record for record in page}
        except (OSError, ValueError, KeyError, TypeError):
            bad.append(path)
    if bad:
        raise DataError(
            "These files are no reply of GetTaggedImages: a JSON list of images, each with an id: "
            + ", ".join(map(str, bad)),
            paths=bad,
        )
    yield from seen.values()


def _read(
    record: Mapping[str, Any], path: Path | None, folder: Path, patient: str | None
) -> Xray | Rejected:
    identity = str(record["id"])
    if path is None:
        return Rejected(identity, "there is no image of this id in the folder", "no-image")
    tags = [str(tag["tagName"]) for tag in record.get("tags") or ()]
    if record.get("regions"):
        return Rejected(path, "its tags are those of boxes, not of the whole image")
    if len(tags) != 1:
        named = f"{len(tags)} tags ({', '.join(sorted(tags))})" if tags else "no tag"
        code = "contradictory-labels" if tags else "no-label"
        return Rejected(path, f"it has {named}; one is needed", code)  # type: ignore[arg-type]
    metadata = record.get("metadata") or {}
    known = metadata.get(patient) if patient else None
    name = path.relative_to(folder).as_posix()
    return Xray(path, tags[0], patient=None if known is None else str(known), name=name)

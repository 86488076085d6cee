"""Models on disk: one file of plain arrays and one small JSON file, never a pickle."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import numpy.typing as npt

from rekognition_xray.local.learning.learner import ModelFormatError

FORMAT = 2
_ARRAYS = "arrays.npz"
_HEAD = "model.json"

Array = npt.NDArray[np.float32] | npt.NDArray[np.float64] | npt.NDArray[np.uint8]
Arrays = dict[str, Array]


def write_model(
    folder: Path,
    learner: str,
    labels: tuple[str, ...],
    *,
    single: bool,
    arrays: Mapping[str, Array],
    notes: Mapping[str, str] | None = None,
) -> None:
    """Write a model into `folder`, created if needed; the JSON file comes last, as the seal.

    `notes` tell people how the model came about.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / _ARRAYS).open("wb") as file:
        np.savez(file, allow_pickle=False, **dict(arrays))
    head: dict[str, object] = {
        "format": FORMAT,
        "learner": learner,
        "labels": list(labels),
        "single": single,
    }
    if notes:
        head["notes"] = dict(notes)
    (folder / _HEAD).write_text(json.dumps(head) + "\n", encoding="utf-8")


def read_model(
    folder: Path, learner: str, names: frozenset[str]
) -> tuple[tuple[str, ...], bool, Arrays]:
    """Labels, whether each image has one label, and the arrays `names`.

    Raises `ModelFormatError` where something is missing, damaged or of another kind.
    """
    try:
        head = json.loads((folder / _HEAD).read_text(encoding="utf-8"))
        with (folder / _ARRAYS).open("rb") as file:
            packed = np.load(file, allow_pickle=False)
            arrays: Arrays = {name: packed[name] for name in sorted(names)}
        kind = (head["format"], head["learner"])
        labels, single = tuple(str(label) for label in head["labels"]), bool(head["single"])
    except (OSError, ValueError, LookupError, TypeError, EOFError, zipfile.BadZipFile) as error:
        raise ModelFormatError(f"{folder} holds no model that can be read: {error}") from error
    if kind != (FORMAT, learner):
        raise ModelFormatError(
            f"{folder} holds a model of learner {kind[1]!r}, format {kind[0]!r}; "
            f"expected {learner!r}, format {FORMAT}"
        )
    return labels, single, arrays


def read_notes(folder: Path) -> dict[str, str]:
    """What `write_model` was given as notes. Raises `ModelFormatError` as `read_model` does."""
    try:
        head = json.loads((folder / _HEAD).read_text(encoding="utf-8"))
        return {str(name): str(text) for name, text in head.get("notes", {}).items()}
    except (OSError, ValueError, AttributeError) as error:
        raise ModelFormatError(f"{folder} holds no model that can be read: {error}") from error

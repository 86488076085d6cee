from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from rekognition_xray.local.learning import ModelFormatError
from rekognition_xray.local.learning.saved import FORMAT, read_model, write_model

LABELS = ("bacterial", "naïve “quoted”")
NAMES = frozenset({"weights"})


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write_model(tmp_path / "m", "fast", LABELS, single=True, arrays={"weights": np.arange(3.0)})
    return tmp_path / "m"


def test_what_was_written_is_read_back(folder: Path) -> None:
    labels, single, arrays = read_model(folder, "fast", NAMES)
    assert (labels, single) == (LABELS, True)
    assert arrays["weights"].tolist() == [0, 1, 2]


def test_the_files_are_plain_arrays_and_json(folder: Path) -> None:
    assert sorted(path.name for path in folder.iterdir()) == ["arrays.npz", "model.json"]
    assert json.loads((folder / "model.json").read_text("utf-8"))["format"] == FORMAT


@pytest.mark.parametrize("name", ["arrays.npz", "model.json"])
@pytest.mark.parametrize("damage", ["gone", "empty", "cut", "noise"])
def test_a_damaged_model_is_refused_by_name(folder: Path, name: str, damage: str) -> None:
    whole = (folder / name).read_bytes()
    if damage == "gone":
        (folder / name).unlink()
    else:
        parts = {"empty": b"", "cut": whole[: len(whole) // 2], "noise": b"\xff" * len(whole)}
        (folder / name).write_bytes(parts[damage])
    with pytest.raises(ModelFormatError, match="holds no model"):
        read_model(folder, "fast", NAMES)


def test_a_pickle_among_the_arrays_is_refused(folder: Path) -> None:
    np.savez(folder / "arrays.npz", weights=np.array([{"a": 1}], dtype=object))
    with pytest.raises(ModelFormatError, match="pickle"):
        read_model(folder, "fast", NAMES)


def test_a_missing_array_is_named(folder: Path) -> None:
    with pytest.raises(ModelFormatError, match="slope"):
        read_model(folder, "fast", NAMES | {"slope"})


@pytest.mark.parametrize("change", [{"format": 1}, {"learner": "pretrained"}])
def test_another_format_or_learner_is_refused(folder: Path, change: dict[str, object]) -> None:
    head = json.loads((folder / "model.json").read_text("utf-8")) | change
    (folder / "model.json").write_text(json.dumps(head), "utf-8")
    with pytest.raises(ModelFormatError, match=f"expected 'fast', format {FORMAT}"):
        read_model(folder, "fast", NAMES)

"""A folder of images, and tables about them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from rekognition_xray.data.dataset import XrayDataset
from rekognition_xray.data.reading import TableNames

Save = Callable[..., Path]


@pytest.fixture
def save(tmp_path: Path) -> Save:
    def save(text: str | bytes, encoding: str = "utf-8") -> Path:
        path = tmp_path / "labels.csv"
        path.write_bytes(text if isinstance(text, bytes) else text.encode(encoding))
        return path

    return save


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Images a.png, b.png and deep/c.png."""
    root = tmp_path / "images"
    (root / "deep").mkdir(parents=True)
    for name in ("a.png", "b.png", "deep/c.png"):
        (root / name).write_bytes(b"x")
    return root


def read(folder: Path, table: TableNames) -> tuple[dict[str, str], dict[str, str]]:
    """Label by image, and reason by rejected path, both relative to the folder."""
    dataset = XrayDataset.from_folder(folder, names=table)
    rejected = {str(item.path).removeprefix(f"{folder}/"): item.reason for item in dataset.rejected}
    assert len(rejected) == len(dataset.rejected)
    return {image.name: image.label for image in dataset}, rejected


SOUND = "file,label,patient\na.png,normal,1\nb.png,viral,2\ndeep/c.png,viral,2\n"
ALL = {"a.png": "normal", "b.png": "viral", "deep/c.png": "viral"}

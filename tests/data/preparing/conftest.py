"""A dataset, and a folder to prepare it into."""

from __future__ import annotations

from pathlib import Path

import pytest

import rekognition_xray as rx
from rekognition_xray.data.preparing import LEDGER
from rekognition_xray.data.preparing import worker as prepare_worker

Opened = list[str]


@pytest.fixture
def dataset(write) -> rx.XrayDataset:
    """Twelve images: eleven of them differ, two show the same picture."""
    for number in range(11):
        write(f"NORMAL/IM-{number:04}-0001.jpeg")
    copied = write("NORMAL/IM-0000-0001.jpeg").read_bytes()
    write("NORMAL/IM-0000-0002.jpeg", copied)
    return read(write)


@pytest.fixture
def folder(tmp_path) -> Path:
    return tmp_path / "prepared"


@pytest.fixture
def opened(monkeypatch) -> Opened:
    """Names of the source files that were read, as they are read."""
    names: Opened = []
    read_file = prepare_worker.read_file

    def note(path: Path) -> bytes:
        names.append(path.name)
        return read_file(path)

    monkeypatch.setattr(prepare_worker, "read_file", note)
    return names


def read(write) -> rx.XrayDataset:
    return rx.XrayDataset.from_folder(write("a.txt", b"no image").parent)


def results(folder: Path) -> dict[str, bytes]:
    found = (path for path in folder.rglob("*") if path.is_file() and path.name != LEDGER)
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in found}

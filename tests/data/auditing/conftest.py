"""A sound folder of images, and what an audit says of it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image

from rekognition_xray.data.auditing import Finding
from rekognition_xray.data.dataset import XrayDataset

Draw = Callable[..., Image.Image]
Write = Callable[..., Path]


@pytest.fixture
def folder(write: Write, tmp_path: Path) -> Path:
    """Thirty sound images of nine patients for each of three labels, too few to seek shortcuts."""
    for number in range(10):
        patient, image = min(number, 8), 1 + number // 9
        write(f"NORMAL/IM-{patient:04}-{image:04}.jpeg")
        write(f"PNEUMONIA/person{patient}_bacteria_{image}.jpeg")
        write(f"PNEUMONIA/person{patient + 100}_virus_{image}.jpeg")
    return tmp_path / "images"


def findings(folder: Path) -> dict[str, Finding]:
    found = XrayDataset.from_folder(folder).audit().findings
    codes = [finding.code for finding in found]
    assert len(set(codes)) == len(codes)
    return dict(zip(codes, found, strict=True))

"""Small images, written where a test wants them."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image

from rekognition_xray.data.dataset import Audit, XrayDataset

Draw = Callable[..., Image.Image]
Write = Callable[..., Path]


def _draw(seed: int = 0, size: tuple[int, int] = (80, 96), mode: str = "L") -> Image.Image:
    """A picture that depends on its seed: soft random blots."""
    dice = random.Random(seed)
    blots = Image.frombytes("L", (8, 8), bytes(dice.randrange(256) for _ in range(64)))
    return blots.resize(size, Image.Resampling.BICUBIC).convert(mode)


@pytest.fixture(scope="session")
def draw() -> Draw:
    """draw(seed, size, mode) -> a Pillow image."""
    return _draw


@pytest.fixture(scope="session")
def audited_originals(xrays: Path) -> Audit:
    """The audit of the real originals, which takes seconds."""
    return XrayDataset.from_folder(xrays / "originals").audit()


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """write(name, image or bytes, **save options) -> the path of a file in the test's folder."""

    def write(name: str, content: Image.Image | bytes | None = None, **options: object) -> Path:
        path = tmp_path / "images" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if isinstance(content, bytes):
            path.write_bytes(content)
            return path
        picture = _draw(hash_of(name)) if content is None else content
        picture.save(path, **options)
        return path

    def hash_of(name: str) -> int:
        return int.from_bytes(name.encode(), "big")

    return write

"""Images without contrast are found, each with its number; ordinary ones are not."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import rekognition_xray as rx
from rekognition_xray.data.auditing.looks import poor_contrast
from rekognition_xray.data.phantoms import make_phantoms
from rekognition_xray.data.reading import FOLDERS


def noise(least: int, most: int, *, seed: int = 5, kind: str = "uint8") -> np.ndarray:
    return np.random.default_rng(seed).integers(least, most + 1, (96, 80)).astype(kind)


def mostly(grey: int, share: float) -> np.ndarray:
    picture = noise(0, 255).ravel()
    picture[: round(share * picture.size)] = grey
    return picture.reshape(96, 80)


@pytest.mark.parametrize(
    ("pixels", "found"),
    [
        (np.full((80, 80), 7, "uint8"), "blank: every pixel is 7"),
        (noise(100, 116), "17 grey levels of 256"),
        (noise(100, 130), "31 grey levels of 256"),
        (noise(100, 131), ""),
        (mostly(0, 0.995), "nearly black: 99."),
        (mostly(255, 0.995), "nearly white: 99."),
        (mostly(0, 0.9), ""),
        (noise(0, 255), ""),
    ],
    ids=["blank", "17", "31", "32", "black", "white", "a dark margin", "all"],
)
def test_the_number_says_what_is_wrong(pixels: np.ndarray, found: str) -> None:
    reason = poor_contrast(Image.fromarray(pixels))
    assert reason.startswith(found)
    assert bool(reason) is bool(found)


def test_an_audit_lists_such_images(tmp_path: Path) -> None:
    (tmp_path / "normal").mkdir()
    for seed in range(3):
        Image.fromarray(noise(0, 255, seed=seed)).save(tmp_path / "normal" / f"{seed}.png")
    # An export whose values lie in a narrow band far up: of 16 bits, 8 keep 4 levels of it.
    narrow = noise(20000, 20765, kind="uint16")
    Image.fromarray(narrow).save(tmp_path / "normal" / "narrow.png")
    audit = rx.XrayDataset.from_folder(tmp_path, names=FOLDERS).audit()
    (finding,) = [one for one in audit.findings if one.code == "poor-contrast"]
    assert [path.name for path in finding.paths] == ["narrow.png"]
    assert "grey levels of 256" in str(finding)


def test_phantoms_have_contrast(tmp_path: Path) -> None:
    make_phantoms(tmp_path, patients=6, images_per_patient=(1, 1), heights=(100, 120))
    audit = rx.XrayDataset.from_folder(tmp_path).audit()
    assert "poor-contrast" not in {one.code for one in audit.findings}


def test_real_x_rays_have_contrast(xrays: Path) -> None:
    for path in sorted((xrays / "originals").rglob("*.jpeg"))[:60]:
        with Image.open(path) as image:
            assert poor_contrast(image.convert("L")) == ""

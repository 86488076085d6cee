"""Drawn chests, and a gate that was fitted on them."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image

import rekognition_xray as rx
from rekognition_xray.data.phantoms import make_phantoms

SHARE = 0.05  # which 59 patients can promise


@pytest.fixture(scope="session")
def chests(tmp_path_factory: pytest.TempPathFactory) -> rx.XrayDataset:
    """One image of each of 70 patients."""
    folder = tmp_path_factory.mktemp("chests")
    make_phantoms(folder, patients=70, images_per_patient=(1, 1), seed=5, heights=(96, 128))
    return rx.XrayDataset.from_folder(folder)


@pytest.fixture(scope="session")
def gate(chests: rx.XrayDataset) -> rx.ImageGate:
    return rx.ImageGate.fit(chests, refuse=SHARE)


@pytest.fixture(scope="session")
def strangers(tmp_path_factory: pytest.TempPathFactory) -> list[Image.Image]:
    """Chests that no gate has seen, upright."""
    folder: Path = tmp_path_factory.mktemp("strangers")
    make_phantoms(folder, patients=24, images_per_patient=(1, 1), seed=8, heights=(96, 128))
    return [Image.open(one.path).convert("L") for one in rx.XrayDataset.from_folder(folder)]

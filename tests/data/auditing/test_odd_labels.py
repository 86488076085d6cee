"""Labels that are hardly meant to be labels are noticed before a training."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import rekognition_xray as rx
from rekognition_xray.data.reading import FOLDERS


def audit(
    folder: Path, *places: str, rule=FOLDERS, code: str = "odd-labels"
) -> dict[str, rx.Finding]:
    for number, place in enumerate(places):
        path = folder / place / f"{number}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        pixels = np.random.default_rng(number).integers(0, 256, (70, 70)).astype("uint8")
        Image.fromarray(pixels).save(path)
    found = rx.XrayDataset.from_folder(folder, names=rule).audit()
    return {one.message.split(",")[0]: one for one in found.findings if one.code == code}


@pytest.mark.parametrize("labels", [("0", "1"), ("1.0", "0.0"), ("-1", "normal")])
def test_numbers_are_noticed_with_the_remedy(tmp_path: Path, labels: tuple[str, ...]) -> None:
    (finding,) = audit(tmp_path, *labels).values()
    assert "look like numbers" in finding.message
    assert "labels={" in finding.advice


def test_folders_of_images_and_masks_are_noticed_and_the_level_above_is_the_remedy(
    tmp_path: Path,
) -> None:
    places = ("COVID/images", "COVID/masks", "Normal/images", "Normal/masks")
    (finding,) = audit(tmp_path, *places).values()
    assert "images, masks" in finding.message
    assert "FOLDERS.above()" in finding.advice
    assert audit(tmp_path, *places, rule=FOLDERS.above()) == {}
    read = rx.XrayDataset.from_folder(tmp_path, names=FOLDERS.above())
    assert set(read.counts) == {"COVID", "Normal"}
    assert read.labelling.rule == "folders-2"


def test_many_labels_of_few_images_are_noticed(tmp_path: Path) -> None:
    (finding,) = audit(tmp_path, *(f"child {number}" for number in range(25))).values()
    assert finding.message.startswith("25 labels for 25 images")


def test_ordinary_labels_are_not(tmp_path: Path) -> None:
    assert audit(tmp_path, "normal", "viral", "stage 2") == {}


def test_an_image_above_the_level_has_no_label(tmp_path: Path) -> None:
    audit(tmp_path, "COVID/images")
    Image.new("L", (70, 70)).save(tmp_path / "COVID" / "alone.png")
    read = rx.XrayDataset.from_folder(tmp_path, names=FOLDERS.above())
    assert [item.reason for item in read.rejected] == ["it lies in no folder that could label it"]


@pytest.mark.parametrize(
    ("labels", "lacking"),
    [(("NORMAL", "PNEUMONIA"), "pneumonia"), (("bacterial", "viral"), "any other")],
)
def test_labels_without_a_two_class_view_are_noticed_before_training(
    tmp_path: Path, labels: tuple[str, ...], lacking: str
) -> None:
    (finding,) = audit(tmp_path, *labels, code="no-two-class-view").values()
    assert finding.message.startswith(f"No label means {lacking}")
    assert "with_labels({'PNEUMONIA': 'pneumonia'})" in finding.advice


def test_labels_that_are_renamed_have_a_two_class_view(tmp_path: Path) -> None:
    rule = FOLDERS.with_labels({"NORMAL": "normal", "PNEUMONIA": "pneumonia"})
    places = ("NORMAL", "PNEUMONIA")
    assert audit(tmp_path, *places, rule=rule, code="no-two-class-view") == {}
    assert set(rx.XrayDataset.from_folder(tmp_path, names=rule).counts) == {"normal", "pneumonia"}

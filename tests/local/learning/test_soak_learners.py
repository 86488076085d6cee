"""All real images: `fast` on unseen patients and on normal images of another series."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from rekognition_xray.data.dataset import XrayDataset
from rekognition_xray.data.reading import KERMANY
from rekognition_xray.local.learning import Example, FastLearner
from rekognition_xray.local.learning.fast.fast import FastModel

pytestmark = pytest.mark.soak


def trained(images: list[Example]) -> FastModel:
    return FastLearner().fit(images, seed=0, progress=lambda at: None, stopped=lambda: False)


def pneumonia(model: FastModel, paths: list[Path]) -> np.ndarray:
    return np.array([1 - model.confidences(path.read_bytes())["normal"] for path in paths])


@pytest.fixture(scope="module")
def dataset(xrays: Path) -> XrayDataset:
    return XrayDataset.from_folder(xrays / "chest_xray", names=KERMANY)


def test_unseen_patients_are_distinguished(dataset: XrayDataset) -> None:
    train, test = dataset.split(test=0.2, seed=7)
    model = trained(
        [Example(image.path.read_bytes, (image.label,), image.group) for image in train]
    )
    answers = [model.confidences(image.path.read_bytes()) for image in test]
    truths = [image.label for image in test]
    tops = [max(answer, key=answer.__getitem__) for answer in answers]
    assert np.mean([top == truth for top, truth in zip(tops, truths, strict=True)]) > 0.79
    ill = [answer["normal"] < 0.5 for answer in answers]
    assert np.mean([one == (truth != "normal") for one, truth in zip(ill, truths, strict=True)]) > (
        0.965
    )


@pytest.mark.parametrize("unseen", ["NORMAL2", "IM"])
def test_normal_images_of_an_unseen_series_are_not_called_ill(
    dataset: XrayDataset, unseen: str
) -> None:
    train, test = dataset.split(test=0.2, seed=7)
    seen = [image for image in train if not image.path.name.startswith(f"{unseen}-")]
    model = trained([Example(image.path.read_bytes, (image.label,), image.group) for image in seen])
    normal = [image.path for image in dataset if image.path.name.startswith(f"{unseen}-")]
    ill = [image.path for image in test if image.label != "normal"]
    threshold = np.quantile(pneumonia(model, ill), 0.05)
    assert np.mean(pneumonia(model, normal) < threshold) > 0.9

"""On real images (a part of them, to stay quick): the learner and its independence of the file."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from rekognition_xray.data.reading import KERMANY
from rekognition_xray.local.learning import Example, FastLearner
from rekognition_xray.local.learning.fast.fast import FastModel

PARTS = 6  # of the patients: the first part is trained on, the others are judged


def images_of(xrays: Path, *, trained_on: bool) -> list[Example]:
    folder = xrays / "chest_xray"
    images = []
    for path in sorted(folder.rglob("*.jpeg")):
        name = KERMANY.read(path.relative_to(folder))
        assert name is not None
        assert name.patient is not None
        if (sum(name.patient.encode()) % PARTS == 0) == trained_on:
            images.append(Example(path.read_bytes, (name.label,), name.patient))
    return images


@pytest.fixture(scope="module")
def model(xrays: Path) -> FastModel:
    return FastLearner().fit(
        images_of(xrays, trained_on=True),
        seed=0,
        progress=lambda fraction: None,
        stopped=lambda: False,
    )


@pytest.fixture(scope="module")
def judged(model: FastModel, xrays: Path) -> list[tuple[str, str, float]]:
    """Of every ninth unseen image its label, the most confident label, and that confidence."""
    images = images_of(xrays, trained_on=False)[::9]
    answers = [model.confidences(image.read()) for image in images]
    tops = [max(answer, key=answer.__getitem__) for answer in answers]
    return [
        (image.labels[0], top, answer[top])
        for image, top, answer in zip(images, tops, answers, strict=True)
    ]


def test_a_sixth_of_the_real_images_already_teaches_it(
    judged: list[tuple[str, str, float]],
) -> None:
    assert np.mean([label == found for label, found, _ in judged]) > 0.74
    healthy = [(label == "normal") == (found == "normal") for label, found, _ in judged]
    assert np.mean(healthy) > 0.95


def test_confidences_are_about_as_often_right_as_they_say(
    judged: list[tuple[str, str, float]],
) -> None:
    right = np.mean([label == found for label, found, _ in judged])
    assert np.mean([confidence for *_, confidence in judged]) == pytest.approx(right, abs=0.08)


def test_an_originals_size_says_nothing(model: FastModel, xrays: Path, tmp_path: Path) -> None:
    for path in sorted((xrays / "originals" / "train").rglob("*.jpeg"))[::20]:
        with Image.open(path) as image:
            small = image.convert("L").resize((224, 224), Image.Resampling.LANCZOS)
        small.save(tmp_path / "small.jpeg", quality=95)
        whole = model.confidences(path.read_bytes())
        squeezed = model.confidences((tmp_path / "small.jpeg").read_bytes())
        assert whole == pytest.approx(squeezed, abs=0.15)

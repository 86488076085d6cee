"""It learns: true labels are learnt from drawn chest images, labels by chance are not."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from scipy.stats import t as student
from sklearn.metrics import balanced_accuracy_score

from rekognition_xray.data.phantoms import make_phantoms
from rekognition_xray.data.reading import KERMANY
from rekognition_xray.local.learning import Example, FastLearner

SHUFFLES = 5


def drawn(folder: Path, patients: int, seed: int) -> list[Example]:
    make_phantoms(
        folder, patients=patients, images_per_patient=(1, 3), seed=seed, heights=(120, 200)
    )
    images = []
    for path in sorted(folder.rglob("*.jpeg")):
        name = KERMANY.read(path.relative_to(folder))
        assert name is not None
        images.append(Example(path.read_bytes, (name.label,), name.patient or path.name))
    return images


@pytest.fixture(scope="module")
def training(tmp_path_factory: pytest.TempPathFactory) -> list[Example]:
    return drawn(tmp_path_factory.mktemp("training"), patients=48, seed=7)


@pytest.fixture(scope="module")
def unseen(tmp_path_factory: pytest.TempPathFactory) -> list[Example]:
    return drawn(tmp_path_factory.mktemp("unseen"), patients=30, seed=107)


def balanced_accuracy(training: Sequence[Example], unseen: Sequence[Example]) -> float:
    model = FastLearner().fit(
        training, seed=0, progress=lambda fraction: None, stopped=lambda: False
    )
    answers = [model.confidences(image.read()) for image in unseen]
    found = [max(answer, key=answer.__getitem__) for answer in answers]
    return float(balanced_accuracy_score([image.labels[0] for image in unseen], found))


def shuffled(images: Sequence[Example], seed: int) -> list[Example]:
    order = np.random.default_rng(seed).permutation(len(images))
    return [
        Example(image.read, images[other].labels, image.group)
        for image, other in zip(images, order, strict=True)
    ]


def test_true_labels_are_learnt(training: list[Example], unseen: list[Example]) -> None:
    assert balanced_accuracy(training, unseen) > 0.8


def test_labels_by_chance_give_chance(training: list[Example], unseen: list[Example]) -> None:
    figures = [balanced_accuracy(shuffled(training, seed), unseen) for seed in range(SHUFFLES)]
    half = student.ppf(0.975, SHUFFLES - 1) * np.std(figures, ddof=1) / np.sqrt(SHUFFLES)
    assert np.mean(figures) == pytest.approx(1 / 3, abs=half)
    assert half < 0.2

"""Bad data through the service with the learner `fast`: its own message, or figures like chance."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from rekognition_xray.local.learning import BudgetTooShort, FastLearner, LearnerUnavailable


def picture(grey: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(grey.astype(np.uint8)).save(buffer, "PNG")
    return buffer.getvalue()


def noise(number: int) -> bytes:
    return picture(np.random.default_rng(number).integers(0, 256, (64, 64)))


def black(number: int) -> bytes:
    return picture(np.zeros((64, 64)))


def by_chance(number: int) -> str:
    return "ab"[int(np.random.default_rng(number).integers(2))]


@pytest.fixture
def trained(open_desk, line):
    """Describe's answer on a version trained and tested on these images and labels."""

    def trained(count, image, label_of):
        desk = open_desk(learner="fast")
        lines = []
        for number in range(count):
            desk.put(f"{number}.png", image(number))
            lines.append(line(f"{number}.png", label_of(number)))
        project = desk.project()
        desk.dataset(project, "TRAIN", lines[: 2 * count // 3])
        desk.dataset(project, "TEST", lines[2 * count // 3 :])
        return desk.version(desk.train(project))

    return trained


@pytest.mark.parametrize(
    ("count", "image", "label_of"),
    [
        pytest.param(12, noise, lambda number: "a", id="one class"),
        pytest.param(2, noise, lambda number: "ab"[number], id="two images"),
    ],
)
def test_too_little_fails_with_the_services_own_message(trained, count, image, label_of):
    version = trained(count, image, label_of)
    assert version["Status"] == "TRAINING_FAILED"
    assert len(version["StatusMessage"].split()) > 3


@pytest.mark.parametrize(
    "refusal", [BudgetTooShort("give it 90 s"), LearnerUnavailable("torch is missing")]
)
def test_what_a_learner_cannot_do_fails_with_its_message(trained, monkeypatch, refusal):
    def fit(self, examples, **options):
        raise refusal

    monkeypatch.setattr(FastLearner, "fit", fit)
    version = trained(30, noise, by_chance)
    assert version["Status"] == "TRAINING_FAILED"
    assert version["StatusMessage"] == str(refusal)


@pytest.mark.parametrize(
    ("image", "label_of"),
    [
        pytest.param(black, lambda number: "ab"[number % 2], id="all-black images"),
        pytest.param(noise, by_chance, id="noise under labels by chance"),
    ],
)
def test_what_cannot_be_learned_has_figures_like_chance(trained, image, label_of):
    version = trained(60, image, label_of)
    assert version["Status"] == "TRAINING_COMPLETED"
    assert 0.1 < version["EvaluationResult"]["F1Score"] < 0.8


@pytest.mark.parametrize("swapped", [True, False])
def test_easy_images_of_one_size_are_learned_by_their_own_labels_only(trained, image, swapped):
    def labelled(number):
        return image(("normal", "viral")[number % 2], number)

    def label_of(number):
        return by_chance(number) if swapped else "ab"[number % 2]

    f1 = trained(60, labelled, label_of)["EvaluationResult"]["F1Score"]
    assert f1 < 0.8 if swapped else f1 > 0.95

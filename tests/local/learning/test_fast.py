from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from rekognition_xray.local.learning import (
    Example,
    FastLearner,
    Learner,
    Model,
    TrainingStopped,
    UnreadableImage,
)
from rekognition_xray.local.learning.fast import fast, reading
from rekognition_xray.local.learning.fast.fast import FastModel

from ...support.striped import BLACK, example, striped, stripes

Fit = Callable[..., FastModel]


@pytest.fixture
def fit() -> Fit:
    def fit(examples: Sequence[Example], seed: int = 0) -> FastModel:
        return FastLearner().fit(
            examples, seed=seed, progress=lambda fraction: None, stopped=lambda: False
        )

    return fit


def judged(model: FastModel, images: list[Example]) -> list[bool]:
    """Whether the most confident label of each image is its own."""
    answers = [model.confidences(image.read()) for image in images]
    tops = [max(answer, key=answer.__getitem__) for answer in answers]
    return [top in image.labels for top, image in zip(tops, images, strict=True)]


def test_it_is_a_learner_and_its_models_are_models(fit: Fit) -> None:
    learner: Learner = FastLearner()
    model: Model = fit(striped(2))
    assert learner.name == "fast"
    assert model.labels == ("coarse", "fine")


def test_it_tells_unseen_images_apart(fit: Fit) -> None:
    assert all(judged(fit(striped(12)), striped(10, start=100)))


@pytest.mark.parametrize("seed", range(3))
def test_labels_that_say_nothing_give_no_certainty(fit: Fit, seed: int) -> None:
    labels = np.random.default_rng(seed).permutation(list("ab" * 24))
    model = fit([example(stripes(4, image), str(label)) for image, label in enumerate(labels)])
    answers = [model.confidences(stripes(4, image)) for image in range(100, 110)]
    assert all(max(answer.values()) < 0.75 for answer in answers)


def test_confidences_of_single_label_data_sum_to_one(fit: Fit) -> None:
    model = fit(striped(6))
    answers = [model.confidences(image.read()) for image in striped(5, start=50)]
    assert [sum(answer.values()) for answer in answers] == pytest.approx([1.0] * 10, abs=1e-5)


def test_same_images_and_seed_give_the_same_model(fit: Fit) -> None:
    one, other = fit(striped(6), seed=4), fit(striped(6), seed=4)
    image = stripes(7, 1)
    assert one.confidences(image) == other.confidences(image)


def test_many_threads_get_the_answers_of_one(fit: Fit) -> None:
    model = fit(striped(6))
    images = [image.read() for image in striped(12, start=50)]
    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(model.confidences, images)) == [model.confidences(f) for f in images]


def test_several_labels_are_judged_one_by_one(fit: Fit) -> None:
    """Stripe width and direction are two labels that may stand together or not at all."""
    kinds = list(itertools.product((4, 16), (True, False)))

    def labelled(seed: int, width: int, upright: bool) -> Example:
        labels = [name for name, borne in (("fine", width == 4), ("upright", upright)) if borne]
        image = stripes(width, seed, upright=upright)
        return example(image, *labels, group=f"{seed}{width}{upright}")

    model = fit([labelled(seed, *kind) for seed in range(10) for kind in kinds])
    for width, upright in kinds:
        answer = model.confidences(stripes(width, 99, upright=upright))
        assert (answer["fine"] > 0.5, answer["upright"] > 0.5) == (width == 4, upright)


def test_a_rare_label_is_still_found(fit: Fit) -> None:
    images = [*striped(40)[::2], *striped(4)[1::2]]
    assert all(judged(fit(images), striped(5, start=100)))


@pytest.mark.parametrize(
    "images",
    [
        pytest.param([example(BLACK, "a")], id="one image"),
        pytest.param([example(BLACK, "a"), example(BLACK, "b", group="2")], id="two black images"),
        pytest.param(
            [example(stripes(4, 0), "a"), example(stripes(9, 1), "b")], id="one image per label"
        ),
        pytest.param([example(stripes(4, s), "a") for s in range(12)], id="one label"),
        pytest.param(
            [example(stripes(4, 0), "ab"[s % 2], group=str(s)) for s in range(30)],
            id="one image under two labels",
        ),
        pytest.param(
            [example(stripes(4, s), "ab"[s % 2], group="x") for s in range(30)], id="one patient"
        ),
        pytest.param(
            [example(stripes(4, s), f"label{s}") for s in range(15)], id="each image its own label"
        ),
        pytest.param([example(BLACK, "a", "b"), example(BLACK, "b")], id="tiny and multi-label"),
    ],
)
def test_scanty_data_trains_to_something_sane(fit: Fit, images: list[Example]) -> None:
    model = fit(images)
    answer = model.confidences(stripes(5, 77))
    assert sorted(answer) == sorted({label for image in images for label in image.labels})
    assert all(0 <= value <= 1 for value in answer.values())


def test_identical_images_of_two_labels_are_a_toss_up(fit: Fit) -> None:
    model = fit([example(BLACK, "ab"[place % 2], group=str(place)) for place in range(20)])
    assert model.confidences(BLACK) == pytest.approx({"a": 0.5, "b": 0.5}, abs=0.02)


def test_no_images_are_refused(fit: Fit) -> None:
    with pytest.raises(ValueError, match="at least one labelled image"):
        fit([])


def test_an_unreadable_image_is_named_by_place_and_group(fit: Fit) -> None:
    images = [*striped(2), example(b"no image", "fine", group="patient 9")]
    with pytest.raises(UnreadableImage, match=r"image .* of group 'patient 9'"):
        fit(images)


@pytest.mark.parametrize("sample", [16, 5000])
def test_progress_rises_from_zero_to_one(monkeypatch: pytest.MonkeyPatch, sample: int) -> None:
    monkeypatch.setattr(reading, "CHUNK", 8)
    monkeypatch.setattr(fast, "CHUNK", 8)
    monkeypatch.setattr(fast, "_SAMPLE", sample)
    seen: list[float] = []
    FastLearner().fit(striped(40), seed=0, progress=seen.append, stopped=lambda: False)
    assert seen == sorted(seen)
    assert (seen[0], seen[-1]) == (0.0, 1.0)
    assert len(seen) > 4


@pytest.mark.parametrize("polls", range(8))
def test_a_training_can_be_stopped_at_any_poll(polls: int) -> None:
    answers = iter([False] * polls)
    with pytest.raises(TrainingStopped):
        FastLearner().fit(
            striped(40), seed=0, progress=lambda at: None, stopped=lambda: next(answers, True)
        )


def test_more_images_than_the_sample_are_projected_as_they_are_read(
    fit: Fit, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reading, "CHUNK", 8)
    monkeypatch.setattr(fast, "CHUNK", 8)
    monkeypatch.setattr(fast, "_SAMPLE", 16)
    assert all(judged(fit(striped(20)), striped(6, start=100)))


def test_a_saved_model_answers_as_before(fit: Fit, tmp_path: Path) -> None:
    model = fit(striped(8))
    model.save(tmp_path / "model")
    again = FastLearner().load(tmp_path / "model")
    images = [image.read() for image in striped(10, start=30)]
    assert again.labels == model.labels
    assert [again.confidences(image) for image in images] == [model.confidences(f) for f in images]


def test_what_is_saved_needs_no_pickle(fit: Fit, tmp_path: Path) -> None:
    fit(striped(3)).save(tmp_path)
    with np.load(tmp_path / "arrays.npz", allow_pickle=False) as arrays:
        assert all(arrays[name].dtype.kind == "f" for name in arrays.files)


def test_an_unreadable_image_has_no_confidences(fit: Fit) -> None:
    with pytest.raises(UnreadableImage):
        fit(striped(2)).confidences(b"no image")

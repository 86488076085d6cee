"""The deep learner; needs PyTorch, which ``make test-deep`` brings."""

# ruff: noqa: E402 (what stands here is imported only where PyTorch is)

from __future__ import annotations

import io
import itertools
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

torch = pytest.importorskip("torch", reason="the deep learner needs the extra 'deep'")

from rekognition_xray.data.phantoms import make_phantoms
from rekognition_xray.data.reading import KERMANY
from rekognition_xray.local import LocalCloud
from rekognition_xray.local.learning import (
    Example,
    Learner,
    Model,
    ModelFormatError,
    TrainingStopped,
    UnreadableImage,
    learner_named,
    square,
)
from rekognition_xray.local.learning.deep import deep, network
from rekognition_xray.local.learning.deep.augmentation import augment
from rekognition_xray.local.learning.deep.deep import DeepLearner, DeepModel
from rekognition_xray.local.learning.deep.training import rounds, strength

pytestmark = pytest.mark.deep

QUICK = 0.15


def encoded(image: Image.Image) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, "PNG")
    return buffer.getvalue()


def stripes(width: int, seed: int, *, upright: bool = True) -> bytes:
    noise = np.random.default_rng(seed).normal(0, 25, (96, 96))
    bars = 80 + 90 * ((np.arange(96) // width) % 2)
    values = noise + (bars[None, :] if upright else bars[:, None])
    return encoded(Image.fromarray(np.clip(values, 0, 255).astype(np.uint8)))


def example(image: bytes, *labels: str, group: str = "") -> Example:
    return Example(lambda: image, labels, group or str(hash(image)))


def striped(count: int, start: int = 0) -> list[Example]:
    return [
        example(stripes(width, seed), label, group=f"{label}{seed}")
        for seed in range(start, start + count)
        for label, width in (("fine", 4), ("coarse", 16))
    ]


def fit(examples: Sequence[Example], seed: int = 0, effort: float = QUICK) -> DeepModel:
    return DeepLearner(effort).fit(
        examples, seed=seed, progress=lambda fraction: None, stopped=lambda: False
    )


def right(model: DeepModel, images: list[Example]) -> float:
    answers = [model.confidences(image.read()) for image in images]
    tops = [max(answer, key=answer.__getitem__) for answer in answers]
    return float(np.mean([top in image.labels for top, image in zip(tops, images, strict=True)]))


@pytest.fixture(scope="module")
def model() -> DeepModel:
    return fit(striped(25))


def test_it_is_a_learner_and_its_models_are_models(model: DeepModel) -> None:
    learner: Learner = DeepLearner()
    made: Model = model
    assert learner.name == "deep"
    assert made.labels == ("coarse", "fine")


def test_it_tells_unseen_images_apart(model: DeepModel) -> None:
    assert right(model, striped(10, start=100)) > 0.9


def test_confidences_of_single_label_data_sum_to_one(model: DeepModel) -> None:
    answers = [model.confidences(image.read()) for image in striped(5, start=50)]
    assert [sum(answer.values()) for answer in answers] == pytest.approx([1.0] * 10, abs=1e-5)


def test_many_threads_get_the_answers_of_one(model: DeepModel) -> None:
    images = [image.read() for image in striped(12, start=50)]
    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(model.confidences, images)) == [model.confidences(f) for f in images]


def test_the_network_sees_a_mirrored_image_as_it_sees_the_image(model: DeepModel) -> None:
    image = square(stripes(9, 3))
    mirrored = np.ascontiguousarray(image[:, ::-1])
    scores, others = (deep.scores_of(model.tensors, each[None]) for each in (image, mirrored))
    assert scores == pytest.approx(others, abs=1e-4)


def test_a_saved_model_answers_as_before_and_loads_at_once(
    model: DeepModel, tmp_path: Path
) -> None:
    model.save(tmp_path / "model")
    start = time.perf_counter()
    again = DeepLearner().load(tmp_path / "model")
    assert time.perf_counter() - start < 1
    images = [image.read() for image in striped(3, start=30)]
    assert again.labels == model.labels
    assert [again.confidences(image) for image in images] == [model.confidences(f) for f in images]


def test_what_is_saved_is_plain_arrays(model: DeepModel, tmp_path: Path) -> None:
    model.save(tmp_path)
    files = {path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*.*")}
    own = {"arrays.npz", "model.json"}
    assert files == own | {f"fast/{name}" for name in own}
    with np.load(tmp_path / "arrays.npz", allow_pickle=False) as arrays:
        assert all(arrays[name].dtype.kind == "f" for name in arrays.files)


def test_a_model_whose_arrays_do_not_fit_is_refused(model: DeepModel, tmp_path: Path) -> None:
    model.save(tmp_path)
    with np.load(tmp_path / "arrays.npz") as packed:
        arrays = {name: packed[name] for name in packed.files}
    arrays["head.weight"] = arrays["head.weight"][:, :-1]
    np.savez(tmp_path / "arrays.npz", allow_pickle=False, **arrays)
    with pytest.raises(ModelFormatError, match=r"'head\.weight' has shape"):
        DeepLearner().load(tmp_path)


def test_a_model_of_another_learner_is_refused(model: DeepModel, tmp_path: Path) -> None:
    model.save(tmp_path)
    head = (tmp_path / "model.json").read_text("utf-8")
    (tmp_path / "model.json").write_text(head.replace('"deep"', '"fast"'), encoding="utf-8")
    with pytest.raises(ModelFormatError, match="'fast'"):
        DeepLearner().load(tmp_path)


def test_same_images_and_seed_give_the_same_model() -> None:
    one, same, other = (fit(striped(6), seed=seed, effort=0.03) for seed in (4, 4, 5))
    image = stripes(7, 1)
    assert one.confidences(image) == same.confidences(image)
    assert one.confidences(image) != other.confidences(image)


def test_the_users_own_chance_is_left_alone() -> None:
    torch.manual_seed(1)
    before = torch.get_rng_state()
    fit(striped(2), effort=0.02)
    assert torch.equal(torch.get_rng_state(), before)
    assert not torch.are_deterministic_algorithms_enabled()


def test_several_labels_are_judged_one_by_one() -> None:
    """Stripe width and direction are two labels that may stand together or not at all."""
    kinds = list(itertools.product((4, 16), (True, False)))

    def labelled(seed: int, width: int, upright: bool) -> Example:
        labels = [name for name, borne in (("fine", width == 4), ("upright", upright)) if borne]
        image = stripes(width, seed, upright=upright)
        return example(image, *labels, group=f"{seed}{width}{upright}")

    made = fit([labelled(seed, *kind) for seed in range(12) for kind in kinds], effort=0.2)
    assert not made.calibration.single
    for width, upright in kinds:
        answer = made.confidences(stripes(width, 99, upright=upright))
        assert (answer["fine"] > 0.5, answer["upright"] > 0.5) == (width == 4, upright)


BLACK = encoded(Image.new("L", (64, 64)))


@pytest.mark.parametrize(
    "images",
    [
        pytest.param([example(BLACK, "a")], id="one image"),
        pytest.param([example(BLACK, "a"), example(BLACK, "b", group="2")], id="two black images"),
        pytest.param(
            [example(BLACK, "ab"[s % 2], group=str(s)) for s in range(40)], id="all black"
        ),
        pytest.param([example(stripes(4, s), "a") for s in range(12)], id="one label"),
        pytest.param(
            [example(stripes(4, s), "ab"[s % 2], group="x") for s in range(30)], id="one patient"
        ),
        pytest.param(
            [example(stripes(4, s), f"label{s}") for s in range(15)], id="each image its own label"
        ),
        pytest.param([example(BLACK, "a", "b"), example(BLACK, "b")], id="tiny and multi-label"),
        pytest.param(
            [example(stripes(4, 0), "a"), example(stripes(9, 1), "b")], id="one image per label"
        ),
    ],
)
def test_scanty_data_trains_to_something_sane(images: list[Example]) -> None:
    answer = fit(images, effort=0.02).confidences(stripes(5, 77))
    assert sorted(answer) == sorted({label for image in images for label in image.labels})
    assert all(0 <= value <= 1 for value in answer.values())
    assert len(answer) == 1 or max(answer.values()) < 0.999


def test_labels_that_say_nothing_give_no_certainty() -> None:
    labels = np.random.default_rng(3).permutation(["a", "b"] * 40)
    images = [example(stripes(4, seed), label) for seed, label in enumerate(labels)]
    made = fit(images)
    answers = [made.confidences(stripes(4, seed)) for seed in range(100, 120)]
    assert max(max(answer.values()) for answer in answers) < 0.9


def test_identical_images_of_two_labels_are_a_toss_up() -> None:
    made = fit([example(BLACK, "ab"[place % 2], group=str(place)) for place in range(60)])
    assert made.confidences(BLACK) == pytest.approx({"a": 0.5, "b": 0.5}, abs=0.15)


def test_no_images_are_refused() -> None:
    with pytest.raises(ValueError, match="at least one labelled image"):
        fit([])


def test_unreadable_bytes_are_refused(model: DeepModel) -> None:
    with pytest.raises(UnreadableImage, match=r"image .* of group 'patient 9'"):
        fit([*striped(2), example(b"no image", "fine", group="patient 9")])
    with pytest.raises(UnreadableImage):
        model.confidences(b"no image")


def test_progress_rises_from_zero_to_one_by_percents() -> None:
    seen: list[float] = []
    DeepLearner(0.1).fit(striped(20), seed=0, progress=seen.append, stopped=lambda: False)
    assert seen == sorted(seen)
    assert (seen[0], seen[-1]) == (0.0, 1.0)
    assert 10 < len(seen) <= 102


@pytest.mark.parametrize("polls", [0, 1, 2, 9])
def test_a_training_can_be_stopped_at_any_poll(polls: int) -> None:
    answers = iter([False] * polls)
    with pytest.raises(TrainingStopped):
        DeepLearner(0.1).fit(
            striped(20), seed=0, progress=lambda at: None, stopped=lambda: next(answers, True)
        )


def test_few_images_are_seen_more_often_and_effort_counts() -> None:
    assert rounds(100, 1.0) > rounds(4000, 1.0) > rounds(250_000, 1.0) >= 1
    assert rounds(4000, 0.5) == rounds(4000, 1.0) // 2
    assert rounds(4000, 1e-6) == 1


def test_an_effort_of_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="effort"):
        DeepLearner(0)


def test_a_folded_network_sees_what_the_whole_one_did() -> None:
    """Statistics of many times the same batch are those of that batch."""
    draw = torch.Generator().manual_seed(1)
    tensors = network.begin(3, draw)
    tensors["head.weight"] = torch.randn(tensors["head.weight"].shape, generator=draw)
    images = torch.rand(8, 1, 64, 64, generator=draw)
    everything = torch.ones(8, network.WIDTHS[-1])
    for _ in range(60):
        seen = network.learn(tensors, images, everything)
    away = network.look(network.fold(tensors), images) - seen
    assert float(away.std()) < 0.05 * float(seen.std())


def test_folded_tensors_have_the_shapes_that_are_saved() -> None:
    tensors = network.fold(network.begin(4, torch.Generator()))
    assert {name: tuple(values.shape) for name, values in tensors.items()} == network.shapes(4)


def test_varied_images_differ_stay_in_range_and_repeat() -> None:
    images = torch.from_numpy(
        np.random.default_rng(0).integers(0, 255, (6, 128, 128), dtype=np.uint8)
    )
    one, same, other = (augment(images, 64, torch.Generator().manual_seed(s)) for s in (1, 1, 2))
    assert one.shape == (6, 1, 64, 64)
    assert 0 <= float(one.min()) <= float(one.max()) <= 1
    assert torch.equal(one, same)
    assert not torch.equal(one, other)


def test_images_that_are_varied_by_nothing_are_themselves_or_mirrored() -> None:
    images = torch.from_numpy(
        np.random.default_rng(0).integers(0, 255, (9, 64, 64), dtype=np.uint8)
    )
    seen = augment(images, 64, torch.Generator().manual_seed(1), strength=0.0)[:, 0]
    plain = images.float() / 255
    same, mirrored = ((seen - each).abs().amax((1, 2)) < 0.01 for each in (plain, plain.flip(2)))
    assert bool((same ^ mirrored).all())
    assert 0 < int(same.sum()) < len(images)


def test_images_are_varied_less_towards_the_end_of_a_training() -> None:
    shares = [strength(done / 20) for done in range(21)]
    assert shares == sorted(shares, reverse=True)
    assert (shares[0], shares[10]) == (1.0, 1.0)
    assert 0 < shares[-1] < 0.5


def test_phantoms_are_learnt(tmp_path: Path) -> None:
    def drawn(name: str, patients: int, seed: int) -> list[Example]:
        folder = make_phantoms(
            tmp_path / name,
            patients=patients,
            images_per_patient=(1, 2),
            seed=seed,
            heights=(160, 240),
        )
        images = []
        for path in sorted(folder.rglob("*.jpeg")):
            read = KERMANY.read(path.relative_to(folder))
            assert read is not None
            images.append(Example(path.read_bytes, (read.label,), read.patient or path.name))
        return images

    made = fit(drawn("training", 60, 7), effort=0.2)
    assert right(made, drawn("unseen", 24, 107)) > 0.55


def test_it_is_found_by_its_name() -> None:
    assert learner_named("deep") == DeepLearner()
    with LocalCloud(learner="deep") as cloud:
        assert cloud.endpoint_url

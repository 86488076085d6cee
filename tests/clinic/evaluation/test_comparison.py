"""Comparison: the same images, paired intervals over patients, and a verdict that rests on one."""

from __future__ import annotations

import json

import attrs
import numpy as np
import pytest

from rekognition_xray import errors
from rekognition_xray.clinic.evaluation import Comparison, Evaluation, compare
from rekognition_xray.clinic.notices import NOTICE
from rekognition_xray.clinic.statistics import TestImage as ImageSource
from rekognition_xray.clinic.statistics import differences
from rekognition_xray.clinic.statistics.intervals import BootstrapStatistic
from rekognition_xray.clinic.statistics.pairing import paired_figure
from rekognition_xray.labels import THREE_CLASSES

from ...support.classified import images_of

OLD, NEW = (f"arn:aws:rekognition:us-east-1:111122223333:project/c/version/v{n}/1" for n in (1, 2))


@pytest.fixture(scope="module")
def judged(draw, write):
    """An evaluation of one version on the images of so many patients, two of each."""

    def judged(arn: str, skill: float, *, seed: int = 0, patients: int = 60, **drawn: object):
        images = draw(patients=patients, skill=skill, seed=seed, images=(2, 2), **drawn)
        labels = drawn.get("labels", THREE_CLASSES)
        made = write(images, labels=labels).evaluation(resamples=100, name=arn.split("/")[-2])
        return attrs.evolve(made, service=attrs.evolve(made.service, version_arn=arn))

    return judged


@pytest.fixture(scope="module")
def poor(judged) -> Evaluation:
    return judged(OLD, 0.5)


@pytest.fixture(scope="module")
def good(judged) -> Evaluation:
    return judged(NEW, 4.0, seed=1)


@pytest.fixture(scope="module")
def better(poor: Evaluation, good: Evaluation) -> Comparison:
    return compare(poor, good)


def test_a_version_that_is_clearly_better_is_called_so(better: Comparison) -> None:
    assert (better.old, better.new) == (OLD, NEW)
    assert (better.verdict, better.main) == ("better", "balanced_accuracy")
    assert (better.images, better.patients, better.left_out) == (120, 60, 0)
    assert better.change.low is not None
    assert better.change.low > 0


def test_the_other_way_round_it_is_worse_by_as_much(
    poor: Evaluation, good: Evaluation, better: Comparison
) -> None:
    worse = compare(good, poor)
    assert worse.verdict == "worse"
    for name, one in worse.differences.items():
        mirror = better.differences[name].change
        assert (one.change.value, one.change.low, one.change.high) == pytest.approx(
            (-mirror.value, -mirror.high, -mirror.low)
        )


def test_figures_are_those_of_the_evaluations_and_changes_their_differences(
    poor: Evaluation, good: Evaluation, better: Comparison
) -> None:
    for name, one in better.differences.items():
        ours, theirs = (
            getattr(made if hasattr(made, name) else made.two_class, name) for made in (poor, good)
        )
        assert (one.old.value, one.new.value) == pytest.approx((ours.value, theirs.value))
        assert one.change.value == pytest.approx(theirs.value - ours.value)
        assert one.change.low <= one.change.value <= one.change.high
    assert list(better.differences) == [
        "accuracy",
        "balanced_accuracy",
        "sensitivity",
        "specificity",
        "auroc",
    ]


def test_versions_that_agree_on_every_image_show_no_difference(good: Evaluation, judged) -> None:
    twin = compare(good, judged(OLD, 4.0, seed=1))
    assert twin.verdict == "no difference shown"
    assert twin.change.value == 0
    assert -0.15 < twin.change.low < 0 < twin.change.high < 0.15


def test_intervals_of_pairs_are_narrower_than_those_of_each_figure(judged) -> None:
    """Most of what is uncertain is which patients came, and both versions had the same."""
    one = judged(OLD, 1.5)
    images = [_shifted(image) if n % 3 else image for n, image in enumerate(one.images)]
    pair = compare(one, attrs.evolve(one, images=tuple(images), service=_of(one, NEW)))
    change, figure = pair.differences["auroc"].change, pair.differences["auroc"].old
    assert change.high - change.low < (figure.high - figure.low) / 2


def _shifted(image: ImageSource) -> ImageSource:
    """The same image, judged a little differently."""
    moved = {
        label: value + 0.02 * (label == "normal") for label, value in image.confidences.items()
    }
    total = sum(moved.values())
    return attrs.evolve(image, confidences={label: value / total for label, value in moved.items()})


def _of(evaluation: Evaluation, arn: str):
    return attrs.evolve(evaluation.service, version_arn=arn)


def test_more_patients_make_narrower_intervals() -> None:
    def width(units: int) -> float:
        same = BootstrapStatistic(0.9, np.full(100, 0.9), units, units, units)
        found = paired_figure(same, same)
        return found.high - found.low

    assert [width(units) for units in (10, 100, 1000)] == pytest.approx(
        [0.377, 0.0389, 0.00392], rel=0.01
    )


def test_one_patient_shows_nothing() -> None:
    alone = (
        BootstrapStatistic(0.0, np.zeros(100), 1, 1, 1),
        BootstrapStatistic(1.0, np.ones(100), 1, 1, 1),
    )
    found = paired_figure(*alone)
    assert (found.value, found.low, found.high) == (1.0, -1.0, 1.0)


def test_images_in_another_order_give_the_same_comparison(
    poor: Evaluation, good: Evaluation, better: Comparison
) -> None:
    turned = attrs.evolve(good, images=good.images[::-1])
    assert compare(poor, turned) == better


def test_another_main_figure_can_be_named(poor: Evaluation, good: Evaluation) -> None:
    found = compare(poor, good, main="auroc")
    assert found.change == found.differences["auroc"].change
    assert "by AUROC" in str(found)


def test_a_margin_tells_whether_the_new_version_is_no_worse(good: Evaluation, judged) -> None:
    twin = judged(OLD, 4.0, seed=1)
    assert compare(good, twin).not_inferior is None
    assert compare(good, twin, margin=0.2).not_inferior is True
    assert compare(good, twin, margin=0.001).not_inferior is False
    assert "Non-inferiority with a margin of 0.2: shown." in str(compare(good, twin, margin=0.2))


def test_other_images_are_refused_with_how_many_match(poor: Evaluation, good: Evaluation) -> None:
    fewer = attrs.evolve(good, images=good.images[20:])
    with pytest.raises(
        errors.EvaluationError, match=r"100 images match, of 120 .* and 100"
    ) as output:
        compare(poor, fewer)
    assert "common=True" in output.value.hint


def test_common_images_are_compared_when_asked(poor: Evaluation, good: Evaluation) -> None:
    fewer = attrs.evolve(good, images=good.images[20:])
    found = compare(poor, fewer, common=True)
    assert (found.images, found.left_out) == (100, 20)
    whole = compare(attrs.evolve(poor, images=poor.images[20:]), fewer)
    assert found.differences == whole.differences
    assert "20 images that only one evaluation has are left out." in str(found)


def test_no_common_image_cannot_be_compared(poor: Evaluation, good: Evaluation) -> None:
    one, other = (
        attrs.evolve(poor, images=poor.images[:20]),
        attrs.evolve(good, images=good.images[20:]),
    )
    with pytest.raises(errors.EvaluationError, match="0 images match") as output:
        compare(one, other, common=True)
    assert "common=True" not in output.value.hint


def test_images_that_were_labelled_anew_are_named(poor: Evaluation, good: Evaluation) -> None:
    first, *rest = good.images
    images = (attrs.evolve(first, truth="viral"), *rest)
    with pytest.raises(errors.EvaluationError, match="1 images have a different label") as output:
        compare(poor, attrs.evolve(good, images=images))
    assert f"{first.source_ref}: normal, then viral" in str(output.value)


def test_other_labels_cannot_be_compared(poor: Evaluation, judged) -> None:
    two = judged(NEW, 3.0, labels=("normal", "pneumonia"))
    with pytest.raises(errors.EvaluationError, match="has the labels normal, bacterial, viral"):
        compare(poor, two)


def test_figures_that_the_images_do_not_support_are_marked(judged) -> None:
    two = [judged(arn, 3.0, labels=("bacterial", "viral")) for arn in (OLD, NEW)]
    found = compare(*two)
    assert found.differences["auroc"].change.value is None
    assert "not estimable" in str(found)
    assert "the labels do not distinguish pneumonia from the rest" in found.to_markdown()
    with pytest.raises(errors.EvaluationError, match="do not support AUROC"):
        compare(*two, main="auroc")


@pytest.mark.parametrize(
    ("asked", "what"),
    [
        ({"main": "f1"}, "no main figure 'f1'"),
        ({"margin": 0}, "margin of 0"),
        ({"margin": 1.0}, "margin of 1"),
        ({"margin": float("nan")}, "margin of nan"),
        ({"resamples": 99}, "99 resamples"),
    ],
)
def test_what_makes_no_sense_is_refused(poor, good, asked, what: str) -> None:
    with pytest.raises(errors.EvaluationError, match=what):
        compare(poor, good, **asked)


def test_text_and_markdown_tell_verdict_figures_and_what_it_is_not(better: Comparison) -> None:
    for text in (str(better), better.to_markdown()):
        assert text.count(NOTICE) == 1
        assert "v2 against v1" in text
        assert "Verdict: better, by balanced accuracy +0." in text
        assert "balanced accuracy (main)" in text
        assert "120 images of 60 patients" in text
        assert "AUROC" in text
    assert "| Figure | Old | New | New less old |" in better.to_markdown()


def test_warnings_of_both_evaluations_are_kept(poor: Evaluation, good: Evaluation) -> None:
    output = attrs.evolve(good, warnings=("patients leak",))
    assert "v2: patients leak" in compare(poor, output).warnings
    assert "the same version" in compare(poor, poor).warnings[0]


def test_plain_data_is_json(better: Comparison) -> None:
    data = json.loads(json.dumps(better.to_dict(), allow_nan=False))
    assert data["verdict"] == "better"
    assert data["differences"]["auroc"]["change"]["value"] == pytest.approx(
        better.differences["auroc"].change.value
    )


# -- how often the intervals hold the truth ----------------------------------------------------

FIGURES = {name: name for name in ("accuracy", "balanced_accuracy")} | {
    name: f"two_class.{name}" for name in ("sensitivity", "specificity", "auroc")
}


def pairs(rng: np.random.Generator, patients: int) -> tuple[list[ImageSource], list[ImageSource]]:
    """Images of patients as two versions judge them, who find the same patients and images hard."""
    state = rng.choice(3, size=patients, p=(0.4, 0.35, 0.25))
    patient = np.repeat(np.arange(patients), rng.integers(1, 5, patients))
    truth = state[patient]
    lean = rng.normal(size=(patients, 3))[patient] + rng.normal(size=(len(patient), 3))
    return tuple(
        images_of(
            patient, truth, lean + 0.7 * rng.normal(size=lean.shape) + skill * np.eye(3)[truth]
        )
        for skill in (2.0, 2.4)
    )


def covered(patients: int, *, repetitions: int, large: int) -> dict[str, float]:
    """Share of the intervals of each change that hold the change of a very large draw."""

    def changes(rng: np.random.Generator, count: int, resamples: int, seed: int):
        images = pairs(rng, count)
        made = differences(*images, THREE_CLASSES, FIGURES, resamples=resamples, seed=seed)
        return {name: change for name, (_, _, change) in made.items()}

    truth = changes(np.random.default_rng(1), large, 2, 0)
    rng = np.random.default_rng(3)
    held = dict.fromkeys(FIGURES, 0)
    for number in range(repetitions):
        for name, change in changes(rng, patients, 400, number).items():
            held[name] += change.low <= truth[name].value <= change.high
    return {name: count / repetitions for name, count in held.items()}


@pytest.mark.heavy
def test_about_95_intervals_in_100_hold_the_true_change() -> None:
    """The full size runs under ``make soak``; here a few, within wide limits."""
    found = covered(60, repetitions=30, large=20_000)
    assert min(found.values()) >= 0.80


@pytest.mark.soak
@pytest.mark.parametrize("patients", [60, 150, 400])
def test_1000_intervals_hold_the_true_change_950_times(patients: int) -> None:
    """At least 93 %; the intervals are on the safe side, and the more so with few patients."""
    found = covered(patients, repetitions=1000, large=250_000)
    assert min(found.values()) >= 0.93, found
    assert patients < 100 or max(found.values()) <= 0.99, found

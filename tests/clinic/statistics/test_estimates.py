from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics

from rekognition_xray.clinic.statistics import TestImage as ImageSource
from rekognition_xray.clinic.statistics import estimate, pneumonia_view
from rekognition_xray.clinic.statistics.estimates import bootstrap_statistics, label_view
from rekognition_xray.labels import THREE_CLASSES


def _same(value):
    return pytest.approx(value, abs=1e-9)


def images_of(truths, scores, groups, predicted=None):
    """Two labels, ``viral`` and ``normal``; a score is the confidence of viral."""
    return [
        ImageSource(
            source_ref=f"s3://b/{place:06d}",
            patient=f"{group:024x}",
            truth="viral" if truth else "normal",
            confidences={"normal": 1 - score, "viral": score},
            predicted=("viral" if score >= 0.5 else "normal") if predicted is None else predicted,
        )
        for place, (truth, score, group) in enumerate(zip(truths, scores, groups, strict=True))
    ]


def estimated(images, labels=("normal", "viral"), *, resamples=200, seed=0):
    return estimate(images, labels, resamples=resamples, seed=seed)


@pytest.fixture(scope="module")
def evaluation(draw, write):
    return write(draw(patients=90, skill=2.0, seed=3)).evaluation(resamples=200)


def test_figures_of_all_labels_equal_scikit_learns(evaluation):
    truth = [image.truth for image in evaluation.images]
    predicted = [image.predicted for image in evaluation.images]
    table = np.array(
        [[image.confidences[label] for label in THREE_CLASSES] for image in evaluation.images]
    )
    assert evaluation.accuracy.value == _same(metrics.accuracy_score(truth, predicted))
    balanced = metrics.balanced_accuracy_score(truth, predicted)
    assert evaluation.balanced_accuracy.value == _same(balanced)
    assert evaluation.f1.value == _same(metrics.f1_score(truth, predicted, average="macro"))
    onehot = np.array([[label == one for label in THREE_CLASSES] for one in truth])
    whole = sum(metrics.brier_score_loss(onehot[:, k], table[:, k]) for k in range(3))
    assert evaluation.brier.value == _same(whole / 2)


def _expected(truth, called, score, weight=None):
    given = {"sample_weight": weight}
    return {
        "sensitivity": metrics.recall_score(truth, called, **given),
        "specificity": metrics.recall_score(truth, called, pos_label=0, **given),
        "precision": metrics.precision_score(truth, called, **given),
        "f1": metrics.f1_score(truth, called, **given),
        "accuracy": metrics.accuracy_score(truth, called, **given),
        "balanced_accuracy": metrics.balanced_accuracy_score(truth, called, **given),
        "auroc": metrics.roc_auc_score(truth, score, **given),
        "average_precision": metrics.average_precision_score(truth, score, **given),
        "brier": metrics.brier_score_loss(truth, score, **given),
    }


@pytest.mark.parametrize("label", [*THREE_CLASSES, None])
def test_figures_of_one_side_equal_scikit_learns(evaluation, label):
    images = evaluation.images
    if label is None:
        figures = evaluation.two_class
        truth = [image.truth != "normal" for image in images]
        called = [image.predicted != "normal" for image in images]
        score = [
            min(1.0, image.confidences["bacterial"] + image.confidences["viral"])
            for image in images
        ]
    else:
        figures = evaluation.by_label[label]
        truth = [image.truth == label for image in images]
        called = [image.predicted == label for image in images]
        score = [image.confidences[label] for image in images]
    for name, value in _expected(truth, called, score).items():
        assert figures.by_name()[name].value == _same(value), name


@settings(max_examples=12, deadline=None)
@given(st.integers(0, 10_000))
def test_figures_of_a_resample_equal_scikit_learns_with_the_draws_as_weights(seed):
    rng = np.random.default_rng(seed)
    truth, score = rng.random(40) < 0.5, np.round(rng.random(40), 1)  # many ties
    images = images_of(truth, score, rng.integers(0, 12, 40))
    output = dict(bootstrap_statistics(images, ("normal", "viral"), resamples=5, seed=seed))
    from rekognition_xray.clinic.statistics import resample_patients

    sample, view = resample_patients(images, resamples=5, seed=seed), label_view(images, "viral")
    for row, counts in enumerate(sample.weights[1:]):
        weight = counts[sample.patient]
        sides = weight[truth].sum(), weight[~truth].sum(), weight[view.called].sum()
        if min(sides) == 0:
            continue
        for name, value in _expected(truth, view.called, view.score, weight).items():
            assert output[f"by_label.viral.{name}"].replicates[row] == _same(value), name


def test_a_resample_without_one_of_the_sides_gives_no_value():
    images = images_of([True, False], [0.9, 0.1], [0, 1])
    output = dict(bootstrap_statistics(images, ("normal", "viral"), resamples=50, seed=0))
    area = output["two_class.auroc"].replicates
    assert np.isnan(area).any()
    assert set(area[~np.isnan(area)]) == {1.0}


def test_whole_patients_are_resampled():
    """Ten images of one patient tell no more than one: the interval must not shrink."""
    rng = np.random.default_rng(0)
    truth, score = rng.random(60) < 0.5, rng.random(60)
    alone = estimated(images_of(truth, score, range(60)), resamples=800)
    groups = np.repeat(np.arange(60), 10)
    repeated = estimated(
        images_of(np.repeat(truth, 10), np.repeat(score, 10), groups), resamples=800
    )
    for name, figure in repeated.two_class.by_name().items():
        once = alone.two_class.by_name()[name]
        assert figure.high - figure.low == pytest.approx(once.high - once.low, rel=0.1), name


def test_a_figure_tells_its_images_its_patients_and_its_method():
    made = estimated(images_of([True] * 6 + [False] * 3, [0.8] * 9, [0, 0, 1, 1, 2, 2, 3, 3, 4]))
    figures = made.two_class
    assert (figures.sensitivity.n, figures.sensitivity.patients) == (6, 3)
    assert (figures.specificity.n, figures.specificity.patients) == (3, 2)
    assert (figures.auroc.n, figures.auroc.patients) == (9, 5)
    assert all(figure.method or figure.reason for figure in figures.by_name().values())


def test_a_single_patient_gives_an_interval_that_claims_next_to_nothing():
    figure = estimated(images_of([True] * 20, [0.9] * 20, [1] * 20)).accuracy
    assert figure.value == 1
    assert figure.low == pytest.approx(0.2065, abs=1e-3)  # 1 of 1 by Wilson


def test_a_perfect_result_keeps_an_interval_that_depends_on_the_patients():
    figure = estimated(images_of([True] * 16, [0.9] * 16, range(16))).accuracy
    assert (figure.value, figure.high) == (1, 1)
    assert figure.low == pytest.approx(0.806, abs=1e-3)  # 16 of 16 by Wilson


def test_a_perfect_ranking_keeps_an_interval():
    figure = estimated(
        images_of([True] * 9 + [False] * 9, [0.9] * 9 + [0.1] * 9, range(18))
    ).two_class.auroc
    assert (figure.value, figure.high) == (1, 1)
    assert figure.low == pytest.approx(0.701, abs=1e-3)  # 9 of 9 by Wilson


@pytest.mark.parametrize(
    ("truth", "score", "names", "reason"),
    [
        (
            False,
            0.9,
            "sensitivity precision f1 balanced_accuracy auroc average_precision",
            "no test image shows viral",
        ),
        (
            True,
            0.1,
            "specificity balanced_accuracy auroc average_precision calibration_slope",
            "every test image shows viral",
        ),
    ],
)
def test_what_the_images_do_not_support_has_no_value_and_a_reason(truth, score, names, reason):
    figures = estimated(images_of([truth] * 8, [score] * 8, range(8))).by_label["viral"].by_name()
    for name in names.split():
        assert (figures[name].value, figures[name].low, figures[name].high) == (None, None, None)
        assert figures[name].reason == reason
        assert str(figures[name]) == "not estimable"
    others = {name: figure for name, figure in figures.items() if name not in names.split()}
    assert others["accuracy"].value == 0


def test_the_precision_of_a_label_that_is_never_called_is_not_estimable():
    images = images_of([True, False] * 4, [0.2, 0.1] * 4, range(8))
    figures = estimated(images).by_label["viral"]
    assert figures.precision.value is None
    assert figures.precision.reason == "no test image was called viral"
    assert figures.f1.value == 0  # it missed all of them
    assert figures.sensitivity.value == 0


COUNTED = {
    "accuracy",
    "balanced_accuracy",
    "f1",
    "precision",
    "sensitivity",
    "specificity",
}


def test_confidences_that_are_not_numbers_make_figures_not_estimable():
    images = images_of([True, False] * 4, [0.9, math.nan] * 4, range(8))
    made = estimated(images)
    assert "4 images have no usable confidence" in made.two_class.auroc.reason
    assert made.brier.value is None
    assert made.calibration_error.value is None
    assert "not a number" in made.brier.reason
    known = {name for name, one in made.two_class.by_name().items() if one.value is not None}
    assert known == COUNTED  # what was called is known all the same


def test_confidences_that_separate_have_no_calibration_slope():
    images = images_of([True] * 9 + [False] * 9, np.linspace(0.95, 0.05, 18), range(18))
    slope = estimated(images).two_class.calibration_slope
    assert slope.value is None
    assert "separate" in slope.reason


def test_all_alike_confidences_are_at_chance():
    figures = estimated(images_of([True, False] * 20, [0.5] * 40, range(40))).two_class
    assert figures.auroc.value == 0.5
    assert figures.average_precision.value == 0.5
    assert figures.calibration_slope.value is None
    assert figures.calibration_error.value == pytest.approx(0, abs=0.05)


def test_the_same_images_in_another_order_give_the_same_figures():
    rng = np.random.default_rng(5)
    images = images_of(rng.random(50) < 0.5, rng.random(50), rng.integers(0, 20, 50))
    assert estimated(images) == estimated(images[::-1])
    assert estimated(images) != estimated(images, seed=1)


def test_views_of_one_label_and_of_pneumonia_agree_where_they_must(evaluation):
    normal, sick = label_view(evaluation.images, "normal"), pneumonia_view(evaluation.images)
    assert (normal.truth == ~sick.truth).all()
    assert (normal.called == ~sick.called).all()
    one, other = evaluation.by_label["normal"], evaluation.two_class
    assert one.sensitivity.value == other.specificity.value
    assert one.auroc.value == _same(other.auroc.value)


def test_thousands_of_images_stay_within_seconds(draw, write):
    """A guard against an accidental loop over resamples; the real limit is in the benchmark."""
    import time

    files = write(draw(patients=1600))
    began = time.perf_counter()
    evaluation = files.evaluation(resamples=300)
    assert len(evaluation.images) > 3500
    assert time.perf_counter() - began < 10

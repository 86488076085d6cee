from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import (
    accuracy_score,
    balanced_accuracy_score,
    recall_score,
    roc_auc_score,
)

from rekognition_xray.clinic.estimates import Films, score_interval
from rekognition_xray.clinic.figures import TestFilm as Film
from rekognition_xray.labels import THREE_CLASSES


def _films(truths, scores, groups, predicted=None):
    return [
        Film(
            source_ref=f"s3://b/{place}",
            patient=f"{group:024x}",
            truth="viral" if truth else "normal",
            confidences={"normal": 1 - score, "viral": score},
            predicted=("viral" if score >= 0.5 else "normal") if predicted is None else predicted,
        )
        for place, (truth, score, group) in enumerate(zip(truths, scores, groups, strict=True))
    ]


@pytest.fixture(scope="module")
def evaluation(draw, write):
    return write(draw(patients=90, skill=2.0, seed=3)).evaluation()


def test_overall_figures_equal_scikit_learns(evaluation):
    truth = [film.truth for film in evaluation.films]
    predicted = [film.predicted for film in evaluation.films]
    assert evaluation.accuracy.value == pytest.approx(accuracy_score(truth, predicted), abs=1e-12)
    expected = balanced_accuracy_score(truth, predicted)
    assert evaluation.balanced_accuracy.value == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize("label", THREE_CLASSES)
def test_figures_of_a_label_equal_scikit_learns(evaluation, label):
    truth = [film.truth == label for film in evaluation.films]
    predicted = [film.predicted == label for film in evaluation.films]
    score = [film.confidences[label] for film in evaluation.films]
    figures = evaluation.by_label[label]
    assert figures.sensitivity.value == pytest.approx(recall_score(truth, predicted), abs=1e-12)
    specificity = recall_score(truth, predicted, pos_label=0)
    assert figures.specificity.value == pytest.approx(specificity, abs=1e-12)
    assert figures.auroc.value == pytest.approx(roc_auc_score(truth, score), abs=1e-12)


def test_pneumonia_or_not_counts_the_best_label_and_ranks_by_the_sum(evaluation):
    truth = [film.truth != "normal" for film in evaluation.films]
    called = [film.predicted != "normal" for film in evaluation.films]
    score = [1 - film.confidences["normal"] for film in evaluation.films]
    figures = evaluation.two_class
    assert figures.accuracy.value == pytest.approx(accuracy_score(truth, called), abs=1e-12)
    assert figures.sensitivity.value == pytest.approx(recall_score(truth, called), abs=1e-12)
    assert figures.auroc.value == pytest.approx(roc_auc_score(truth, score), abs=1e-9)


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10_000))
def test_the_area_of_a_resample_equals_scikit_learns_with_the_draws_as_weights(seed):
    rng = np.random.default_rng(seed)
    count = 40
    truth = rng.random(count) < 0.5
    score = np.round(rng.random(count), 1)  # many ties
    sample = Films(_films(truth, score, rng.integers(0, 12, count)), resamples=8, seed=seed)
    areas = np.concatenate(list(sample._aurocs(truth, score)))
    for area, drawn in zip(areas, sample._drawn, strict=True):
        weight = drawn[sample.group]
        sides = weight[truth].sum(), weight[~truth].sum()
        if min(sides) == 0:
            assert np.isnan(area)
        else:
            assert area == pytest.approx(roc_auc_score(truth, score, sample_weight=weight))


def test_patients_are_redrawn_as_wholes():
    """Ten films of one patient tell no more than one: the interval must not shrink."""
    rng = np.random.default_rng(0)
    truth = np.ones(40, dtype=bool)
    score = rng.random(40)
    alone = Films(_films(truth, score, range(40)), resamples=800, seed=1)
    repeated = Films(
        _films(np.repeat(truth, 10), np.repeat(score, 10), np.repeat(np.arange(40), 10)),
        resamples=800,
        seed=1,
    )
    widths = []
    for sample in (alone, repeated):
        hits = np.array([film.predicted == "viral" for film in sample.films])
        figure = sample.share(hits, np.ones(len(hits), dtype=bool))
        widths.append(figure.high - figure.low)
    assert widths[1] == pytest.approx(widths[0], rel=0.05)


def test_a_single_patient_gives_an_interval_that_claims_next_to_nothing():
    sample = Films(_films([True] * 20, [0.9] * 20, [1] * 20), resamples=200, seed=0)
    figure = sample.share(np.ones(20, dtype=bool), np.ones(20, dtype=bool))
    assert figure.value == 1
    assert figure.low == pytest.approx(0.2065, abs=1e-3)  # 1 of 1 by Wilson


def test_a_perfect_result_keeps_an_interval_that_depends_on_the_patients():
    sample = Films(_films([True] * 16, [0.9] * 16, range(16)), resamples=200, seed=0)
    figure = sample.share(np.ones(16, dtype=bool), np.ones(16, dtype=bool))
    assert (figure.value, figure.high) == (1, 1)
    assert figure.low == pytest.approx(0.806, abs=1e-3)  # 16 of 16 by Wilson


def test_what_no_film_supports_is_none():
    sample = Films(_films([True] * 5, [0.9] * 5, range(5)), resamples=100, seed=0)
    nobody = np.zeros(5, dtype=bool)
    assert sample.share(nobody, nobody).value is None
    assert sample.auroc(~nobody, np.ones(5)).value is None
    assert str(sample.share(nobody, nobody)) == "not estimable"


@given(st.floats(0, 1), st.floats(1, 1e6))
def test_the_score_interval_holds_its_value_and_stays_within_0_and_1(value, units):
    low, high = score_interval(value, units)
    assert 0 <= low <= value + 1e-12
    assert value - 1e-12 <= high <= 1


@pytest.mark.parametrize(
    ("hits", "n", "low", "high"), [(15, 16, 0.717, 0.989), (85, 100, 0.767, 0.907)]
)
def test_the_score_interval_is_wilsons(hits, n, low, high):
    assert score_interval(hits / n, n) == pytest.approx((low, high), abs=1e-3)


def _covered(p, rng):
    """Whether the interval of a share holds the true one: 80 patients of one to four films."""
    sizes = rng.integers(1, 5, 80)
    own = rng.beta(4 * p, 4 * (1 - p), 80)  # films of one patient resemble each other
    right = rng.random(sizes.sum()) < np.repeat(own, sizes)
    films = _films(right, right.astype(float), np.repeat(np.arange(80), sizes))
    sample = Films(films, resamples=200, seed=int(rng.integers(1 << 30)))
    figure = sample.share(right, np.ones(len(right), dtype=bool))
    return figure.low <= p <= figure.high


@pytest.mark.parametrize("p", [0.8, 0.97])
def test_intervals_cover_the_truth_about_95_times_in_100(p):
    rng = np.random.default_rng(11)
    covered = sum(_covered(p, rng) for _ in range(200))
    assert 0.90 <= covered / 200 <= 0.99


def test_thousands_of_films_stay_within_seconds(draw, write):
    """A guard against an accidental loop over resamples; the real limit is in the benchmark."""
    import time

    films = write(draw(patients=1600))
    began = time.perf_counter()
    evaluation = films.evaluation(resamples=300)
    assert len(evaluation.films) > 3500
    assert time.perf_counter() - began < 10

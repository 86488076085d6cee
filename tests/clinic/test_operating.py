from __future__ import annotations

import pickle

import attrs
import numpy as np
import pytest

from rekognition_xray.clinic.operating import _band, _halves, _threshold
from rekognition_xray.errors import EvaluationError


@pytest.fixture(scope="module")
def evaluation(draw, write):
    return write(draw(patients=240, skill=2.5, seed=5)).evaluation()


@pytest.mark.parametrize("wanted", [0.8, 0.9, 0.95])
def test_the_wanted_sensitivity_is_reached_where_it_was_chosen(evaluation, wanted):
    policy = evaluation.policy(sensitivity=wanted)
    assert policy.chosen_on.sensitivity.value >= wanted
    assert policy.name == f"sensitivity {wanted:g}"


def test_it_is_the_highest_threshold_that_does(evaluation):
    policy = evaluation.policy(sensitivity=0.9)
    first, _ = _halves(evaluation.films, seed=0)
    sick = np.array([film.pneumonia for film in first if film.has_pneumonia])
    assert (sick >= policy.threshold).mean() >= 0.9
    next_up = min(film.pneumonia for film in first if film.pneumonia > policy.threshold)
    above = np.nextafter(min(value for value in sick if value >= policy.threshold), 1)
    assert next_up >= policy.threshold
    assert (sick >= above).mean() < 0.9


def test_it_is_reported_on_other_patients(evaluation):
    first, second = _halves(evaluation.films, seed=0)
    assert not {film.group for film in first} & {film.group for film in second}
    assert len(first) + len(second) == len(evaluation.films)
    policy = evaluation.policy(sensitivity=0.9)
    assert (policy.chosen_on.films, policy.reported.films) == (len(first), len(second))


def test_halves_hold_about_half_of_every_label(evaluation):
    first, _ = _halves(evaluation.films, seed=3)
    for label in evaluation.labels:
        whole = sum(film.truth == label for film in evaluation.films)
        assert sum(film.truth == label for film in first) == pytest.approx(whole / 2, rel=0.1)


def test_the_reported_sensitivity_is_near_the_wanted_one_over_many_halvings(evaluation):
    reported = [
        evaluation.policy(sensitivity=0.9, seed=seed).reported.sensitivity.value
        for seed in range(12)
    ]
    assert np.mean(reported) == pytest.approx(0.9, abs=0.03)


def test_same_seed_gives_the_same_policy_and_another_one_another(evaluation):
    assert evaluation.policy() == evaluation.policy()
    assert evaluation.policy(seed=1).threshold != evaluation.policy().threshold


def test_the_order_of_films_does_not_matter(evaluation):
    turned = attrs.evolve(evaluation, films=evaluation.films[::-1])
    assert turned.policy() == evaluation.policy()


def test_the_policys_figures_are_those_of_its_findings(evaluation):
    policy = evaluation.policy(sensitivity=0.9, refer_odds=3)
    _, second = _halves(evaluation.films, seed=0)
    referred = [policy.decide(film.confidences).referred for film in second]
    assert policy.reported.referred.value == pytest.approx(np.mean(referred))
    assert policy.reported.referred.value > 0
    sick = [film for film in second if film.has_pneumonia]
    right = np.mean([film.pneumonia >= policy.threshold for film in sick])
    assert policy.reported.sensitivity.value == pytest.approx(right)
    named = [
        film for film in sick if policy.decide(film.confidences).finding in {"bacterial", "viral"}
    ]
    hits = np.mean([policy.decide(film.confidences).finding == film.truth for film in named])
    assert policy.reported.type_accuracy.value == pytest.approx(hits)


def test_odds_of_one_refer_nobody(evaluation):
    policy = evaluation.policy(refer_odds=1)
    assert policy.refer_from == policy.threshold == policy.refer_to
    assert policy.reported.referred.value == 0


def test_a_share_above_one_half_leaves_types_uncertain(evaluation):
    loose, strict = evaluation.policy(type_share=0.5), evaluation.policy(type_share=0.95)
    assert strict.reported.type_named.value < loose.reported.type_named.value


@pytest.mark.parametrize("threshold", [0.0, 1e-12, 0.3, 0.999999, 1.0])
@pytest.mark.parametrize("odds", [1, 1.5, 100])
def test_the_band_always_holds_the_threshold(threshold, odds):
    low, high = _band(threshold, odds)
    assert 0 <= low <= threshold <= high <= 1


def test_the_threshold_lies_in_the_gap_below_the_last_film_it_takes(evaluation):
    sick = [film for film in evaluation.films if film.has_pneumonia][:4]
    well = [film for film in evaluation.films if not film.has_pneumonia][:1]
    scores = iter([0.9, 0.8, 0.7, 0.3])
    films = [
        attrs.evolve(film, confidences={"normal": 0.0, "bacterial": next(scores), "viral": 0.0})
        for film in sick
    ] + [attrs.evolve(well[0], confidences={"normal": 0.5, "bacterial": 0.5, "viral": 0.0})]
    assert _threshold(films, 0.75) == pytest.approx(0.6)
    assert _threshold(films, 1 - 1e-9) == pytest.approx(0.15)


def test_too_few_pneumonia_films_for_the_wanted_sensitivity_are_refused_with_what_is_possible(
    draw, write
):
    evaluation = write(draw(patients=36, films=(1, 1))).evaluation()  # 12 pneumonia films a half
    with pytest.raises(EvaluationError, match=r"0\.95") as raised:
        evaluation.policy(sensitivity=0.95)
    assert "0.92 or less" in str(raised.value)
    assert "38 pneumonia films" in str(raised.value)
    assert evaluation.policy(sensitivity=0.9).threshold > 0


def test_too_few_patients_are_refused_however_many_films_they_have(draw, write):
    evaluation = write(draw(patients=9, films=(20, 20))).evaluation()
    with pytest.raises(EvaluationError, match="6 patients with pneumonia and 3 without"):
        evaluation.policy(sensitivity=0.9)


def test_confidences_at_chance_are_refused(draw, write):
    evaluation = write(draw(patients=120, skill=0.0)).evaluation()
    with pytest.raises(EvaluationError, match="AUROC"):
        evaluation.policy(sensitivity=0.9)


def test_a_test_part_without_normal_films_is_refused(draw, write):
    films = [film for film in draw(patients=60) if film.truth != "normal"]
    with pytest.raises(EvaluationError, match="pneumonia beside something else"):
        write(films).evaluation().policy(sensitivity=0.9)


@pytest.mark.parametrize(
    "settings",
    [
        {"sensitivity": 0.0},
        {"sensitivity": 1.0},
        {"sensitivity": 95},
        {"sensitivity": float("nan")},
        {"refer_odds": 0.5},
        {"refer_odds": float("inf")},
        {"type_share": 2},
    ],
)
def test_arguments_out_of_range_are_refused(evaluation, settings):
    with pytest.raises(EvaluationError):
        evaluation.policy(**settings)


def test_a_rare_label_does_not_hinder_the_halving(draw, write):
    films = [film for film in draw(patients=120) if film.truth != "viral"]
    films += [film for film in draw(patients=3) if film.truth == "viral"][:1]
    assert write(films).evaluation().policy(sensitivity=0.9).reported.films > 0


def test_a_policy_is_plain_data_that_tells_its_story(evaluation):
    policy = evaluation.policy()
    assert pickle.loads(pickle.dumps(policy)) == policy
    assert policy.version_arn == evaluation.version_arn
    told = str(policy)
    assert "chosen on" in told
    assert "reported on" in told

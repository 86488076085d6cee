from __future__ import annotations

import pickle

import attrs
import numpy as np
import pytest

import rekognition_xray as rx
from rekognition_xray.clinic.policy import Policy
from rekognition_xray.clinic.policy.choice import _threshold, odds_band
from rekognition_xray.clinic.policy.support import Aim, split_in_halves
from rekognition_xray.clinic.statistics import pneumonia_view
from rekognition_xray.errors import EvaluationError


@pytest.fixture(scope="module")
def evaluation(draw, write):
    return write(draw(patients=240, skill=2.5, seed=5)).evaluation(resamples=200)


@pytest.mark.parametrize("wanted", [0.8, 0.9, 0.95])
def test_the_wanted_sensitivity_is_reached_where_it_was_chosen(evaluation, wanted):
    policy = evaluation.policy(sensitivity=wanted)
    assert policy.chosen_on.sensitivity.value >= wanted
    assert policy.name == f"sensitivity {wanted:g}"


def test_no_threshold_that_reaches_the_sensitivity_has_a_higher_specificity(evaluation):
    policy = evaluation.policy(sensitivity=0.9)
    first, _ = split_in_halves(evaluation.images, seed=0)
    sick = np.array([image.pneumonia for image in first if image.has_pneumonia])
    well = np.array([image.pneumonia for image in first if not image.has_pneumonia])
    reaching = [value for value in (*sick, *well) if (sick >= value).mean() >= 0.9]
    assert (sick >= policy.threshold).mean() >= 0.9
    assert (well < policy.threshold).mean() == max((well < value).mean() for value in reaching)


def test_the_threshold_lies_in_the_middle_of_the_gap_between_the_classes(draw, write):
    """With confidences that separate the classes, the edge of the gap misses the next image."""
    images = [
        attrs.evolve(
            image,
            confidences=dict(zip(("normal", "bacterial", "viral"), shares, strict=True)),
        )
        for image in draw(patients=150, skill=3.0, seed=2)
        for shares in [(0.002, 0.9, 0.098) if image.truth != "normal" else (0.9, 0.06, 0.04)]
    ]
    policy = write(images).evaluation(resamples=100).policy(sensitivity=0.95, refer_odds=1)
    assert policy.threshold == pytest.approx((0.1 + 0.998) / 2)


@pytest.mark.parametrize("aim", [{"specificity": 0.97}, {"sensitivity": 0.5}])
def test_an_image_that_is_likely_ill_is_never_called_healthy(evaluation, aim):
    policy = evaluation.policy(**aim)
    allowed = evaluation.policy(**aim, allow_above_half=True)
    assert policy.threshold == allowed.threshold
    shocking = 0
    for image in evaluation.images:
        likely = policy.probability(image.confidences) > 0.5
        decision, other = policy.decide(image.confidences), allowed.decide(image.confidences)
        if likely and other.finding == "normal":
            shocking += 1
            assert decision.referred
            assert "pneumonia is likely" in decision.reason
        else:
            assert decision == other
    assert shocking
    assert rx.Policy.from_json(allowed.to_json()).allow_above_half


def test_without_a_calibration_the_confidence_itself_must_not_exceed_one_half():
    confidences = {"normal": 0.3, "bacterial": 0.4, "viral": 0.3}
    assert rx.Policy(threshold=0.9).decide(confidences).referred
    assert rx.Policy(threshold=0.9, allow_above_half=True).decide(confidences).finding == "normal"


@pytest.mark.parametrize("kind", ["platt", "temperature", "isotonic"])
def test_probabilities_are_shrunk_by_the_rule_of_three(evaluation, kind):
    policy = evaluation.policy(sensitivity=0.9, calibration=kind)
    margin = 3 / policy.chosen_on.patients
    found = [policy.calibration.probability(share) for share in np.linspace(0, 1, 101)]
    assert min(found) >= margin - 1e-12
    assert max(found) <= 1 - margin + 1e-12
    assert found == sorted(found)
    assert policy.calibration.margin == pytest.approx(margin)


def test_it_is_reported_on_other_patients(evaluation):
    first, second = split_in_halves(evaluation.images, seed=0)
    assert not {image.group for image in first} & {image.group for image in second}
    assert len(first) + len(second) == len(evaluation.images)
    policy = evaluation.policy(sensitivity=0.9)
    assert (policy.chosen_on.images, policy.reported.images) == (len(first), len(second))


def test_halves_hold_about_half_of_every_label(evaluation):
    first, _ = split_in_halves(evaluation.images, seed=3)
    for label in evaluation.labels:
        whole = sum(image.truth == label for image in evaluation.images)
        assert sum(image.truth == label for image in first) == pytest.approx(whole / 2, rel=0.1)


def test_the_reported_sensitivity_is_near_the_wanted_one_over_many_halvings(evaluation):
    reported = [
        evaluation.policy(sensitivity=0.9, seed=seed).reported.sensitivity.value
        for seed in range(12)
    ]
    assert np.mean(reported) == pytest.approx(0.9, abs=0.03)


def test_same_seed_gives_the_same_policy_and_another_one_another(evaluation):
    assert evaluation.policy(sensitivity=0.9) == evaluation.policy(sensitivity=0.9)
    assert (
        evaluation.policy(sensitivity=0.9, seed=1).threshold
        != evaluation.policy(sensitivity=0.9).threshold
    )


def test_the_order_of_images_does_not_matter(evaluation):
    turned = attrs.evolve(evaluation, images=evaluation.images[::-1])
    assert turned.policy(sensitivity=0.9) == evaluation.policy(sensitivity=0.9)


def test_the_policys_figures_are_those_of_its_findings(evaluation):
    policy = evaluation.policy(sensitivity=0.9, refer_odds=3)
    _, second = split_in_halves(evaluation.images, seed=0)
    referred = [policy.decide(image.confidences).referred for image in second]
    assert policy.reported.referred.value == pytest.approx(np.mean(referred))
    assert policy.reported.referred.value > 0
    sick = [image for image in second if image.has_pneumonia]
    right = np.mean([image.pneumonia >= policy.threshold for image in sick])
    assert policy.reported.sensitivity.value == pytest.approx(right)
    named = [
        image
        for image in sick
        if policy.decide(image.confidences).finding in {"bacterial", "viral"}
    ]
    hits = np.mean([policy.decide(image.confidences).finding == image.truth for image in named])
    assert policy.reported.type_accuracy.value == pytest.approx(hits)


def test_odds_of_one_refer_nobody(evaluation):
    policy = evaluation.policy(sensitivity=0.9, refer_odds=1, allow_above_half=True)
    assert policy.refer_from == policy.threshold == policy.refer_to
    assert policy.reported.referred.value == 0


def test_a_share_above_one_half_leaves_types_uncertain(evaluation):
    loose, strict = (evaluation.policy(sensitivity=0.9, type_share=share) for share in (0.5, 0.95))
    assert strict.reported.type_named.value < loose.reported.type_named.value


@pytest.mark.parametrize("threshold", [0.0, 1e-12, 0.3, 0.999999, 1.0])
@pytest.mark.parametrize("odds", [1, 1.5, 100])
def test_the_band_always_holds_the_threshold(threshold, odds):
    low, high = odds_band(threshold, odds)
    assert 0 <= low <= threshold <= high <= 1


def test_the_threshold_lies_in_the_gap_below_the_last_image_it_takes(evaluation):
    sick = [image for image in evaluation.images if image.has_pneumonia][:4]
    well = [image for image in evaluation.images if not image.has_pneumonia][:1]
    scores = iter([0.9, 0.8, 0.7, 0.3])
    images = [
        attrs.evolve(image, confidences={"normal": 0.0, "bacterial": next(scores), "viral": 0.0})
        for image in sick
    ] + [attrs.evolve(well[0], confidences={"normal": 0.5, "bacterial": 0.5, "viral": 0.0})]
    view = pneumonia_view(images)
    assert _threshold(view, Aim("sensitivity", 0.75)) == pytest.approx(0.6)
    assert _threshold(view, Aim("sensitivity", 1 - 1e-9)) == pytest.approx(0.15)
    assert _threshold(view, Aim("specificity", 0.9)) == pytest.approx(0.6)
    assert _threshold(view, Aim("max_referrals", 0.1)) == pytest.approx(0.6)


def test_too_few_images_for_the_wanted_sensitivity_are_refused_with_what_is_possible(draw, write):
    evaluation = write(draw(patients=36, images=(1, 1))).evaluation()  # 12 pneumonia images a half
    with pytest.raises(EvaluationError, match=r"0\.95") as raised:
        evaluation.policy(sensitivity=0.95)
    assert "0.92 or less" in str(raised.value)
    assert "38 patients with pneumonia" in str(raised.value)
    assert evaluation.policy(sensitivity=0.9).threshold > 0


def test_too_few_patients_are_refused_however_many_images_they_have(draw, write):
    evaluation = write(draw(patients=9, images=(20, 20))).evaluation()
    with pytest.raises(EvaluationError, match="6 patients with pneumonia and 3 without"):
        evaluation.policy(sensitivity=0.9)


def test_confidences_at_chance_are_refused(draw, write):
    evaluation = write(draw(patients=120, skill=0.0)).evaluation()
    with pytest.raises(EvaluationError, match="AUROC"):
        evaluation.policy(sensitivity=0.9)


def test_a_test_part_without_normal_images_is_refused(draw, write):
    images = [image for image in draw(patients=60) if image.truth != "normal"]
    with pytest.raises(EvaluationError, match="both images with and without pneumonia"):
        write(images).evaluation().policy(sensitivity=0.9)


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
        {"specificity": 0.9},
        {"sensitivity": None},
        {"sensitivity": None, "max_referrals": 0.1, "refer_odds": 2},
        {"sensitivity": None, "specificity": 1.5},
        {"calibration": "spline"},
    ],
)
def test_arguments_out_of_range_are_refused(evaluation, settings):
    with pytest.raises(EvaluationError):
        evaluation.policy(**{"sensitivity": 0.9} | settings)


def test_a_rare_label_does_not_hinder_the_halving(draw, write):
    images = [image for image in draw(patients=120) if image.truth != "viral"]
    images += [image for image in draw(patients=3) if image.truth == "viral"][:1]
    assert write(images).evaluation().policy(sensitivity=0.9).reported.images > 0


def test_a_policy_is_plain_data_that_tells_its_story(evaluation):
    policy = evaluation.policy(sensitivity=0.95)
    assert pickle.loads(pickle.dumps(policy)) == policy
    assert policy.version_arn == evaluation.version_arn
    output = str(policy)
    assert "chosen on" in output
    assert "reported on" in output


# -- the other aims ------------------------------------------------------------------------------


@pytest.mark.parametrize("wanted", [0.8, 0.9, 0.95])
def test_the_wanted_specificity_is_reached_by_the_lowest_threshold_that_does(evaluation, wanted):
    policy = evaluation.policy(specificity=wanted, refer_odds=1)
    assert policy.chosen_on.specificity.value >= wanted
    first, _ = split_in_halves(evaluation.images, seed=0)
    well = np.array([image.pneumonia for image in first if not image.has_pneumonia])
    lower = max(image.pneumonia for image in first if image.pneumonia < policy.threshold)
    assert (well < lower).mean() < wanted
    assert policy.name == f"specificity {wanted:g}"


@pytest.mark.parametrize("most", [0.05, 0.2, 0.5])
def test_at_most_the_wanted_share_is_referred_and_about_that_much(evaluation, most):
    policy = evaluation.policy(max_referrals=most)
    assert most - 0.03 <= policy.chosen_on.referred.value <= most
    first, _ = split_in_halves(evaluation.images, seed=0)
    referred = [policy.decide(image.confidences).referred for image in first]
    assert np.mean(referred) == policy.chosen_on.referred.value
    assert policy.refer_from < policy.threshold < policy.refer_to


def test_images_of_equal_confidence_are_not_referred_beyond_the_limit(draw, write):
    images = [
        attrs.evolve(
            image,
            confidences={
                "normal": 0.5 if number % 3 else image.confidences["normal"],
                "bacterial": 0.25 if number % 3 else image.confidences["bacterial"],
                "viral": 0.25 if number % 3 else image.confidences["viral"],
            },
        )
        for number, image in enumerate(draw(patients=150, skill=3.0, seed=2))
    ]
    policy = write(images).evaluation(resamples=100).policy(max_referrals=0.1)
    assert policy.chosen_on.referred.value <= 0.1


def test_enough_images_of_too_few_patients_are_warned_of(draw, write):
    evaluation = write(draw(patients=36, images=(3, 3))).evaluation(resamples=100)
    policy = evaluation.policy(sensitivity=0.95)
    assert any("12 patients with pneumonia" in warning for warning in policy.warnings)
    assert any("38 patients with pneumonia" in warning for warning in policy.warnings)
    assert not any("hardly" in text for text in evaluation.policy(sensitivity=0.9).warnings)


def test_too_few_images_for_the_wanted_specificity_are_refused(draw, write):
    evaluation = write(draw(patients=36, images=(1, 1))).evaluation(resamples=100)
    with pytest.raises(EvaluationError, match="6 images without pneumonia") as raised:
        evaluation.policy(specificity=0.95)
    assert "38 patients without pneumonia" in str(raised.value)


def test_too_few_images_for_so_few_referrals_are_refused(draw, write):
    evaluation = write(draw(patients=36)).evaluation(resamples=100)
    with pytest.raises(EvaluationError, match=r"at most 0\.01 referred") as raised:
        evaluation.policy(max_referrals=0.01)
    assert "198 patients" in str(raised.value)


def test_a_specificity_that_only_calling_nobody_reaches_is_refused(draw, write):
    highest = {"normal": 0.0, "bacterial": 0.5, "viral": 0.5}
    images = draw(patients=240, skill=4.0, seed=4)
    images = [
        attrs.evolve(image, confidences=highest)
        if image.truth == "normal" and n % 5 == 0
        else image
        for n, image in enumerate(images)
    ]
    with pytest.raises(EvaluationError, match=r"No threshold that reaches specificity 0\.9"):
        write(images).evaluation(resamples=100).policy(specificity=0.9)


# -- chosen on one part, reported on another -----------------------------------------------------


def test_without_a_validation_part_the_policy_says_how_it_was_cut(evaluation):
    policy = evaluation.policy(sensitivity=0.9, seed=3)
    assert "no validation set" in policy.parts
    assert "seed 3" in policy.parts
    assert policy.parts in str(policy)


@pytest.fixture(scope="module")
def validation(draw, write):
    images = [
        attrs.evolve(image, source_ref=image.source_ref.replace("/" + "0" * 10, "/" + "f" * 10))
        for image in draw(patients=150, skill=2.5, seed=8)
    ]
    return write(images).evaluation(resamples=100)


@pytest.mark.parametrize("spelling", [lambda part: part, lambda part: part.images])
def test_with_a_validation_part_it_is_chosen_there_and_reported_on_all_test_images(
    evaluation, validation, spelling
):
    policy = evaluation.policy(sensitivity=0.9, validation=spelling(validation))
    assert policy.chosen_on.images == len(validation.images)
    assert policy.reported.images == len(evaluation.images)
    assert policy.chosen_on.sensitivity.value >= 0.9
    assert "validation set" in policy.parts


def test_a_validation_part_of_the_test_patients_is_refused(evaluation):
    with pytest.raises(EvaluationError, match="share"):
        evaluation.policy(sensitivity=0.9, validation=evaluation.images[:50])


def test_a_validation_set_of_another_version_is_refused(evaluation, validation):
    service = attrs.evolve(validation.service, version_arn="arn:other")
    with pytest.raises(EvaluationError, match="arn:other"):
        evaluation.policy(sensitivity=0.9, validation=attrs.evolve(validation, service=service))


@pytest.mark.parametrize("kept", [lambda image: image.has_pneumonia, lambda image: False])
def test_a_validation_part_without_both_sides_is_refused(evaluation, validation, kept):
    images = [image for image in validation.images if kept(image)]
    with pytest.raises(EvaluationError, match="validation set"):
        evaluation.policy(sensitivity=0.9, validation=images)


def test_an_aim_that_the_other_patients_contradict_gives_a_warning(evaluation, validation):
    sure = {"normal": 0.001, "bacterial": 0.998, "viral": 0.001}
    unsure = {"normal": 0.1, "bacterial": 0.8, "viral": 0.1}
    images = [
        attrs.evolve(image, confidences=sure if image.has_pneumonia else unsure)
        for image in validation.images
    ]
    policy = evaluation.policy(sensitivity=0.95, validation=images)
    assert policy.reported.sensitivity.high < 0.95
    assert any("was not met" in warning for warning in policy.warnings)


# -- calibration and referral ---------------------------------------------------------------------


@pytest.fixture(scope="module")
def overconfident(draw, write):
    """Confidences whose log odds are three times what they should be."""
    images = []
    for image in draw(patients=600, skill=2.0, seed=6):
        powers = {label: value**3 for label, value in image.confidences.items()}
        whole = sum(powers.values())
        shares = {label: value / whole for label, value in powers.items()}
        images.append(attrs.evolve(image, confidences=shares))
    return write(images).evaluation(resamples=100)


@pytest.mark.parametrize("kind", ["platt", "temperature", "isotonic"])
def test_a_calibration_mends_overconfidence_on_patients_that_it_was_not_fitted_on(
    overconfident, kind
):
    policy = overconfident.policy(sensitivity=0.9, calibration=kind)
    reported = policy.reported
    assert overconfident.two_class.calibration_slope.high < 1
    assert reported.calibration_error.high < reported.raw_calibration_error.value
    assert reported.brier.value < reported.raw_brier.value
    if kind != "isotonic":
        assert policy.calibration.slope < 0.7


def test_the_calibration_is_fitted_where_the_threshold_was_chosen(evaluation):
    policy = evaluation.policy(sensitivity=0.9)
    assert policy.calibration.images == policy.chosen_on.images
    assert policy.calibration.patients == policy.chosen_on.patients


def test_findings_do_not_depend_on_the_calibration(evaluation):
    policies = [
        evaluation.policy(sensitivity=0.9, calibration=kind) for kind in ("platt", "isotonic", None)
    ]
    assert len({policy.threshold for policy in policies}) == 1
    assert policies[2].probability(evaluation.images[0].confidences) is None


def test_the_risk_falls_as_images_near_the_threshold_are_referred(evaluation):
    curve = evaluation.policy(sensitivity=0.9).reported.risk_coverage
    assert curve.points[0].coverage == 1
    half = min(curve.points, key=lambda point: abs(point.coverage - 0.5))
    assert half.risk.value < curve.points[0].risk.value
    assert half.risk.low <= half.risk.value <= half.risk.high
    assert 0 <= curve.area < curve.points[0].risk.value


def test_a_policy_survives_json(evaluation):
    for kind in ("platt", "temperature", "isotonic", None):
        policy = evaluation.policy(max_referrals=0.2, calibration=kind)
        assert Policy.from_json(policy.to_json()) == policy


def test_predictive_values_follow_from_the_reported_figures(evaluation):
    reported = evaluation.policy(sensitivity=0.9).reported
    output = reported.at_prevalence(0.1)
    sensitivity, specificity = reported.sensitivity.value, reported.specificity.value
    right, wrong = 0.1 * sensitivity, 0.9 * (1 - specificity)
    assert output.ppv.value == pytest.approx(right / (right + wrong))

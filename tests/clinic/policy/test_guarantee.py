from __future__ import annotations

import math

import attrs
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binom

from rekognition_xray.clinic.json_fields import FieldError
from rekognition_xray.clinic.policy import Guarantee, Policy
from rekognition_xray.clinic.policy.guarantee import patients_needed
from rekognition_xray.clinic.policy.guaranteed_choice import most_wrong
from rekognition_xray.errors import EvaluationError

_SHARES = st.floats(0.5, 0.99)
_ERRORS = st.floats(0.001, 0.3)


@pytest.fixture(scope="module")
def evaluation(draw, write):
    return write(draw(patients=600, skill=3.0, seed=5)).evaluation(resamples=100)


@pytest.fixture(scope="module")
def validation(draw, write):
    images = [
        attrs.evolve(image, source_ref=image.source_ref.replace("kermany", "held"))
        for image in draw(patients=400, skill=3.0, seed=6)
    ]
    found = write(images).evaluation(resamples=100)
    other = [attrs.evolve(image, patient=f"held{image.patient}") for image in found.images]
    return attrs.evolve(found, images=tuple(other))


# -- how many patients may be wrong ----------------------------------------------------------------


@given(patients=st.integers(1, 400), share=_SHARES, error=_ERRORS)
def test_as_many_may_be_wrong_as_the_binomial_test_allows(patients, share, error):
    most = most_wrong(patients, share, error)
    assert most < 0 or binom.cdf(most, patients, 1 - share) <= error * (1 + 1e-9)
    assert binom.cdf(most + 1, patients, 1 - share) > error


@given(share=_SHARES, error=_ERRORS)
def test_the_patients_needed_are_the_fewest_that_suffice(share, error):
    needed = patients_needed(share, error)
    assert most_wrong(needed, share, error) >= 0
    assert needed == 1 or most_wrong(needed - 1, share, error) < 0


def test_95_of_100_with_confidence_95_takes_59_patients():
    assert patients_needed(0.95, 0.05) == 59


# -- one guarantee ---------------------------------------------------------------------------------


def test_a_sensitivity_is_guaranteed_at_the_threshold(evaluation, validation):
    policy = evaluation.policy(sensitivity=0.9, confidence=0.95, validation=validation)
    (guarantee,) = policy.guarantees
    assert (guarantee.of, guarantee.at_least, guarantee.confidence) == ("sensitivity", 0.9, 0.95)
    assert guarantee.cut == policy.threshold
    assert policy.refer_from < policy.threshold < policy.refer_to
    sick = {image.group for image in validation.images if image.has_pneumonia}
    assert guarantee.patients == len(sick)
    assert guarantee.wrong == most_wrong(len(sick), 0.9, 0.05)


def test_it_is_more_careful_than_the_choice_without(evaluation):
    plain = evaluation.policy(sensitivity=0.95)
    careful = evaluation.policy(sensitivity=0.95, confidence=0.95)
    assert careful.threshold < plain.threshold
    assert plain.guarantees == ()
    assert careful.name == "sensitivity 0.95 with confidence 0.95"


@pytest.mark.parametrize("aim", ["sensitivity", "specificity"])
def test_more_confidence_is_never_less_careful(evaluation, aim):
    cuts = [
        evaluation.policy(**{aim: 0.9}, confidence=confidence).threshold
        for confidence in (0.5, 0.8, 0.9, 0.99)
    ]
    assert cuts == sorted(cuts, reverse=aim == "sensitivity")
    assert cuts[0] != cuts[-1]


def test_the_threshold_rests_on_one_image_of_each_patient(evaluation, validation):
    """So copies of a patient's images change nothing."""
    copies = [
        attrs.evolve(image, source_ref=f"{image.source_ref}-{copy}")
        for image in validation.images
        for copy in range(5)
    ]
    alone = {}
    for image in validation.images:
        alone.setdefault((image.group, image.has_pneumonia), image)
    five = [
        attrs.evolve(image, source_ref=f"{image.source_ref}-{copy}")
        for image in alone.values()
        for copy in range(5)
    ]
    (guarantee,) = evaluation.policy(sensitivity=0.9, confidence=0.9, validation=copies).guarantees
    assert guarantee.patients == len({image.group for image in copies if image.has_pneumonia})
    once, fivefold = (
        evaluation.policy(sensitivity=0.9, confidence=0.9, validation=images).threshold
        for images in (list(alone.values()), five)
    )
    assert once == fivefold


def test_the_reported_share_counts_each_patient_once(evaluation, validation):
    policy = evaluation.policy(sensitivity=0.9, confidence=0.9, validation=validation)
    shares: dict[str, list[bool]] = {}
    for image in evaluation.images:
        if image.has_pneumonia:
            shares.setdefault(image.group, []).append(image.pneumonia >= policy.threshold)
    reported = policy.guarantees[0].reported
    assert reported.value == pytest.approx(np.mean([np.mean(each) for each in shares.values()]))
    assert reported.low < reported.value < reported.high
    assert reported.patients == len(shares)


def test_a_specificity_is_guaranteed_below_the_threshold(evaluation):
    policy = evaluation.policy(specificity=0.9, confidence=0.9)
    (guarantee,) = policy.guarantees
    assert guarantee.of == "specificity"
    assert guarantee.reported.value >= 0.9
    assert guarantee.cut == policy.threshold


def test_the_same_seed_gives_the_same_policy(evaluation):
    turned = attrs.evolve(evaluation, images=evaluation.images[::-1])
    policies = [each.policy(sensitivity=0.9, confidence=0.9) for each in (evaluation, turned)]
    assert policies[0] == policies[1]


# -- two guarantees --------------------------------------------------------------------------------


def test_where_no_threshold_reaches_both_the_images_between_are_referred(evaluation):
    policy = evaluation.policy(sensitivity=0.95, specificity=0.95, confidence=0.9)
    sensitivity, specificity = policy.guarantees
    assert (sensitivity.cut, specificity.cut) == (policy.refer_from, policy.refer_to)
    assert policy.refer_from < policy.threshold < policy.refer_to
    alone = evaluation.policy(sensitivity=0.95, confidence=0.95)
    assert alone.threshold == policy.refer_from  # each has half of the error


def test_where_one_threshold_reaches_both_it_is_taken(evaluation):
    policy = evaluation.policy(sensitivity=0.7, specificity=0.6, confidence=0.9)
    assert {guarantee.cut for guarantee in policy.guarantees} == {policy.threshold}
    for each in policy.guarantees:
        assert each.reported.value > each.at_least
        assert each.wrong <= most_wrong(each.patients, each.at_least, 0.05)


# -- what is refused -------------------------------------------------------------------------------


def test_too_few_patients_are_refused_with_how_many_it_takes(draw, write):
    few = write(draw(patients=60, images=(20, 30))).evaluation(resamples=100)
    with pytest.raises(EvaluationError, match="too few patients") as raised:
        few.policy(sensitivity=0.95, specificity=0.95, confidence=0.9)
    text = str(raised.value)
    assert "118 patients with pneumonia and 118 patients without" in text
    most = math.floor(100 * 0.05 ** (1 / 20)) / 100
    assert "20 patients with pneumonia, half of the test set's, cannot" in text
    assert f"they can guarantee {most:g}" in text
    assert few.policy(sensitivity=most, confidence=0.95).guarantees[0].wrong == 0


@pytest.mark.parametrize("wrong", [0, 1, -0.5, 2, math.nan, math.inf])
@pytest.mark.parametrize("name", ["sensitivity", "specificity", "confidence"])
def test_a_share_that_is_not_between_0_and_1_is_refused(evaluation, name, wrong):
    given = {"sensitivity": 0.9, "confidence": 0.9} | {name: wrong}
    with pytest.raises(EvaluationError, match=f"{name}=.* is not between 0 and 1"):
        evaluation.policy(**given)


def test_all_arguments_that_do_not_fit_are_named_together(evaluation):
    with pytest.raises(EvaluationError) as raised:
        evaluation.policy(max_referrals=0.2, confidence=2)
    text = str(raised.value)
    assert "confidence=2" in text
    assert "neither a sensitivity nor a specificity" in text
    assert "referred images cannot be guaranteed" in text


def test_two_aims_leave_no_width_to_choose(evaluation):
    with pytest.raises(EvaluationError, match="refer_odds has no effect"):
        evaluation.policy(sensitivity=0.9, specificity=0.9, confidence=0.9, refer_odds=2)


def test_a_guarantee_by_which_everything_is_pneumonia_is_refused(evaluation, validation):
    """One image of each patient with pneumonia at confidence 0 leaves no useful threshold."""
    seen: dict[str, int] = {}
    images = []
    for image in validation.images:
        number = seen[image.group] = seen.get(image.group, 0) + 1
        low = image.has_pneumonia and number % 2 == 0 and int(image.group[4:], 16) % 3
        zero = {"normal": 1.0, "bacterial": 0.0, "viral": 0.0}
        images.append(attrs.evolve(image, confidences=zero) if low else image)
    with pytest.raises(EvaluationError, match="every image, or none"):
        evaluation.policy(sensitivity=0.98, confidence=0.9, validation=images)


def test_a_specificity_beyond_the_highest_confidence_is_refused(evaluation, validation):
    sure = {"normal": 0.0, "bacterial": 1.0, "viral": 0.0}
    images = [
        attrs.evolve(image, confidences=sure)
        if image.has_pneumonia or int(image.group[4:], 16) % 4 == 0
        else image
        for image in validation.images
    ]
    with pytest.raises(EvaluationError, match="confidence of pneumonia of 1"):
        evaluation.policy(specificity=0.95, confidence=0.9, validation=images)


def test_a_validation_part_with_patients_of_the_training_is_refused(evaluation, validation):
    trained = attrs.evolve(evaluation, trained_patients=frozenset({validation.images[0].patient}))
    with pytest.raises(EvaluationError, match="that the model was trained on") as raised:
        trained.policy(sensitivity=0.9, confidence=0.9, validation=validation)
    assert validation.images[0].source_ref in str(raised.value)


# -- what is said ----------------------------------------------------------------------------------


def test_a_guarantee_that_other_patients_contradict_gives_a_warning(evaluation, validation):
    sure = {"normal": 0.001, "bacterial": 0.998, "viral": 0.001}
    unsure = {"normal": 0.1, "bacterial": 0.8, "viral": 0.1}
    images = [
        attrs.evolve(image, confidences=sure if image.has_pneumonia else unsure)
        for image in validation.images
    ]
    policy = evaluation.policy(sensitivity=0.95, confidence=0.95, validation=images)
    assert any("was not met" in warning for warning in policy.warnings)


def test_images_of_unknown_patients_give_a_warning(draw, write):
    unknown = write(draw(patients=200, keyed=False)).evaluation(resamples=100)
    policy = unknown.policy(sensitivity=0.8, confidence=0.9)
    assert any("The patients of" in warning for warning in policy.warnings)


def test_the_policy_says_what_is_guaranteed_and_keeps_it(evaluation):
    policy = evaluation.policy(sensitivity=0.9, specificity=0.8, confidence=0.9)
    text = str(policy)
    assert "guaranteed: sensitivity of at least 0.9 on new patients" in text
    assert "guaranteed: specificity of at least 0.8 on new patients" in text
    assert Policy.from_json(policy.to_json()) == policy


def test_a_policy_written_before_there_were_guarantees_is_read(evaluation):
    record = evaluation.policy(sensitivity=0.9).to_dict()
    del record["guarantees"]
    assert Policy.from_dict(record).guarantees == ()


@pytest.mark.parametrize(
    "wrong", [{"of": "luck"}, {"cut": 1.5}, {"at_least": None}, {"patients": -1}]
)
def test_a_record_that_is_no_guarantee_is_refused(wrong):
    record = Guarantee("sensitivity", 0.9, 0.95, cut=0.4, patients=60, wrong=0).to_dict()
    assert Guarantee.from_dict(record).cut == 0.4
    with pytest.raises(FieldError):
        Guarantee.from_dict(record | wrong)

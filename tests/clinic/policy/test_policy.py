from __future__ import annotations

import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rekognition_xray.clinic.policy import (
    REFERRED,
    TYPE_UNCERTAIN,
    Calibration,
    Policy,
    PolicyFigures,
)
from rekognition_xray.clinic.statistics import Figure
from rekognition_xray.errors import EvaluationError

_POLICY = Policy(threshold=0.6, refer_from=0.5, refer_to=0.7, type_share=0.7)


def _confidences(normal, bacterial, viral):
    return {"normal": normal, "bacterial": bacterial, "viral": viral}


@pytest.mark.parametrize(
    ("confidences", "finding"),
    [
        (_confidences(0.9, 0.05, 0.05), "normal"),
        (_confidences(0.1, 0.8, 0.1), "bacterial"),
        (_confidences(0.1, 0.05, 0.85), "viral"),
        (_confidences(0.1, 0.45, 0.45), TYPE_UNCERTAIN),
        (_confidences(0.42, 0.3, 0.28), REFERRED),
    ],
)
def test_confidences_become_a_finding(confidences, finding):
    decision = _POLICY.decide(confidences)
    assert decision.finding == finding
    assert decision.referred == (finding == REFERRED)
    assert decision.reason


def test_an_image_just_at_the_lower_end_is_referred_and_at_the_upper_end_decided():
    policy = Policy(threshold=0.5, refer_from=0.25, refer_to=0.75)
    assert policy.decide(_confidences(0.75, 0.0, 0.25)).referred
    assert not policy.decide(_confidences(0.25, 0.0, 0.75)).referred


def test_a_referral_gives_the_confidence_and_the_band():
    reason = _POLICY.decide(_confidences(0.42, 0.3, 0.28)).reason
    assert "0.580" in reason
    assert "0.500" in reason
    assert "0.700" in reason


def test_without_a_band_nothing_is_referred_for_being_near():
    policy = Policy(threshold=0.5)
    assert not policy.decide(_confidences(0.5, 0.5, 0.0)).referred
    assert not policy.decide(_confidences(0.5001, 0.4999, 0.0)).referred


def test_the_type_needs_its_share_of_the_pneumonia_not_of_everything():
    policy = Policy(threshold=0.2, type_share=0.7)
    assert policy.decide(_confidences(0.7, 0.25, 0.05)).finding == "bacterial"


def test_a_single_pneumonia_label_needs_no_type():
    policy = Policy(threshold=0.5, labels=("normal", "pneumonia"))
    assert policy.decide({"normal": 0.2, "pneumonia": 0.8}).finding == "pneumonia"


@pytest.mark.parametrize(
    "confidences",
    [
        {},
        {"normal": 0.99},
        _confidences(0.1, math.nan, 0.2),
        _confidences(0.1, -0.1, 0.2),
        _confidences(1.2, 0.0, 0.0),
    ],
)
def test_an_answer_that_lacks_a_usable_label_is_referred(confidences):
    decision = _POLICY.decide(confidences)
    assert decision.referred
    assert "usable" in decision.reason


def test_labels_of_another_model_are_refused():
    with pytest.raises(EvaluationError, match="fracture"):
        _POLICY.decide(_confidences(0.1, 0.1, 0.1) | {"fracture": 0.7})


@pytest.mark.parametrize(
    "settings",
    [
        {"threshold": 1.2},
        {"threshold": -0.1},
        {"threshold": 95},
        {"threshold": math.nan},
        {"threshold": 0.5, "refer_from": 0.6},
        {"threshold": 0.5, "refer_to": 0.4},
        {"threshold": 0.5, "type_share": 70},
        {"threshold": 0.5, "labels": ("bacterial", "viral")},
        {"threshold": 0.5, "labels": ("normal",)},
    ],
)
def test_a_policy_that_makes_no_sense_is_refused(settings):
    with pytest.raises(EvaluationError):
        Policy(**settings)


_shares = st.floats(0, 1)


@given(st.tuples(_shares, _shares, _shares), st.lists(_shares, min_size=3, max_size=3).map(sorted))
def test_more_pneumonia_never_moves_an_image_towards_normal(output, edges):
    low, threshold, high = edges
    policy = Policy(threshold=threshold, refer_from=low, refer_to=high)
    rank = {"normal": 0, REFERRED: 1, TYPE_UNCERTAIN: 2, "bacterial": 2, "viral": 2}
    normal, bacterial, viral = output
    less = policy.decide(_confidences(normal, bacterial / 2, viral / 2)).finding
    more = policy.decide(_confidences(normal, bacterial, viral)).finding
    assert rank[less] <= rank[more]


# -- as JSON --------------------------------------------------------------------------------------

_FIGURE = Figure(
    0.9, 0.8, 0.95, n=40, patients=20, method="score interval, bootstrap over patients"
)
_FIGURES = PolicyFigures(40, 20, _FIGURE, _FIGURE, _FIGURE, _FIGURE, Figure(None, reason="none"))
_WHOLE = Policy(
    threshold=0.6,
    refer_from=0.5,
    refer_to=0.7,
    labels=("normal", "pneumonia"),
    name="clinic A",
    version_arn="arn:v",
    chosen_on=_FIGURES,
    reported=_FIGURES,
    parts="chosen here, reported there",
    calibration=Calibration(kind="isotonic", confidences=(0.1, 0.9), probabilities=(0.0, 1.0)),
    warnings=("few images",),
)


@pytest.mark.parametrize("policy", [_POLICY, _WHOLE])
def test_a_policy_survives_json(policy):
    assert Policy.from_json(policy.to_json()) == policy
    assert Policy.from_json(policy.to_json().encode()) == policy


@pytest.mark.parametrize(
    "change",
    [
        {"threshold": None},
        {"threshold": "0.6"},
        {"threshold": 1.5},
        {"refer_from": 0.65},
        {"labels": ["normal"]},
        {"labels": "normal"},
        {"name": 3},
        {"format": "something.else"},
        {"format_version": 2},
        {"second_threshold": 0.5},
        {"warnings": [1]},
        {"chosen_on": {"images": 3}},
        {"reported": []},
        {"calibration": {"kind": "spline"}},
        {"calibration": _WHOLE.calibration.to_dict() | {"probabilities": [0.5]}},
        {"calibration": _WHOLE.calibration.to_dict() | {"confidences": [0.9, 0.1]}},
        {"calibration": _WHOLE.calibration.to_dict() | {"confidences": [0.1, 9]}},
        {"calibration": _WHOLE.calibration.to_dict() | {"slope": math.inf}},
    ],
)
def test_a_policy_that_was_changed_by_hand_is_checked(change):
    with pytest.raises(EvaluationError):
        Policy.from_dict(_WHOLE.to_dict() | change)


@pytest.mark.parametrize("text", ["", "{", "[]", b"\xff", "null", '{"threshold": 0.5}'])
def test_what_is_no_policy_is_refused(text):
    with pytest.raises(EvaluationError, match="not a policy"):
        Policy.from_json(text)


def test_a_figure_whose_interval_does_not_hold_it_is_refused():
    output = json.loads(_WHOLE.to_json())
    output["reported"]["sensitivity"]["low"] = 0.93
    with pytest.raises(EvaluationError, match="sensitivity"):
        Policy.from_dict(output)


# -- probabilities --------------------------------------------------------------------------------


def test_a_calibrated_policy_gives_a_probability():
    output = _WHOLE.probability({"normal": 0.7, "pneumonia": 0.3})
    assert output == pytest.approx(0.25)


@pytest.mark.parametrize("confidences", [{}, {"normal": 0.5, "pneumonia": math.nan}])
def test_no_probability_comes_of_an_unusable_answer(confidences):
    assert _WHOLE.probability(confidences) is None


@pytest.mark.parametrize(
    ("confidence", "probability"),
    [(0.0, 0.0), (0.1, 0.0), (0.5, 0.5), (0.9, 1.0), (1.0, 1.0)],
)
def test_isotonic_is_flat_outside_and_straight_between(confidence, probability):
    assert _WHOLE.calibration.probability(confidence) == pytest.approx(probability)


@given(_shares, st.floats(0.1, 5), st.floats(-5, 5))
def test_platt_is_a_line_on_log_odds_and_keeps_within_0_and_1(confidence, slope, intercept):
    output = Calibration(kind="platt", slope=slope, intercept=intercept).probability(confidence)
    assert 0 <= output <= 1
    if 1e-6 < confidence < 1 - 1e-6:
        odds = slope * math.log(confidence / (1 - confidence)) + intercept
        assert output == pytest.approx(1 / (1 + math.exp(-odds)))

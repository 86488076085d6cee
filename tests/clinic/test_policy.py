from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rekognition_xray.clinic.policy import REFERRED, TYPE_UNCERTAIN, Policy
from rekognition_xray.errors import EvaluationError

_POLICY = Policy(threshold=0.6, refer_from=0.5, refer_to=0.7, type_share=0.7)


def _told(normal, bacterial, viral):
    return {"normal": normal, "bacterial": bacterial, "viral": viral}


@pytest.mark.parametrize(
    ("confidences", "finding"),
    [
        (_told(0.9, 0.05, 0.05), "normal"),
        (_told(0.1, 0.8, 0.1), "bacterial"),
        (_told(0.1, 0.05, 0.85), "viral"),
        (_told(0.1, 0.45, 0.45), TYPE_UNCERTAIN),
        (_told(0.42, 0.3, 0.28), REFERRED),
    ],
)
def test_confidences_become_a_finding(confidences, finding):
    decision = _POLICY.decide(confidences)
    assert decision.finding == finding
    assert decision.referred == (finding == REFERRED)
    assert decision.reason


def test_a_film_just_at_the_lower_end_is_referred_and_at_the_upper_end_decided():
    policy = Policy(threshold=0.5, refer_from=0.25, refer_to=0.75)
    assert policy.decide(_told(0.75, 0.0, 0.25)).referred
    assert not policy.decide(_told(0.25, 0.0, 0.75)).referred


def test_a_referral_gives_the_confidence_and_the_band():
    reason = _POLICY.decide(_told(0.42, 0.3, 0.28)).reason
    assert "0.580" in reason
    assert "0.500" in reason
    assert "0.700" in reason


def test_without_a_band_nothing_is_referred_for_being_near():
    policy = Policy(threshold=0.5)
    assert not policy.decide(_told(0.5, 0.5, 0.0)).referred
    assert not policy.decide(_told(0.5001, 0.4999, 0.0)).referred


def test_the_type_needs_its_share_of_the_pneumonia_not_of_everything():
    policy = Policy(threshold=0.2, type_share=0.7)
    assert policy.decide(_told(0.7, 0.25, 0.05)).finding == "bacterial"


def test_a_single_pneumonia_label_needs_no_type():
    policy = Policy(threshold=0.5, labels=("normal", "pneumonia"))
    assert policy.decide({"normal": 0.2, "pneumonia": 0.8}).finding == "pneumonia"


@pytest.mark.parametrize(
    "confidences",
    [{}, {"normal": 0.99}, _told(0.1, math.nan, 0.2), _told(0.1, -0.1, 0.2), _told(1.2, 0.0, 0.0)],
)
def test_an_answer_that_lacks_a_usable_label_is_referred(confidences):
    decision = _POLICY.decide(confidences)
    assert decision.referred
    assert "usable" in decision.reason


def test_labels_of_another_model_are_refused():
    with pytest.raises(EvaluationError, match="fracture"):
        _POLICY.decide(_told(0.1, 0.1, 0.1) | {"fracture": 0.7})


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
def test_more_pneumonia_never_moves_a_film_towards_normal(told, edges):
    low, threshold, high = edges
    policy = Policy(threshold=threshold, refer_from=low, refer_to=high)
    rank = {"normal": 0, REFERRED: 1, TYPE_UNCERTAIN: 2, "bacterial": 2, "viral": 2}
    normal, bacterial, viral = told
    less = policy.decide(_told(normal, bacterial / 2, viral / 2)).finding
    more = policy.decide(_told(normal, bacterial, viral)).finding
    assert rank[less] <= rank[more]

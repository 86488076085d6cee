from __future__ import annotations

import json
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rekognition_xray.clinic.evaluation import plan_evaluation
from rekognition_xray.clinic.policy.guaranteed_choice import most_wrong
from rekognition_xray.clinic.statistics import Resamples, score_figure
from rekognition_xray.errors import EvaluationError

_SHARES = st.floats(0.6, 0.99)


def _width(plan, place=0):
    return plan.figures[place].high - plan.figures[place].low


@given(
    value=_SHARES,
    width=st.floats(0.02, 0.3),
    prevalence=st.floats(0.1, 0.9),
    images=st.floats(1, 10),
    alike=st.floats(0, 1),
)
def test_a_test_is_as_large_as_the_width_needs_and_no_larger(
    value, width, prevalence, images, alike
):
    given = {"prevalence": prevalence, "images_per_patient": images, "alike": alike}
    plan = plan_evaluation(sensitivity=value, width=width, **given)
    assert _width(plan) <= width
    of = plan.figures[0].patients
    if of > 2:  # one patient with pneumonia less is too few
        smaller = math.ceil((of - 1) / prevalence)
        fewer = plan_evaluation(sensitivity=value, patients=smaller, **given)
        assert fewer.figures[0].patients >= of or _width(fewer) > width


def test_both_figures_are_planned_for():
    plan = plan_evaluation(sensitivity=0.95, specificity=0.9, width=0.1, prevalence=0.2)
    assert [figure.of for figure in plan.figures] == ["sensitivity", "specificity"]
    assert max(_width(plan, place) for place in (0, 1)) <= 0.1
    assert plan.figures[0].patients == math.floor(plan.patients * 0.2 + 1e-9)


def test_images_that_resemble_each_other_completely_add_nothing():
    one, ten = (
        plan_evaluation(
            sensitivity=0.9, width=0.1, prevalence=0.5, images_per_patient=images, alike=1
        )
        for images in (1, 10)
    )
    assert one.patients == ten.patients
    assert (one.images, ten.images) == (one.patients, 10 * one.patients)


def test_a_planned_interval_is_about_as_wide_as_those_of_such_tests():
    """Images of a patient are right with a probability of the patient's own (beta-binomial)."""
    rng, alike, images, patients, value = np.random.default_rng(7), 0.4, 4, 300, 0.9
    total = 1 / alike - 1
    widths = []
    for _ in range(60):
        own = rng.beta(value * total, (1 - value) * total, patients)
        right = rng.random((patients, images)) < own[:, None]
        groups = [f"{patient:04d}" for patient in range(patients) for _ in range(images)]
        sample = Resamples(groups, resamples=200, seed=0)
        everything = np.ones(right.size, dtype=bool)
        figure = score_figure(sample.ratio(right.ravel(), everything, reason=""))
        widths.append(figure.high - figure.low)
    plan = plan_evaluation(
        sensitivity=value,
        patients=2 * patients,
        prevalence=0.5,
        images_per_patient=images,
        alike=alike,
    )
    assert _width(plan) == pytest.approx(np.mean(widths), rel=0.05)


@given(value=_SHARES, patients=st.integers(10, 2000), confidence=st.floats(0.5, 0.99))
def test_what_can_be_guaranteed_is_what_the_choice_of_a_threshold_would_guarantee(
    value, patients, confidence
):
    plan = plan_evaluation(
        sensitivity=value, patients=patients, prevalence=0.5, confidence=confidence
    )
    (figure,) = plan.figures
    wrong = math.ceil(figure.patients * (1 - value) - 1e-9)
    if wrong < figure.patients:
        assert most_wrong(figure.patients, figure.guaranteed - 1e-9, 1 - confidence) >= wrong
        assert most_wrong(figure.patients, figure.guaranteed + 1e-6, 1 - confidence) < wrong


def test_a_plan_says_what_it_rests_on_and_is_plain_data():
    plan = plan_evaluation(sensitivity=0.95, patients=200, prevalence=0.3, images_per_patient=2.5)
    text = str(plan)
    assert "500 images of 200 patients" in text
    assert "(assumed: 0.3 of the patients have pneumonia)" in text
    assert "whose correlation is 0.5" in text
    assert json.loads(json.dumps(plan.to_dict()))["figures"][0]["patients"] == 60


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"sensitivity": 1.0}, "sensitivity=1.0 is not between"),
        ({"prevalence": math.nan}, "prevalence=nan"),
        ({"confidence": 0}, "confidence=0"),
        ({"width": 0}, "width=0"),
        ({"width": None}, "exactly one of width and patients"),
        ({"patients": 100}, "exactly one of width and patients"),
        ({"sensitivity": None}, "neither a sensitivity nor a specificity"),
        ({"images_per_patient": 0.5}, "images_per_patient=0.5"),
        ({"alike": 1.5}, "alike=1.5"),
        ({"width": None, "patients": 3}, "fewer than 2 patients"),
    ],
)
def test_what_does_not_fit_is_named(wrong, said):
    given = {"sensitivity": 0.9, "width": 0.1, "prevalence": 0.5} | wrong
    with pytest.raises(EvaluationError, match=said):
        plan_evaluation(**given)


def test_everything_that_does_not_fit_is_named_together():
    with pytest.raises(EvaluationError) as raised:
        plan_evaluation(prevalence=2, alike=-1, images_per_patient=math.inf)
    assert len([line for line in str(raised.value).splitlines() if line.startswith("  - ")]) == 5


def test_a_width_that_nobody_can_reach_is_refused():
    with pytest.raises(EvaluationError, match="10,000,000 patients"):
        plan_evaluation(sensitivity=0.9, width=1e-6, prevalence=0.5)

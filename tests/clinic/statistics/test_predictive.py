from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rekognition_xray.clinic.statistics import Figure, predictive_values
from rekognition_xray.errors import EvaluationError


def _values(sensitivity, specificity, prevalence=0.1):
    return predictive_values(sensitivity, specificity, prevalence, of="pneumonia")


_SENSITIVITY = Figure(0.9, 0.85, 0.94, n=100, patients=60)
_SPECIFICITY = Figure(0.8, 0.74, 0.85, n=80, patients=50)


@pytest.mark.parametrize(
    ("prevalence", "ppv", "npv"),
    [(0.1, 0.3333, 0.9863), (0.5, 0.8182, 0.8889), (0.9, 0.9759, 0.4706)],
)
def test_predictive_values_follow_bayes(prevalence, ppv, npv):
    output = _values(_SENSITIVITY, _SPECIFICITY, prevalence)
    assert output.ppv.value == pytest.approx(ppv, abs=1e-4)
    assert output.npv.value == pytest.approx(npv, abs=1e-4)
    assert (output.ppv.n, output.ppv.patients) == (180, 110)
    assert f"{prevalence:g}" in str(output)


def test_equal_wilson_intervals_give_the_published_interval_of_a_ratio():
    """Limits solve Fieller's form; here against a direct solution of the two equations."""
    output = _values(_SENSITIVITY, _SPECIFICITY, 0.5).ppv
    odds = [end / (1 - end) for end in (output.low, output.high)]
    one, other = (0.9, 0.85, 0.94), (0.2, 0.15, 0.26)
    low = (one[0] - odds[0] * other[0]) ** 2
    assert low == pytest.approx(
        (one[0] - one[1]) ** 2 + odds[0] ** 2 * (other[2] - other[0]) ** 2, rel=1e-6
    )
    high = (one[0] - odds[1] * other[0]) ** 2
    assert high == pytest.approx(
        (one[2] - one[0]) ** 2 + odds[1] ** 2 * (other[0] - other[1]) ** 2, rel=1e-6
    )


def test_a_perfect_specificity_keeps_a_lower_end():
    output = _values(_SENSITIVITY, Figure(1.0, 0.93, 1.0))
    assert (output.ppv.value, output.ppv.high) == (1, 1)
    assert 0.4 < output.ppv.low < 0.7


def test_where_nothing_would_be_called_a_predictive_value_is_not_estimable():
    output = _values(Figure(0.0, 0.0, 0.1), Figure(1.0, 0.9, 1.0))
    assert output.ppv.value is None
    assert output.ppv.reason == "no image would be called so"
    assert output.npv.value == pytest.approx(0.9)


def test_without_a_sensitivity_there_is_no_predictive_value():
    output = _values(Figure(None, reason="no image"), _SPECIFICITY)
    assert (output.ppv.value, output.ppv.reason) == (None, "no image")
    assert (output.npv.value, output.npv.reason) == (None, "no image")


@pytest.mark.parametrize("prevalence", [0, 1, -0.1, 10, math.nan])
def test_a_prevalence_that_is_no_share_is_refused(prevalence):
    with pytest.raises(EvaluationError, match="prevalence"):
        _values(_SENSITIVITY, _SPECIFICITY, prevalence)


_ends = st.lists(st.floats(0, 1), min_size=3, max_size=3).map(sorted)


@given(_ends, _ends, st.floats(0.001, 0.999))
def test_intervals_hold_their_value_and_stay_within_0_and_1(one, other, prevalence):
    figures = (Figure(middle, low, high) for low, middle, high in (one, other))
    output = _values(*figures, prevalence)
    for figure in (output.ppv, output.npv):
        if figure.value is not None:
            assert 0 <= figure.low <= figure.value <= figure.high <= 1


def test_an_evaluation_gives_them_for_pneumonia_and_for_a_label(draw, write):
    evaluation = write(draw(patients=60)).evaluation(resamples=100)
    rare, usual = evaluation.at_prevalence(0.01), evaluation.at_prevalence(0.5)
    assert rare.ppv.value < usual.ppv.value
    assert rare.npv.value > usual.npv.value
    assert evaluation.at_prevalence(0.1, label="viral").of == "viral"
    with pytest.raises(EvaluationError, match="fracture"):
        evaluation.at_prevalence(0.1, label="fracture")

from __future__ import annotations

import math

import attrs
import numpy as np
import pytest

from rekognition_xray.clinic.statistics import resample_patients, view_decision_curve
from rekognition_xray.clinic.statistics.estimates import pneumonia_view
from rekognition_xray.clinic.statistics.net_benefit import decision_curve
from rekognition_xray.errors import EvaluationError, MissingExtraError
from rekognition_xray.labels import THREE_CLASSES

from ...support.clustered import Clustered


@pytest.fixture(scope="module")
def evaluation(draw, write):
    return write(draw(patients=120, skill=2.0, seed=3)).evaluation(resamples=200)


@pytest.fixture(scope="module")
def sides(evaluation):
    truth = np.array([image.has_pneumonia for image in evaluation.images])
    return truth, np.array([image.pneumonia for image in evaluation.images])


def test_the_net_benefit_is_true_calls_less_weighted_false_ones(evaluation, sides):
    truth, score = sides
    curve = evaluation.net_benefit()
    assert [point.threshold for point in curve.points] == pytest.approx(np.arange(1, 20) / 20)
    assert curve.prevalence == truth.mean()
    for point in curve.points:
        odds = point.threshold / (1 - point.threshold)
        called = score >= point.threshold
        model = (called & truth).mean() - (called & ~truth).mean() * odds
        every = truth.mean() - (1 - truth.mean()) * odds
        assert point.model.value == pytest.approx(model, abs=1e-12)
        assert point.call_all.value == pytest.approx(every, abs=1e-12)
        assert point.gain.value == pytest.approx(model - max(every, 0), abs=1e-12)


@pytest.mark.parametrize("prevalence", [None, 0.1])
def test_it_is_that_of_dcurves(evaluation, sides, prevalence):
    dcurves = pytest.importorskip("dcurves", reason="needs make test-peers")
    pandas = pytest.importorskip("pandas", reason="needs the extra frames")
    curve = evaluation.net_benefit(prevalence=prevalence)
    theirs = dcurves.dca(
        data=pandas.DataFrame({"truth": sides[0].astype(int), "score": sides[1]}),
        outcome="truth",
        modelnames=["score"],
        thresholds=[point.threshold for point in curve.points],
        prevalence=prevalence,
    )
    for name, part in (("score", "model"), ("all", "call_all")):
        wanted = theirs[theirs["model"] == name]["net_benefit"]
        ours = [getattr(point, part).value for point in curve.points]
        assert ours == pytest.approx(list(wanted), abs=1e-9)


def test_at_a_stated_prevalence_sensitivity_and_specificity_are_weighted_by_it(evaluation):
    curve = evaluation.net_benefit(prevalence=0.1)
    assert (curve.prevalence, curve.stated) == (0.1, True)
    sweep = {point.threshold: point for point in evaluation.curves(points=10_000).sweep}
    thresholds = list(sweep)[10:-10:15]
    for point in evaluation.net_benefit(thresholds=thresholds, prevalence=0.1).points:
        at, odds = sweep[point.threshold], point.threshold / (1 - point.threshold)
        wanted = 0.1 * at.sensitivity.value - 0.9 * (1 - at.specificity.value) * odds
        assert point.model.value == pytest.approx(wanted)
        every = 0.1 - 0.9 * odds
        assert point.call_all.low == point.call_all.high == pytest.approx(every)


def test_intervals_hold_the_value_and_are_never_empty_for_the_model(evaluation):
    for point in evaluation.net_benefit(thresholds=[1e-6, 0.3, 0.9999999]).points:
        for figure in (point.model, point.gain):
            assert figure.low < figure.value < figure.high
            assert figure.patients == evaluation.patients


def test_a_label_has_a_curve_of_its_own(evaluation):
    curve = evaluation.net_benefit("viral", thresholds=[0.4, 0.2, 0.4])
    assert curve.of == "viral"
    assert [point.threshold for point in curve.points] == [0.2, 0.4]


def test_without_both_sides_or_usable_confidences_there_is_a_reason_instead(evaluation):
    sick = [image for image in evaluation.images if image.has_pneumonia]
    unusable = [
        attrs.evolve(image, confidences=dict.fromkeys(THREE_CLASSES, math.nan))
        for image in evaluation.images
    ]
    for images, reason in ((sick, "every test image"), (unusable, "no usable confidence")):
        curve = view_decision_curve(
            images, THREE_CLASSES, None, thresholds=None, prevalence=None, resamples=100, seed=0
        )
        assert curve.points == ()
        assert reason in curve.reason


@pytest.mark.parametrize("wrong", [0, 1, -1, math.nan])
def test_what_is_not_between_0_and_1_is_refused_together(evaluation, wrong):
    with pytest.raises(EvaluationError) as raised:
        evaluation.net_benefit(thresholds=[0.1, wrong, 2], prevalence=wrong)
    assert f"threshold {wrong!r}" in str(raised.value)
    assert "threshold 2" in str(raised.value)
    assert f"prevalence {wrong!r}" in str(raised.value)
    with pytest.raises(EvaluationError, match="no threshold"):
        evaluation.net_benefit(thresholds=[])


def test_a_frame_has_a_row_for_each_threshold_and_figure(evaluation, monkeypatch):
    pytest.importorskip("pandas", reason="needs the extra frames")
    curve = evaluation.net_benefit(thresholds=[0.1, 0.5])
    frame = curve.to_frame()
    assert list(frame["threshold"]) == [0.1] * 3 + [0.5] * 3
    assert frame["value"][0] == curve.points[0].model.value
    monkeypatch.setitem(__import__("sys").modules, "pandas", None)
    with pytest.raises(MissingExtraError, match="frames"):
        curve.to_frame()


def _covered(*, repetitions: int) -> dict[tuple[float, str], float]:
    """How often the intervals of clustered tests hold the net benefit of a very large one."""
    world, thresholds = Clustered(alike=0.5, mean_images=3), [0.1, 0.3, 0.5, 0.8]

    def curve(rng, patients, resamples):
        sick = rng.binomial(patients, 0.4)
        images = world.images(rng, sick, patients - sick)
        sample = resample_patients(images, resamples=resamples, seed=0)
        return decision_curve(sample, pneumonia_view(images), thresholds=thresholds).points

    truth = curve(np.random.default_rng(1), 40_000, 1)
    held = {(one.threshold, name): 0 for one in truth for name in one.by_name()}
    rng = np.random.default_rng(2)
    for _ in range(repetitions):
        for large, small in zip(truth, curve(rng, 150, 300), strict=True):
            for name, figure in small.by_name().items():
                value = large.by_name()[name].value
                held[small.threshold, name] += figure.low <= value <= figure.high
    return {place: count / repetitions for place, count in held.items()}


@pytest.mark.heavy
def test_about_95_intervals_in_100_hold_the_net_benefit():
    """The full size runs under ``make soak``."""
    covered = _covered(repetitions=60)
    assert min(covered.values()) >= 0.8
    assert 0.90 <= np.mean(list(covered.values())) <= 0.99


@pytest.mark.soak
def test_1000_intervals_hold_the_net_benefit_about_950_times():
    covered = _covered(repetitions=1000)
    assert min(covered.values()) >= 0.92
    assert 0.93 <= np.mean(list(covered.values())) <= 0.97

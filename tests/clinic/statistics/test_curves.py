from __future__ import annotations

import math

import attrs
import numpy as np
import pytest
from sklearn import metrics
from sklearn.calibration import calibration_curve

from rekognition_xray.errors import EvaluationError


@pytest.fixture(scope="module")
def evaluation(draw, write):
    return write(draw(patients=120, skill=2.0, seed=3)).evaluation(resamples=100)


@pytest.fixture(scope="module")
def sides(evaluation):
    truth = np.array([image.has_pneumonia for image in evaluation.images])
    return truth, np.array([image.pneumonia for image in evaluation.images])


def test_the_roc_curve_is_scikit_learns_and_its_area_the_auroc(evaluation, sides):
    roc = evaluation.curves(points=10_000).roc
    false, true, _ = metrics.roc_curve(*sides)
    assert [(point.x, point.y) for point in roc] == list(zip(false, true, strict=True))
    area = metrics.auc([point.x for point in roc], [point.y for point in roc])
    assert area == pytest.approx(evaluation.two_class.auroc.value, abs=1e-9)
    assert (roc[0].threshold, roc[0].x, roc[-1].x) == (None, 0, 1)


def test_the_precision_recall_curve_is_scikit_learns(evaluation, sides):
    curve = evaluation.curves(points=10_000).precision_recall
    precision, recall, _ = metrics.precision_recall_curve(*sides)
    assert [(point.x, point.y) for point in curve] == list(zip(recall, precision, strict=True))
    assert curve[-1].threshold is None


@pytest.mark.parametrize("points", [2, 5, 30])
def test_no_curve_has_more_points_than_asked_for_and_ends_are_kept(evaluation, points):
    curves = evaluation.curves(points=points)
    for curve in (curves.roc, curves.precision_recall, curves.sweep):
        assert len(curve) == points
    assert (curves.roc[0].x, curves.roc[-1].x) == (0, 1)


def test_reliability_bins_are_scikit_learns_of_equally_many_images(evaluation, sides):
    bins = evaluation.curves().reliability
    share, mean = calibration_curve(*sides, n_bins=10, strategy="quantile")
    assert [one.frequency.value for one in bins] == pytest.approx(list(share))
    assert [one.confidence for one in bins] == pytest.approx(list(mean))
    assert (bins[0].low, bins[-1].high) == (0, 1)
    assert sum(one.frequency.n for one in bins) == len(evaluation.images)
    assert all(one.low <= one.confidence <= one.high for one in bins)


def test_the_plain_calibration_error_is_that_of_the_bins_and_noisier(evaluation):
    curves = evaluation.curves()
    gaps = [
        one.frequency.n * abs(one.confidence - one.frequency.value) for one in curves.reliability
    ]
    assert curves.calibration_error == pytest.approx(sum(gaps) / len(evaluation.images))
    assert evaluation.two_class.calibration_error.value <= curves.calibration_error


def test_the_sweep_tells_what_every_threshold_gives(evaluation, sides):
    truth, score = sides
    sweep = evaluation.curves(points=40).sweep
    assert [point.threshold for point in sweep] == sorted(point.threshold for point in sweep)
    for point in sweep[::7]:
        called = score >= point.threshold
        assert point.sensitivity.value == pytest.approx(called[truth].mean())
        assert point.specificity.value == pytest.approx((~called[~truth]).mean())
        assert point.called.value == pytest.approx(called.mean())
        assert point.called.low <= point.called.value <= point.called.high
    assert sweep[0].sensitivity.value == 1


def test_curves_of_a_label_are_those_of_its_confidence(evaluation):
    curves = evaluation.curves("viral", points=10_000)
    assert curves.of == "viral"
    area = metrics.auc([point.x for point in curves.roc], [point.y for point in curves.roc])
    assert area == pytest.approx(evaluation.by_label["viral"].auroc.value, abs=1e-9)


def test_curves_without_both_sides_are_empty(draw, write):
    images = [image for image in draw(patients=30) if image.truth != "viral"]
    curves = write(images).evaluation(resamples=100).curves("viral")
    assert (curves.roc, curves.precision_recall, curves.reliability, curves.sweep) == ((),) * 4
    assert curves.calibration_error is None


def test_curves_of_confidences_that_are_not_numbers_are_empty(evaluation):
    first = evaluation.images[0]
    broken = attrs.evolve(first, confidences=first.confidences | {"viral": math.nan})
    damaged = attrs.evolve(evaluation, images=(broken, *evaluation.images[1:]))
    assert damaged.curves("viral").roc == ()


@pytest.mark.parametrize("asked", [{"label": "fracture"}, {"points": 1}])
def test_unknown_labels_and_curves_without_points_are_refused(evaluation, asked):
    with pytest.raises(EvaluationError):
        evaluation.curves(**asked)


def test_labels_without_pneumonia_need_a_label_to_be_named(draw, write):
    labels = ("cat", "dog")
    evaluation = write(draw(patients=20, labels=labels), labels=labels).evaluation(resamples=100)
    with pytest.raises(EvaluationError, match="Name a label"):
        evaluation.curves()
    assert evaluation.curves("cat").roc


def test_risk_falls_with_coverage_and_starts_at_the_error_of_all_images(evaluation):
    curve = evaluation.risk_coverage()
    assert curve.points[0].coverage == 1
    assert curve.points[0].risk.value == pytest.approx(1 - evaluation.accuracy.value)
    assert curve.points[-1].risk.value < curve.points[0].risk.value / 2
    coverages = [point.coverage for point in curve.points]
    assert coverages == sorted(coverages, reverse=True)


def test_the_area_is_the_mean_risk_over_all_coverages(evaluation):
    ordered = sorted(evaluation.images, key=lambda image: -image.confidences[image.predicted])
    wrong = np.array([image.truth != image.predicted for image in ordered])
    risks = np.cumsum(wrong) / np.arange(1, len(wrong) + 1)
    assert evaluation.risk_coverage().area == pytest.approx(risks.mean())


def test_images_of_equal_confidence_are_decided_or_referred_together(evaluation):
    alike = {"normal": 0.6, "bacterial": 0.3, "viral": 0.1}
    images = tuple(
        attrs.evolve(image, confidences=alike, predicted="normal") for image in evaluation.images
    )
    curve = attrs.evolve(evaluation, images=images).risk_coverage()
    assert [point.coverage for point in curve.points] == [1]
    wrong = np.mean([image.truth != "normal" for image in images])
    assert curve.area == pytest.approx(wrong)

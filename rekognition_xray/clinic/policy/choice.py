"""Chooses a policy on the images of some patients and evaluates it on those of others.

Imports numpy and scikit-learn: to be imported only when a policy is chosen.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Final

import attrs
import numpy as np
from sklearn.metrics import roc_curve

from rekognition_xray.clinic.policy.calibration import KINDS, Calibration, Kind
from rekognition_xray.clinic.policy.fitting import fit_calibration
from rekognition_xray.clinic.policy.policy import TYPE_UNCERTAIN, Policy, PolicyFigures
from rekognition_xray.clinic.policy.support import (
    MIN_PATIENTS,
    Aim,
    aim_of,
    check_both_classes,
    check_disjoint,
    check_patients,
    check_support,
    split_in_halves,
)
from rekognition_xray.clinic.statistics import (
    BinaryView,
    Figure,
    Mask,
    Resamples,
    TestImage,
    Values,
    calibration_error,
    log_odds,
    pneumonia_view,
    rank_statistics,
    resample_patients,
    risk_coverage,
    score_figure,
)
from rekognition_xray.errors import EvaluationError
from rekognition_xray.labels import is_pneumonia

REFER_ODDS: Final = 1.5
"""Images whose odds of pneumonia are within this factor of the threshold's are referred."""

_ROUNDING: Final = 1e-12


def choose_policy(
    images: Sequence[TestImage],
    labels: tuple[str, ...],
    aims: Mapping[str, float | None],
    *,
    validation: Sequence[TestImage] | None,
    refer_odds: float | None,
    type_share: float,
    calibration: Kind | None,
    allow_above_half: bool,
    resamples: int,
    seed: int,
    resampling_seed: int,
) -> Policy:
    """Chooses a policy on one part of the patients and reports it on another.

    Args:
        images: the test images.
        labels: the labels of the model.
        aims: the aims by name, one of them with a value.
        validation: images of other patients to choose on; without them the test patients are cut
            in two.
        refer_odds: images whose odds of pneumonia lie within this factor of the threshold's are
            referred.
        type_share: share of the pneumonia confidence that one type must reach to be named.
        calibration: how confidences become probabilities.
        allow_above_half: see ``Policy``.
        resamples: bootstrap resamples of the patients.
        seed: seed of cutting the patients in two.
        resampling_seed: seed of the resamples.

    Raises:
        EvaluationError: the images do not support such a claim.
    """
    aim = aim_of(aims)
    check_arguments(aim, refer_odds, calibration)
    check_both_classes(images, "the test set")
    first, second, parts = choice_parts(images, labels, validation, seed)
    near = tuple(check_support(first, aim, parts=2 if validation is None else 1))
    view = pneumonia_view(first)
    sample = resample_patients(first, resamples=resamples, seed=resampling_seed)
    check_separation(sample, view)
    threshold = _threshold(view, aim)
    fitted = calibration and fit_calibration(
        calibration, view.truth, view.score, patients=sample.patients
    )
    if aim.kind == "max_referrals":
        if not allow_above_half:  # else images that are likely ill would be referred besides
            threshold = min(threshold, _half(fitted))
        low, high = _widest_band(view.score, threshold, aim.value)
    else:
        low, high = odds_band(threshold, REFER_ODDS if refer_odds is None else refer_odds)
    policy = Policy(
        threshold=threshold,
        refer_from=low,
        refer_to=high,
        type_share=type_share,
        labels=labels,
        name=aim.name,
        parts=parts,
        allow_above_half=allow_above_half,
        calibration=fitted,
    )
    chosen = policy_figures(policy, first, sample)
    sample = resample_patients(second, resamples=resamples, seed=resampling_seed)
    reported = policy_figures(policy, second, sample)
    warnings = (*near, *_missed_aim(aim, reported))
    return attrs.evolve(policy, chosen_on=chosen, reported=reported, warnings=warnings)


def check_arguments(aim: Aim, refer_odds: float | None, calibration: str | None) -> None:
    """Checks the arguments of a choice; raises EvaluationError."""
    if refer_odds is not None and aim.kind == "max_referrals":
        raise EvaluationError(
            "max_referrals and refer_odds both set the width of the referral band.",
            hint="Leave refer_odds out.",
        )
    if refer_odds is not None and not 1 <= refer_odds < math.inf:
        raise EvaluationError(
            f"refer_odds is {refer_odds!r}; it must be 1 or more.",
            hint=f"1 refers no image for being near the threshold; {REFER_ODDS} is the default.",
        )
    if calibration is not None and calibration not in KINDS:
        raise EvaluationError(
            f"There is no calibration {calibration!r}.", hint=f"Use {', '.join(KINDS)} or None."
        )


def choice_parts(
    images: Sequence[TestImage],
    labels: Sequence[str],
    validation: Sequence[TestImage] | None,
    seed: int,
) -> tuple[Sequence[TestImage], Sequence[TestImage], str]:
    """The images to choose on, those to report on, and both in words."""
    if validation is None:
        first, second = split_in_halves(images, seed)
        words = (
            "There is no validation set: chosen on one half of the test patients, reported on "
            f"the other (split with seed {seed})."
        )
        return first, second, words
    known = set(labels)
    unknown = {label for image in validation for label in image.confidences.keys() ^ known}
    if unknown:
        raise EvaluationError(
            f"The validation images have different labels: {', '.join(sorted(unknown))}.",
            hint="Classify the validation images with the version that is evaluated.",
        )
    check_both_classes(validation, "the validation set")
    check_disjoint(validation, images)
    check_patients(validation, MIN_PATIENTS, "The validation set")
    check_patients(images, MIN_PATIENTS, "The test set")
    words = "Chosen on the images of a validation set, reported on all test images."
    ordered = sorted(validation, key=lambda image: image.source_ref)
    return ordered, images, words


def check_separation(sample: Resamples, view: BinaryView) -> None:
    """Checks that the confidences distinguish pneumonia from the rest better than chance."""
    # The score interval: with few patients and an area near 1, the logit interval is too wide.
    area = score_figure(rank_statistics(sample, view)["auroc"])
    if area.low is None or area.low <= 0.5:
        raise EvaluationError(
            "On the images to choose on, the confidences do not distinguish pneumonia from the "
            f"rest: AUROC {area}; chance is 0.5.",
            hint="Check the training data and labels before choosing a threshold, or test on "
            f"more than these {sample.patients} patients.",
        )


def _threshold(view: BinaryView, aim: Aim) -> float:
    """The threshold for an aim, in the middle of a gap between the two classes.

    The highest that reaches a sensitivity; the lowest that reaches a specificity; for referrals
    the one of highest balanced accuracy (Youden 1950), which does not depend on the mix of labels.
    It is then moved as far as nothing is lost: upwards to the next image with pneumonia, downwards
    from there to the next without, and halfway between these two. At the edge of the gap the same
    figures would hold on these images, and an unseen image of a high confidence would be missed.
    """
    false, true, thresholds = roc_curve(view.truth, view.score, drop_intermediate=False)
    if aim.kind == "sensitivity":
        place = int(np.argmax(true >= aim.value - _ROUNDING))
    elif aim.kind == "specificity":
        place = int(np.flatnonzero(1 - false >= aim.value - _ROUNDING)[-1])
    else:
        place = int(np.argmax(true - false))
    if place == 0:  # no image would be called
        raise EvaluationError(
            f"No threshold that reaches {aim.name} finds any image with pneumonia.",
            hint="Choose a lower aim: the highest confidences are of images without pneumonia.",
        )
    edge = float(thresholds[place])
    sick, well = view.score[view.truth], view.score[~view.truth]
    upper = float(min(sick[sick >= edge], default=edge))
    lower = float(max(well[well < upper], default=0.0))
    middle = (lower + upper) / 2
    return middle if lower < middle else upper


def _half(calibration: Calibration | None) -> float:
    """The confidence from which pneumonia is more likely than not."""
    if calibration is None:
        return 0.5
    places = np.linspace(0, 1, 10_001)
    likely = [calibration.probability(float(place)) > 0.5 for place in places]
    return float(places[int(np.argmax(likely))]) if any(likely) else 1.0


def odds_band(threshold: float, refer_odds: float) -> tuple[float, float]:
    """The confidences whose odds are within this factor of the threshold's odds."""
    if refer_odds == 1:
        return threshold, threshold
    low = threshold / (threshold + (1 - threshold) * refer_odds)
    high = threshold * refer_odds / (threshold * refer_odds + 1 - threshold)
    return min(low, threshold), max(high, threshold)


def _widest_band(score: Values, threshold: float, most: float) -> tuple[float, float]:
    """The widest band around the threshold that refers at most this share of the images."""
    factors = np.exp(np.unique(_distance(score, threshold)))[::-1]
    between = np.sqrt(factors[:-1] * factors[1:])
    for factor in (*between, 1.0):
        low, high = odds_band(threshold, float(factor))
        if ((score >= low) & (score < high)).mean() <= most:
            return low, high
    return threshold, threshold


def _distance(score: Values, threshold: float) -> Values:
    """Distance of confidences from the threshold, in log odds."""
    return np.abs(log_odds(score) - log_odds(np.array([threshold])))


def policy_figures(policy: Policy, images: Sequence[TestImage], sample: Resamples) -> PolicyFigures:
    """The figures of a policy on some images, and on the resamples of their patients."""
    view = pneumonia_view(images)
    positive, everything = view.score >= policy.threshold, np.ones(len(images), dtype=bool)
    decided = [policy.decide(image.confidences) for image in images]
    findings = np.array([decision.finding for decision in decided])
    found = np.array([is_pneumonia(finding) for finding in findings])
    uncertain = findings == TYPE_UNCERTAIN
    right = findings == np.array([image.truth for image in images])
    referred = np.array([decision.referred for decision in decided])
    probability = np.array([policy.probability(image.confidences) for image in images], dtype=float)
    raw = _calibration_figures(sample, view.truth, view.score)
    after = _calibration_figures(sample, view.truth, probability) if policy.calibration else raw

    def share(hits: Mask, among: Mask, reason: str) -> Figure:
        return score_figure(sample.ratio(hits, among, reason=reason))

    return PolicyFigures(
        images=len(images),
        patients=sample.patients,
        sensitivity=share(positive, view.truth, "no image shows pneumonia"),
        specificity=share(~positive, ~view.truth, "every image shows pneumonia"),
        referred=share(referred, everything, ""),
        type_named=share(found, view.truth & (found | uncertain), "no pneumonia was found"),
        type_accuracy=share(right, view.truth & found, "no type was named"),
        brier=after[0],
        calibration_error=after[1],
        raw_brier=raw[0],
        raw_calibration_error=raw[1],
        risk_coverage=risk_coverage(
            sample,
            positive != view.truth,
            _distance(view.score, policy.threshold),
            call="pneumonia or not at the threshold, images nearest to it referred first",
        ),
    )


def _calibration_figures(
    sample: Resamples, truth: Mask, probability: Values
) -> tuple[Figure, Figure]:
    everything = np.ones(len(truth), dtype=bool)
    brier = score_figure(sample.ratio((probability - truth) ** 2, everything, reason=""))
    return brier, calibration_error(sample, truth, probability)


def _missed_aim(aim: Aim, reported: PolicyFigures) -> Iterator[str]:
    """A warning if the figures on the other patients contradict the aim."""
    if aim.kind == "max_referrals":
        figure, contradicted = reported.referred, (reported.referred.low or 0.0) > aim.value
    else:
        figure = reported.sensitivity if aim.kind == "sensitivity" else reported.specificity
        contradicted = figure.high is not None and figure.high < aim.value
    if contradicted:
        yield f"The aim, {aim.name}, was not met on the images of the reported figures: {figure}."

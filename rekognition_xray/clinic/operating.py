"""Choosing a policy's threshold on one half of the test patients and judging it on the other.

Imports numpy and scikit-learn: to be imported only when a policy is chosen.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

import attrs
import numpy as np
from sklearn.metrics import roc_curve
from sklearn.model_selection import StratifiedGroupKFold

from rekognition_xray.clinic.estimates import Films
from rekognition_xray.clinic.figures import TestFilm
from rekognition_xray.clinic.policy import TYPE_UNCERTAIN, Policy, PolicyFigures
from rekognition_xray.errors import EvaluationError
from rekognition_xray.labels import is_pneumonia

if TYPE_CHECKING:
    from rekognition_xray.clinic.evaluation import Evaluation

_MIN_PATIENTS: Final = 4  # with pneumonia and without, in each half
_ROUNDING: Final = 1e-12


def choose(
    evaluation: Evaluation, *, sensitivity: float, refer_odds: float, type_share: float, seed: int
) -> Policy:
    """The work behind ``Evaluation.policy``; arguments and errors are described there."""
    _check_arguments(evaluation, sensitivity, refer_odds)
    first, second = _halves(evaluation.films, seed)
    _check_support(first, second, sensitivity)
    _check_separation(first, evaluation)
    threshold = _threshold(first, sensitivity)
    low, high = _band(threshold, refer_odds)
    policy = Policy(
        threshold=threshold,
        refer_from=low,
        refer_to=high,
        type_share=type_share,
        labels=evaluation.labels,
        name=f"sensitivity {sensitivity:g}",
        version_arn=evaluation.version_arn,
        warnings=evaluation.warnings,
    )
    return attrs.evolve(
        policy,
        chosen_on=_judged(policy, first, evaluation),
        reported=_judged(policy, second, evaluation),
    )


def _check_arguments(evaluation: Evaluation, sensitivity: float, refer_odds: float) -> None:
    if not 0 < sensitivity < 1:
        raise EvaluationError(
            f"A sensitivity of {sensitivity!r} cannot be chosen for.",
            hint="Give a share between 0 and 1, such as 0.95; no number of films supports 1.",
        )
    if not 1 <= refer_odds < math.inf:
        raise EvaluationError(
            f"refer_odds is {refer_odds!r}; it must be 1 or more.",
            hint="1 refers no film for being near the threshold; 1.5 is the default.",
        )
    if evaluation.two_class.sensitivity.value is None or (
        evaluation.two_class.specificity.value is None
    ):
        raise EvaluationError(
            "The test films do not hold pneumonia beside something else; no threshold can be "
            "chosen between them.",
            hint="Test on films with and without pneumonia.",
        )


def _halves(films: Sequence[TestFilm], seed: int) -> tuple[list[TestFilm], list[TestFilm]]:
    """Whole patients, about half of the films of every label on each side."""
    ordered = sorted(films, key=lambda film: film.source_ref)
    sick = {film.group for film in ordered if film.has_pneumonia}
    well = {film.group for film in ordered if not film.has_pneumonia}
    _check_patients(len(sick), len(well), 2 * _MIN_PATIENTS, "The test part")
    truths = [film.truth for film in ordered]
    if min(truths.count(label) for label in set(truths)) < 2:  # too rare to be cut in two
        truths = [str(film.has_pneumonia) for film in ordered]
    cut = StratifiedGroupKFold(n_splits=2, shuffle=True, random_state=seed)
    parts = next(cut.split(ordered, truths, [film.group for film in ordered]))
    first, second = ([ordered[place] for place in part] for part in parts)
    return first, second


def _check_support(
    first: Sequence[TestFilm], second: Sequence[TestFilm], sensitivity: float
) -> None:
    for half in (first, second):
        sick = {film.group for film in half if film.has_pneumonia}
        well = {film.group for film in half if not film.has_pneumonia}
        _check_patients(len(sick), len(well), _MIN_PATIENTS, "One half of the test part")
    films = sum(film.has_pneumonia for film in first)
    # A threshold at the lowest of n scores is passed by n / (n + 1) of new films on average.
    most = films / (films + 1)
    if most + _ROUNDING < sensitivity:
        needed = math.ceil(sensitivity / (1 - sensitivity) - _ROUNDING)
        raise EvaluationError(
            f"{films} pneumonia films, half of the test part's, cannot support a sensitivity of "
            f"{sensitivity:g}.",
            hint=f"Ask for {math.floor(100 * most) / 100:g} or less, or test on at least "
            f"{2 * needed} pneumonia films.",
        )


def _check_patients(sick: int, well: int, least: int, where: str) -> None:
    if min(sick, well) < least:
        raise EvaluationError(
            f"{where} holds {sick} patients with pneumonia and {well} without; a threshold needs "
            f"at least {least} of each.",
            hint="Test on more patients.",
        )


def _check_separation(films: Sequence[TestFilm], evaluation: Evaluation) -> None:
    sample = _sample(films, evaluation)
    sick, score = _scores(films)
    area = sample.auroc(sick, score)
    if area.low is None or area.low <= 0.5:
        raise EvaluationError(
            "The confidences do not tell pneumonia from the rest on the test films: AUROC "
            f"{area}, and 0.5 is chance.",
            hint="Look at the training data and labels before choosing a threshold.",
        )


def _threshold(films: Sequence[TestFilm], sensitivity: float) -> float:
    """The highest threshold that reaches the sensitivity, in the middle of its gap."""
    sick, score = _scores(films)
    _, reached, thresholds = roc_curve(sick, score, drop_intermediate=False)
    highest = float(thresholds[np.argmax(reached >= sensitivity - _ROUNDING)])
    below = float(max(score[score < highest], default=0.0))
    middle = (below + highest) / 2
    return middle if below < middle else highest


def _band(threshold: float, refer_odds: float) -> tuple[float, float]:
    """Confidences whose odds lie within the factor of the threshold's odds."""
    if refer_odds == 1:
        return threshold, threshold
    low = threshold / (threshold + (1 - threshold) * refer_odds)
    high = threshold * refer_odds / (threshold * refer_odds + 1 - threshold)
    return min(low, threshold), max(high, threshold)


def _judged(policy: Policy, films: Sequence[TestFilm], evaluation: Evaluation) -> PolicyFigures:
    sample = _sample(films, evaluation)
    sick, score = _scores(films)
    positive = score >= policy.threshold
    decided = [policy.decide(film.confidences) for film in films]
    findings = np.array([decision.finding for decision in decided])
    found = np.array([is_pneumonia(finding) for finding in findings])
    uncertain = findings == TYPE_UNCERTAIN
    right = findings == np.array([film.truth for film in films])
    referred = np.array([decision.referred for decision in decided])
    return PolicyFigures(
        films=len(films),
        patients=sample.patients,
        sensitivity=sample.share(positive, sick),
        specificity=sample.share(~positive, ~sick),
        referred=sample.share(referred, np.ones(len(films), dtype=bool)),
        type_named=sample.share(found, sick & (found | uncertain)),
        type_accuracy=sample.share(right, sick & found),
    )


def _scores(films: Sequence[TestFilm]) -> tuple[np.ndarray, np.ndarray]:
    sick = np.array([film.has_pneumonia for film in films])
    return sick, np.array([film.pneumonia for film in films])


def _sample(films: Sequence[TestFilm], evaluation: Evaluation) -> Films:
    return Films(films, resamples=evaluation.resamples, seed=evaluation.seed)

"""Chooses a policy whose sensitivity or specificity is guaranteed on new patients.

Imports numpy and scipy: to be imported only when a policy is chosen.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Final

import attrs
import numpy as np
from scipy.special import bdtr

from rekognition_xray.clinic.policy.calibration import Kind
from rekognition_xray.clinic.policy.choice import (
    REFER_ODDS,
    check_arguments,
    check_separation,
    choice_parts,
    odds_band,
    policy_figures,
)
from rekognition_xray.clinic.policy.fitting import fit_calibration
from rekognition_xray.clinic.policy.guarantee import SIDES, Guarantee, Side, patients_needed
from rekognition_xray.clinic.policy.policy import Policy, PolicyFigures
from rekognition_xray.clinic.policy.support import Aim, check_both_classes
from rekognition_xray.clinic.statistics import (
    BinaryView,
    Figure,
    Mask,
    Resamples,
    TestImage,
    Values,
    pneumonia_view,
    resample_patients,
    score_figure,
)
from rekognition_xray.errors import EvaluationError, list_paths

_SHOWN: Final[Mapping[Side, str]] = {
    "sensitivity": "with pneumonia",
    "specificity": "without pneumonia",
}
_ROUNDING: Final = 1e-12


def choose_guaranteed_policy(
    images: Sequence[TestImage],
    labels: tuple[str, ...],
    aims: Mapping[str, float | None],
    *,
    confidence: float,
    validation: Sequence[TestImage] | None,
    refer_odds: float | None,
    type_share: float,
    calibration: Kind | None,
    allow_above_half: bool,
    resamples: int,
    seed: int,
    resampling_seed: int,
) -> Policy:
    """Chooses a policy with guarantees on one part of the patients and reports it on another.

    One image of each side is drawn at random from each patient of the part to choose on. Their
    confidences are independent draws, so an order statistic of them is a one-sided tolerance limit
    (Wilks 1941): if ``k`` of ``n`` patients may be wrong, a true share of wrong images above
    ``1 - aim`` has probability at most ``P(Binomial(n, 1 - aim) <= k)``. Chosen is the largest
    ``k`` for which this is at most ``1 - confidence``. This is Learn then Test (Angelopoulos et al.
    2021) with the exact binomial test: the share of wrong images is monotone in the threshold, so
    the thresholds are tested in order without a correction.

    With a sensitivity and a specificity, each gets half of ``1 - confidence`` (Bonferroni). If no
    threshold reaches both, the images between the two limits are referred to a person.

    Args:
        images: the test images.
        labels: the labels of the model.
        aims: the aims by name: a sensitivity, a specificity, or both.
        confidence: of all guarantees together, between 0 and 1.
        validation: images of other patients to choose on; without them the test patients are cut
            in two.
        refer_odds: images whose odds of pneumonia lie within this factor of the threshold's are
            referred. Not with two aims.
        type_share: share of the pneumonia confidence that one type must reach to be named.
        calibration: how confidences become probabilities.
        allow_above_half: see ``Policy``.
        resamples: bootstrap resamples of the patients.
        seed: seed of cutting the patients in two, and of drawing one image of each.
        resampling_seed: seed of the resamples.

    Raises:
        EvaluationError: the arguments do not fit, or the patients do not support the guarantee;
            the hint says how many it takes.
    """
    wanted = _wanted(aims, confidence, refer_odds)
    check_arguments(Aim(*next(iter(wanted.items()))), refer_odds, calibration)
    check_both_classes(images, "the test set")
    first, second, parts = choice_parts(images, labels, validation, seed)
    view = pneumonia_view(first)
    sample = resample_patients(first, resamples=resamples, seed=resampling_seed)
    check_separation(sample, view)
    error = (1 - confidence) / len(wanted)
    drawn = {side: _one_image_each(sample, view, side, seed) for side in wanted}
    _check_patients(drawn, wanted, error, parts=2 if validation is None else 1)
    limits = {
        side: float(drawn[side][most_wrong(len(drawn[side]), share, error)])
        for side, share in wanted.items()
    }
    low, threshold, high = _cuts(view.score, limits, refer_odds)
    policy = Policy(
        threshold=threshold,
        refer_from=low,
        refer_to=high,
        type_share=type_share,
        labels=labels,
        name=_name(wanted, confidence),
        parts=parts,
        allow_above_half=allow_above_half,
        calibration=calibration
        and fit_calibration(calibration, view.truth, view.score, patients=sample.patients),
    )
    chosen = policy_figures(policy, first, sample)
    _check_use(policy, chosen)
    sample = resample_patients(second, resamples=resamples, seed=resampling_seed)
    view = pneumonia_view(second)
    ends = _ends(policy, limits)
    guarantees = tuple(
        Guarantee(
            side,
            share,
            confidence,
            cut=ends[side],
            patients=len(drawn[side]),
            wrong=int((~_right(drawn[side], side, ends[side])).sum()),
            reported=_mean_over_patients(sample, view, side, ends[side]),
        )
        for side, share in wanted.items()
    )
    return attrs.evolve(
        policy,
        chosen_on=chosen,
        reported=policy_figures(policy, second, sample),
        guarantees=guarantees,
        warnings=tuple(_warnings(first, guarantees)),
    )


def most_wrong(patients: int, share: float, error: float) -> int:
    """How many of the patients may be wrong, so that a share of right ones is guaranteed.

    The largest ``k`` with ``P(Binomial(patients, 1 - share) <= k) <= error``: the exact test of the
    hypothesis that the true share is below ``share``. -1 if there is none.

    Args:
        patients: number of independent patients, one image of each.
        share: to be guaranteed, between 0 and 1.
        error: one minus the confidence, between 0 and 1.
    """
    tails = bdtr(np.arange(patients), patients, 1 - share)
    return int(np.searchsorted(tails, error * (1 + _ROUNDING), side="right")) - 1


def _wanted(
    aims: Mapping[str, float | None], confidence: float, refer_odds: float | None
) -> dict[Side, float]:
    """The shares to guarantee, by side; EvaluationError with everything that does not fit."""
    given = {name: value for name, value in aims.items() if value is not None}
    wanted: dict[Side, float] = {side: given[side] for side in SIDES if side in given}
    bad = [
        f"{name}={value!r} is not between 0 and 1"
        for name, value in {**given, "confidence": confidence}.items()
        if not 0 < value < 1  # NaN included
    ]
    if not wanted:
        bad.append("there is neither a sensitivity nor a specificity to guarantee")
    if given.keys() - set(SIDES):
        bad.append("a share of referred images cannot be guaranteed")
    if len(wanted) == len(SIDES) and refer_odds is not None:
        bad.append("with two aims, refer_odds has no effect: they decide what is referred")
    if bad:
        raise EvaluationError(
            f"No policy with a guarantee can be chosen so:\n{list_paths(bad)}",
            hint="Use sensitivity=0.95, specificity=0.8, or both, with confidence=0.95.",
        )
    return wanted


def _side(view: BinaryView, side: Side) -> Mask:
    return view.truth if side == "sensitivity" else ~view.truth


def _right(score: Values, side: Side, cut: float) -> Mask:
    """Which confidences lie on the right side of a cut."""
    return score >= cut if side == "sensitivity" else score < cut


def _one_image_each(sample: Resamples, view: BinaryView, side: Side, seed: int) -> Values:
    """The confidences of one random image of each patient of a side, the worst first."""
    order = np.random.default_rng(seed).permutation(np.flatnonzero(_side(view, side)))
    _, places = np.unique(sample.patient[order], return_index=True)
    scores = np.sort(view.score[order[places]])
    return scores if side == "sensitivity" else scores[::-1]


def _check_patients(
    drawn: Mapping[Side, Values], wanted: Mapping[Side, float], error: float, *, parts: int
) -> None:
    bad, least = [], []
    half = ", half of the test set's," if parts == 2 else ""
    for side, share in wanted.items():
        have, needed = len(drawn[side]), patients_needed(share, error)
        if have < needed:
            most = math.floor(100 * error ** (1 / have)) / 100
            bad.append(
                f"{have} patients {_SHOWN[side]}{half} cannot guarantee {side} {share:g}; "
                f"they can guarantee {most:g}"
            )
            least.append(f"{parts * needed} patients {_SHOWN[side]}")
    if bad:
        raise EvaluationError(
            f"There are too few patients for the guarantee:\n{list_paths(bad)}",
            hint=f"Test on at least {' and '.join(least)}. Or aim lower.",
        )


def _cuts(
    score: Values, limits: Mapping[Side, float], refer_odds: float | None
) -> tuple[float, float, float]:
    """Start of the referral band, threshold, and end of the band.

    Cuts lie halfway to the next confidence on the safe side, so that no image of these changes
    sides.
    """
    most, least = limits.get("sensitivity"), limits.get("specificity")
    if most is not None and least is not None:
        if least >= most:
            low, high = _highest_cut(score, most), _lowest_cut(score, least)
            return low, (low + high) / 2, high
        threshold = _between(least, most)
    elif most is not None:
        threshold = _highest_cut(score, most)
    else:
        threshold = _lowest_cut(score, limits["specificity"])
    low, high = odds_band(threshold, REFER_ODDS if refer_odds is None else refer_odds)
    return low, threshold, high


def _highest_cut(score: Values, limit: float) -> float:
    """A cut that the limit reaches, above all lower confidences."""
    return _between(float(max(score[score < limit], default=0.0)), limit)


def _lowest_cut(score: Values, limit: float) -> float:
    """A cut that the limit does not reach, and all higher confidences do."""
    if limit >= 1:
        raise EvaluationError(
            "Too many images without pneumonia have a confidence of pneumonia of 1, so no "
            "threshold reaches the specificity.",
            hint="Aim for a lower specificity.",
        )
    return _between(limit, float(min(score[score > limit], default=1.0)))


def _between(low: float, high: float) -> float:
    """A number above ``low`` and at most ``high``, halfway if there is one."""
    middle = (low + high) / 2
    return middle if low < middle else high


def _ends(policy: Policy, limits: Mapping[Side, float]) -> dict[Side, float]:
    """The confidence at which each guarantee holds."""
    referred = len(limits) == 2 and limits["specificity"] >= limits["sensitivity"]
    if referred:
        return {"sensitivity": policy.refer_from, "specificity": policy.refer_to}
    return dict.fromkeys(SIDES, policy.threshold)


def _check_use(policy: Policy, chosen: PolicyFigures) -> None:
    if 0 in {chosen.sensitivity.value, chosen.specificity.value}:
        raise EvaluationError(
            f"To guarantee {policy.name}, every image, or none, would count as pneumonia.",
            hint="Aim lower, or test on more patients.",
        )


def _mean_over_patients(sample: Resamples, view: BinaryView, side: Side, cut: float) -> Figure:
    """The share of right images of a side, each patient counted once."""
    among = _side(view, side)
    right = _right(view.score, side, cut)
    weight = among / np.maximum(np.bincount(sample.patient, weights=among), 1)[sample.patient]
    right_weight, all_weight = sample.totals(np.column_stack([right * weight, weight])).T
    with np.errstate(invalid="ignore", divide="ignore"):
        shares = right_weight / all_weight
    return score_figure(sample.statistic(shares, among, reason=f"no image {_SHOWN[side]}"))


def _name(wanted: Mapping[Side, float], confidence: float) -> str:
    shares = " and ".join(f"{side} {share:g}" for side, share in wanted.items())
    return f"{shares} with confidence {confidence:g}"


def _warnings(first: Sequence[TestImage], guarantees: Sequence[Guarantee]) -> Iterator[str]:
    unknown = sum(image.patient is None for image in first)
    if unknown:
        yield (
            f"The patients of {unknown} images are not known. The guarantee holds only if each of "
            "them shows another patient."
        )
    for guarantee in guarantees:
        figure = guarantee.reported
        if figure is not None and figure.high is not None and figure.high < guarantee.at_least:
            yield (
                f"The {guarantee.of} of {guarantee.at_least:g} was not met on the images of the "
                f"reported figures: {figure}, as a mean over patients."
            )

"""Checks whether the images support the aim of a policy, and splits them in two by patient.

Imports numpy and scikit-learn: to be imported only when a policy is chosen.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Final

import attrs
from sklearn.model_selection import StratifiedGroupKFold

from rekognition_xray.clinic.statistics import TestImage
from rekognition_xray.errors import EvaluationError

MIN_PATIENTS: Final = 4  # with pneumonia and without, in each part
_SICK: Final = "with pneumonia"
_ROUNDING: Final = 1e-12


@attrs.frozen
class Aim:
    """What a policy is to reach.

    Attributes:
        kind: ``sensitivity``, ``specificity`` or ``max_referrals``.
        value: the share, between 0 and 1.
    """

    kind: str
    value: float

    @property
    def name(self) -> str:
        """The name of a policy with this aim."""
        if self.kind == "max_referrals":
            return f"at most {self.value:g} referred"
        return f"{self.kind} {self.value:g}"


def aim_of(aims: Mapping[str, float | None]) -> Aim:
    """The one aim with a value; EvaluationError if there is not exactly one."""
    given = [Aim(kind, value) for kind, value in aims.items() if value is not None]
    if len(given) != 1:
        names = ", ".join(aim.name for aim in given) or "none"
        raise EvaluationError(
            f"A policy has one aim; given: {names}.",
            hint=f"Give exactly one of {', '.join(aims)}, such as sensitivity=0.95.",
        )
    if not 0 < given[0].value < 1:  # NaN included
        raise EvaluationError(
            f"{given[0].kind}={given[0].value!r} is not between 0 and 1.",
            hint="Use a share such as 0.95; no number of images supports 1.",
        )
    return given[0]


def check_both_classes(images: Sequence[TestImage], where: str) -> None:
    """Checks that there are images with and without pneumonia, all with usable confidences."""
    sick = [image.has_pneumonia for image in images]
    if all(sick) or not any(sick):
        raise EvaluationError(
            f"There are not both images with and without pneumonia in {where}, so no threshold can "
            "be chosen.",
            hint="Test on images with and without pneumonia.",
        )
    unusable = sum(not math.isfinite(image.pneumonia) for image in images)
    if unusable:
        raise EvaluationError(
            f"{unusable} images of {where} have no usable confidence.",
            hint="If the service did not list every label of the test images, let the running "
            "model answer for them: complete_evaluation(evaluation, version, max_cost=...).",
        )


def split_in_halves(
    images: Sequence[TestImage], seed: int
) -> tuple[list[TestImage], list[TestImage]]:
    """Two halves by patient, each with about half of the images of every label."""
    ordered = sorted(images, key=lambda image: image.source_ref)
    check_patients(ordered, 2 * MIN_PATIENTS, "The test set")
    truths = [image.truth for image in ordered]
    if min(truths.count(label) for label in set(truths)) < 2:  # too rare to be cut in two
        truths = [str(image.has_pneumonia) for image in ordered]
    cut = StratifiedGroupKFold(n_splits=2, shuffle=True, random_state=seed)
    parts = next(cut.split(ordered, truths, [image.group for image in ordered]))
    first, second = ([ordered[place] for place in part] for part in parts)
    for half in (first, second):
        check_patients(half, MIN_PATIENTS, "One half of the test set")
    return first, second


def check_disjoint(first: Sequence[TestImage], second: Sequence[TestImage]) -> None:
    """Checks that the validation set shares no patient with the test set."""
    shared = {image.group for image in first} & {image.group for image in second}
    if shared:
        raise EvaluationError(
            f"The validation and test sets share {len(shared)} patients, so the figures on the "
            "test set would be too optimistic.",
            hint="Split the dataset by patient: split(validation=..., test=...).",
        )


def check_support(images: Sequence[TestImage], aim: Aim, *, parts: int) -> Iterator[str]:
    """Checks that the images to choose on support the aim; warns if they hardly do.

    On average, ``n / (n + 1)`` of new values exceed the lowest of ``n`` values. So an aim needs at
    least this many images. Images of one patient resemble each other, so it is safe only with this
    many patients: fewer give a warning.

    Args:
        images: the images to choose on.
        aim: what the policy is to reach.
        parts: number of parts that the test images were split into, for the hint.
    """
    side = {"sensitivity": _SICK, "specificity": "without pneumonia"}.get(aim.kind)
    wanted = 1 - aim.value if aim.kind == "max_referrals" else aim.value
    among = [image for image in images if side is None or image.has_pneumonia == (side == _SICK)]
    patients, of = len({image.group for image in among}), f" {side}" if side else ""
    needed = math.ceil(wanted / (1 - wanted) - _ROUNDING)
    half = ", half of the test set's," if parts == 2 else ""
    if len(among) < needed:
        most = math.floor(100 * len(among) / (len(among) + 1)) / 100
        ask = f"{1 - most:g} or more" if aim.kind == "max_referrals" else f"{most:g} or less"
        raise EvaluationError(
            f"{len(among)} images{of}{half} cannot support {aim.name}.",
            hint=f"Aim for {ask}, or test on at least {parts * needed} patients{of}.",
        )
    if patients < needed:
        yield (
            f"{patients} patients{of}{half} hardly support {aim.name}: images of one patient "
            f"resemble each other, so use at least {parts * needed} patients{of} to be safe."
        )


def check_patients(images: Sequence[TestImage], least: int, where: str) -> None:
    """Checks that there are enough patients with and without pneumonia for a threshold."""
    sick = len({image.group for image in images if image.has_pneumonia})
    well = len({image.group for image in images if not image.has_pneumonia})
    if min(sick, well) < least:
        raise EvaluationError(
            f"{where} has {sick} patients with pneumonia and {well} without; a threshold needs "
            f"at least {least} of each.",
            hint="Test on more patients.",
        )

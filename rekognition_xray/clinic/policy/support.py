"""What test images support a policy, and how they are cut in two by patient.

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
    """What a policy shall reach.

    Attributes:
        kind: ``sensitivity``, ``specificity`` or ``max_referrals``.
        value: the share, between 0 and 1.
    """

    kind: str
    value: float

    @property
    def name(self) -> str:
        """What policies are called that have this aim."""
        if self.kind == "max_referrals":
            return f"at most {self.value:g} referred"
        return f"{self.kind} {self.value:g}"


def aim_of(asked: Mapping[str, float | None]) -> Aim:
    """The one aim that was asked for."""
    given = [Aim(kind, value) for kind, value in asked.items() if value is not None]
    if len(given) != 1:
        told = ", ".join(aim.name for aim in given) or "nothing"
        raise EvaluationError(
            f"A policy has one aim; asked for was: {told}.",
            hint=f"Give exactly one of {', '.join(asked)}, such as sensitivity=0.95.",
        )
    if not 0 < given[0].value < 1:  # NaN included
        raise EvaluationError(
            f"{given[0].kind} of {given[0].value!r} cannot be chosen for.",
            hint="Give a share between 0 and 1, such as 0.95; no number of images supports 1.",
        )
    return given[0]


def check_sides(images: Sequence[TestImage], where: str) -> None:
    """Refuses images that are all on one side, or have confidences that are not numbers."""
    sick = [image.has_pneumonia for image in images]
    if all(sick) or not any(sick):
        raise EvaluationError(
            f"{where} does not hold pneumonia beside something else; no threshold can be chosen "
            "between them.",
            hint="Test on images with and without pneumonia.",
        )
    unusable = sum(not math.isfinite(image.pneumonia) for image in images)
    if unusable:
        raise EvaluationError(f"{unusable} images of {where} have no usable confidence.")


def halves(images: Sequence[TestImage], seed: int) -> tuple[list[TestImage], list[TestImage]]:
    """Whole patients, about half of the images of every label on each side."""
    ordered = sorted(images, key=lambda image: image.source_ref)
    check_patients(ordered, 2 * MIN_PATIENTS, "The test part")
    truths = [image.truth for image in ordered]
    if min(truths.count(label) for label in set(truths)) < 2:  # too rare to be cut in two
        truths = [str(image.has_pneumonia) for image in ordered]
    cut = StratifiedGroupKFold(n_splits=2, shuffle=True, random_state=seed)
    parts = next(cut.split(ordered, truths, [image.group for image in ordered]))
    first, second = ([ordered[place] for place in part] for part in parts)
    for half in (first, second):
        check_patients(half, MIN_PATIENTS, "One half of the test part")
    return first, second


def check_apart(first: Sequence[TestImage], second: Sequence[TestImage]) -> None:
    """Refuses a validation part that shares patients with the test part."""
    shared = {image.group for image in first} & {image.group for image in second}
    if shared:
        raise EvaluationError(
            f"Validation and test part share {len(shared)} patients, so figures on the test part "
            "would be too good.",
            hint="Split into three parts by patient: split(validation=..., test=...).",
        )


def check_support(images: Sequence[TestImage], aim: Aim, *, parts: int) -> Iterator[str]:
    """Refuses an aim beyond what the images of the choosing part can show; warns near it.

    A threshold at the end of ``n`` values is passed by ``n / (n + 1)`` of new ones on average.
    Images of one patient resemble each other, so that this many images are the least that it takes,
    and this many patients are enough: fewer patients give a warning.

    Args:
        images: of the choosing part.
        aim: what is wanted.
        parts: into how many parts the images were cut, for the hint.
    """
    side = {"sensitivity": _SICK, "specificity": "without pneumonia"}.get(aim.kind)
    wanted = 1 - aim.value if aim.kind == "max_referrals" else aim.value
    among = [image for image in images if side is None or image.has_pneumonia == (side == _SICK)]
    patients, of = len({image.group for image in among}), f" {side}" if side else ""
    needed = math.ceil(wanted / (1 - wanted) - _ROUNDING)
    half = ", half of the test part's," if parts == 2 else ""
    if len(among) < needed:
        most = math.floor(100 * len(among) / (len(among) + 1)) / 100
        ask = f"{1 - most:g} or more" if aim.kind == "max_referrals" else f"{most:g} or less"
        raise EvaluationError(
            f"{len(among)} images{of}{half} cannot support {aim.name}.",
            hint=f"Ask for {ask}, or test on at least {parts * needed} patients{of}.",
        )
    if patients < needed:
        yield (
            f"{patients} patients{of}{half} hardly support {aim.name}: images of one patient "
            f"resemble each other, and it takes {parts * needed} patients{of} to be safe."
        )


def check_patients(images: Sequence[TestImage], least: int, where: str) -> None:
    """Refuses a part with fewer patients than a threshold needs, on either side."""
    sick = len({image.group for image in images if image.has_pneumonia})
    well = len({image.group for image in images if not image.has_pneumonia})
    if min(sick, well) < least:
        raise EvaluationError(
            f"{where} holds {sick} patients with pneumonia and {well} without; a threshold needs "
            f"at least {least} of each.",
            hint="Test on more patients.",
        )

"""``Guarantee``: what a threshold holds on patients that nobody has seen yet. No numpy."""

from __future__ import annotations

import math
from typing import Final, Literal, TypeAlias, get_args

import attrs

from rekognition_xray.clinic import json_fields as fields
from rekognition_xray.clinic.json_fields import FieldError
from rekognition_xray.clinic.statistics import Figure

Side: TypeAlias = Literal["sensitivity", "specificity"]

SIDES: Final[tuple[Side, ...]] = get_args(Side)
_SHARES: Final = ("at_least", "confidence", "cut")
_ROUNDING: Final = 1e-9


@attrs.frozen(str=False)
class Guarantee:
    """A sensitivity or a specificity that holds on new patients, with a stated confidence.

    The true sensitivity is the probability that an image has a confidence of pneumonia of ``cut``
    or more, if a patient with pneumonia is drawn at random and then one of this patient's images
    with pneumonia. In other words: the mean, over all such patients, of the share of their images
    with pneumonia that reach the cut. The true specificity is the probability that an image lies
    below ``cut``, for patients and images without pneumonia. Each patient counts once, however many
    images there are. The sensitivity of ``PolicyFigures`` counts images, so it can differ if
    patients with many images are easier or more difficult than others.

    Guaranteed is: over all draws of the patients that a policy is chosen on, the true values of all
    guarantees of the policy are at least ``at_least``, together, with a probability of at least
    ``confidence``. This holds for any model and any number of images, as long as these patients
    are independent draws of those that the policy is used on. It does not hold for patients of
    another kind, such as those of another hospital.

    Attributes:
        of: ``sensitivity`` or ``specificity``.
        at_least: the share that is guaranteed, between 0 and 1.
        confidence: of all guarantees of the policy together, between 0 and 1.
        cut: confidence of pneumonia, 0 to 1. The threshold; if images in between are referred, the
            end of the referral band on this side, so that referred images count as right.
        patients: number of patients that the choice rests on, one image of each.
        wrong: how many of these images lie on the wrong side of the cut.
        reported: the mean share over other patients, with interval; None if there were none.
    """

    of: Side
    at_least: float
    confidence: float
    cut: float
    patients: int
    wrong: int
    reported: Figure | None = None

    def to_dict(self) -> dict[str, object]:
        """Plain data for JSON; ``from_dict`` reads it back."""
        return attrs.asdict(self)

    @classmethod
    def from_dict(cls, data: object) -> Guarantee:
        """Reads what ``to_dict`` returned.

        Raises:
            FieldError: names the field that is missing or has the wrong type.
        """
        record = fields.object_in(data, "a guarantee")
        side = next((name for name in SIDES if name == record.get("of")), None)
        if side is None:
            raise FieldError(f"a guarantee is of {record.get('of')!r}, not of {' or '.join(SIDES)}")
        shares = {name: fields.number_in(record, name) for name in _SHARES}
        if not all(0 <= share <= 1 for share in shares.values()):
            raise FieldError(f"the guarantee of {side} has a share outside 0 and 1")
        reported = record.get("reported")
        return cls(
            of=side,
            **shares,
            patients=fields.count_in(record, "patients"),
            wrong=fields.count_in(record, "wrong"),
            reported=None if reported is None else Figure.from_dict(reported, "reported"),
        )

    def __str__(self) -> str:
        where = "or more" if self.of == "sensitivity" else "not reached"
        seen = "" if self.reported is None else f"; mean over other patients {self.reported}"
        return (
            f"{self.of} of at least {self.at_least:g} on new patients of the same kind, with "
            f"confidence {self.confidence:g} (pneumonia {self.cut:.3f} {where}; {self.wrong} of "
            f"{self.patients} patients wrong where it was chosen{seen})"
        )


def patients_needed(at_least: float, error: float) -> int:
    """The fewest patients that can support a guarantee, if not one of them is wrong.

    Args:
        at_least: the share to guarantee, between 0 and 1.
        error: one minus the confidence, between 0 and 1.
    """
    return math.ceil(math.log(error) / math.log(at_least) - _ROUNDING)

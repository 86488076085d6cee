"""``Calibration``: from a confidence to a probability. Plain arithmetic, no numpy."""

from __future__ import annotations

import math
from bisect import bisect_right
from typing import Final, Literal, TypeAlias, get_args

import attrs

from rekognition_xray.clinic import json_fields as fields
from rekognition_xray.clinic.json_fields import FieldError

Kind: TypeAlias = Literal["platt", "temperature", "isotonic"]
KINDS: Final[tuple[str, ...]] = get_args(Kind)

_CLIP: Final = 1e-6


@attrs.frozen(kw_only=True)
class Calibration:
    """How a confidence of pneumonia becomes a probability, for the mix of labels it was fitted on.

    ``platt``: the log odds of the probability are ``slope`` times those of the confidence plus
    ``intercept`` (Platt 1999). ``temperature``: the same without intercept; ``1 / slope`` is the
    temperature (Guo 2017). ``isotonic``: an increasing piecewise linear function (Zadrozny and
    Elkan 2002). Where pneumonia is rarer than among the images it was fitted on, the probability
    is too high; where it is more frequent, too low.

    Attributes:
        kind: platt, temperature or isotonic.
        slope, intercept: of platt and temperature.
        margin: no probability comes nearer to 0 or 1: ``margin + (1 - 2 * margin) * p``.
        confidences, probabilities: the points of isotonic, 0 to 1, in ascending order.
        images, patients: how many it was fitted on.
    """

    kind: Kind = attrs.field(validator=attrs.validators.in_(KINDS))
    slope: float = 1.0
    intercept: float = 0.0
    margin: float = 0.0
    confidences: tuple[float, ...] = ()
    probabilities: tuple[float, ...] = ()
    images: int = 0
    patients: int = 0

    def probability(self, confidence: float) -> float:
        """The probability, 0 to 1, for a confidence; NaN for NaN."""
        if math.isnan(confidence):
            return confidence
        return self.margin + (1 - 2 * self.margin) * self._unshrunk(confidence)

    def _unshrunk(self, confidence: float) -> float:
        if self.kind == "isotonic":
            return self._between(confidence)
        clipped = min(max(confidence, _CLIP), 1 - _CLIP)
        odds = self.slope * math.log(clipped / (1 - clipped)) + self.intercept
        return 1 / (1 + math.exp(-min(max(odds, -700.0), 700.0)))

    def _between(self, confidence: float) -> float:
        place = bisect_right(self.confidences, confidence)
        if place == 0:
            return self.probabilities[0]
        if place == len(self.confidences):
            return self.probabilities[-1]
        left, right = self.confidences[place - 1 : place + 1]
        low, high = self.probabilities[place - 1 : place + 1]
        return low + (high - low) * (confidence - left) / (right - left)

    def to_dict(self) -> dict[str, object]:
        """Plain data for JSON; ``from_dict`` reads it back."""
        return {
            **attrs.asdict(self),
            "confidences": list(self.confidences),
            "probabilities": list(self.probabilities),
        }

    @classmethod
    def from_dict(cls, data: object) -> Calibration:
        """Reads what ``to_dict`` returned.

        Raises:
            FieldError: names the field that is missing or invalid.
        """
        record = fields.object_in(data, "calibration")
        kind = fields.string_in(record.get("kind"), "kind")
        if kind not in KINDS:
            raise FieldError(f"kind of calibration is {kind!r}, not one of {', '.join(KINDS)}")
        calibration = cls(
            kind=kind,  # type: ignore[arg-type]  # just compared with its values
            slope=fields.number_in(record, "slope"),
            intercept=fields.number_in(record, "intercept"),
            margin=fields.number_in(record, "margin") if "margin" in record else 0.0,
            confidences=_shares(record, "confidences"),
            probabilities=_shares(record, "probabilities"),
            images=fields.count_in(record, "images"),
            patients=fields.count_in(record, "patients"),
        )
        calibration._check()
        return calibration

    def _check(self) -> None:
        if not (math.isfinite(self.slope) and math.isfinite(self.intercept)):
            raise FieldError("slope or intercept of the calibration is not a finite number")
        if not 0 <= self.margin < 0.5:
            raise FieldError("margin of the calibration is not between 0 and 0.5")
        steps = self.kind == "isotonic"
        if steps and (not self.confidences or len(self.confidences) != len(self.probabilities)):
            raise FieldError("an isotonic calibration needs as many probabilities as confidences")
        if any(a >= b for a, b in zip(self.confidences, self.confidences[1:], strict=False)):
            raise FieldError("confidences of the calibration are not in ascending order")


def _shares(record: fields.Json, key: str) -> tuple[float, ...]:
    values = fields.list_in(record, key)
    found = [fields.share_in({key: value}, key) for value in values]
    if None in found:
        raise FieldError(f"{key} contains something that is not a number")
    return tuple(value for value in found if value is not None)

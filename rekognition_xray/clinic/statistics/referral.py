"""Values of the risk-coverage curve: what referral of the least certain images buys. No numpy."""

from __future__ import annotations

import attrs

from rekognition_xray.clinic import json_fields as fields
from rekognition_xray.clinic.statistics.figures import Figure


@attrs.frozen
class RiskPoint:
    """One point of the curve.

    Attributes:
        coverage: share, 0 to 1, of images that are decided; the others are referred.
        risk: share of wrong calls among those decided.
    """

    coverage: float
    risk: Figure


@attrs.frozen
class RiskCoverage:
    """Risk against coverage, the least certain images referred first (El-Yaniv and Wiener 2010).

    Attributes:
        call: what is decided and when it is wrong, in words.
        points: from all images decided downwards.
        area: mean of the risk over all coverages, 0 to 1 (Geifman and El-Yaniv 2017); small is
            good, and the risk at full coverage is what a ranking at chance gives.
    """

    call: str
    points: tuple[RiskPoint, ...]
    area: float

    def to_dict(self) -> dict[str, object]:
        """Plain data, ready for JSON; ``from_dict`` turns it back."""
        return {**attrs.asdict(self), "points": [attrs.asdict(point) for point in self.points]}

    @classmethod
    def from_dict(cls, data: object) -> RiskCoverage:
        """A curve out of what ``to_dict`` gave.

        Raises:
            FieldError: names the field that is missing or of another kind.
        """
        record = fields.object_in(data, "risk_coverage")
        points = tuple(
            RiskPoint(fields.number_in(point, "coverage"), Figure.from_dict(point.get("risk")))
            for point in fields.objects_in(record, "points")
        )
        call = fields.string_in(record.get("call"), "call")
        return cls(call, points, fields.number_in(record, "area"))

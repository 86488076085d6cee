"""The risk-coverage curve: error rate against the share of images decided. No numpy."""

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
        points: in descending order of coverage.
        area: mean risk over all coverages, 0 to 1 (Geifman and El-Yaniv 2017); smaller is better. A
            ranking at chance gives the risk at full coverage.
    """

    call: str
    points: tuple[RiskPoint, ...]
    area: float

    def to_dict(self) -> dict[str, object]:
        """Plain data for JSON; ``from_dict`` reads it back."""
        return {**attrs.asdict(self), "points": [attrs.asdict(point) for point in self.points]}

    @classmethod
    def from_dict(cls, data: object) -> RiskCoverage:
        """Reads what ``to_dict`` returned.

        Raises:
            FieldError: names the field that is missing or has the wrong type.
        """
        record = fields.object_in(data, "risk_coverage")
        points = tuple(
            RiskPoint(fields.number_in(point, "coverage"), Figure.from_dict(point.get("risk")))
            for point in fields.objects_in(record, "points")
        )
        call = fields.string_in(record.get("call"), "call")
        return cls(call, points, fields.number_in(record, "area"))

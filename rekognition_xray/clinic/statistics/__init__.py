"""TODO rekognition_xray.clinic.statistics."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rekognition_xray._doors import lazy
from rekognition_xray.clinic.statistics.exports import OVERALL, as_dict, as_frame
from rekognition_xray.clinic.statistics.figures import (
    NOT_ESTIMABLE,
    BinaryFigures,
    Figure,
    ServiceFigures,
    ServiceLabel,
    TestImage,
    known_label,
)
from rekognition_xray.clinic.statistics.predictive import PredictiveValues, predictive_values
from rekognition_xray.clinic.statistics.referral import RiskCoverage
from rekognition_xray.clinic.statistics.tables import (
    NOTICE,
    TYPE_NOTICE,
    Table,
    facts,
    markdown,
    notes,
    number,
    plain,
    tables,
    words,
)

if TYPE_CHECKING:
    from rekognition_xray.clinic.statistics.calibration import calibration_error, log_odds
    from rekognition_xray.clinic.statistics.curves import (
        CurvePoint,
        Curves,
        curves,
        curves_of,
        label_risk,
        risk_coverage,
    )
    from rekognition_xray.clinic.statistics.estimates import (
        View,
        estimate,
        pneumonia_view,
        ranked,
        sample_of,
    )
    from rekognition_xray.clinic.statistics.intervals import Values, by_score
    from rekognition_xray.clinic.statistics.pairing import differences
    from rekognition_xray.clinic.statistics.resampling import Mask, Resamples
else:
    __getattr__ = lazy(
        __name__,
        {
            "calibration": (
                "calibration_error",
                "log_odds",
            ),
            "curves": (
                "CurvePoint",
                "Curves",
                "curves",
                "curves_of",
                "label_risk",
                "risk_coverage",
            ),
            "estimates": (
                "View",
                "estimate",
                "pneumonia_view",
                "ranked",
                "sample_of",
            ),
            "intervals": (
                "Values",
                "by_score",
            ),
            "pairing": ("differences",),
            "resampling": (
                "Mask",
                "Resamples",
            ),
        },
    )

__all__ = [
    "NOTICE",
    "NOT_ESTIMABLE",
    "OVERALL",
    "TYPE_NOTICE",
    "BinaryFigures",
    "CurvePoint",
    "Curves",
    "Figure",
    "Mask",
    "PredictiveValues",
    "Resamples",
    "RiskCoverage",
    "ServiceFigures",
    "ServiceLabel",
    "Table",
    "TestImage",
    "Values",
    "View",
    "as_dict",
    "as_frame",
    "by_score",
    "calibration_error",
    "curves",
    "curves_of",
    "differences",
    "estimate",
    "facts",
    "known_label",
    "label_risk",
    "log_odds",
    "markdown",
    "notes",
    "number",
    "plain",
    "pneumonia_view",
    "predictive_values",
    "ranked",
    "risk_coverage",
    "sample_of",
    "tables",
    "words",
]

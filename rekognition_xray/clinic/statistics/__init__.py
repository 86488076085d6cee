"""TODO rekognition_xray.clinic.statistics."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rekognition_xray._doors import lazy
from rekognition_xray.clinic.statistics.exports import OVERALL, as_dict, as_frame
from rekognition_xray.clinic.statistics.extras import needs_frames, needs_report, needs_science
from rekognition_xray.clinic.statistics.fields import FieldError, Json
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
    "OVERALL",
    "as_dict",
    "as_frame",
    "NOTICE",
    "TYPE_NOTICE",
    "facts",
    "markdown",
    "notes",
    "plain",
    "number",
    "tables",
    "words",
    "Table",
    "NOT_ESTIMABLE",
    "BinaryFigures",
    "CurvePoint",
    "Curves",
    "FieldError",
    "Figure",
    "Json",
    "Mask",
    "PredictiveValues",
    "Resamples",
    "RiskCoverage",
    "ServiceFigures",
    "ServiceLabel",
    "TestImage",
    "Values",
    "View",
    "by_score",
    "calibration_error",
    "curves",
    "curves_of",
    "differences",
    "estimate",
    "known_label",
    "label_risk",
    "log_odds",
    "needs_frames",
    "needs_report",
    "needs_science",
    "pneumonia_view",
    "predictive_values",
    "ranked",
    "risk_coverage",
    "sample_of",
]

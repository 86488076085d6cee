"""Figures of test images with 95 % intervals: estimates, bootstrap over patients, curves."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rekognition_xray._doors import lazy
from rekognition_xray.clinic.statistics.figures import (
    NOT_ESTIMABLE,
    BinaryFigures,
    Estimates,
    Figure,
    Group,
    GroupDifference,
    GroupVariable,
    ServiceFigures,
    ServiceLabel,
    figure_name,
    known_label,
)
from rekognition_xray.clinic.statistics.predictive import PredictiveValues, predictive_values
from rekognition_xray.clinic.statistics.referral import RiskCoverage
from rekognition_xray.clinic.statistics.test_image import NO_LABEL, TestImage

if TYPE_CHECKING:
    from rekognition_xray.clinic.statistics.calibration import calibration_error, log_odds
    from rekognition_xray.clinic.statistics.curves import (
        CurvePoint,
        Curves,
        label_curves,
        label_risk,
        risk_coverage,
        view_curves,
    )
    from rekognition_xray.clinic.statistics.estimates import (
        BinaryView,
        estimate,
        pneumonia_view,
        rank_statistics,
        resample_patients,
    )
    from rekognition_xray.clinic.statistics.groups import Facts, group_figures
    from rekognition_xray.clinic.statistics.intervals import Values, expected_interval, score_figure
    from rekognition_xray.clinic.statistics.net_benefit import (
        DecisionCurve,
        NetBenefit,
        view_decision_curve,
    )
    from rekognition_xray.clinic.statistics.pairing import differences
    from rekognition_xray.clinic.statistics.resampling import Mask, Resamples
else:
    __getattr__ = lazy(
        __name__,
        {
            "calibration": ("calibration_error", "log_odds"),
            "curves": (
                "CurvePoint",
                "Curves",
                "view_curves",
                "label_curves",
                "label_risk",
                "risk_coverage",
            ),
            "estimates": (
                "BinaryView",
                "estimate",
                "pneumonia_view",
                "rank_statistics",
                "resample_patients",
            ),
            "groups": ("Facts", "group_figures"),
            "intervals": ("Values", "expected_interval", "score_figure"),
            "net_benefit": (
                "DecisionCurve",
                "NetBenefit",
                "view_decision_curve",
            ),
            "pairing": ("differences",),
            "resampling": ("Mask", "Resamples"),
        },
    )

__all__ = [
    "NOT_ESTIMABLE",
    "NO_LABEL",
    "BinaryFigures",
    "BinaryView",
    "CurvePoint",
    "Curves",
    "DecisionCurve",
    "Estimates",
    "Facts",
    "Figure",
    "Group",
    "GroupDifference",
    "GroupVariable",
    "Mask",
    "NetBenefit",
    "PredictiveValues",
    "Resamples",
    "RiskCoverage",
    "ServiceFigures",
    "ServiceLabel",
    "TestImage",
    "Values",
    "calibration_error",
    "differences",
    "estimate",
    "expected_interval",
    "figure_name",
    "group_figures",
    "known_label",
    "label_curves",
    "label_risk",
    "log_odds",
    "pneumonia_view",
    "predictive_values",
    "rank_statistics",
    "resample_patients",
    "risk_coverage",
    "score_figure",
    "view_curves",
    "view_decision_curve",
]

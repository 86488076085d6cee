"""Explanation: occlusion maps, which show the parts of an image that an answer depends on."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rekognition_xray._doors import lazy

if TYPE_CHECKING:
    from rekognition_xray.clinic.explanation.explanation import (
        ExplainProgress,
        Explanation,
        FailedCell,
        explain,
    )
    from rekognition_xray.clinic.explanation.occlusion import Fill
    from rekognition_xray.clinic.explanation.plan import ExplainPlan, plan_explanation
else:
    __getattr__ = lazy(
        __name__,
        {
            "explanation": (
                "ExplainProgress",
                "Explanation",
                "FailedCell",
                "explain",
            ),
            "occlusion": ("Fill",),
            "plan": ("ExplainPlan", "plan_explanation"),
        },
    )

__all__ = [
    "ExplainPlan",
    "ExplainProgress",
    "Explanation",
    "FailedCell",
    "Fill",
    "explain",
    "plan_explanation",
]

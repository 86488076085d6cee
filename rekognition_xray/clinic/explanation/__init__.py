"""TODO rekognition_xray.clinic.explanation."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rekognition_xray._doors import lazy

if TYPE_CHECKING:
    from rekognition_xray.clinic.explanation.explaining import ExplainProgress, Explanation, explain
    from rekognition_xray.clinic.explanation.occlusion import Fill
    from rekognition_xray.clinic.explanation.plan import plan_explanation
else:
    __getattr__ = lazy(
        __name__,
        {
            "explaining": (
                "ExplainProgress",
                "Explanation",
                "explain",
            ),
            "occlusion": ("Fill",),
            "plan": ("plan_explanation",),
        },
    )

__all__ = [
    "ExplainProgress",
    "Explanation",
    "Fill",
    "explain",
    "plan_explanation",
]

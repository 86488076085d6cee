"""Evaluation of a trained version on its test images, and comparison of two versions."""

from __future__ import annotations

from rekognition_xray.clinic.evaluation.comparison import Comparison, Difference, compare
from rekognition_xray.clinic.evaluation.evaluation import Evaluation
from rekognition_xray.clinic.evaluation.leaks import NOT_COMPARED
from rekognition_xray.clinic.evaluation.planning import (
    EvaluationPlan,
    PlannedFigure,
    plan_evaluation,
)

__all__ = [
    "NOT_COMPARED",
    "Comparison",
    "Difference",
    "Evaluation",
    "EvaluationPlan",
    "PlannedFigure",
    "compare",
    "plan_evaluation",
]

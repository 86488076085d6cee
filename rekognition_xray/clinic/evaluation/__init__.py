"""TODO rekognition_xray.clinic.evaluation."""

from __future__ import annotations

from rekognition_xray.clinic.evaluation.comparison import Comparison, compare
from rekognition_xray.clinic.evaluation.evaluation import Evaluation, Figure
from rekognition_xray.clinic.evaluation.leaks import NOT_COMPARED

__all__ = [
    "NOT_COMPARED",
    "Comparison",
    "Evaluation",
    "Figure",
    "compare",
]

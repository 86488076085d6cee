"""One training, from manifest lines and images in S3 to a saved model and its result files."""

from __future__ import annotations

from rekognition_xray.local.training.results import ResultFiles
from rekognition_xray.local.training.splitting import draw_test
from rekognition_xray.local.training.trainer import Sources, TrainingOutcome, TrainingRefused, train

__all__ = [
    "ResultFiles",
    "Sources",
    "TrainingOutcome",
    "TrainingRefused",
    "draw_test",
    "train",
]

"""Trained versions of a model: training, describing, running, copying and deleting them."""

from __future__ import annotations

from rekognition_xray.cloud.version_description import TRAINED, VersionDescription
from rekognition_xray.cloud.versions.copying import copy_policy
from rekognition_xray.cloud.versions.training import (
    TrainingRequest,
    estimate_training,
    start_training,
)
from rekognition_xray.cloud.versions.training_checks import (
    check_cap,
    check_errors,
    check_name,
    check_overlap,
)
from rekognition_xray.cloud.versions.training_estimate import EarlierTraining, training_range
from rekognition_xray.cloud.versions.training_progress import TrainingProgress
from rekognition_xray.cloud.versions.version import Destination, Detection, ModelVersion

__all__ = [
    "TRAINED",
    "Destination",
    "Detection",
    "EarlierTraining",
    "ModelVersion",
    "TrainingProgress",
    "TrainingRequest",
    "VersionDescription",
    "check_cap",
    "check_errors",
    "check_name",
    "check_overlap",
    "copy_policy",
    "estimate_training",
    "start_training",
    "training_range",
]

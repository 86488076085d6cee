"""TODO rekognition_xray.cloud.versions."""

from __future__ import annotations

from rekognition_xray.cloud.versions.copying import policy_for
from rekognition_xray.cloud.versions.training_checks import TrainingQuotas, check_cap, check_name
from rekognition_xray.cloud.versions.training_estimate import training_range
from rekognition_xray.cloud.versions.training_progress import TrainingProgress
from rekognition_xray.cloud.versions.version import Detection, ModelVersion, VersionDescription

__all__ = [
    "Detection",
    "ModelVersion",
    "TrainingProgress",
    "TrainingQuotas",
    "VersionDescription",
    "check_cap",
    "check_name",
    "policy_for",
    "training_range",
]

"""Projects: their datasets, their trainings, the version in use, and their deletion."""

from __future__ import annotations

from rekognition_xray.cloud.projects.deleting import (
    PROJECT_GONE,
    VERSION_GONE,
    DeletionPlan,
    DeletionResult,
)
from rekognition_xray.cloud.projects.exporting import ExportedVersion, ProjectExport
from rekognition_xray.cloud.projects.project import CREATED, CustomLabelsProject
from rekognition_xray.cloud.projects.promotion import VersionComparison

__all__ = [
    "CREATED",
    "PROJECT_GONE",
    "VERSION_GONE",
    "CustomLabelsProject",
    "DeletionPlan",
    "DeletionResult",
    "ExportedVersion",
    "ProjectExport",
    "VersionComparison",
]

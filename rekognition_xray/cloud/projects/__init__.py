"""TODO rekognition_xray.cloud.projects."""

from __future__ import annotations

from rekognition_xray.cloud.projects.project import CustomLabelsProject

__all__ = [
    "CustomLabelsProject",
]

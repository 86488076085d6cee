"""TODO rekognition_xray.clinic.report."""

from __future__ import annotations

from rekognition_xray.clinic.report.gallery import Images
from rekognition_xray.clinic.report.report import write_page

__all__ = [
    "Images",
    "write_page",
]

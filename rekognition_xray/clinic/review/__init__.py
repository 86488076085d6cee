"""Review: which images people should read next."""

from __future__ import annotations

from rekognition_xray.clinic.review.selection import Selected, select_for_reading

__all__ = ["Selected", "select_for_reading"]

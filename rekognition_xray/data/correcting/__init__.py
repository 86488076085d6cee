"""Readings: what people saw on images, as JSON Lines, and which labels they change."""

from __future__ import annotations

from rekognition_xray.data.correcting.corrections import (
    Correction,
    CorrectionRecord,
    Outcome,
    correct_images,
    image_finder,
)
from rekognition_xray.data.correcting.readings import (
    Reading,
    Verdict,
    append_readings,
    parse_reading,
    read_readings,
)

__all__ = [
    "Correction",
    "CorrectionRecord",
    "Outcome",
    "Reading",
    "Verdict",
    "append_readings",
    "correct_images",
    "image_finder",
    "parse_reading",
    "read_readings",
]

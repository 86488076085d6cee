"""TODO rekognition_xray.clinic.diagnosis."""

from __future__ import annotations

from rekognition_xray.clinic.diagnosis.bulk_records import BulkProgress, BulkSummary
from rekognition_xray.clinic.diagnosis.bulk_run import BulkRun
from rekognition_xray.clinic.diagnosis.diagnoser import Diagnoser, Diagnosis, FailedDiagnosis
from rekognition_xray.clinic.diagnosis.validation import validation_images

__all__ = [
    "BulkProgress",
    "BulkRun",
    "BulkSummary",
    "Diagnoser",
    "Diagnosis",
    "FailedDiagnosis",
    "validation_images",
]

"""Diagnosis: asks a running version about one image or many, and can continue a bulk run."""

from __future__ import annotations

from rekognition_xray.clinic.diagnosis.bulk import BulkProgress, BulkRun, BulkSummary
from rekognition_xray.clinic.diagnosis.diagnoser import Diagnoser
from rekognition_xray.clinic.diagnosis.diagnosis import Answer, Diagnosis, FailedDiagnosis
from rekognition_xray.clinic.diagnosis.journal import JournalLine, follow_journal, read_journal
from rekognition_xray.clinic.diagnosis.validation import complete_evaluation, validation_images

__all__ = [
    "Answer",
    "BulkProgress",
    "BulkRun",
    "BulkSummary",
    "Diagnoser",
    "Diagnosis",
    "FailedDiagnosis",
    "JournalLine",
    "complete_evaluation",
    "follow_journal",
    "read_journal",
    "validation_images",
]

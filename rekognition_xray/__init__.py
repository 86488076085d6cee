"""Chest X-ray classifiers on Amazon Rekognition Custom Labels.

The public names are loaded on first use (PEP 562), so that ``import rekognition_xray`` is cheap:
boto3, numpy and Pillow are imported when something needs them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from rekognition_xray._doors import lazy

if TYPE_CHECKING:
    from rekognition_xray.clinic.card import ModelCard
    from rekognition_xray.clinic.cases import CaseIndex, find_suspect_labels
    from rekognition_xray.clinic.diagnosis import (
        Diagnoser,
        Diagnosis,
        FailedDiagnosis,
        complete_evaluation,
        validation_images,
    )
    from rekognition_xray.clinic.evaluation import Comparison, Evaluation, compare, plan_evaluation
    from rekognition_xray.clinic.explanation import plan_explanation
    from rekognition_xray.clinic.monitoring import Monitor
    from rekognition_xray.clinic.policy import Policy
    from rekognition_xray.clinic.statistics import Figure
    from rekognition_xray.cloud.aws import Aws
    from rekognition_xray.cloud.projects import CustomLabelsProject
    from rekognition_xray.cloud.s3 import S3Location
    from rekognition_xray.cloud.versions import ModelVersion, VersionDescription
    from rekognition_xray.costs import Estimate, PriceBook
    from rekognition_xray.data.auditing import Finding
    from rekognition_xray.data.dataset import Audit, Labelling, Split, Xray, XrayDataset
    from rekognition_xray.data.gating import ImageGate
    from rekognition_xray.data.images import ImageOptions
    from rekognition_xray.data.reading import FOLDERS, KERMANY, ImageName, TableNames
    from rekognition_xray.errors import XrayError
    from rekognition_xray.plans import plan_batch, plan_month

__version__ = "0.1.0.dev1"

_HOMES = {
    "clinic.card": ("ModelCard",),
    "clinic.cases": ("CaseIndex", "find_suspect_labels"),
    "clinic.diagnosis": (
        "Diagnoser",
        "Diagnosis",
        "FailedDiagnosis",
        "complete_evaluation",
        "validation_images",
    ),
    "clinic.evaluation": (
        "Comparison",
        "Evaluation",
        "compare",
        "plan_evaluation",
    ),
    "clinic.explanation": ("plan_explanation",),
    "clinic.monitoring": ("Monitor",),
    "clinic.policy": ("Policy",),
    "clinic.statistics": ("Figure",),
    "cloud.aws": ("Aws",),
    "cloud.projects": ("CustomLabelsProject",),
    "cloud.s3": ("S3Location",),
    "cloud.versions": (
        "ModelVersion",
        "VersionDescription",
    ),
    "costs": (
        "Estimate",
        "PriceBook",
    ),
    "data.auditing": ("Finding",),
    "data.dataset": ("Audit", "Labelling", "Split", "Xray", "XrayDataset"),
    "data.gating": ("ImageGate",),
    "data.images": ("ImageOptions",),
    "data.reading": ("FOLDERS", "KERMANY", "ImageName", "TableNames"),
    "errors": ("XrayError",),
    "plans": (
        "plan_batch",
        "plan_month",
    ),
}
__all__ = [
    "FOLDERS",
    "KERMANY",
    "Audit",
    "Aws",
    "CaseIndex",
    "Comparison",
    "CustomLabelsProject",
    "Diagnoser",
    "Diagnosis",
    "Estimate",
    "Evaluation",
    "FailedDiagnosis",
    "Figure",
    "Finding",
    "ImageGate",
    "ImageName",
    "ImageOptions",
    "Labelling",
    "ModelCard",
    "ModelVersion",
    "Monitor",
    "Policy",
    "PriceBook",
    "S3Location",
    "Split",
    "TableNames",
    "VersionDescription",
    "Xray",
    "XrayDataset",
    "XrayError",
    "compare",
    "complete_evaluation",
    "find_suspect_labels",
    "plan_batch",
    "plan_evaluation",
    "plan_explanation",
    "plan_month",
    "validation_images",
]


_MOVED = {
    "FilmName": "rekognition_xray.ImageName",
    "validation_films": "rekognition_xray.validation_images",
}

if not TYPE_CHECKING:
    __getattr__ = lazy(__name__, _HOMES, _MOVED)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})

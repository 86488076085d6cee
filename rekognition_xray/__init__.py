"""Chest X-ray classifiers on Amazon Rekognition Custom Labels.

The public names are loaded on first use (PEP 562), so that ``import rekognition_xray`` is cheap:
boto3, numpy and Pillow are imported when something needs them.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rekognition_xray.clinic.card import ModelCard
    from rekognition_xray.clinic.comparison import Comparison, compare
    from rekognition_xray.clinic.diagnosis import Diagnoser, Diagnosis, FailedDiagnosis
    from rekognition_xray.clinic.evaluation import Evaluation, Figure
    from rekognition_xray.clinic.explain_plan import plan_explanation
    from rekognition_xray.clinic.policy import Policy
    from rekognition_xray.clinic.similar import CaseIndex
    from rekognition_xray.clinic.validation import validation_images
    from rekognition_xray.cloud.aws import Aws
    from rekognition_xray.cloud.project import CustomLabelsProject
    from rekognition_xray.cloud.s3 import S3Location
    from rekognition_xray.cloud.version import ModelVersion, VersionDescription
    from rekognition_xray.costs import Estimate, PriceBook
    from rekognition_xray.data.audit import Audit, Finding
    from rekognition_xray.data.dataset import Labelling, Xray, XrayDataset
    from rekognition_xray.data.names import FOLDERS, KERMANY, ImageName
    from rekognition_xray.data.split import Split
    from rekognition_xray.data.tables import TableNames
    from rekognition_xray.errors import XrayError
    from rekognition_xray.plans import plan_batch, plan_month

__version__ = "0.1.0.dev0"

_HOMES = {
    "clinic.card": ("ModelCard",),
    "clinic.comparison": ("Comparison", "compare"),
    "clinic.diagnosis": ("Diagnoser", "Diagnosis", "FailedDiagnosis"),
    "clinic.evaluation": ("Evaluation", "Figure"),
    "clinic.explain_plan": ("plan_explanation",),
    "clinic.policy": ("Policy",),
    "clinic.similar": ("CaseIndex",),
    "clinic.validation": ("validation_images",),
    "cloud.aws": ("Aws",),
    "cloud.project": ("CustomLabelsProject",),
    "cloud.s3": ("S3Location",),
    "cloud.version": ("ModelVersion", "VersionDescription"),
    "costs": ("Estimate", "PriceBook"),
    "data.audit": ("Audit", "Finding"),
    "data.dataset": ("Labelling", "Xray", "XrayDataset"),
    "data.names": ("FOLDERS", "KERMANY", "ImageName"),
    "data.split": ("Split",),
    "data.tables": ("TableNames",),
    "errors": ("XrayError",),
    "plans": ("plan_batch", "plan_month"),
}
_SCIENCE = {"numpy", "scipy", "sklearn"}
_HOME_OF = {name: home for home, names in _HOMES.items() for name in names}

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
    "ImageName",
    "Labelling",
    "ModelCard",
    "ModelVersion",
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
    "plan_batch",
    "plan_explanation",
    "plan_month",
    "validation_images",
]


def __getattr__(name: str) -> object:
    home = _HOME_OF.get(name)
    if home is None:
        message = f"module {__name__!r} has no attribute {name!r}"
        raise AttributeError(message)
    try:
        value: object = getattr(import_module(f"{__name__}.{home}"), name)
    except ModuleNotFoundError as error:
        if error.name not in _SCIENCE:
            raise
        from rekognition_xray.errors import MissingExtraError  # noqa: PLC0415 (nobody pays for it)

        raise MissingExtraError("science", needed_for=f"rekognition_xray.{name}") from error
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})

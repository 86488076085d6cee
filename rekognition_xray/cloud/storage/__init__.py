"""TODO rekognition_xray.cloud.storage."""

from __future__ import annotations

from rekognition_xray.cloud.storage.opening import open_dataset
from rekognition_xray.cloud.storage.planning import UploadPlan
from rekognition_xray.cloud.storage.upload import Receipt, UploadProgress, plan, store

__all__ = [
    "Receipt",
    "UploadPlan",
    "UploadProgress",
    "open_dataset",
    "plan",
    "store",
]

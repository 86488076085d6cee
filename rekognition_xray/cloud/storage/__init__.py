"""Images in S3: planned, prepared, uploaded, and opened again as a dataset."""

from __future__ import annotations

from rekognition_xray._doors import lazy
from rekognition_xray.cloud.storage.buckets import check_place
from rekognition_xray.cloud.storage.opening import open_dataset
from rekognition_xray.cloud.storage.planning import UploadPlan
from rekognition_xray.cloud.storage.upload import Receipt, UploadProgress, plan, store

__all__ = [
    "Receipt",
    "UploadPlan",
    "UploadProgress",
    "check_place",
    "open_dataset",
    "plan",
    "store",
]

__getattr__ = lazy(
    __name__,
    {},
    moved={
        "ForgetPlan": "rekognition_xray.cloud.forgetting.ForgetPlan",
        "Forgotten": "rekognition_xray.cloud.forgetting.ForgetResult",
        "forget": "rekognition_xray.cloud.forgetting.forget",
    },
)

"""Images in S3, as users reach for it: ``storage.plan``, ``storage.store``, ``storage.forget``."""

from __future__ import annotations

from rekognition_xray.cloud.forgetting import ForgetPlan, Forgotten, forget
from rekognition_xray.cloud.opening import open_dataset
from rekognition_xray.cloud.planning import UploadPlan
from rekognition_xray.cloud.upload import Receipt, UploadProgress, plan, store

__all__ = [
    "ForgetPlan",
    "Forgotten",
    "Receipt",
    "UploadPlan",
    "UploadProgress",
    "forget",
    "open_dataset",
    "plan",
    "store",
]

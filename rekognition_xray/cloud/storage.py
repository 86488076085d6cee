"""Images in S3, as users reach for it: ``storage.plan``, ``storage.store``, ``storage.forget``."""

from __future__ import annotations

from rekognition_xray.cloud.forgetting.forget import ForgetPlan, Forgotten, forget
from rekognition_xray.cloud.storage.opening import open_dataset
from rekognition_xray.cloud.storage.planning import UploadPlan
from rekognition_xray.cloud.storage.upload import Receipt, UploadProgress, plan, store

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

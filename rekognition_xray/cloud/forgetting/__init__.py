"""A patient's images leave S3 and the datasets; what cannot be undone is named first."""

from __future__ import annotations

from rekognition_xray.cloud.forgetting.erasure import ForgetPlan, ForgetResult, forget

__all__ = [
    "ForgetPlan",
    "ForgetResult",
    "forget",
]

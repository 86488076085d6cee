"""TODO rekognition_xray.cloud.forgetting."""

from __future__ import annotations

from rekognition_xray.cloud.forgetting.forget import ForgetPlan, Forgotten, forget

__all__ = [
    "ForgetPlan",
    "Forgotten",
    "forget",
]

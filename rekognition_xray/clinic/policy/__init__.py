"""TODO rekognition_xray.clinic.policy."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rekognition_xray._doors import lazy
from rekognition_xray.clinic.policy.calibration_map import Kind
from rekognition_xray.clinic.policy.policy import (
    REFERRED,
    TYPE_UNCERTAIN,
    Decision,
    Policy,
    PolicyFigures,
)

if TYPE_CHECKING:
    from rekognition_xray.clinic.policy.choice import choose
else:
    __getattr__ = lazy(
        __name__,
        {
            "choice": ("choose",),
        },
    )

__all__ = [
    "REFERRED",
    "TYPE_UNCERTAIN",
    "Decision",
    "Kind",
    "Policy",
    "PolicyFigures",
    "choose",
]

"""Policies: from when on an image counts as pneumonia, and when a person must read it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rekognition_xray._doors import lazy
from rekognition_xray.clinic.policy.calibration import Calibration, Kind
from rekognition_xray.clinic.policy.guarantee import Guarantee
from rekognition_xray.clinic.policy.policy import (
    REFERRED,
    TYPE_UNCERTAIN,
    Decision,
    Policy,
    PolicyFigures,
)

if TYPE_CHECKING:
    from rekognition_xray.clinic.policy.choice import choose_policy
    from rekognition_xray.clinic.policy.fitting import fit_calibration
    from rekognition_xray.clinic.policy.guaranteed_choice import choose_guaranteed_policy
else:
    __getattr__ = lazy(
        __name__,
        {
            "choice": ("choose_policy",),
            "fitting": ("fit_calibration",),
            "guaranteed_choice": ("choose_guaranteed_policy",),
        },
    )

__all__ = [
    "REFERRED",
    "TYPE_UNCERTAIN",
    "Calibration",
    "Decision",
    "Guarantee",
    "Kind",
    "Policy",
    "PolicyFigures",
    "choose_guaranteed_policy",
    "choose_policy",
    "fit_calibration",
]

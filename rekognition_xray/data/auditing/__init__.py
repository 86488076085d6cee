"""TODO rekognition_xray.data.auditing."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rekognition_xray._doors import lazy

if TYPE_CHECKING:
    from rekognition_xray.data.auditing.aligning import aligner
    from rekognition_xray.data.auditing.audit import Audit, Finding, audit
    from rekognition_xray.data.auditing.duplicates import Duplicates
    from rekognition_xray.data.auditing.hashing import propose
    from rekognition_xray.data.auditing.looks import SIDE, equalised, look, squared
    from rekognition_xray.data.auditing.near import SAME, grouped, near_pairs
else:
    __getattr__ = lazy(
        __name__,
        {
            "aligning": ("aligner",),
            "audit": (
                "Audit",
                "Finding",
                "audit",
            ),
            "duplicates": ("Duplicates",),
            "hashing": ("propose",),
            "looks": (
                "SIDE",
                "equalised",
                "look",
                "squared",
            ),
            "near": (
                "SAME",
                "grouped",
                "near_pairs",
            ),
        },
    )

__all__ = [
    "SAME",
    "SIDE",
    "Audit",
    "Duplicates",
    "Finding",
    "aligner",
    "audit",
    "equalised",
    "grouped",
    "look",
    "near_pairs",
    "propose",
    "squared",
]

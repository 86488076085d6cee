"""TODO rekognition_xray.clinic.cases."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rekognition_xray._doors import lazy

if TYPE_CHECKING:
    from rekognition_xray.clinic.cases.index import CaseIndex
else:
    __getattr__ = lazy(
        __name__,
        {
            "index": ("CaseIndex",),
        },
    )

__all__ = [
    "CaseIndex",
]

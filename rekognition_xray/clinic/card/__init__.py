"""TODO rekognition_xray.clinic.card."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rekognition_xray._doors import lazy
from rekognition_xray.clinic.card.texts import FORBIDDEN, INTENDED

if TYPE_CHECKING:
    from rekognition_xray.clinic.card.card import ModelCard
else:
    __getattr__ = lazy(
        __name__,
        {
            "card": ("ModelCard",),
        },
    )

__all__ = [
    "FORBIDDEN",
    "INTENDED",
    "ModelCard",
]

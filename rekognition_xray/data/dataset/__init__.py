"""TODO rekognition_xray.data.dataset."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rekognition_xray._doors import lazy
from rekognition_xray.data.dataset.dataset import Labelling, Rejected, Xray, XrayDataset
from rekognition_xray.data.dataset.split import Split

if TYPE_CHECKING:
    from rekognition_xray.data.dataset.cleaning import Cleaned, clean
else:
    __getattr__ = lazy(
        __name__,
        {
            "cleaning": (
                "Cleaned",
                "clean",
            ),
        },
    )

__all__ = [
    "Cleaned",
    "Labelling",
    "Rejected",
    "Split",
    "Xray",
    "XrayDataset",
    "clean",
]

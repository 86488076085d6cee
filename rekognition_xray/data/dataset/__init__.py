"""``XrayDataset``, and what its methods give: audit, cleaned dataset, split, prepared images."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rekognition_xray._doors import lazy
from rekognition_xray.data.dataset.cleaning import Cleaned, Repair
from rekognition_xray.data.dataset.dataset import XrayDataset
from rekognition_xray.data.dataset.prepared import Prepared
from rekognition_xray.data.dataset.split import Audited, Split
from rekognition_xray.data.xrays import Labelling, Part, Rejected, Xray

if TYPE_CHECKING:
    from rekognition_xray.data.dataset.audit import Audit
else:
    __getattr__ = lazy(__name__, {"audit": ("Audit",)})

__all__ = [
    "Audit",
    "Audited",
    "Cleaned",
    "Labelling",
    "Part",
    "Prepared",
    "Rejected",
    "Repair",
    "Split",
    "Xray",
    "XrayDataset",
]

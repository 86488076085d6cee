"""``XrayDataset``, and what its methods give: an audit, a split, and other datasets."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rekognition_xray._doors import lazy
from rekognition_xray.data.dataset.cleaning import Cleaned, Repair
from rekognition_xray.data.dataset.correction import Corrected, CorrectedSplit
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
    "Corrected",
    "CorrectedSplit",
    "Labelling",
    "Part",
    "Prepared",
    "Rejected",
    "Repair",
    "Split",
    "Xray",
    "XrayDataset",
]

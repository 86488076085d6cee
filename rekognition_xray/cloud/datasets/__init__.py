"""TODO rekognition_xray.cloud.datasets."""

from __future__ import annotations

from rekognition_xray.cloud.datasets.dataset_calls import (
    DatasetDescription,
    DatasetType,
    label_counts,
)
from rekognition_xray.cloud.datasets.dataset_limits import check_limits
from rekognition_xray.cloud.datasets.kept_entries import Kept
from rekognition_xray.cloud.datasets.listing import ListedEntry

__all__ = [
    "DatasetDescription",
    "DatasetType",
    "Kept",
    "ListedEntry",
    "check_limits",
    "label_counts",
]

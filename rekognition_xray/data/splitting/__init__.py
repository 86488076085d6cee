"""The drawing behind a split by patients, and what two parts must not share."""

from __future__ import annotations

from rekognition_xray.data.splitting.drawing import SameImages, count_labels, deal, join_groups
from rekognition_xray.data.splitting.leakage import Leakage, Spread, random_split_leakage
from rekognition_xray.data.splitting.overlap import Leak, find_leaks, shared_pictures, split_risks

__all__ = [
    "Leak",
    "Leakage",
    "SameImages",
    "Spread",
    "count_labels",
    "deal",
    "find_leaks",
    "join_groups",
    "random_split_leakage",
    "shared_pictures",
    "split_risks",
]

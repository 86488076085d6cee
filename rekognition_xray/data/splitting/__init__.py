"""The drawing behind a split by patients, and what two parts must not share."""

from __future__ import annotations

from rekognition_xray.data.splitting.drawing import SameImages, counted, deal, joined
from rekognition_xray.data.splitting.leakage import Leakage, Spread, random_split_leakage
from rekognition_xray.data.splitting.overlap import Leak, leaks, left_to_chance, shared_pictures

__all__ = [
    "Leak",
    "Leakage",
    "SameImages",
    "Spread",
    "counted",
    "deal",
    "joined",
    "leaks",
    "left_to_chance",
    "random_split_leakage",
    "shared_pictures",
]

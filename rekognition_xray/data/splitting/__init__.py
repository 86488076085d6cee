"""TODO rekognition_xray.data.splitting."""

from __future__ import annotations

from rekognition_xray.data.splitting.drawing import SameImages, counted, deal, joined
from rekognition_xray.data.splitting.leakage import Leakage, Spread, leakage
from rekognition_xray.data.splitting.overlap import Leak, leaks, left_to_chance, shared_pictures

__all__ = [
    "Leak",
    "Leakage",
    "SameImages",
    "Spread",
    "counted",
    "deal",
    "joined",
    "leakage",
    "leaks",
    "left_to_chance",
    "shared_pictures",
]

"""The gate: which images look like those that a model was trained on, before a call is paid."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rekognition_xray._doors import lazy
from rekognition_xray.data.gating.answer import REASONS, GateAnswer, Reason, StrangeFigure
from rekognition_xray.data.gating.repair import Repair, find_repair

if TYPE_CHECKING:
    from rekognition_xray.data.gating.fitting import GateFigures
    from rekognition_xray.data.gating.gate import ImageGate
else:
    __getattr__ = lazy(__name__, {"fitting": ("GateFigures",), "gate": ("ImageGate",)})

__all__ = [
    "REASONS",
    "GateAnswer",
    "GateFigures",
    "ImageGate",
    "Reason",
    "Repair",
    "StrangeFigure",
    "find_repair",
]

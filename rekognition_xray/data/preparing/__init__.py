"""Preparing many images: a run that can be repeated, its workers, and its ledger."""

from __future__ import annotations

from rekognition_xray.data.preparing.ledger import LEDGER, LedgerEntry, read_ledger
from rekognition_xray.data.preparing.prepared import HeldBack, PreparedFile, PrepareProgress
from rekognition_xray.data.preparing.run import PreparationRun
from rekognition_xray.data.preparing.worker import Developed, develop

__all__ = [
    "LEDGER",
    "Developed",
    "HeldBack",
    "LedgerEntry",
    "PreparationRun",
    "PrepareProgress",
    "PreparedFile",
    "develop",
    "read_ledger",
]

"""TODO rekognition_xray.data.preparing."""

from __future__ import annotations

from rekognition_xray.data.preparing.ledger import LEDGER, LedgerEntry, read_ledger
from rekognition_xray.data.preparing.prepared import (
    HeldBack,
    Prepared,
    PreparedFile,
    PrepareProgress,
)
from rekognition_xray.data.preparing.preparing import prepare

__all__ = [
    "LEDGER",
    "LedgerEntry",
    "HeldBack",
    "PrepareProgress",
    "Prepared",
    "PreparedFile",
    "prepare",
    "read_ledger",
]

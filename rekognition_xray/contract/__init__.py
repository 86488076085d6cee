"""The contract: what the local cloud assumes of AWS, put to an endpoint and compared."""

from __future__ import annotations

from rekognition_xray.contract.findings import Finding, Verdict
from rekognition_xray.contract.stage import remove_remains
from rekognition_xray.contract.transcripts import Difference, Transcript, replay
from rekognition_xray.contract.verification import Verification, price, verify

__all__ = [
    "Difference",
    "Finding",
    "Transcript",
    "Verdict",
    "Verification",
    "price",
    "remove_remains",
    "replay",
    "verify",
]

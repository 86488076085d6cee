"""The HTTP side: requests parsed, checked and answered, for Rekognition and S3."""

from __future__ import annotations

from rekognition_xray.local.http.application import Application
from rekognition_xray.local.http.front import Front, Term
from rekognition_xray.local.http.operations import OPERATIONS
from rekognition_xray.local.http.server import HOLDING_PLACES, Server

__all__ = [
    "HOLDING_PLACES",
    "OPERATIONS",
    "Application",
    "Front",
    "Server",
    "Term",
]

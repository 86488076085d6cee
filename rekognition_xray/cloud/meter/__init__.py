"""TODO rekognition_xray.cloud.meter."""

from __future__ import annotations

from rekognition_xray.cloud.meter.orphans import RunningVersion
from rekognition_xray.cloud.meter.run import Run
from rekognition_xray.cloud.meter.throughput import calibrate

__all__ = [
    "Run",
    "RunningVersion",
    "calibrate",
]

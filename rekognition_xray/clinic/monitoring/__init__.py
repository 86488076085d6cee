"""Monitoring: follows the journal of a model in use, and tests whether its images have changed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rekognition_xray._doors import lazy
from rekognition_xray.clinic.monitoring.report import MonitorReport, WatchedValue

if TYPE_CHECKING:
    from rekognition_xray.clinic.monitoring.monitor import Monitor
else:
    __getattr__ = lazy(__name__, {"monitor": ("Monitor",)})

__all__ = ["Monitor", "MonitorReport", "WatchedValue"]

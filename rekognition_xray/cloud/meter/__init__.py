"""Running models: started, shared by leases, stopped, listed, priced and measured."""

from __future__ import annotations

from rekognition_xray.cloud.meter.block import Progress, run
from rekognition_xray.cloud.meter.leases import (
    LEASE_MARGIN,
    LEASE_PREFIX,
    LEASE_RENEWAL,
    LEASE_SECONDS,
    Lease,
    Leases,
    WallClock,
    parse_leases,
    read_leases,
    utc_now,
    write_lease,
)
from rekognition_xray.cloud.meter.orphans import Outcome, RunningVersion, running, stop_expired
from rekognition_xray.cloud.meter.runs import SETTLE, Run
from rekognition_xray.cloud.meter.stopping import RESTS, RUNS, stop
from rekognition_xray.cloud.meter.throughput import RunningModel, Throughput, measure_throughput

__all__ = [
    "LEASE_MARGIN",
    "LEASE_PREFIX",
    "LEASE_RENEWAL",
    "LEASE_SECONDS",
    "RESTS",
    "RUNS",
    "SETTLE",
    "Lease",
    "Leases",
    "Outcome",
    "Progress",
    "Run",
    "RunningModel",
    "RunningVersion",
    "Throughput",
    "WallClock",
    "measure_throughput",
    "parse_leases",
    "read_leases",
    "run",
    "running",
    "stop",
    "stop_expired",
    "utc_now",
    "write_lease",
]

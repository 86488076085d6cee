"""How often calls may come: token buckets for accounts and for running models."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Final

import attrs

from rekognition_xray.local.failures import ServiceError

if TYPE_CHECKING:
    from rekognition_xray.local.assumptions import Limits

_TAGGING: Final = frozenset({"TagResource", "UntagResource", "ListTagsForResource"})
_DETECTING: Final = "DetectCustomLabels"


@attrs.define
class _Bucket:
    tokens: float
    at: float


class Rates:
    """The token buckets of one local cloud; times are seconds of its own clock.

    A bucket holds the calls of `Limits.burst_seconds`, at least one, and is full at first.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._buckets: dict[str, _Bucket] = {}

    def check_call(self, owner: str, operation: str, limits: Limits, now: float) -> None:
        """Counts a call against the quota of its account and Region. Raises Throttling."""
        rate = _account_rate(operation, limits)
        if rate is not None:
            self._take(f"{owner} {operation}", rate, limits, now, "ThrottlingException")

    def check_detection(self, version_arn: str, units: int, limits: Limits, now: float) -> None:
        """Counts a detection against a model's units. Raises ProvisionedThroughputExceeded."""
        if limits.unit_tps is None:
            return
        rate, code = units * limits.unit_tps, "ProvisionedThroughputExceededException"
        self._take(f"{version_arn} {units}", rate, limits, now, code)

    def _take(self, name: str, rate: float, limits: Limits, now: float, code: str) -> None:
        size = max(1.0, rate * limits.burst_seconds)
        with self._lock:
            bucket = self._buckets.setdefault(name, _Bucket(size, now))
            passed = max(0.0, now - bucket.at)  # a clock may be set back
            bucket.tokens = min(size, bucket.tokens + passed * rate)
            bucket.at = now
            if bucket.tokens < 1:
                wait = (1 - bucket.tokens) / rate if limits.retry_after else None
                raise ServiceError(code, retry_after=wait)
            bucket.tokens -= 1


def _account_rate(operation: str, limits: Limits) -> float | None:
    if operation == _DETECTING:
        return limits.detect_tps
    return limits.tag_tps if operation in _TAGGING else limits.call_tps

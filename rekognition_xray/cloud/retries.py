"""Which calls are repeated, and after how long: the same rule on every version of boto3.

botocore has rules of its own, but they differ between its versions (five attempts until 1.43, three
since 1.44), and since 1.44 a client that has repeated many calls stops repeating any: its quota is
spent. So botocore makes one attempt here, and this rule decides about the next.
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Final

import attrs

if TYPE_CHECKING:
    from botocore.awsrequest import AWSResponse
    from botocore.model import OperationModel

THROTTLES: Final = frozenset(
    {
        "BandwidthLimitExceeded",
        "ProvisionedThroughputExceededException",
        "RequestLimitExceeded",
        "RequestThrottled",
        "RequestThrottledException",
        "SlowDown",
        "Throttling",
        "ThrottlingException",
        "TooManyRequestsException",
    }
)
"""Codes that say: too many calls a second; the call was not carried out."""

_PASSING: Final = frozenset(
    {"PriorRequestNotComplete", "RequestTimeout", "RequestTimeoutException"}
)
_FAULTS: Final = frozenset({500, 502, 503, 504})
_NOT_TWICE: Final = frozenset(
    {
        "CopyProjectVersion",
        "CreateDataset",
        "CreateProject",
        "CreateProjectVersion",
        "DeleteDataset",
        "StartProjectVersion",
        "UpdateDatasetEntries",
    }
)
"""If the first call was carried out and only its reply was lost, a second one would be refused. So
these are repeated after a throttle alone; otherwise their callers look at what has happened."""

_FIRST_AFTER_THROTTLE: Final = 1.0  # seconds, as botocore 1.44 has them
_FIRST_AFTER_FAULT: Final = 0.05
_LONGEST: Final = 20.0


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds that a reply asks to wait for, by its header ``x-amz-retry-after``; None if none."""
    text = headers.get("x-amz-retry-after", "")
    return min(int(text) / 1000, _LONGEST) if re.fullmatch(r"\d{1,9}", text, re.ASCII) else None


@attrs.frozen
class RetryRule:
    """Whether a call is made again; a handler of botocore's event ``needs-retry``.

    Pauses double from one attempt to the next, at most to 20 s, and each is drawn at random between
    nothing and that ("full jitter"), so that clients do not return all at once. A pause is never
    shorter than what the reply asks for.

    Attributes:
        attempts: attempts in all.
        no_reply: botocore's exceptions for a call without a reply.
        draw: gives a random number from 0 to 1.
    """

    attempts: int
    no_reply: tuple[type[Exception], ...]
    draw: Callable[[], float] = random.random

    def __call__(
        self,
        *,
        response: tuple[AWSResponse, Mapping[str, Any]] | None,
        operation: OperationModel,
        attempts: int,
        caught_exception: Exception | None,
        **_: object,
    ) -> float | None:
        """Seconds until the next attempt; None if there is none."""
        if attempts >= self.attempts:
            return None
        http, parsed = response or (None, {})
        code = parsed.get("Error", {}).get("Code", "")
        if code in THROTTLES:
            first = _FIRST_AFTER_THROTTLE
        elif operation.name in _NOT_TWICE:
            return None
        elif (
            code in _PASSING
            or (http is not None and http.status_code in _FAULTS)
            or isinstance(caught_exception, self.no_reply)
        ):
            first = _FIRST_AFTER_FAULT
        else:
            return None
        pause = self.draw() * min(_LONGEST, first * 2.0 ** (attempts - 1))
        return max(pause, (retry_after(http.headers) if http else None) or 0.0)

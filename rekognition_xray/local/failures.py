"""The service's error replies: code, HTTP status, message."""

from __future__ import annotations

import math
from typing import Final

_STATUS: Final = {
    "InternalServerError": 500,
    "ThrottlingException": 500,
    "NotImplementedException": 501,
    "InvalidSignatureException": 403,
    "MissingAuthenticationTokenException": 403,
    "RequestEntityTooLargeException": 413,
}

_MESSAGES: Final = {
    "ImageTooLargeException": "Image size is too large.",
    "InternalServerError": "Internal server error",
    "InvalidImageFormatException": "Request has invalid image format.",
    "InvalidPaginationTokenException": "Invalid Pagination Token",
    "InvalidParameterException": "Request has invalid parameters.",
    "InvalidS3ObjectException": (
        "Unable to get object metadata from S3. Check object key, region and/or access permissions."
    ),
    "ProvisionedThroughputExceededException": "Provisioned Rate exceeded.",
    "ResourceInUseException": "Specified resource is in use.",
    "ResourceNotFoundException": "The specified resource does not exist.",
    "ThrottlingException": "Slow down; sudden increase in rate of requests.",
}


class ServiceError(Exception):
    """An error reply.

    Attributes:
        code: the code as on the wire, such as ``ResourceInUseException``.
        message: the service's own text where it is known, else ours.
        status: HTTP status.
        retry_after: seconds for the header ``x-amz-retry-after``; None for none.
    """

    def __init__(
        self, code: str, message: str | None = None, *, retry_after: float | None = None
    ) -> None:
        self.code = code
        self.message = message if message is not None else _MESSAGES.get(code, code)
        self.status = _STATUS.get(code, 400)
        self.retry_after = retry_after
        super().__init__(f"{code}: {self.message}")


def retry_header(seconds: float | None) -> list[tuple[str, str]]:
    """The header that says when to call again, in whole milliseconds; nothing for None."""
    return [] if seconds is None else [("x-amz-retry-after", str(math.ceil(seconds * 1000)))]


def invalid_parameter(message: str | None = None) -> ServiceError:
    """A request of the right shape with a wrong value."""
    return ServiceError("InvalidParameterException", message)


def in_use(message: str | None = None) -> ServiceError:
    """A resource whose state or children do not allow the call."""
    return ServiceError("ResourceInUseException", message)


def not_found(arn: str) -> ServiceError:
    """No such resource in this account and Region."""
    return ServiceError(
        "ResourceNotFoundException", f"The specified resource does not exist: {arn}"
    )


def not_ready(message: str) -> ServiceError:
    """A resource that cannot answer yet, or no longer."""
    return ServiceError("ResourceNotReadyException", message)

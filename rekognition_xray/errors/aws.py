"""Errors of calls to AWS: each of its codes has its class."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from rekognition_xray.errors.base import XrayError, above


class AwsError(XrayError):
    """AWS refused a call, or could not be reached.

    Attributes:
        operation: name of the operation as AWS writes it, such as ``CreateProject``.
        code: the error code of AWS, such as ``ResourceInUseException``.
        request_id: AWS's id of the request, where one came back.
        arn: the resource concerned, where one is known.
    """

    default_hint = "Look the code up in the API reference of Amazon Rekognition."

    def __init__(
        self,
        message: str,
        *,
        operation: str = "",
        code: str = "",
        request_id: str = "",
        arn: str = "",
        hint: str | None = None,
    ) -> None:
        self.operation, self.code, self.request_id, self.arn = operation, code, request_id, arn
        super().__init__(message, hint=hint)


class ConnectionFailedError(AwsError, ConnectionError):
    """The endpoint could not be reached."""

    default_hint = "Check the network, the Region and AWS_ENDPOINT_URL; then try again."
    retryable = True


class CredentialsError(AwsError):
    """Credentials are missing, wrong or expired."""

    default_hint = (
        "Sign in again (aws sso login, aws configure), or take another profile or session."
    )


class AccessDeniedError(AwsError, PermissionError):
    """The caller lacks a permission."""

    default_hint = "Allow the operation for this identity in IAM (and in the bucket's policy)."


class NotFoundError(AwsError, LookupError):
    """The resource does not exist in this account and Region."""

    default_hint = "Check name, ARN, account and Region."


class AlreadyExistsError(AwsError):
    """The name is taken."""

    default_hint = "Choose another name, or open the existing one."


class InUseError(AwsError):
    """The resource is in a state that forbids the call, or its name is taken."""

    default_hint = "Wait until the resource has settled, or choose another name."


class NotReadyError(AwsError):
    """The resource is not in a state that allows the call yet."""

    default_hint = "Wait for it: detection needs a version that is RUNNING."


class InvalidRequestError(AwsError, ValueError):
    """AWS refused a parameter."""

    default_hint = "Check the arguments against the limits in the docstring."


class InvalidImageError(AwsError, ValueError):
    """AWS refused the image."""

    default_hint = "Send a PNG or JPEG of 64 to 4096 px a side and at most 4 MB."


class StorageError(AwsError):
    """A bucket or an object in S3 is missing, elsewhere or unreadable."""

    default_hint = "Check bucket, key, Region and permissions; create the bucket where it is new."


class UploadError(StorageError):
    """Some images were not uploaded; those that were are not sent again.

    Attributes:
        failures: path and reason for each image that was not uploaded; the message lists the
            first hundred. Code and request id are those of the first.
    """

    default_hint = "Mend the cause and run it again: what is there already is not sent twice."

    def __init__(
        self,
        message: str,
        *,
        failures: Iterable[tuple[Path | str, str]] = (),
        first: AwsError | None = None,
    ) -> None:
        self.failures = tuple(failures)
        reported = [f"{path}: {reason}" for path, reason in self.failures]
        super().__init__(above(message, reported))
        if first is not None:
            self.operation, self.code = first.operation, first.code
            self.request_id = first.request_id
            self.hint = f"{self.default_hint} About the first of them: {first.hint}"

    @property
    def paths(self) -> tuple[Path | str, ...]:
        """The images that were not uploaded."""
        return tuple(path for path, _ in self.failures)


class QuotaError(AwsError):
    """A quota of the account is used up."""

    default_hint = "Stop or delete what is not needed, or ask AWS for a higher quota."


class ThrottledError(AwsError):
    """Too many calls a second.

    Attributes:
        retry_after: seconds that AWS asks to wait before the next call, if it says so.
    """

    default_hint = "Call more slowly, or start the version with more inference units."
    retryable = True
    retry_after: float | None = None


class ServiceFaultError(AwsError):
    """The service failed."""

    default_hint = "Try again later; quote the request id to AWS if it lasts."
    retryable = True

"""Places in S3: their addresses, the check of a bucket, and single objects."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from typing import IO, Final
from urllib.parse import urlsplit

import attrs

from rekognition_xray.cloud.aws import Aws, aws_errors
from rekognition_xray.errors import StorageError

_CHUNK: Final = 1 << 20


@attrs.frozen
class S3Location:
    """A bucket and a key, or a bucket and a prefix."""

    bucket: str
    key: str = ""

    @classmethod
    def parse(cls, address: str | S3Location) -> S3Location:
        """Reads ``s3://bucket/key``; slashes at the end of the key are dropped.

        Raises:
            StorageError: the text is no such address.
        """
        if isinstance(address, S3Location):
            return address
        parts = urlsplit(address, allow_fragments=False)
        if parts.scheme != "s3" or not parts.netloc:
            raise StorageError(
                f"{address!r} is not an address in S3.", hint="Write s3://bucket/prefix."
            )
        return cls(parts.netloc, address.removeprefix(f"s3://{parts.netloc}").strip("/"))

    def __str__(self) -> str:
        return f"s3://{self.bucket}/{self.key}" if self.key else f"s3://{self.bucket}"

    def __truediv__(self, name: str) -> S3Location:
        return S3Location(self.bucket, f"{self.key}/{name}" if self.key else name)


def check_bucket(aws: Aws, bucket: str) -> None:
    """Makes sure that a bucket exists, is ours to use, and lies in the clients' Region.

    Calls HeadBucket once (billed by AWS as an S3 request).

    Raises:
        StorageError: it does not exist, or lies in another Region.
        AccessDeniedError: it belongs to somebody else, or the permission is missing.
    """
    try:
        with aws_errors(f"s3://{bucket}"):
            reply = aws.s3.head_bucket(Bucket=bucket)
    except StorageError as error:
        raise StorageError(
            f"The bucket {bucket!r} was not found in Region {aws.region}: {error.message}",
            operation=error.operation,
            code=error.code,
            request_id=error.request_id,
            hint=f"Create it (aws s3 mb s3://{bucket} --region {aws.region}) or name another.",
        ) from error
    region = reply.get("BucketRegion", aws.region)
    if region != aws.region:
        raise StorageError(
            f"The bucket {bucket!r} lies in {region}, the clients speak to {aws.region}.",
            hint="Custom Labels needs bucket, project and model in one Region.",
        )


def read_object(aws: Aws, location: S3Location) -> bytes:
    """The whole content of an object. Calls GetObject.

    Raises:
        StorageError: no such object. AccessDeniedError: not allowed.
    """
    with aws_errors(str(location)):
        return aws.s3.get_object(Bucket=location.bucket, Key=location.key)["Body"].read()


def read_lines(aws: Aws, location: S3Location) -> Iterator[bytes]:
    """The lines of an object, without their ends, as they come in. Calls GetObject.

    Raises:
        StorageError: no such object. AccessDeniedError: not allowed.
    """
    with aws_errors(str(location)):
        body = aws.s3.get_object(Bucket=location.bucket, Key=location.key)["Body"]
        with closing(body):
            yield from body.iter_lines(chunk_size=_CHUNK)


def write_object(
    aws: Aws, location: S3Location, data: bytes | IO[bytes], *, content_type: str
) -> None:
    """Writes an object, with a SHA-256 checksum that S3 verifies. Calls PutObject."""
    with aws_errors(str(location)):
        aws.s3.put_object(
            Bucket=location.bucket,
            Key=location.key,
            Body=data,
            ContentType=content_type,
            ChecksumAlgorithm="SHA256",
        )

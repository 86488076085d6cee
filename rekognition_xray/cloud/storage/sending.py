"""Prepared images on their way: in parallel, each checked on arrival, each failure kept."""

from __future__ import annotations

import base64
import io
import logging
import threading
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, Final

import attrs

from rekognition_xray.cloud.aws import Aws, aws_errors
from rekognition_xray.cloud.s3 import S3Location
from rekognition_xray.data.xrays import Xray
from rekognition_xray.errors import (
    AccessDeniedError,
    AwsError,
    CredentialsError,
    StorageError,
    UploadError,
)

if TYPE_CHECKING:
    from types_boto3_s3.type_defs import PutObjectRequestTypeDef

log = logging.getLogger(__name__)

_CONTENT_TYPES: Final = {"jpg": "image/jpeg", "png": "image/png"}
_FOR_ALL: Final = (AccessDeniedError, CredentialsError)  # the next image would meet it, too
_PATIENCE: Final = 64
MOST_THREADS: Final = 32
"""How many threads make calls by boto3: more would wait for the interpreter."""
_STREAMED: Final = 1 << 20  # bytes from which a file is not held in memory


@attrs.frozen
class Parcel:
    """One object to be: a prepared file, its place, and the images that it stands for."""

    place: S3Location
    file: Path
    sha256: str
    extension: str
    size: int
    images: tuple[Xray, ...]

    @property
    def checksum(self) -> str:
        """The digest as S3 writes it."""
        return base64.b64encode(bytes.fromhex(self.sha256)).decode()

    @property
    def content_type(self) -> str:
        """The object's type, as S3 is told."""
        return _CONTENT_TYPES[self.extension]


def parallel(
    work: Callable[[Parcel], AwsError | None],
    parcels: Sequence[Parcel],
    threads: int,
    done: Callable[[Parcel, AwsError | None], None],
) -> None:
    """Does something with every parcel in threads, and reports in this thread as each is done.

    If this is interrupted, parcels that were not begun are dropped.
    """
    at_once = max(1, min(threads, MOST_THREADS, len(parcels)))
    pool = ThreadPoolExecutor(at_once, "rekognition-xray-s3")
    try:
        begun = {pool.submit(work, parcel): parcel for parcel in parcels}
        for future in as_completed(begun):
            done(begun[future], future.result())
    finally:
        pool.shutdown(cancel_futures=True)


def is_stored(aws: Aws, parcel: Parcel) -> bool:
    """Whether the object that is there has the size and the checksum. Calls HeadObject."""
    place = parcel.place
    with aws_errors(str(place)):
        seen = aws.s3.head_object(Bucket=place.bucket, Key=place.key, ChecksumMode="ENABLED")
    return seen["ContentLength"] == parcel.size and seen.get("ChecksumSHA256") == parcel.checksum


@attrs.define
class Sender:
    """Sends parcels one by one, from any thread; stops trying where trying is of no use.

    Attributes:
        aws: the AWS session.
        encryption: more members of PutObject.
    """

    aws: Aws
    encryption: Mapping[str, str]
    _lock: threading.Lock = attrs.field(factory=threading.Lock, init=False)
    _in_a_row: int = attrs.field(default=0, init=False)
    _end: AwsError | None = attrs.field(default=None, init=False)

    @property
    def gave_up(self) -> bool:
        """Whether trying on is of no use."""
        return self._end is not None

    def __call__(self, parcel: Parcel) -> AwsError | None:
        """Sends one; gives the error that kept it from arriving."""
        if self._end is not None:
            return self._end
        try:
            self._put(parcel)
        except AwsError as error:
            with self._lock:
                self._in_a_row += 1
                if isinstance(error, _FOR_ALL) or self._in_a_row >= _PATIENCE:
                    self._end = self._end or error
            return error
        self.note_arrival()
        return None

    def note_arrival(self) -> None:
        """Notes that an object has arrived, by whatever way: trying is of use."""
        self._in_a_row = 0

    def _put(self, parcel: Parcel) -> None:
        place = parcel.place
        with _body(parcel) as body, aws_errors(str(place)):
            request: PutObjectRequestTypeDef = {
                "Bucket": place.bucket,
                "Key": place.key,
                "Body": body,
                "ContentType": parcel.content_type,
                "ChecksumAlgorithm": "SHA256",
                "ChecksumSHA256": parcel.checksum,
                **self.encryption,  # type: ignore[typeddict-item]
            }
            reply = self.aws.s3.put_object(**request)
        received = reply.get("ChecksumSHA256", parcel.checksum)
        if received != parcel.checksum:
            self._discard(place)
            raise StorageError(
                f"{place}: S3 reports the checksum {received}, not {parcel.checksum}"
            )

    def _discard(self, place: S3Location) -> None:
        """Removes what S3 itself says is no image of ours, so that no later run relies on it."""
        try:
            with aws_errors(str(place)):
                self.aws.s3.delete_object(Bucket=place.bucket, Key=place.key)
        except AwsError as error:
            log.warning("%s may be damaged and could not be removed: %s", place, error.message)


def _body(parcel: Parcel) -> BinaryIO:
    """The file's content, to be read as it is sent; a small one in one piece, with less work."""
    try:
        if parcel.size < _STREAMED:
            return io.BytesIO(parcel.file.read_bytes())
        return parcel.file.open("rb")
    except OSError as error:
        message = f"the prepared file {parcel.file} cannot be read: {error.strerror or error}"
        raise StorageError(message) from error


def upload_error(failed: Sequence[tuple[Parcel, AwsError]], images: int) -> UploadError:
    """One error for all images that did not arrive."""
    failures = [
        (image.source, error.message) for parcel, error in failed for image in parcel.images
    ]
    failure = UploadError(
        f"{len(failures)} of {images} images were not uploaded",
        failures=failures,
        first=failed[0][1],
    )
    failure.retryable = all(error.retryable for _, error in failed)
    return failure

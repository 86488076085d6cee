"""What can be diagnosed, and what is sent for it: prepared bytes, or a location in S3."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Final, TypeAlias

import attrs
from PIL import Image

from rekognition_xray.cloud.s3 import S3Location, read_object
from rekognition_xray.data.images import (
    MAX_DETECT_BYTES,
    Gate,
    ImageOptions,
    ImageSource,
    PreparedImage,
    decode,
    prepare_image,
)
from rekognition_xray.data.pseudonyms import pseudonym_in
from rekognition_xray.errors import (
    AccessDeniedError,
    AwsError,
    ImageError,
    RefusedByGateError,
    StorageError,
)

if TYPE_CHECKING:
    from rekognition_xray.cloud.aws import Aws

DiagnosableImage: TypeAlias = ImageSource | S3Location | PreparedImage
"""An image, the ``s3://`` address of one (as text or S3Location), or an image that is prepared."""

_S3: Final = "s3://"


@attrs.frozen
class Sendable:
    """An image that is ready to be sent.

    Attributes:
        source: its name: its path or address, or a name made from its pixels.
        image: prepared bytes, or the location of a prepared image in S3.
        sha256: hash of the prepared image.
        gate_score: how unlike the training images a gate found it; None without a gate.
        refusal: why the gate refuses it, so that nothing may be sent; empty where it does not.
        repairs: what the gate repaired.
    """

    source: str
    image: bytes | S3Location = attrs.field(repr=False)
    sha256: str
    gate_score: float | None = None
    refusal: str = ""
    repairs: tuple[str, ...] = ()


def source_of(image: DiagnosableImage) -> str | None:
    """The name of an image; None if it must be made from its pixels."""
    if isinstance(image, str | os.PathLike):
        return os.fspath(image)
    if isinstance(image, S3Location):
        return str(image)
    return None


def file_of(image: DiagnosableImage) -> tuple[int, int] | None:
    """Size and time of change (nanoseconds) of an image's file; None where it is no file."""
    if isinstance(image, bytes | Image.Image | S3Location | PreparedImage) or _is_address(image):
        return None
    try:
        found = os.stat(image)  # noqa: PTH116 - a Path puts each name into the interpreter's own table
    except (OSError, ValueError):
        return None
    return found.st_size, found.st_mtime_ns


def sendable(
    image: DiagnosableImage, aws: Aws, *, options: ImageOptions, gate: Gate | None = None
) -> Sendable:
    """Prepares an image as the training images were, or refers to one that is prepared.

    An object that ``store()`` wrote, in the Region of the clients, is passed by reference and not
    read, unless there is a gate; any other is read. May call HeadBucket (once for a bucket) and
    GetObject; S3 bills them.

    Raises:
        ImageError: the image cannot be used.
        StorageError: there is no such object, or it may not be read.
        AwsError: S3 could not be reached, or refused the call.
    """
    if isinstance(image, PreparedImage):
        return _as_it_is(image, gate)
    if isinstance(image, str) and _is_address(image):
        image = _location(image)
    if isinstance(image, S3Location):
        return _from_s3(image, aws, options, gate)
    source = source_of(image) or str(getattr(image, "filename", ""))
    return _prepared(image, source, options, gate)


def _prepared(
    image: ImageSource, source: str, options: ImageOptions, gate: Gate | None
) -> Sendable:
    """An image that is prepared now; one that the gate refuses has no pixels to send."""
    try:
        made = prepare_image(
            image, name=source, options=options, max_bytes=MAX_DETECT_BYTES, gate=gate
        )
    except RefusedByGateError as error:
        name = source or f"image {error.sha256[:12]}"
        return Sendable(name, b"", error.sha256, error.score, error.reason)
    name = source or f"image {made.sha256[:12]}"
    return Sendable(name, made.data, made.sha256, made.gate_score, repairs=made.repairs)


def _as_it_is(image: PreparedImage, gate: Gate | None) -> Sendable:
    name = f"image {image.sha256[:12]}"
    if len(image.data) > MAX_DETECT_BYTES:
        raise ImageError(
            f"{name} has {len(image.data):,} bytes; a call carries {MAX_DETECT_BYTES:,}.",
            hint="Prepare it with max_bytes=images.MAX_DETECT_BYTES.",
        )
    if gate is None:
        return Sendable(name, image.data, image.sha256)
    admission = gate.admit(decode(image.data).grey)
    if admission.steps:
        raise ImageError(
            f"{name} would have to be repaired ({'; '.join(admission.steps)}).",
            hint="It is prepared already and sent as it is: give the image that it was made of.",
        )
    return Sendable(name, image.data, image.sha256, admission.score, admission.held_back)


def _from_s3(place: S3Location, aws: Aws, options: ImageOptions, gate: Gate | None) -> Sendable:
    ours = pseudonym_in(place.key) is not None and _is_near(place, aws)
    if gate is None and ours:
        return Sendable(str(place), place, place.key.rpartition("/")[2].partition(".")[0])
    try:
        content = read_object(aws, place)
    except AccessDeniedError as error:
        # One object that may not be read, or that is missing where listing is forbidden.
        raise StorageError(
            f"{place} cannot be read: {error.message}",
            operation=error.operation,
            code=error.code,
            request_id=error.request_id,
        ) from error
    if gate is not None and ours:  # prepared already: judged, and sent as it is unless repaired
        admission = gate.admit(decode(content).grey)
        if not admission.steps:
            digest = place.key.rpartition("/")[2].partition(".")[0]
            return Sendable(str(place), place, digest, admission.score, admission.held_back)
    return _prepared(content, str(place), options, gate)


def _is_near(place: S3Location, aws: Aws) -> bool:
    """Whether a bucket is known to lie in the Region of the clients."""
    try:
        return aws.bucket_region(place.bucket) == aws.region
    except AwsError:
        return False


def _is_address(image: str | os.PathLike[str]) -> bool:
    return isinstance(image, str) and image.startswith(_S3)


def _location(address: str) -> S3Location:
    bucket, _, key = address.removeprefix(_S3).partition("/")
    if not bucket or not key:
        raise StorageError(
            f"{address!r} is not the address of an image.",
            hint="Write s3://bucket/key of one object.",
        )
    return S3Location(bucket, key)

"""DetectCustomLabels: the version's model on the pixels that are sent."""

from __future__ import annotations

from rekognition_xray.local.failures import ServiceError, invalid_parameter, not_ready
from rekognition_xray.local.images import ImageRefused, check_image
from rekognition_xray.local.learning import UnreadableImage
from rekognition_xray.local.objects import ObjectUnreadable
from rekognition_xray.local.rules.lookup import version_of
from rekognition_xray.local.rules.running import RUNNING
from rekognition_xray.local.state import PLACES, Caller, Members, Version, World, round_confidences

_CODES = {
    "bytes": "ImageTooLargeException",
    "format": "InvalidImageFormatException",
    "size": "InvalidParameterException",
}


def detect_custom_labels(world: World, caller: Caller, asked: Members) -> Members:
    """DetectCustomLabels: labels by confidence, in percent; no Geometry, for there are no boxes.

    Without MinConfidence each label is cut at its own threshold; with it, all are cut there.
    """
    version = _running(world, caller, asked["ProjectVersionArn"])
    units = version.min_units or 1
    world.rates.check_detection(version.arn, units, world.limits, world.clock.now())
    confidences = _confidences(world, caller, version, _image(world, caller, asked["Image"]))
    cut = asked.get("MinConfidence")
    thresholds: dict[str, float] = version.outcome["thresholds"]
    kept: list[Members] = [
        {"Name": label, "Confidence": _percent(confidence)}
        for label, confidence in confidences.items()
        if (confidence >= thresholds[label] if cut is None else _percent(confidence) >= cut)
    ]
    kept.sort(key=lambda one: (-one["Confidence"], one["Name"]))
    most = asked.get("MaxResults") or len(kept)
    return {"CustomLabels": kept[:most]}


def _percent(fraction: float) -> float:
    return round(fraction * 100, PLACES - 2)


def _running(world: World, caller: Caller, arn: str) -> Version:
    with world.store.transaction():
        version = version_of(world, caller, arn)
    if version.status != RUNNING:
        raise not_ready(f"The model is {version.status}.")
    return version


def _confidences(world: World, caller: Caller, version: Version, data: bytes) -> dict[str, float]:
    try:
        model = world.models.get(version.arn)
    except (OSError, ValueError):
        _running(world, caller, version.arn)  # it may have been stopped and deleted meanwhile
        raise
    try:
        return round_confidences(model.confidences(data))
    except UnreadableImage as error:
        raise ServiceError("InvalidImageFormatException") from error


def _image(world: World, caller: Caller, image: Members) -> bytes:
    """The image's bytes, within the limits; Bytes win over S3Object."""
    if "Bytes" in image:
        data: bytes = image["Bytes"]
        most = world.limits.image_bytes
    elif "S3Object" in image:
        data = _from_s3(world, caller, image["S3Object"])
        most = world.limits.image_bytes_s3
    else:
        raise invalid_parameter()
    try:
        check_image(data, world.limits, max_bytes=most)
    except ImageRefused as error:
        raise ServiceError(_CODES[error.reason]) from error
    return data


def _from_s3(world: World, caller: Caller, place: Members) -> bytes:
    if not {"Bucket", "Name"} <= place.keys():
        raise ServiceError("InvalidS3ObjectException", "Request has invalid S3 object.")
    account, region = caller.account, caller.region
    bucket, key, version = place["Bucket"], place["Name"], place.get("Version")
    try:
        world.objects.check_region(account, region, bucket)
        if world.objects.size(account, region, bucket, key, version) > world.limits.image_bytes_s3:
            raise ServiceError("ImageTooLargeException")
        return world.objects.read(account, region, bucket, key, version)
    except ObjectUnreadable as error:
        raise ServiceError("InvalidS3ObjectException") from error

"""``open_dataset``: images that lie in S3 as a dataset, by a manifest or by their names."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Iterator
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Final

import attrs

from rekognition_xray.cloud.aws import Aws, aws_errors
from rekognition_xray.cloud.s3 import S3Location, check_bucket
from rekognition_xray.data.dataset import Labelling, Rejected, XrayDataset
from rekognition_xray.data.manifests import Manifest
from rekognition_xray.data.pseudonyms import pseudonym_in
from rekognition_xray.data.reading import (
    KERMANY,
    Names,
    SkippingRule,
    as_rule,
    looks_like_image,
    resolve_labelling,
    sort_out,
)
from rekognition_xray.errors import (
    AccessDeniedError,
    AwsError,
    DataError,
    EmptyDatasetError,
    ManifestError,
    StorageError,
    list_paths,
)

if TYPE_CHECKING:
    from botocore.response import StreamingBody

log = logging.getLogger(__name__)

_CHUNK: Final = 1 << 20
_LARGEST: Final = 1_000_000_000  # bytes of a manifest that the service takes


def open_dataset(
    address: str | S3Location,
    *,
    aws: Aws,
    names: Names | None = None,
    labelling: Labelling | None = None,
) -> XrayDataset:
    """Opens images that lie in S3; none of them is fetched.

    An address of an object is read as a manifest, see ``XrayDataset.from_manifest``. Else it is a
    prefix: the rule reads each key below it as it would a path in a folder. Images that
    ``storage.store`` put there name patients, not labels; open the manifest beside them instead.
    Since no object is opened, only keys with the extension of an image count as images; the others
    are counted in ``XrayDataset.skipped``.

    Calls GetObject, unless the address ends in ``/``, and for a prefix HeadBucket and ListObjectsV2
    once per 1,000 objects. S3 bills each request, and a manifest's transfer out of its Region.

    Args:
        address: such as ``s3://clinic-xrays/kermany/manifests/train-0123.manifest`` or
            ``s3://clinic-xrays/originals/``; with the slash it is never taken for an object.
        aws: the AWS session.
        names: the rule, or a function, for keys; for a prefix ``KERMANY`` by default, for a
            manifest none.
        labelling: who made the labels, when and how, where that is known better.

    Raises:
        StorageError: the bucket does not exist, or lies in another Region.
        AccessDeniedError: ``s3:GetObject`` or ``s3:ListBucket`` is missing.
        ManifestError: the manifest has bad lines; all are named.
        EmptyDatasetError: no image, or none that fits the rule; its ``paths`` are addresses.
        DataError: the address is that of one image.
    """
    place = S3Location.parse(address)
    dataset = None
    if place.key and not str(address).endswith("/"):
        try:
            dataset = _of_object(aws, place, names)
        except AccessDeniedError as denied:  # S3 says so of a key that is not there, too
            dataset = _of_prefix_or(denied, aws, place, names)
    if dataset is None:
        dataset = _of_prefix(aws, place, names)
    if labelling is None:
        return dataset
    rule = labelling.rule or dataset.labelling.rule
    return attrs.evolve(dataset, labelling=attrs.evolve(labelling, rule=rule))


def _of_object(aws: Aws, place: S3Location, names: Names | None) -> XrayDataset | None:
    """The images of a manifest; None where no object lies at the address."""
    if looks_like_image(place.key):
        raise DataError(
            f"{place} is one image.",
            paths=[str(place)],
            hint="Open the prefix it lies under, with a slash at its end, or a manifest.",
        )
    try:
        with aws_errors(str(place)):
            reply = aws.s3.get_object(Bucket=place.bucket, Key=place.key)
    except StorageError as error:
        if error.code == "NoSuchBucket":
            check_bucket(aws, place.bucket)
        if error.code == "NoSuchKey":
            return None
        raise
    with aws_errors(str(place)), reply["Body"] as body:
        return XrayDataset.from_manifest(
            _manifest(place, body, reply["ContentLength"]), names=names
        )


def _manifest(place: S3Location, body: StreamingBody, size: int) -> Manifest:
    if size > _LARGEST:
        raise ManifestError(
            f"{place} has {size:,} bytes, more than any manifest.", paths=[str(place)]
        )
    try:
        return Manifest.parse(_lines(body))
    except ManifestError as error:
        raise ManifestError(
            f"{place} is no sound manifest", faults=error.faults, paths=[str(place)]
        ) from error


def _lines(body: StreamingBody) -> Iterator[bytes]:
    """The lines of an object as they arrive."""
    rest = b""
    while chunk := body.read(_CHUNK):
        *lines, rest = (rest + chunk).split(b"\n")
        yield from lines
        if len(rest) > _CHUNK:  # ten times the longest line that can be sound
            break
    if rest:
        yield rest


def _of_prefix_or(
    denied: AccessDeniedError, aws: Aws, place: S3Location, names: Names | None
) -> XrayDataset:
    try:
        return _of_prefix(aws, place, names)
    except (AwsError, EmptyDatasetError):
        raise denied from None


def _of_prefix(aws: Aws, place: S3Location, names: Names | None) -> XrayDataset:
    rule = as_rule(KERMANY if names is None else names)
    check_bucket(aws, place.bucket)
    root = f"{place}/"
    keys, skipped = _keys(aws, place), Counter[str]()
    found = []
    for key in keys:
        if isinstance(rule, SkippingRule) and (reason := rule.skip(PurePosixPath(key))):
            skipped[reason] += 1
        elif looks_like_image(key):
            found.append(key)
        else:
            skipped["without the name of an image"] += 1
    images, rejected = sort_out(found, rule, lambda name: f"{root}{name}")
    log.debug("%s: %d images, %d objects", root, len(images), len(keys))
    if not images:
        raise _empty(root, keys, rejected)
    labels = resolve_labelling(None, rule)
    return XrayDataset(images, tuple(rejected), labels, skipped=dict(skipped))


def _keys(aws: Aws, place: S3Location) -> list[str]:
    """The keys below a place, relative to it; hidden ones and markers of folders are left out."""
    prefix = f"{place.key}/" if place.key else ""
    pages = aws.s3.get_paginator("list_objects_v2").paginate(Bucket=place.bucket, Prefix=prefix)
    with aws_errors(f"{place}/"):
        found = [item["Key"] for page in pages for item in page.get("Contents", [])]
    keys = [key.removeprefix(prefix) for key in found if not key.endswith("/")]
    return [key for key in keys if not any(map(_is_hidden, key.split("/")))]


def _is_hidden(part: str) -> bool:
    return part.startswith(".") or part == "__MACOSX"


def _empty(root: str, keys: list[str], rejected: list[Rejected]) -> EmptyDatasetError:
    if not rejected:
        what = f"only {len(keys):,} other objects" if keys else "nothing"
        return EmptyDatasetError(
            f"{root} holds no image, {what}.",
            paths=[root],
            hint="Check bucket, prefix and upper and lower case.",
        )
    paths = [item.path for item in rejected]
    if any(pseudonym_in(str(path)) for path in paths):
        known = [f"{root}{key}" for key in keys if key.endswith(".manifest")]
        return EmptyDatasetError(
            f"The {len(paths):,} images under {root} lie under pseudonyms, which contain no label.",
            paths=paths,
            hint=f"Open their manifest: {' or '.join(known[:4]) or f'{root}manifests/...'}",
        )
    listed = list_paths(f"{item.path}: {item.reason}" for item in rejected)
    return EmptyDatasetError(f"No image under {root} fits the naming rule:\n{listed}", paths=paths)

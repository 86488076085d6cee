"""Images that lie in S3 already: where each lies, and that they can be of one dataset."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping

from rekognition_xray.cloud.s3 import S3Location
from rekognition_xray.data.xrays import Xray
from rekognition_xray.errors import LabelsError, StorageError, list_paths


def placed(images: Iterable[Xray], *, beside: str | None) -> Mapping[Xray, S3Location]:
    """Where images lie that lie in S3: exactly at their addresses. Makes no call.

    Args:
        images: images with an address.
        beside: the bucket in which other images of the same dataset will lie, if there are any.

    Raises:
        StorageError: an address is not ``s3://bucket/key``, or the images would end in several
            buckets, of which the service takes one for a dataset.
        LabelsError: one address under two labels.
    """
    found = {image: _location(image) for image in images}
    _refuse_two_labels(found)
    buckets = {place.bucket for place in found.values()} | ({beside} if beside else set())
    if len(buckets) > 1:
        raise StorageError(
            f"The images would lie in {len(buckets)} buckets, {', '.join(sorted(buckets))}; "
            "nothing was uploaded.",
            hint="Custom Labels takes images of one bucket for a dataset: copy them into one "
            "(aws s3 sync), or store the others there.",
        )
    return found


def _location(image: Xray) -> S3Location:
    # The key as it is stored: S3Location.parse would take slashes off its ends.
    bucket, _, key = (image.address or "").removeprefix("s3://").partition("/")
    place = S3Location(bucket, key)
    if not bucket or not key or str(place) != image.address:
        raise StorageError(f"{image.source} is not an image's address, s3://bucket/key.")
    return place


def _refuse_two_labels(found: Mapping[Xray, S3Location]) -> None:
    labels: dict[S3Location, set[str]] = defaultdict(set)
    for image, place in found.items():
        labels[place].add(image.label)
    bad = {place: names for place, names in labels.items() if len(names) > 1}
    if bad:
        raise LabelsError(
            f"{len(bad)} images in S3 stand under different labels; nothing was uploaded:\n"
            + list_paths(f"{place}: {', '.join(sorted(names))}" for place, names in bad.items()),
            paths=[str(place) for place in bad],
            hint="Decide which label is right and leave the other out.",
        )

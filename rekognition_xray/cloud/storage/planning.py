"""What an upload will do, worked out from prepared images and from what lies in S3 already."""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Final

import attrs

from rekognition_xray.cloud.aws import Aws, aws_errors
from rekognition_xray.cloud.s3 import S3Location
from rekognition_xray.cloud.storage.buckets import check_place
from rekognition_xray.cloud.storage.sending import Parcel, is_stored, parallel
from rekognition_xray.costs import Estimate, Money, PriceBook, money
from rekognition_xray.data.preparing import PreparedFile
from rekognition_xray.data.pseudonyms import PseudonymKey, object_key
from rekognition_xray.data.xrays import Xray
from rekognition_xray.errors import (
    AwsError,
    CostCapError,
    LabelsError,
    StorageError,
    list_paths,
)
from rekognition_xray.records import Record

log = logging.getLogger(__name__)

THREADS: Final = 128
"""How many images are on their way at a time."""
_PAGE: Final = 1000


@attrs.frozen
class UploadPlan(Record):
    """What an upload does, worked out before the first byte is sent.

    Attributes:
        where: bucket and prefix.
        images: images to be stored.
        elsewhere: more images that lie in S3 already, and are left where they lie.
        objects: objects that the images become; images of a patient with equal pixels share one.
        new: objects to be sent.
        size: bytes to be sent.
        estimate: requests of this upload, and one month of storage for what is new.
    """

    where: S3Location
    images: int
    elsewhere: int
    objects: int
    new: int
    size: int
    estimate: Estimate

    _derived = ("there",)

    @property
    def there(self) -> int:
        """Objects that are there already and are not sent."""
        return self.objects - self.new

    def __str__(self) -> str:
        left = f" ({self.elsewhere} more lie in S3 already)" if self.elsewhere else ""
        return (
            f"{self.images} images{left} are {self.objects} objects in {self.where}: "
            f"{self.there} are there, {self.new} with {self.size / 1e6:.1f} MB are sent.\n"
            f"{self.estimate}"
        )


def parcels_of(
    files: Iterable[PreparedFile], target: S3Location, secret: PseudonymKey
) -> list[Parcel]:
    """The objects that prepared images become.

    Raises:
        LabelsError: equal pixels under two labels.
    """
    _refuse_contradictions(files)
    sharing: dict[S3Location, list[PreparedFile]] = defaultdict(list)
    for item in files:
        pseudonym = secret.pseudonym(item.image.group)
        name = object_key(target.key, pseudonym, item.sha256, item.extension)
        sharing[S3Location(target.bucket, name)].append(item)
    return [
        Parcel(
            place,
            items[0].file,
            items[0].sha256,
            items[0].extension,
            items[0].size,
            tuple(item.image for item in items),
        )
        for place, items in sharing.items()
    ]


def _refuse_contradictions(files: Iterable[PreparedFile]) -> None:
    images: dict[str, list[Xray]] = defaultdict(list)
    for item in files:
        images[item.sha256].append(item.image)
    bad = [
        image
        for same in images.values()
        if len({image.label for image in same}) > 1
        for image in same
    ]
    if bad:
        raise LabelsError(
            "Equal pixels stand under different labels; nothing was uploaded:\n"
            + list_paths(f"{image.source}: {image.label}" for image in bad),
            paths=[image.source for image in bad],
            hint="Decide which label is right and remove the other file.",
        )


def locations_in_s3(images: Iterable[Xray], *, beside: str | None) -> Mapping[Xray, S3Location]:
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
    _refuse_two_labels(found.keys())
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
    address = image.address or ""
    bucket, _, key = address.removeprefix("s3://").partition("/")
    if not bucket or not key or not address.startswith("s3://"):
        raise StorageError(f"{image.source} is not an image's address, s3://bucket/key.")
    return S3Location(bucket, key)


def _refuse_two_labels(images: Collection[Xray]) -> None:
    labels: dict[str | None, str] = {}
    several = {
        image.address
        for image in images
        if labels.setdefault(image.address, image.label) != image.label
    }
    bad: dict[str, set[str]] = defaultdict(set)
    for image in images if several else ():
        if image.address in several:
            bad[str(image.address)].add(image.label)
    if bad:
        raise LabelsError(
            f"{len(bad)} images in S3 stand under different labels; nothing was uploaded:\n"
            + list_paths(f"{place}: {', '.join(sorted(names))}" for place, names in bad.items()),
            paths=list(bad),
            hint="Decide which label is right and leave the other out.",
        )


def check_and_list(aws: Aws, target: S3Location, *, allow_public: bool) -> Mapping[str, int]:
    """Checks a place and lists it, both at a time: keys below it, with their sizes.

    Calls those of ``check_place``, and ListObjectsV2.

    Raises:
        AwsError: the place is refused, or a question was not answered.
    """
    _ = aws.s3  # made here, before two threads want it
    with ThreadPoolExecutor(1) as helper:
        listing = helper.submit(_object_sizes, aws, target)
        check_place(aws, target.bucket, allow_public=allow_public)
        return listing.result()


def missing_parcels(
    aws: Aws, sizes: Mapping[str, int], parcels: Sequence[Parcel], *, verify: bool, threads: int
) -> list[Parcel]:
    """The parcels that do not lie in S3 yet.

    Content decides the key, so a key that is there, with the image's size, is the image. Calls
    HeadObject for each of these where ``verify`` asks for its checksum.

    Raises:
        AwsError: the first of the questions that was not answered.
    """
    damaged = [p for p in parcels if sizes.get(p.place.key, p.size) != p.size]
    if verify:
        there = [p for p in parcels if sizes.get(p.place.key) == p.size]
        damaged += _find_unverified(aws, there, threads)
    for parcel in damaged:
        log.warning("%s is not the image that its name says; it is sent anew", parcel.place)
    resent = {parcel.place for parcel in damaged}
    return [p for p in parcels if p.place.key not in sizes or p.place in resent]


def _object_sizes(aws: Aws, target: S3Location) -> Mapping[str, int]:
    pages = aws.s3.get_paginator("list_objects_v2").paginate(
        Bucket=target.bucket, Prefix=f"{target.key}/" if target.key else ""
    )
    with aws_errors(str(target)):
        return {item["Key"]: item["Size"] for page in pages for item in page.get("Contents", [])}


def _find_unverified(aws: Aws, there: Sequence[Parcel], threads: int) -> list[Parcel]:
    bad: list[Parcel] = []
    errors: list[AwsError] = []

    def look(parcel: Parcel) -> AwsError | None:
        try:
            if not is_stored(aws, parcel):
                bad.append(parcel)
        except AwsError as error:
            return error
        return None

    parallel(look, there, threads, lambda _, error: errors.append(error) if error else None)
    if errors:
        raise errors[0]
    return bad


def upload_cost(
    parcels: Sequence[Parcel], new: Sequence[Parcel], *, verify: bool, prices: PriceBook
) -> Estimate:
    """The requests of an upload, and one month of storage for what is new."""
    lists = 1 + len(parcels) // _PAGE
    looks = 1 + (len(parcels) - len(new) if verify else 0)
    requests = prices.requests(writes=len(new) + lists, reads=looks)
    storage = prices.storage(sum(parcel.size for parcel in new))
    kept = prices.prices["s3-gib-month"]
    assumed = f"storage for one month; prices: {kept.source}, as of {kept.as_of}"
    return attrs.evolve(requests + storage, assumptions=(assumed,))


def check_cap(planned: UploadPlan, max_cost: Money | None) -> None:
    """Makes sure that an upload costs no more than a cap.

    Raises:
        CostCapError: it would.
    """
    total, currency = planned.estimate.total, planned.estimate.currency
    if max_cost is not None and total > money(max_cost):
        raise CostCapError(
            f"Requests and the first month of storage would cost {total} {currency}, more than "
            f"the cap of {max_cost}; nothing was uploaded.\n{planned}"
        )

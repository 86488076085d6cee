"""Images into S3: prepared and checked all together, planned, and only then sent."""

from __future__ import annotations

import logging
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Executor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import attrs
from tqdm import tqdm

from rekognition_xray.cloud.aws import Aws
from rekognition_xray.cloud.pricing import book_for
from rekognition_xray.cloud.s3 import S3Location, check_bucket
from rekognition_xray.cloud.storage import notice
from rekognition_xray.cloud.storage.buckets import check_place
from rekognition_xray.cloud.storage.images_in_s3 import placed
from rekognition_xray.cloud.storage.planning import (
    THREADS,
    UploadPlan,
    check_cap,
    cost,
    look,
    missing,
    parcels_of,
)
from rekognition_xray.cloud.storage.sending import Parcel, Sender, parallel, upload_error
from rekognition_xray.costs import Estimate, Money, PriceBook
from rekognition_xray.data.dataset import Prepared, XrayDataset, prepare
from rekognition_xray.data.preparing import PreparedFile, PrepareProgress
from rekognition_xray.data.pseudonyms import PseudonymKey
from rekognition_xray.data.xrays import Xray
from rekognition_xray.errors import AwsError

log = logging.getLogger(__name__)


@attrs.frozen
class UploadProgress:
    """How far an upload has come.

    Attributes:
        done: objects that have arrived.
        failed: objects that have not, and will not in this run.
        total: objects to be sent.
        bytes_sent: bytes that have arrived.
    """

    done: int
    failed: int
    total: int
    bytes_sent: int


Progress = bool | Callable[[PrepareProgress | UploadPlan | UploadProgress], None]
"""True for bars, or a callable that gets every record: images prepared, the plan, images sent."""


@attrs.frozen
class Receipt:
    """What an upload did.

    Attributes:
        locations: where each image lies; images of one patient with equal pixels share a place.
        uploaded: objects that were sent.
        skipped: objects that were there already.
        bytes_sent: bytes of the objects that were sent.
        plan: what was worked out before.
    """

    locations: Mapping[Xray, S3Location]
    uploaded: int
    skipped: int
    bytes_sent: int
    plan: UploadPlan

    @property
    def addresses(self) -> Mapping[Xray, str]:
        """``s3://bucket/key`` of each image, as manifests name it."""
        return {image: str(place) for image, place in self.locations.items()}

    def to_dict(self) -> dict[str, object]:
        """What was sent, what was there already, and the plan, as plain data ready for JSON."""
        return {
            "uploaded": self.uploaded,
            "skipped": self.skipped,
            "bytes_sent": self.bytes_sent,
            "plan": self.plan.to_dict(),
        }

    def __str__(self) -> str:
        sent = f"{self.uploaded:,} images sent, {self.bytes_sent / 1e6:.1f} MB"
        return f"{sent}; {self.skipped:,} were there"


def store(
    images: Iterable[Xray] | Prepared,
    where: str | S3Location,
    *,
    aws: Aws,
    key: str | bytes | None = None,
    work: str | Path | None = None,
    executor: Executor | None = None,
    threads: int = THREADS,
    kms_key: str | None = None,
    allow_public: bool = False,
    verify: bool = False,
    max_cost: Money | None = None,
    prices: PriceBook | None = None,
    progress: Progress = False,
) -> Receipt:
    """Prepares images, plans, and uploads what is not there yet.

    Whatever can be refused is refused before the first byte is sent: the place, then all bad
    images together, then the price. Objects lie under
    ``<prefix>/<patient pseudonym>/<sha256>.<extension>`` and are nothing but re-encoded pixels.
    S3 checks each against its SHA-256. Images that lie in S3 already are left where they lie.

    Safe to kill and to repeat: an object that is there under its content, with its size, is not
    sent again. Calls HeadBucket, GetPublicAccessBlock and, where that leaves a door open,
    GetBucketPolicyStatus and GetBucketAcl; ListObjectsV2 once per 1,000 objects under the prefix,
    one PutObject for each new object, and HeadObject where ``verify`` asks for it. S3 bills
    requests and storage; ``plan`` tells the price without sending.

    The first upload of a process to AWS itself logs a notice: AWS may use content to improve its
    services unless the organisation has opted out. ``Aws(opted_out=True)`` says that it has.

    Args:
        images: images, or what ``data.preparing.prepare`` made of them.
        where: bucket and prefix, such as ``s3://clinic-xrays/kermany``.
        aws: the way to AWS.
        key: secret of the pseudonyms; see PseudonymKey.find.
        work: folder for prepared images, kept for the next run; else they are made in a temporary
            one, and made again by the next run.
        executor: where images are prepared; see ``data.preparing.prepare``.
        threads: how many images are on their way at a time.
        kms_key: id, ARN or alias of the KMS key that S3 encrypts new objects with; else S3 takes
            the bucket's own. Needs ``kms:GenerateDataKey``, and ``kms:Decrypt`` to read.
        allow_public: stores images in a bucket that everybody can read.
        verify: asks for the checksum of every object that is there, and sends it anew where it
            differs or was never kept.
        max_cost: refuses where requests and the first month's storage would cost more.
        prices: the price book for that; the library's for the Region unless told.
        progress: True for bars, or a callable that gets PrepareProgress, UploadPlan and
            UploadProgress.

    Raises:
        StorageError: the bucket is missing, elsewhere or public, its Region does not offer
            Custom Labels, or images that lie in S3 lie in several buckets or in another one than
            the rest will.
        AuditError: images that cannot be used, all of them with their reasons.
        LabelsError: equal pixels, or one address, under two labels.
        CostCapError: see ``max_cost``.
        PriceBookError: there is a cap, and no price for the Region.
        UploadError: images that were not uploaded, each with its reason; the others were.
    """
    target, book = S3Location.parse(where), book_for(aws, prices, max_cost)
    if not isinstance(images, Prepared):  # preparing takes long: ask before it, and again after
        check_place(aws, target.bucket, allow_public=allow_public)
    with _ready(aws, images, target, work, executor, progress=progress) as (files, elsewhere):
        parcels = parcels_of(files, target, PseudonymKey.find(key, store=str(target)))
        sizes = look(aws, target, allow_public=allow_public)
        new = missing(aws, sizes, parcels, verify=verify, threads=threads)
        estimate = cost(parcels, new, verify=verify, prices=book)
        planned = _plan(target, parcels, new, elsewhere, estimate)
        check_cap(planned, max_cost)
        log.info("%s", planned)
        if new:
            notice.tell_once(aws)
        _send(Sender(aws, _encryption(kms_key)), new, planned, threads, progress)
    sent = {image: parcel.place for parcel in parcels for image in parcel.images}
    locations = {**elsewhere, **sent}
    return Receipt(locations, planned.new, planned.there, planned.size, planned)


def plan(
    images: Iterable[Xray] | Prepared,
    where: str | S3Location,
    *,
    aws: Aws,
    key: str | bytes | None = None,
    work: str | Path | None = None,
    executor: Executor | None = None,
    allow_public: bool = False,
    verify: bool = False,
    prices: PriceBook | None = None,
) -> UploadPlan:
    """Tells what ``store`` would do, with its price, and refuses what it would; sends nothing.

    Arguments, errors and calls (HeadBucket, GetPublicAccessBlock, GetBucketPolicyStatus,
    GetBucketAcl, ListObjectsV2, HeadObject) are those of ``store``, without PutObject.
    Without ``work`` the images that are prepared for this are thrown away again.
    """
    target = S3Location.parse(where)
    if not isinstance(images, Prepared):  # preparing takes long: ask before it, and again after
        check_place(aws, target.bucket, allow_public=allow_public)
    with _ready(aws, images, target, work, executor, progress=False) as (files, elsewhere):
        parcels = parcels_of(files, target, PseudonymKey.find(key, store=str(target)))
    sizes = look(aws, target, allow_public=allow_public)
    new = missing(aws, sizes, parcels, verify=verify, threads=THREADS)
    estimate = cost(parcels, new, verify=verify, prices=book_for(aws, prices))
    return _plan(target, parcels, new, elsewhere, estimate)


def _plan(
    target: S3Location,
    parcels: Sequence[Parcel],
    new: Sequence[Parcel],
    elsewhere: Mapping[Xray, S3Location],
    estimate: Estimate,
) -> UploadPlan:
    return UploadPlan(
        where=target,
        images=sum(len(parcel.images) for parcel in parcels),
        elsewhere=len(elsewhere),
        objects=len(parcels),
        new=len(new),
        size=sum(parcel.size for parcel in new),
        estimate=estimate,
    )


@contextmanager
def _ready(
    aws: Aws,
    images: Iterable[Xray] | Prepared,
    target: S3Location,
    work: str | Path | None,
    executor: Executor | None,
    *,
    progress: Progress,
) -> Iterator[tuple[tuple[PreparedFile, ...], Mapping[Xray, S3Location]]]:
    """Prepared files of the images on this machine, and where the images lie that are in S3."""
    if isinstance(images, Prepared):
        yield images.files, {}
        return
    given = tuple(images)
    here = XrayDataset(tuple(image for image in given if image.address is None))
    there = (image for image in given if image.address is not None)
    elsewhere = placed(there, beside=target.bucket if len(here) else None)
    for bucket in {place.bucket for place in elsewhere.values()} - {target.bucket}:
        check_bucket(aws, bucket)
    with tempfile.TemporaryDirectory(prefix="rekognition-xray-") as folder:
        made = prepare(here, work or folder, executor=executor, progress=progress)
        yield made.files, elsewhere


def _encryption(kms_key: str | None) -> Mapping[str, str]:
    if kms_key is None:
        return {}
    return {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": kms_key}


def _send(
    sender: Sender, new: Sequence[Parcel], planned: UploadPlan, threads: int, progress: Progress
) -> None:
    failed: list[tuple[Parcel, AwsError]] = []
    done = sent = 0
    with _teller(progress, planned) as tell:

        def settle(parcel: Parcel, error: AwsError | None) -> None:
            nonlocal done, sent
            if error is None:
                done, sent = done + 1, sent + parcel.size
            else:
                failed.append((parcel, error))
            tell(UploadProgress(done, len(failed), len(new), sent))

        parallel(sender, new, threads, settle)
    if failed:
        raise upload_error(failed, planned.images)


@contextmanager
def _teller(progress: Progress, planned: UploadPlan) -> Iterator[Callable[[UploadProgress], None]]:
    """Who is told as images arrive: the caller, a bar, or nobody."""
    if not isinstance(progress, bool):
        progress(planned)
        yield progress
    elif not progress or not planned.new:
        yield lambda _: None
    else:
        with tqdm(desc="uploading", total=planned.new, unit="image") as bar:
            yield lambda seen: _drawn(bar, seen)


def _drawn(bar: tqdm[Any], seen: UploadProgress) -> None:
    bar.set_postfix(failed=seen.failed, MB=f"{seen.bytes_sent / 1e6:.1f}", refresh=False)
    bar.update(seen.done + seen.failed - bar.n)

"""Images into S3: prepared and checked all together, planned, and only then sent."""

from __future__ import annotations

import logging
import tempfile
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Executor
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import attrs
from tqdm import tqdm

from rekognition_xray.cloud.aws import Aws
from rekognition_xray.cloud.pricing import book_for
from rekognition_xray.cloud.s3 import S3Location, check_bucket
from rekognition_xray.cloud.storage.buckets import check_place
from rekognition_xray.cloud.storage.connections import deliver
from rekognition_xray.cloud.storage.planning import (
    THREADS,
    UploadPlan,
    check_and_list,
    check_cap,
    locations_in_s3,
    missing_parcels,
    parcels_of,
    upload_cost,
)
from rekognition_xray.cloud.storage.sending import Parcel, Sender, upload_error
from rekognition_xray.costs import Estimate, Money, PriceBook
from rekognition_xray.data.dataset import XrayDataset
from rekognition_xray.data.images import DEFAULT_OPTIONS
from rekognition_xray.data.preparing import PreparedFile, PrepareProgress
from rekognition_xray.data.pseudonyms import PseudonymKey
from rekognition_xray.data.xrays import Xray
from rekognition_xray.errors import AwsError

log = logging.getLogger(__name__)

OPT_OUT_POLICY: Final = '{"services": {"rekognition": {"opt_out_policy": {"@@assign": "optOut"}}}}'
"""An AI services opt-out policy of AWS Organizations that covers Amazon Rekognition."""

_PAUSES: Final = (1.0, 4.0, 16.0)  # seconds before images that met a passing fault are sent again
_NOTICE: Final = (
    "AWS may keep the content that Amazon Rekognition works on, and use it to improve its "
    "services, unless your organisation has opted out. How: in the management account of AWS "
    "Organizations enable the policy type AISERVICES_OPT_OUT_POLICY and attach to the root, or to "
    "this account, the policy %s. When that is done, Aws(..., opted_out=True) silences this notice."
)
_notice_given = threading.Event()


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
    images: Iterable[Xray | PreparedFile],
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
    requests and storage; ``plan`` gives the price without sending.

    boto3 sends the first object. Its request is the pattern of the others, which go over
    connections of our own where nothing speaks against it; what S3 does not plainly accept, boto3
    sends again. Where calls of ``aws.s3`` are watched, stubbed or recorded, or a proxy is between,
    boto3 sends all.

    The first upload of a process to AWS itself logs a notice: AWS may use content to improve its
    services unless the organisation has opted out. ``Aws(opted_out=True)`` says that it has.

    Args:
        images: images, or the prepared ones that ``XrayDataset.prepare`` gives, or both. Those
            that are prepared are not prepared again.
        where: bucket and prefix, such as ``s3://clinic-xrays/kermany``.
        aws: the AWS session.
        key: secret of the pseudonyms; see PseudonymKey.find.
        work: folder for prepared images, kept for the next run; else they are made in a temporary
            one, and made again by the next run.
        executor: where images are prepared; see ``XrayDataset.prepare``.
        threads: how many images are on their way at a time; by boto3 at most 32, else at most a
            quarter of the files that the process may have open.
        kms_key: id, ARN or alias of the KMS key that S3 encrypts new objects with; else S3 takes
            the bucket's own. Needs ``kms:GenerateDataKey``, and ``kms:Decrypt`` to read.
        allow_public: stores images in a bucket that everybody can read.
        verify: asks for the checksum of every object that is there, and sends it anew where it
            differs or was never kept.
        max_cost: refuses where requests and the first month's storage would cost more.
        prices: the price book for that; by default the library's for the Region.
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
    preparing = _prepared(
        aws, images, target, work, executor, allow_public=allow_public, progress=progress
    )
    with preparing as (files, elsewhere):
        parcels = parcels_of(files, target, PseudonymKey.find(key, store=str(target)))
        sizes = check_and_list(aws, target, allow_public=allow_public)
        new = missing_parcels(aws, sizes, parcels, verify=verify, threads=threads)
        estimate = upload_cost(parcels, new, verify=verify, prices=book)
        planned = _plan(target, parcels, new, elsewhere, estimate)
        check_cap(planned, max_cost)
        log.info("%s", planned)
        if new:
            _give_notice(aws)
        _send(Sender(aws, _encryption(kms_key)), new, planned, threads, progress)
    sent = {image: parcel.place for parcel in parcels for image in parcel.images}
    locations = {**elsewhere, **sent} if sent else elsewhere
    return Receipt(locations, planned.new, planned.there, planned.size, planned)


def plan(
    images: Iterable[Xray | PreparedFile],
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
    """Plans what ``store`` would do, with its price and the same refusals; sends nothing.

    Arguments, errors and calls (HeadBucket, GetPublicAccessBlock, GetBucketPolicyStatus,
    GetBucketAcl, ListObjectsV2, HeadObject) are those of ``store``, without PutObject.
    Without ``work`` the images that are prepared for this are thrown away again.
    """
    target = S3Location.parse(where)
    preparing = _prepared(
        aws, images, target, work, executor, allow_public=allow_public, progress=False
    )
    with preparing as (files, elsewhere):
        parcels = parcels_of(files, target, PseudonymKey.find(key, store=str(target)))
    sizes = check_and_list(aws, target, allow_public=allow_public)
    new = missing_parcels(aws, sizes, parcels, verify=verify, threads=THREADS)
    estimate = upload_cost(parcels, new, verify=verify, prices=book_for(aws, prices))
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


@attrs.frozen
class _Images:
    """What an upload was given, sorted by what has to be done with it.

    Attributes:
        files: images that are prepared.
        unprepared: images on this machine that are not prepared yet.
        in_s3: images that lie in S3 already.
    """

    files: tuple[PreparedFile, ...]
    unprepared: tuple[Xray, ...]
    in_s3: tuple[Xray, ...]

    @classmethod
    def sort(cls, images: Iterable[Xray | PreparedFile]) -> _Images:
        """Sorts images. Those that are given twice are kept twice."""
        given = tuple(images)
        bare = [item for item in given if isinstance(item, Xray)]
        return cls(
            tuple(item for item in given if isinstance(item, PreparedFile)),
            tuple(image for image in bare if image.address is None),
            tuple(image for image in bare if image.address is not None),
        )


@contextmanager
def _prepared(
    aws: Aws,
    images: Iterable[Xray | PreparedFile],
    target: S3Location,
    work: str | Path | None,
    executor: Executor | None,
    *,
    allow_public: bool,
    progress: Progress,
) -> Iterator[tuple[tuple[PreparedFile, ...], Mapping[Xray, S3Location]]]:
    """Prepared files of the images on this machine, and where the images lie that are in S3."""
    options = images.options if isinstance(images, XrayDataset) else DEFAULT_OPTIONS
    given = _Images.sort(images)
    if given.unprepared:  # preparing takes long: the place is checked before it, and again after
        check_place(aws, target.bucket, allow_public=allow_public)
    here = given.files or given.unprepared
    elsewhere = locations_in_s3(given.in_s3, beside=target.bucket if here else None)
    for bucket in {place.bucket for place in elsewhere.values()} - {target.bucket}:
        check_bucket(aws, bucket)
    if not given.unprepared:
        yield given.files, elsewhere
        return
    with tempfile.TemporaryDirectory(prefix="rekognition-xray-") as folder:
        made = XrayDataset(given.unprepared, options=options).prepare(
            work or folder, executor=executor, progress=progress
        )
        yield (*given.files, *made.files), elsewhere


def _give_notice(aws: Aws) -> None:
    """Logs the notice as a warning, unless this process has or the user has opted out.

    There is no notice for a custom endpoint, such as a local cloud.
    """
    if aws.opted_out or aws.endpoint_url is not None or _notice_given.is_set():
        return
    _notice_given.set()
    log.warning(_NOTICE, OPT_OUT_POLICY)


def _encryption(kms_key: str | None) -> Mapping[str, str]:
    if kms_key is None:
        return {}
    return {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": kms_key}


def _send(
    sender: Sender, new: Sequence[Parcel], planned: UploadPlan, threads: int, progress: Progress
) -> None:
    """Sends the parcels; those that met a fault which may pass are sent again at the end."""
    failed: dict[Parcel, AwsError] = {}
    done = sent = 0
    with _report_progress(progress, planned) as report:

        def settle(parcel: Parcel, error: AwsError | None) -> None:
            nonlocal done, sent
            failed.pop(parcel, None)
            if error is None:
                done, sent = done + 1, sent + parcel.size
            else:
                failed[parcel] = error
            report(UploadProgress(done, len(failed), len(new), sent))

        if new:
            deliver(sender, new, threads, settle)
        for pause in _PAUSES:
            again = [parcel for parcel, error in failed.items() if error.retryable]
            if not again or sender.gave_up:
                break
            sender.aws.clock.sleep(pause)
            deliver(sender, again, threads, settle)
    if failed:
        raise upload_error(list(failed.items()), planned.images)


@contextmanager
def _report_progress(
    progress: Progress, planned: UploadPlan
) -> Iterator[Callable[[UploadProgress], None]]:
    """What reports each image that arrives: the caller's function, a bar, or nothing."""
    if not isinstance(progress, bool):
        progress(planned)
        yield progress
    elif not progress or not planned.new:
        yield lambda _: None
    else:
        with tqdm(desc="uploading", total=planned.new, unit="image") as bar:
            yield lambda seen: _draw_bar(bar, seen)


def _draw_bar(bar: tqdm[Any], seen: UploadProgress) -> None:
    bar.set_postfix(failed=seen.failed, MB=f"{seen.bytes_sent / 1e6:.1f}", refresh=False)
    bar.update(seen.done + seen.failed - bar.n)

"""Films into S3: prepared, checked all together, and only then uploaded, each under its content."""

from __future__ import annotations

import base64
import logging
import tempfile
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final, TypeVar

import attrs
from tqdm import tqdm

from rekognition_xray.cloud.aws import Aws, aws_errors
from rekognition_xray.cloud.s3 import S3Location, check_bucket
from rekognition_xray.data.dataset import Xray
from rekognition_xray.data.images import prepare
from rekognition_xray.data.pseudonyms import PseudonymKey, object_key
from rekognition_xray.errors import (
    AuditError,
    AwsError,
    ImageError,
    LabelsError,
    StorageError,
    list_paths,
)

log = logging.getLogger(__name__)

_In = TypeVar("_In")
_Out = TypeVar("_Out")
_THREADS: Final = 8
_CONTENT_TYPES: Final = {"jpg": "image/jpeg", "png": "image/png"}


@attrs.frozen
class Receipt:
    """What an upload did.

    Attributes:
        locations: where each film lies; films of one patient with equal pixels share a place.
        uploaded: objects that were sent.
        skipped: objects that were there already.
        bytes_sent: bytes of the objects that were sent.
    """

    locations: Mapping[Xray, S3Location]
    uploaded: int
    skipped: int
    bytes_sent: int

    @property
    def addresses(self) -> Mapping[Xray, str]:
        """``s3://bucket/key`` of each film, as manifests name it."""
        return {film: str(place) for film, place in self.locations.items()}


@attrs.frozen
class _Parcel:
    """One film, prepared and waiting in a folder of this machine."""

    film: Xray
    file: Path
    sha256: str
    size: int


def store(
    films: Sequence[Xray],
    where: str | S3Location,
    *,
    aws: Aws,
    key: str | bytes | None = None,
    progress: bool = False,
) -> Receipt:
    """Prepares films and uploads what is not there yet.

    Every film is prepared first (grey, upright, no metadata), and nothing is sent when one of
    them cannot be used. Objects lie under ``<prefix>/<patient pseudonym>/<sha256>.<extension>``.
    Calls HeadBucket, ListObjectsV2 and one PutObject for each new film.

    Args:
        films: the films to store.
        where: bucket and prefix, such as ``s3://clinic-xrays/kermany``.
        aws: the way to AWS.
        key: secret of the pseudonyms; see PseudonymKey.find.
        progress: shows a bar.

    Raises:
        StorageError: the bucket is missing or elsewhere.
        AuditError: films that cannot be used, all of them with their reasons.
        LabelsError: equal pixels under two labels.
    """
    target = S3Location.parse(where)
    check_bucket(aws, target.bucket)
    secret = PseudonymKey.find(key, store=str(target))
    with tempfile.TemporaryDirectory(prefix="rekognition-xray-") as folder:
        parcels = _pack(films, Path(folder), progress=progress)
        _refuse_contradictions(parcels)
        addressed = [(parcel, _address(parcel, target, secret)) for parcel in parcels]
        there = _listed(aws, target)
        new = {place: parcel for parcel, place in addressed if place.key not in there}
        _send(aws, new, progress=progress)
    log.info("%d films in %s, %d of them new", len(films), target, len(new))
    return Receipt(
        locations={parcel.film: place for parcel, place in addressed},
        uploaded=len(new),
        skipped=len({place for _, place in addressed}) - len(new),
        bytes_sent=sum(parcel.size for parcel in new.values()),
    )


def _pack(films: Sequence[Xray], folder: Path, *, progress: bool) -> list[_Parcel]:
    def pack(film: Xray) -> _Parcel | ImageError:
        try:
            image = prepare(film.path)
        except ImageError as error:
            return error
        file = folder / f"{image.sha256}.{image.extension}"
        file.write_bytes(image.data)
        return _Parcel(film, file, image.sha256, len(image.data))

    packed = _each(pack, films, "preparing films", progress=progress)
    bad = [item for item in packed if isinstance(item, ImageError)]
    if bad:
        raise AuditError(
            f"{len(bad)} of {len(films)} films cannot be used; nothing was uploaded:\n"
            + list_paths(error.message for error in bad),
            paths=[path for error in bad for path in error.paths],
        )
    return [item for item in packed if isinstance(item, _Parcel)]


def _refuse_contradictions(parcels: Iterable[_Parcel]) -> None:
    films: dict[str, list[Xray]] = defaultdict(list)
    for parcel in parcels:
        films[parcel.sha256].append(parcel.film)
    bad = [
        film for same in films.values() if len({film.label for film in same}) > 1 for film in same
    ]
    if bad:
        raise LabelsError(
            "Equal pixels stand under different labels; nothing was uploaded:\n"
            + list_paths(f"{film.path}: {film.label}" for film in bad),
            paths=[film.path for film in bad],
            hint="Decide which label is right and remove the other file.",
        )


def _address(parcel: _Parcel, target: S3Location, secret: PseudonymKey) -> S3Location:
    pseudonym = secret.pseudonym(parcel.film.group)
    extension = parcel.file.suffix.lstrip(".")
    return S3Location(target.bucket, object_key(target.key, pseudonym, parcel.sha256, extension))


def _listed(aws: Aws, target: S3Location) -> set[str]:
    """The keys below the target. Content decides the key, so a key that is there is the film."""
    pages = aws.s3.get_paginator("list_objects_v2").paginate(
        Bucket=target.bucket, Prefix=f"{target.key}/" if target.key else ""
    )
    with aws_errors(str(target)):
        return {item["Key"] for page in pages for item in page.get("Contents", [])}


def _send(aws: Aws, new: Mapping[S3Location, _Parcel], *, progress: bool) -> None:
    def send(item: tuple[S3Location, _Parcel]) -> AwsError | None:
        place, parcel = item
        try:
            with aws_errors(str(place)):
                aws.s3.put_object(
                    Bucket=place.bucket,
                    Key=place.key,
                    Body=parcel.file.read_bytes(),
                    ContentType=_CONTENT_TYPES[parcel.file.suffix.lstrip(".")],
                    ChecksumSHA256=base64.b64encode(bytes.fromhex(parcel.sha256)).decode(),
                )
        except AwsError as error:
            return error
        return None

    failed = [e for e in _each(send, list(new.items()), "uploading", progress=progress) if e]
    if failed:
        raise StorageError(
            f"{len(failed)} of {len(new)} films were not uploaded:\n"
            + list_paths(error.message for error in failed),
            operation=failed[0].operation,
            code=failed[0].code,
            request_id=failed[0].request_id,
            hint="Mend the cause and run it again: what is there already is not sent twice.",
        )


def _each(
    work: Callable[[_In], _Out], items: Sequence[_In], title: str, *, progress: bool
) -> list[_Out]:
    with ThreadPoolExecutor(_THREADS) as pool:
        return list(tqdm(pool.map(work, items), desc=title, total=len(items), disable=not progress))

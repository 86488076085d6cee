"""A training is started: checked, priced, and found again where it was started before."""

from __future__ import annotations

import datetime as dt
import hashlib
import json
import logging
from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

import attrs

from rekognition_xray.cloud.aws import Aws, aws_errors
from rekognition_xray.cloud.datasets import (
    DatasetDescription,
    DatasetType,
    dataset_arns,
    describe_dataset,
    label_counts,
    tags_of_split,
    wait_until_ready,
)
from rekognition_xray.cloud.s3 import S3Location, check_bucket
from rekognition_xray.cloud.tags import IMAGES, TRAINING, check_tags, read_tags
from rekognition_xray.cloud.version_description import VersionDescription, descriptions
from rekognition_xray.cloud.versions import training_checks as checks
from rekognition_xray.cloud.versions.training_checks import Problems
from rekognition_xray.cloud.versions.training_estimate import earlier_trainings, training_range
from rekognition_xray.cloud.waiting import Settled, Wait
from rekognition_xray.costs import CANNOT_STOP, EstimateRange, Money, PriceBook
from rekognition_xray.errors import (
    AccessDeniedError,
    AlreadyExistsError,
    ConnectionFailedError,
    InUseError,
    NotFoundError,
    ServiceFaultError,
    WaitTimeoutError,
)

if TYPE_CHECKING:
    from types_boto3_rekognition.type_defs import CreateProjectVersionRequestTypeDef

log = logging.getLogger(__name__)

_PRESENT: Final = {"there": Settled.DONE, "absent": Settled.GO_ON}
_SETTLING: Final = 10.0  # seconds in which a version appears whose creation was not answered
_KINDS: Final[tuple[DatasetType, DatasetType]] = ("TRAIN", "TEST")


@attrs.frozen
class TrainingRequest:
    """A training as it was asked for; see ``CustomLabelsProject.train``."""

    name: str
    output: str | S3Location
    max_cost: Money | None = None
    prices: PriceBook = attrs.field(factory=PriceBook)
    tags: Mapping[str, str] = attrs.field(factory=dict)
    kms_key: str | None = None
    allow_leaks: bool = False


def estimate_training(
    aws: Aws, project_arn: str, prices: PriceBook, images: int | None = None
) -> EstimateRange:
    """What a training of so many images may cost; see ``training_range``.

    Without a number, those of the project's TRAIN dataset are counted.

    Raises:
        NotFoundError: the project, or its TRAIN dataset, does not exist.
    """
    if images is None:
        arns = _dataset_arns(aws, project_arn, ("TRAIN",))
        images = describe_dataset(aws, arns["TRAIN"]).entries
    earlier = earlier_trainings(aws, descriptions(aws, project_arn))
    return training_range(images, earlier, prices)


def start_training(aws: Aws, project_arn: str, request: TrainingRequest) -> str:
    """Starts a training, or finds the one that an earlier run has started; gives its ARN."""
    versions = descriptions(aws, project_arn)
    problems = Problems()
    target = _check_arguments(aws, request, problems)
    seen: dict[DatasetType, DatasetDescription] = {}
    with problems.collect():
        for kind, arn in _dataset_arns(aws, project_arn, _KINDS).items():
            with problems.collect():
                seen[kind] = wait_until_ready(aws, arn)
    digest = _digest(seen, target, request.kms_key) if target and len(seen) == len(_KINDS) else ""
    with problems.collect():
        if found := _same(aws, project_arn, versions, request.name, digest):
            log.info("version %s is there already: it is %s", found.name, found.status)
            return found.arn
    if target is not None:
        with problems.collect(AccessDeniedError):
            check_bucket(aws, target.bucket)
    noted = _check_datasets(aws, seen, request, problems)
    with problems.collect():
        running = checks.running_trainings(aws)
        checks.check_quotas(aws, project_arn, len(versions), running)
    if "TRAIN" in seen:
        with problems.collect():
            _check_price(aws, seen["TRAIN"].entries, versions, request)
    if problems.found or target is None:
        raise problems.error(request.name)
    own = {**noted, TRAINING: digest, IMAGES: str(seen["TRAIN"].entries)}
    return _create_version(aws, project_arn, request, target, own)


def _check_arguments(aws: Aws, request: TrainingRequest, problems: Problems) -> S3Location | None:
    target = None
    with problems.collect():
        checks.check_name("version", request.name)
    with problems.collect():
        check_tags(request.tags)
    with problems.collect():
        checks.check_kms_key(request.kms_key)
    with problems.collect():
        target = S3Location.parse(request.output)
    with problems.collect():
        checks.check_training_region(aws)
    return target


def _check_datasets(
    aws: Aws,
    seen: Mapping[DatasetType, DatasetDescription],
    request: TrainingRequest,
    problems: Problems,
) -> Mapping[str, str]:
    """Reads the datasets and returns the tags that name their split."""
    counts = {kind: label_counts(aws, one.arn) for kind, one in seen.items()}
    for kind, one in seen.items():
        with problems.collect():
            checks.check_errors(kind, one)
        with problems.collect():
            checks.check_images(kind, one, counts[kind], aws=aws)
    if len(seen) < len(_KINDS):
        return {}
    with problems.collect():
        checks.check_overlap(counts["TRAIN"], counts["TEST"])
    with problems.collect():
        train, test = seen["TRAIN"].arn, seen["TEST"].arn
        # A warning points to whoever called project.train: past this, start_training and train.
        return tags_of_split(aws, train, test, allowed=request.allow_leaks, stacklevel=6)
    return {}


def _check_price(
    aws: Aws, images: int, versions: tuple[VersionDescription, ...], request: TrainingRequest
) -> None:
    expected = training_range(images, earlier_trainings(aws, versions), request.prices)
    log.info("%s\n%s", expected, CANNOT_STOP)
    checks.check_cap(expected, request.max_cost)


def _dataset_arns(
    aws: Aws, project_arn: str, kinds: tuple[DatasetType, ...]
) -> Mapping[DatasetType, str]:
    there = dataset_arns(aws, project_arn)
    missing = sorted(set(kinds) - set(there))
    if missing:
        raise NotFoundError(
            f"The project {project_arn.split('/')[1]!r} has no {' and no '.join(missing)} dataset.",
            arn=project_arn,
            hint="Call put_datasets first.",
        )
    return {kind: there[kind] for kind in kinds}


def _digest(
    seen: Mapping[DatasetType, DatasetDescription], target: S3Location, kms_key: str | None
) -> str:
    """Stands for datasets as they are now, and for where and how the results are written.

    A dataset is known by its ARN, which bears the time of its creation, and its last change.
    """
    moments = [_iso(seen[kind].updated) for kind in _KINDS]
    text = json.dumps([*(seen[kind].arn for kind in _KINDS), *moments, str(target), kms_key])
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _iso(moment: dt.datetime | None) -> str:
    return moment.astimezone(dt.UTC).isoformat() if moment else ""


def _same(
    aws: Aws,
    project_arn: str,
    versions: tuple[VersionDescription, ...],
    name: str,
    digest: str,
) -> VersionDescription | None:
    """The version of that name, where it was trained, or is being trained, on just this.

    Raises:
        AlreadyExistsError: it is another one.
    """
    for seen in versions:
        if seen.name == name:
            noted = read_tags(aws, seen.arn).get(TRAINING)
            if digest and noted == digest and seen.status != "DELETING":
                return seen
            raise AlreadyExistsError(
                f"The project {project_arn.split('/')[1]!r} has a version {name!r} already "
                f"({seen.status}), and it was made of other datasets, for another place, or not "
                "by this library.",
                arn=seen.arn,
                hint="Train under another name, or open it: project.version(name).",
            )
    return None


def _create_version(
    aws: Aws, project_arn: str, request: TrainingRequest, target: S3Location, own: Mapping[str, str]
) -> str:
    try:
        return _create(aws, project_arn, request, target, {**request.tags, **own})
    except (InUseError, ConnectionFailedError, ServiceFaultError) as error:
        log.info("looking whether version %s was made: %s", request.name, error.message)
        found = _find_created(aws, project_arn, request.name, own[TRAINING])
        if found is None:
            raise
        return found.arn


def _create(
    aws: Aws,
    project_arn: str,
    request: TrainingRequest,
    target: S3Location,
    tags: Mapping[str, str],
) -> str:
    asked: CreateProjectVersionRequestTypeDef = {
        "ProjectArn": project_arn,
        "VersionName": request.name,
        "OutputConfig": {"S3Bucket": target.bucket, "S3KeyPrefix": target.key},
        "Tags": tags,
    }
    if request.kms_key is not None:
        asked["KmsKeyId"] = request.kms_key
    with aws_errors(project_arn):
        reply = aws.rekognition.create_project_version(**asked)
    return reply["ProjectVersionArn"]


def _find_created(aws: Aws, project_arn: str, name: str, digest: str) -> VersionDescription | None:
    """The version whose creation was not answered, as soon as it is seen; None where it is not."""

    def look() -> tuple[str, VersionDescription | None]:
        found = _same(aws, project_arn, descriptions(aws, project_arn), name, digest)
        return "there" if found else "absent", found

    try:
        return Wait(_SETTLING).until(look, _PRESENT, what=f"version {name}", clock=aws.clock)
    except WaitTimeoutError:
        return None

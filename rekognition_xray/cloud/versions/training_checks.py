"""Why a training would fail: everything is found before anything bills, and reported together."""

from __future__ import annotations

import logging
import re
from collections.abc import Mapping
from typing import Final

import attrs

from rekognition_xray.cloud.aws import Aws, aws_errors, offers_custom_labels
from rekognition_xray.cloud.datasets import DatasetDescription, DatasetType, check_dataset_size
from rekognition_xray.cloud.quotas import how_to_raise
from rekognition_xray.cloud.version_description import project_arns
from rekognition_xray.costs import CANNOT_STOP, EstimateRange, Money, money
from rekognition_xray.errors import (
    AccessDeniedError,
    AlreadyExistsError,
    CostCapError,
    DataError,
    DatasetFailedError,
    InvalidRequestError,
    LabelsError,
    ManifestError,
    ManifestFault,
    NotFoundError,
    QuotaError,
    StorageError,
    TrainingRefusedError,
    XrayError,
)

log = logging.getLogger(__name__)

_NAME: Final = re.compile(r"[a-zA-Z0-9_.\-]{1,255}")
_KMS_KEY: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9:_/+=,@.-]{0,2047}")
_FEW: Final = 10
_MIN_OVERLAP: Final = 0.5
_MAX_BAD: Final = 0.2
_REFUSALS: Final = (
    AlreadyExistsError,
    CostCapError,
    DataError,
    DatasetFailedError,
    InvalidRequestError,
    NotFoundError,
    QuotaError,
    StorageError,
)


@attrs.define
class Problems:
    """What was found so far."""

    found: list[XrayError] = attrs.field(factory=list)

    def collect(self, *also: type[XrayError]) -> _Collector:
        """A block in which reasons to refuse the training are collected, not raised.

        Args:
            also: errors collected besides the usual ones; all others are raised at once.
        """
        return _Collector(self.found, (*_REFUSALS, *also))

    def error(self, name: str) -> XrayError:
        """What was found, for the training of that name: one thing as it is, several as one."""
        if len(self.found) == 1:
            return self.found[0]
        return TrainingRefusedError(
            f"{len(self.found)} problems stop the training of {name!r}; nothing was started",
            problems=self.found,
        )


@attrs.frozen
class _Collector:
    found: list[XrayError]
    kinds: tuple[type[XrayError], ...]

    def __enter__(self) -> None:
        """Nothing to do."""

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> bool:
        if not isinstance(error, self.kinds):
            return False
        self.found.append(error)
        return True


def check_name(what: str, name: str) -> None:
    """Raises InvalidRequestError for a name that AWS would refuse."""
    if not _NAME.fullmatch(name):
        raise InvalidRequestError(
            f"{name!r} cannot be the name of a {what}.",
            hint="Use 1 to 255 of the characters a-z, A-Z, 0-9, '_', '.' and '-'.",
        )


def check_kms_key(key: str | None) -> None:
    """Raises InvalidRequestError for what cannot be the id, ARN or alias of a KMS key."""
    if key is not None and not _KMS_KEY.fullmatch(key):
        raise InvalidRequestError(
            f"{key!r} is no KMS key.", hint="Give its id, its ARN, or its alias (alias/NAME)."
        )


def check_training_region(aws: Aws) -> None:
    """Raises InvalidRequestError where the Region does not offer Custom Labels."""
    if not offers_custom_labels(aws):
        raise InvalidRequestError(
            f"Custom Labels is not offered in {aws.region}, as far as this library knows.",
            hint=f"It is in {', '.join(sorted(aws.regions))}; name others by Aws(regions=...).",
        )


def check_cap(estimate: EstimateRange, max_cost: Money | None) -> None:
    """Raises CostCapError where the upper end of an estimate exceeds the cap."""
    if max_cost is not None and estimate.high.total > money(max_cost):
        high = estimate.high
        raise CostCapError(
            f"A training may take {high.lines[0].quantity.normalize():f} h and would then cost "
            f"{high.total} {high.currency}, more than the cap of {max_cost}; nothing was started. "
            f"{CANNOT_STOP}\n{estimate}"
        )


def check_errors(kind: DatasetType, seen: DatasetDescription) -> None:
    """Raises ManifestError where more than 20 % of a dataset's entries are at fault."""
    if seen.with_errors > _MAX_BAD * seen.entries:
        reason = f"{seen.with_errors:,} of {seen.entries:,} entries have errors, more than 20 %"
        raise ManifestError(
            f"The training would fail after hours: the {kind} dataset has too many bad entries",
            faults=[ManifestFault(None, "ERROR_TOO_MANY_INVALID_ROWS_IN_MANIFEST", reason)],
            hint=f"See project.entries({kind!r}, has_errors=True), mend them and put them again.",
        )


def check_images(
    kind: DatasetType, seen: DatasetDescription, counts: Mapping[str, int], *, aws: Aws
) -> None:
    """Raises ManifestError or LabelsError for a dataset that cannot be trained on or tested by.

    Args:
        kind: which of the two datasets.
        seen: its description.
        counts: its images by label.
        aws: the AWS session, for Region and quotas.
    """
    check_dataset_size(counts, kind, region=aws.region, quotas=aws.quotas, total=seen.entries)
    if len(counts) < 2:
        raise LabelsError(
            f"The {kind} dataset holds images of {len(counts)} labels "
            f"({', '.join(counts) or 'none'})."
        )
    few = [f"{label} ({count})" for label, count in counts.items() if count < _FEW]
    if few and kind == "TRAIN":
        log.warning("AWS recommends %d images of a label or more: %s", _FEW, ", ".join(few))
    if seen.labelled < seen.entries:
        log.warning(
            "%s: %d images have no label and are left out", kind, seen.entries - seen.labelled
        )


def check_overlap(train: Mapping[str, int], test: Mapping[str, int]) -> None:
    """Raises LabelsError where the two datasets' labels do not meet as AWS wants them to.

    Half of the trained labels must be tested; that every tested label is trained is our own rule,
    since figures of another one say nothing.
    """
    shared = train.keys() & test.keys()
    if train and len(shared) < _MIN_OVERLAP * len(train):
        raise LabelsError(
            f"Only {len(shared)} of {len(train)} trained labels are tested "
            f"({', '.join(sorted(train.keys() - test.keys()))} are not); AWS wants half of them.",
            hint="Put test images of the other labels, too.",
        )
    if unknown := test.keys() - train.keys():
        raise LabelsError(
            f"Only the TEST dataset holds {', '.join(sorted(unknown))}.",
            hint="Every label that is tested has to be trained.",
        )


def check_quotas(aws: Aws, project_arn: str, versions: int, running: list[str]) -> None:
    """Raises QuotaError where the project is full, or too many trainings are running.

    Args:
        aws: the AWS session.
        project_arn: the project.
        versions: how many it has.
        running: ARNs of the trainings that are running.
    """
    if versions >= aws.quotas.versions:
        raise QuotaError(
            f"The project has {versions} versions, and may have {aws.quotas.versions}.",
            arn=project_arn,
            hint="Delete versions that are not needed (version.delete()). "
            + how_to_raise("versions", 200),
        )
    most = aws.quotas.trainings_in(aws.region)
    if len(running) >= most:
        raise QuotaError(
            f"{len(running)} trainings are running in {aws.region}, and {most} may: "
            f"{', '.join(running)}.",
            arn=project_arn,
            hint="Wait for one: wait_until_trained(). " + how_to_raise("trainings", 5),
        )


def running_trainings(aws: Aws) -> list[str]:
    """ARNs of the versions of the account and Region that are being trained.

    Who may not see other projects learns of none there: the service counts, too. Calls
    DescribeProjects, and DescribeProjectVersions for each project; free.
    """
    found = []
    try:
        for arn in project_arns(aws):
            with aws_errors(arn):
                reply = aws.rekognition.describe_project_versions(ProjectArn=arn)
            found += [
                version["ProjectVersionArn"]
                for version in reply["ProjectVersionDescriptions"]
                if version["Status"] == "TRAINING_IN_PROGRESS"
            ]
    except (AccessDeniedError, NotFoundError) as error:
        log.info("not all trainings can be seen: %s", error.message)
    return found

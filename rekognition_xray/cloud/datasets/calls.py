"""Single steps with the datasets of a project: described, listed, made, updated, deleted."""

from __future__ import annotations

import datetime as dt
import json
import logging
from collections.abc import Mapping
from typing import TYPE_CHECKING, Final, Literal

import attrs

from rekognition_xray.cloud.aws import Aws, aws_errors
from rekognition_xray.cloud.s3 import S3Location
from rekognition_xray.cloud.waiting import Settled, SettleTable, Wait
from rekognition_xray.data.manifests import Manifest
from rekognition_xray.errors import DatasetFailedError, InUseError, NotFoundError, list_paths
from rekognition_xray.labels import in_order

if TYPE_CHECKING:
    from types_boto3_rekognition.type_defs import GroundTruthManifestTypeDef

log = logging.getLogger(__name__)

READY: Final[SettleTable] = {
    "CREATE_IN_PROGRESS": Settled.GO_ON,
    "CREATE_COMPLETE": Settled.DONE,
    "CREATE_FAILED": Settled.FAILED,
    "UPDATE_IN_PROGRESS": Settled.GO_ON,
    "UPDATE_COMPLETE": Settled.DONE,
    "UPDATE_FAILED": Settled.FAILED,
    "DELETE_IN_PROGRESS": Settled.FAILED,
}
"""Can the dataset be worked with?"""

DatasetType = Literal["TRAIN", "TEST"]

_GONE: Final = "(deleted)"
DELETED: Final[SettleTable] = dict.fromkeys(READY, Settled.GO_ON) | {_GONE: Settled.DONE}
"""Once its deletion was asked for: is the dataset gone?"""

UPDATABLE: Final[SettleTable] = {**READY, "UPDATE_FAILED": Settled.DONE}
"""Can the dataset be updated? A failed update leaves it with the entries that it had."""

_STILL: Final[SettleTable] = {
    **dict.fromkeys(READY, Settled.DONE),
    "CREATE_IN_PROGRESS": Settled.GO_ON,
    "UPDATE_IN_PROGRESS": Settled.GO_ON,
    "DELETE_IN_PROGRESS": Settled.GO_ON,
    _GONE: Settled.DONE,
}
_ACCEPTED: Final = "(accepted)"
_SENT: Final[SettleTable] = {
    **dict.fromkeys(READY, Settled.GO_ON),
    "CREATE_FAILED": Settled.FAILED,
    "DELETE_IN_PROGRESS": Settled.FAILED,
    _ACCEPTED: Settled.DONE,
}
_BUDGET: Final = 6 * 3600.0


@attrs.frozen
class DatasetDescription:
    """What the service says of a dataset at one moment.

    Attributes:
        arn: the dataset's ARN.
        status: as AWS writes it, such as ``CREATE_COMPLETE``.
        status_message: the service's sentence on the status.
        entries: images in it.
        labelled: images with a label.
        labels: distinct labels.
        with_errors: images that the service found fault with.
        updated: when it was last made or changed.
    """

    arn: str
    status: str
    status_message: str
    entries: int
    labelled: int
    labels: int
    with_errors: int
    updated: dt.datetime | None = None


def dataset_arns(aws: Aws, project_arn: str) -> Mapping[DatasetType, str]:
    """Dataset ARNs by type. Calls DescribeProjects, the only call that knows them; free.

    Raises:
        NotFoundError: no such project.
    """
    with aws_errors(project_arn):
        reply = aws.rekognition.describe_projects(ProjectNames=[project_arn.split("/")[1]])
    for project in reply["ProjectDescriptions"]:
        if project["ProjectArn"] == project_arn:
            return {found["DatasetType"]: found["DatasetArn"] for found in project["Datasets"]}
    raise NotFoundError(f"{project_arn} does not exist.", arn=project_arn)


def describe_dataset(aws: Aws, arn: str) -> DatasetDescription:
    """Asks the service. Calls DescribeDataset; free. Raises NotFoundError."""
    with aws_errors(arn):
        reply = aws.rekognition.describe_dataset(DatasetArn=arn)["DatasetDescription"]
    stats = reply.get("DatasetStats", {})
    return DatasetDescription(
        arn,
        reply["Status"],
        reply.get("StatusMessage", ""),
        stats.get("TotalEntries", 0),
        stats.get("LabeledEntries", 0),
        stats.get("TotalLabels", 0),
        stats.get("ErrorEntries", 0),
        reply.get("LastUpdatedTimestamp"),
    )


def read_manifest(aws: Aws, arn: str) -> Manifest:
    """What a dataset holds. Calls ListDatasetEntries once per 100; free.

    Raises:
        ManifestError: entries that are not images with one label each.
    """
    pages = aws.rekognition.get_paginator("list_dataset_entries").paginate(DatasetArn=arn)
    with aws_errors(arn):
        return Manifest.parse(line for page in pages for line in page["DatasetEntries"])


def label_counts(aws: Aws, arn: str) -> Mapping[str, int]:
    """Images of each label of a dataset, by name. Calls ListDatasetLabels once per 100; free.

    A label that no image bears is left out.

    Raises:
        NotFoundError: no such dataset. NotReadyError: it is being made or changed.
    """
    pages = aws.rekognition.get_paginator("list_dataset_labels").paginate(DatasetArn=arn)
    counts = {}
    with aws_errors(arn):
        for page in pages:
            for label in page["DatasetLabelDescriptions"]:
                counts[label["LabelName"]] = label.get("LabelStats", {}).get("EntryCount", 0)
    return {label: counts[label] for label in in_order(counts) if counts[label]}


def create_dataset(
    aws: Aws, project_arn: str, kind: DatasetType, manifest: S3Location | None
) -> DatasetDescription:
    """Creates a dataset, empty or from a manifest, and waits for it.

    Calls CreateDataset and DescribeDataset; free.

    Raises:
        DatasetFailedError: with the service's message.
        AlreadyExistsError: the project has one of that type.
    """
    with aws_errors(project_arn):
        if manifest is None:
            reply = aws.rekognition.create_dataset(ProjectArn=project_arn, DatasetType=kind)
        else:
            where: GroundTruthManifestTypeDef = {
                "S3Object": {"Bucket": manifest.bucket, "Name": manifest.key}
            }
            reply = aws.rekognition.create_dataset(
                ProjectArn=project_arn,
                DatasetType=kind,
                DatasetSource={"GroundTruthManifest": where},
            )
    return wait_until_ready(aws, reply["DatasetArn"])


def delete_dataset(aws: Aws, arn: str) -> None:
    """Deletes a dataset, not its images in S3, and waits until it is gone.

    Calls DeleteDataset and DescribeDataset; free.
    """
    with aws_errors(arn):
        aws.rekognition.delete_dataset(DatasetArn=arn)

    def look() -> tuple[str, None]:
        try:
            return describe_dataset(aws, arn).status, None
        except NotFoundError:
            return _GONE, None

    Wait(_BUDGET).until(look, DELETED, what=arn, clock=aws.clock)


def update_dataset(aws: Aws, arn: str, manifest: Manifest) -> DatasetDescription:
    """Sends lines to a dataset, which replaces those of the same images and takes in the others.

    The service takes no line away, and makes one update at a time: lines go in blobs of up to
    5 MiB, each when the one before has been taken in. Waits for a dataset that is busy. Repeating
    is safe. Calls DescribeDataset, and UpdateDatasetEntries once for each blob; free.

    Args:
        aws: the AWS session.
        arn: the dataset.
        manifest: the lines to send; no more than those that are new or changed are needed.

    Raises:
        DatasetFailedError: with the service's message, because lines were dropped, or because the
            dataset is being deleted or was never made.
    """
    before = seen = _wait_until_settled(aws, arn, UPDATABLE)
    for number, blob in enumerate(manifest.blobs(), 1):
        log.info("%s: sending blob %d of %d bytes", arn, number, len(blob))
        _start_update(aws, arn, blob)
        seen = wait_until_ready(aws, arn)
    if seen.entries < max(before.entries, len(manifest)):
        raise DatasetFailedError(
            f"{arn} holds {seen.entries} entries after an update of {before.entries} by "
            f"{len(manifest)}; {dropped_lines(aws, arn, manifest)}"
        )
    return seen


def dropped_lines(aws: Aws, arn: str, manifest: Manifest) -> str:
    """Says which of the lines that were sent are not there. Calls ListDatasetEntries; free."""
    pages = aws.rekognition.get_paginator("list_dataset_entries").paginate(DatasetArn=arn)
    with aws_errors(arn):
        there = {
            json.loads(line)["source-ref"] for page in pages for line in page["DatasetEntries"]
        }
    lost = [entry.source_ref for entry in manifest if entry.source_ref not in there]
    cause = "the service silently drops lines that it cannot use"
    return f"{cause}; {len(lost)} that were sent are not there:\n{list_paths(lost)}"


def _start_update(aws: Aws, arn: str, blob: bytes) -> None:
    """Has an update accepted, when whatever else is done with the dataset is over."""

    def attempt() -> tuple[str, None]:
        try:
            with aws_errors(arn):
                aws.rekognition.update_dataset_entries(
                    DatasetArn=arn, Changes={"GroundTruth": blob}
                )
        except InUseError:
            return describe_dataset(aws, arn).status, None
        return _ACCEPTED, None

    Wait(_BUDGET).until(attempt, _SENT, what=f"an update of {arn}", clock=aws.clock)


def distribute_entries(aws: Aws, project_arn: str) -> None:
    """Lets the service move a fifth of the train entries into a test dataset, and waits.

    Calls DescribeProjects, CreateDataset, DistributeDatasetEntries and DescribeDataset; free.

    Raises:
        DatasetFailedError: with the service's message.
    """
    found = dict(dataset_arns(aws, project_arn))
    if "TEST" not in found:
        found["TEST"] = create_dataset(aws, project_arn, "TEST", None).arn
    elif describe_dataset(aws, found["TEST"]).entries:
        log.info("the TEST dataset has entries already; nothing is distributed")
        return
    with aws_errors(project_arn):
        aws.rekognition.distribute_dataset_entries(
            Datasets=[{"Arn": found["TRAIN"]}, {"Arn": found["TEST"]}]
        )
    for arn in found.values():
        wait_until_ready(aws, arn)


def wait_until_ready(aws: Aws, arn: str) -> DatasetDescription:
    """Waits until a dataset is no longer being made or changed. Calls DescribeDataset; free.

    Raises:
        DatasetFailedError: with the service's message.
    """
    return _wait_until_settled(aws, arn, READY)


def wait_until_still(aws: Aws, arn: str) -> DatasetDescription | None:
    """Waits until nothing is being done with a dataset; None for one that is gone by then.

    Whatever was done may have failed. Calls DescribeDataset; free.
    """

    def look() -> tuple[str, DatasetDescription | None]:
        try:
            seen = describe_dataset(aws, arn)
        except NotFoundError:
            return _GONE, None
        return seen.status, seen

    return Wait(_BUDGET).until(look, _STILL, what=arn, clock=aws.clock)


def _wait_until_settled(aws: Aws, arn: str, table: SettleTable) -> DatasetDescription:
    def look() -> tuple[str, DatasetDescription]:
        seen = describe_dataset(aws, arn)
        return seen.status, seen

    return Wait(_BUDGET).until(look, table, what=arn, clock=aws.clock, failure=_failure)


def _failure(seen: DatasetDescription) -> DatasetFailedError:
    return DatasetFailedError(f"{seen.arn} is {seen.status}: {seen.status_message}")

"""The two datasets of a project: made from a manifest in S3, compared, replaced, distributed."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Final, Literal

import attrs

from rekognition_xray.cloud.aws import Aws, aws_errors
from rekognition_xray.cloud.s3 import S3Location, write_object
from rekognition_xray.cloud.waiting import Settled, SettleTable, Wait
from rekognition_xray.data.manifest import Entry, Manifest
from rekognition_xray.errors import AlreadyExistsError, DatasetFailedError, NotFoundError

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

_BUDGET: Final = 6 * 3600.0


@attrs.frozen
class DatasetDescription:
    """What the service says of a dataset at one moment.

    Attributes:
        arn: the dataset's ARN.
        status: as AWS writes it, such as ``CREATE_COMPLETE``.
        status_message: the service's sentence on the status.
        entries: films in it.
        labelled: films with a label.
        labels: distinct labels.
        with_errors: films that the service found fault with.
    """

    arn: str
    status: str
    status_message: str
    entries: int
    labelled: int
    labels: int
    with_errors: int


def of_project(aws: Aws, project_arn: str) -> Mapping[DatasetType, str]:
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


def describe(aws: Aws, arn: str) -> DatasetDescription:
    """Asks the service. Calls DescribeDataset; free. Raises NotFoundError."""
    with aws_errors(arn):
        told = aws.rekognition.describe_dataset(DatasetArn=arn)["DatasetDescription"]
    stats = told.get("DatasetStats", {})
    return DatasetDescription(
        arn,
        told["Status"],
        told.get("StatusMessage", ""),
        stats.get("TotalEntries", 0),
        stats.get("LabeledEntries", 0),
        stats.get("TotalLabels", 0),
        stats.get("ErrorEntries", 0),
    )


def listed(aws: Aws, arn: str) -> tuple[Entry, ...]:
    """All entries of a dataset. Calls ListDatasetEntries once per 100; free."""
    pages = aws.rekognition.get_paginator("list_dataset_entries").paginate(DatasetArn=arn)
    with aws_errors(arn):
        return Manifest.parse(line for page in pages for line in page["DatasetEntries"]).entries


def put(
    aws: Aws,
    project_arn: str,
    kind: DatasetType,
    manifest: Manifest,
    *,
    store: S3Location,
    replace: bool,
) -> None:
    """Makes a manifest's entries the project's dataset of that type, unless they are it already.

    Args:
        aws: the way to AWS.
        project_arn: the project.
        kind: which of its two datasets.
        manifest: the entries, whose films lie in S3.
        store: where the manifest is written, under ``manifests/``.
        replace: deletes a dataset that holds other entries first.

    Raises:
        AlreadyExistsError: there is one with other entries, and ``replace`` is false.
        DatasetFailedError: with the service's message, or because it dropped lines.
    """
    there = of_project(aws, project_arn).get(kind)
    if there and _holds(aws, there, manifest.entries):
        log.info("the %s dataset holds these %d entries already", kind, len(manifest.entries))
        return
    if there and not replace:
        raise AlreadyExistsError(
            f"The project {project_arn.split('/')[1]!r} has a {kind} dataset with other entries.",
            arn=there,
            hint="Pass replace=True to delete it and make it anew, or use another project.",
        )
    if there:
        delete(aws, there)
    data = manifest.text().encode()
    digest = hashlib.sha256(data).hexdigest()[:12]
    place = store / "manifests" / f"{kind.lower()}-{digest}.manifest"
    write_object(aws, place, data, content_type="application/x-ndjson")
    made = create(aws, project_arn, kind, place)
    if made.entries != len(manifest.entries):
        raise DatasetFailedError(
            f"The {kind} dataset {made.arn} kept {made.entries} of the {len(manifest.entries)} "
            f"entries of {place}; the service drops lines that it cannot use without a word."
        )


def create(
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
            reply = aws.rekognition_once.create_dataset(ProjectArn=project_arn, DatasetType=kind)
        else:
            where: GroundTruthManifestTypeDef = {
                "S3Object": {"Bucket": manifest.bucket, "Name": manifest.key}
            }
            reply = aws.rekognition_once.create_dataset(
                ProjectArn=project_arn,
                DatasetType=kind,
                DatasetSource={"GroundTruthManifest": where},
            )
    return wait_until_ready(aws, reply["DatasetArn"])


def delete(aws: Aws, arn: str) -> None:
    """Deletes a dataset, not its films in S3, and waits until it is gone.

    Calls DeleteDataset and DescribeDataset; free.
    """
    with aws_errors(arn):
        aws.rekognition_once.delete_dataset(DatasetArn=arn)

    def look() -> tuple[str, None]:
        try:
            return describe(aws, arn).status, None
        except NotFoundError:
            return _GONE, None

    Wait(_BUDGET).until(look, DELETED, what=arn, clock=aws.clock)


def distribute(aws: Aws, project_arn: str) -> None:
    """Lets the service move a fifth of the train entries into a test dataset, and waits.

    Calls DescribeProjects, CreateDataset, DistributeDatasetEntries and DescribeDataset; free.

    Raises:
        DatasetFailedError: with the service's message.
    """
    found = dict(of_project(aws, project_arn))
    if "TEST" not in found:
        found["TEST"] = create(aws, project_arn, "TEST", None).arn
    elif describe(aws, found["TEST"]).entries:
        log.info("the TEST dataset has entries already; nothing is distributed")
        return
    with aws_errors(project_arn):
        aws.rekognition.distribute_dataset_entries(
            Datasets=[{"Arn": found["TRAIN"]}, {"Arn": found["TEST"]}]
        )
    for arn in found.values():
        wait_until_ready(aws, arn)


def wait_until_ready(aws: Aws, arn: str) -> DatasetDescription:
    """Waits until a dataset is no longer being made or changed. Calls DescribeDataset; free."""

    def look() -> tuple[str, DatasetDescription]:
        seen = describe(aws, arn)
        return seen.status, seen

    return Wait(_BUDGET).until(look, READY, what=arn, clock=aws.clock, failure=_failed)


def _failed(seen: DatasetDescription) -> DatasetFailedError:
    return DatasetFailedError(f"{seen.arn} is {seen.status}: {seen.status_message}")


def _holds(aws: Aws, arn: str, entries: Iterable[Entry]) -> bool:
    """Whether a dataset that is ready holds exactly these entries; a failed one holds none."""
    description = describe(aws, arn)
    if READY.get(description.status) is Settled.GO_ON:
        description = wait_until_ready(aws, arn)
    if READY.get(description.status) is not Settled.DONE:
        return False
    return set(listed(aws, arn)) == set(entries)

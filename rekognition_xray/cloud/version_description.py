"""``VersionRef`` and what the service says of versions; when a training or a copy has settled."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

import attrs

from rekognition_xray.cloud.aws import Aws, aws_errors
from rekognition_xray.cloud.s3 import S3Location
from rekognition_xray.cloud.waiting import Settled, SettleTable
from rekognition_xray.errors import NotFoundError
from rekognition_xray.records import Record

if TYPE_CHECKING:
    from types_boto3_rekognition.type_defs import (
        GroundTruthManifestTypeDef,
        ProjectVersionDescriptionTypeDef,
        TestingDataResultTypeDef,
        TrainingDataResultTypeDef,
    )

TRAINED: Final[SettleTable] = {
    "TRAINING_IN_PROGRESS": Settled.GO_ON,
    "TRAINING_COMPLETED": Settled.DONE,
    "TRAINING_FAILED": Settled.FAILED,
    "STARTING": Settled.DONE,
    "RUNNING": Settled.DONE,
    "FAILED": Settled.DONE,
    "STOPPING": Settled.DONE,
    "STOPPED": Settled.DONE,
    "DELETING": Settled.FAILED,
    "COPYING_IN_PROGRESS": Settled.GO_ON,
    "COPYING_COMPLETED": Settled.DONE,
    "COPYING_FAILED": Settled.FAILED,
    "DEPRECATED": Settled.DONE,
    "EXPIRED": Settled.DONE,
}
"""Is the version trained? FAILED is a failed start, which only a trained version can have."""

RETIRED: Final = {
    "DEPRECATED": "deprecated by AWS, which may withdraw it: train a new version",
    "EXPIRED": "expired: it cannot be started any more; train a new version",
}
"""What it means that AWS has retired a version."""


@attrs.frozen(str=False)
class VersionDescription(Record):
    """What the service says of a version at one moment.

    Attributes:
        arn: the version's ARN.
        name: the version's name.
        status: as AWS writes it, such as ``TRAINING_COMPLETED``.
        status_message: the service's sentence on the status.
        created: when it was created.
        ended: when its training ended; None before, and for copies.
        f1_score: the service's overall F1 (0 to 1); None before a training has succeeded.
        billable_training_seconds: what the training is billed for; None before it has ended.
        units: inference units it was started with; None if it never was.
        output: where its result files were to be written.
        kms_key: the key that was named for it, if one was.
        source_arn: the version that it is a copy of, if it is one.
        summary: the evaluation summary in S3.
        training_output: the snapshot of the training images in S3.
        testing_output: the snapshot of the test images with predictions in S3.
        training_validation: the training manifest with the errors that were found, in S3.
        testing_validation: the test manifest with the errors that were found, in S3.
        manifest_summary: the overview of the manifests' errors in S3.
    """

    arn: str
    name: str
    status: str
    status_message: str
    created: dt.datetime | None = None
    ended: dt.datetime | None = None
    f1_score: float | None = None
    billable_training_seconds: int | None = None
    units: int | None = None
    output: S3Location | None = None
    kms_key: str | None = None
    source_arn: str | None = None
    summary: S3Location | None = None
    training_output: S3Location | None = None
    testing_output: S3Location | None = None
    training_validation: S3Location | None = None
    testing_validation: S3Location | None = None
    manifest_summary: S3Location | None = None

    _derived = ("trained", "retired")

    @property
    def trained(self) -> bool:
        """Whether its training, or its copying, has ended well; it may be retired by now."""
        return TRAINED.get(self.status) is Settled.DONE

    @property
    def retired(self) -> str:
        """Why AWS will not run it for long, or not at all; empty where it is neither of both."""
        return RETIRED.get(self.status, "")

    def __str__(self) -> str:
        """One line, as in a list of versions."""
        made = f", made {self.created:%Y-%m-%d}" if self.created else ""
        figure = f", the service's F1 {self.f1_score:.3f}" if self.f1_score is not None else ""
        copied = f", a copy of {self.source_arn}" if self.source_arn else ""
        why = f" ({self.retired})" if self.retired else ""
        return f"{self.name}: {self.status}{why}{made}{figure}{copied}"


@attrs.frozen
class VersionRef:
    """Which version: its ARN, its project's, and the ``Aws`` to ask. ``ModelVersion`` is one.

    Attributes:
        aws: session and clients.
        arn: the version's ARN.
        project_arn: the ARN of its project.
    """

    aws: Aws = attrs.field(repr=False)
    arn: str
    project_arn: str

    @property
    def name(self) -> str:
        """The version's name, read from the ARN."""
        return self.arn.split("/")[-2]

    def describe(self) -> VersionDescription:
        """Asks the service. Calls DescribeProjectVersions; free.

        Raises:
            NotFoundError: the version does not exist (any more).
        """
        with aws_errors(self.arn):
            reply = self.aws.rekognition.describe_project_versions(
                ProjectArn=self.project_arn, VersionNames=[self.name]
            )
        for description in reply["ProjectVersionDescriptions"]:
            if description.get("ProjectVersionArn") == self.arn:
                return describe_reply(self.arn, description)
        raise NotFoundError(
            f"The version {self.name!r} does not exist in {self.project_arn}.", arn=self.arn
        )


def status_and_description(version: VersionRef) -> tuple[str, VersionDescription]:
    """What ``Wait.until`` reads. Calls DescribeProjectVersions; free."""
    seen = version.describe()
    return seen.status, seen


def project_arns(aws: Aws) -> tuple[str, ...]:
    """ARNs of all projects of the account and Region, as the service orders them.

    Calls DescribeProjects once per 100; free.
    """
    pages = aws.rekognition.get_paginator("describe_projects").paginate()
    with aws_errors("projects"):
        return tuple(
            project["ProjectArn"] for page in pages for project in page["ProjectDescriptions"]
        )


def descriptions(aws: Aws, project_arn: str) -> tuple[VersionDescription, ...]:
    """All versions of a project, newest first. Calls DescribeProjectVersions once per 100; free.

    Raises:
        NotFoundError: the project does not exist (any more).
    """
    return tuple(_pages(aws, project_arn))


def _pages(aws: Aws, project_arn: str) -> Iterator[VersionDescription]:
    pages = aws.rekognition.get_paginator("describe_project_versions")
    with aws_errors(project_arn):
        for page in pages.paginate(ProjectArn=project_arn):
            for reply in page["ProjectVersionDescriptions"]:
                yield describe_reply(reply["ProjectVersionArn"], reply)


def describe_reply(arn: str, reply: ProjectVersionDescriptionTypeDef) -> VersionDescription:
    """One element of DescribeProjectVersions' reply as a value."""
    training, testing = reply.get("TrainingDataResult", {}), reply.get("TestingDataResult", {})
    evaluation, output = reply.get("EvaluationResult", {}), reply.get("OutputConfig", {})
    bucket = output.get("S3Bucket")
    return VersionDescription(
        arn=arn,
        name=arn.split("/")[-2],
        status=reply.get("Status", ""),
        status_message=reply.get("StatusMessage", ""),
        created=reply.get("CreationTimestamp"),
        ended=reply.get("TrainingEndTimestamp"),
        f1_score=evaluation.get("F1Score"),
        billable_training_seconds=reply.get("BillableTrainingTimeInSeconds"),
        units=reply.get("MinInferenceUnits"),
        output=S3Location(bucket, output.get("S3KeyPrefix", "").strip("/")) if bucket else None,
        kms_key=reply.get("KmsKeyId"),
        source_arn=reply.get("SourceProjectVersionArn"),
        summary=_location(evaluation.get("Summary", {})),
        training_output=_output(training),
        testing_output=_output(testing),
        training_validation=_validation(training),
        testing_validation=_validation(testing),
        manifest_summary=_location(reply.get("ManifestSummary", {})),
    )


def _output(result: TrainingDataResultTypeDef | TestingDataResultTypeDef) -> S3Location | None:
    assets = result.get("Output", {}).get("Assets", [])
    return _location(assets[0].get("GroundTruthManifest", {})) if assets else None


def _validation(result: TrainingDataResultTypeDef | TestingDataResultTypeDef) -> S3Location | None:
    assets = result.get("Validation", {}).get("Assets", [])
    return _location(assets[0].get("GroundTruthManifest", {})) if assets else None


def _location(manifest: GroundTruthManifestTypeDef) -> S3Location | None:
    place = manifest.get("S3Object", {})
    bucket, key = place.get("Bucket"), place.get("Name")
    return S3Location(bucket, key) if bucket and key else None

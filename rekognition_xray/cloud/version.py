"""``ModelVersion``: one trained (or training) version of a project's model."""

from __future__ import annotations

import datetime as dt
import time
from collections.abc import Mapping
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Final

import attrs

from rekognition_xray.cloud import meter
from rekognition_xray.cloud.aws import Aws, aws_errors
from rekognition_xray.cloud.s3 import S3Location
from rekognition_xray.cloud.tags import read_tags
from rekognition_xray.cloud.waiting import Progress, Settled, SettleTable, Wait, reporter
from rekognition_xray.costs import Money, PriceBook
from rekognition_xray.errors import InvalidRequestError, NotFoundError, TrainingFailedError

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

_DAY: Final = 24 * 3600.0


@attrs.frozen
class VersionDescription:
    """What the service says of a version at one moment.

    Attributes:
        arn: the version's ARN.
        name: the version's name.
        status: as AWS writes it, such as ``TRAINING_COMPLETED``.
        status_message: the service's sentence on the status.
        created: when it was created.
        f1_score: the service's overall F1 (0 to 1); None before a training has succeeded.
        billable_training_seconds: what the training is billed for; None before it has ended.
        units: inference units it was started with; None if it never was.
        summary: the evaluation summary in S3.
        training_output: the snapshot of the training films in S3.
        testing_output: the snapshot of the test films with predictions in S3.
        training_validation: the training manifest with the errors that were found, in S3.
        testing_validation: the test manifest with the errors that were found, in S3.
        manifest_summary: the overview of the manifests' errors in S3.
    """

    arn: str
    name: str
    status: str
    status_message: str
    created: dt.datetime | None = None
    f1_score: float | None = None
    billable_training_seconds: int | None = None
    units: int | None = None
    summary: S3Location | None = None
    training_output: S3Location | None = None
    testing_output: S3Location | None = None
    training_validation: S3Location | None = None
    testing_validation: S3Location | None = None
    manifest_summary: S3Location | None = None


@attrs.frozen
class Detection:
    """The answer to one DetectCustomLabels call.

    Attributes:
        confidences: label to confidence, 0 to 1 (AWS's percents divided by 100).
        request_id: AWS's id of the request.
        seconds: time from asking to answer.
    """

    confidences: Mapping[str, float]
    request_id: str
    seconds: float


@attrs.frozen
class ModelVersion:
    """Handle on a version. It keeps nothing that the service can change.

    Attributes:
        aws: the way to AWS.
        arn: the version's ARN.
        project_arn: the ARN of its project.
    """

    aws: Aws = attrs.field(repr=False)
    arn: str
    project_arn: str

    @classmethod
    def from_arn(cls, arn: str, *, aws: Aws) -> ModelVersion:
        """Opens a version by its ARN. Calls DescribeProjects; free.

        Raises:
            InvalidRequestError: the text is no version's ARN.
            NotFoundError: its project does not exist in this account and Region.
        """
        parts = arn.split("/")
        if len(parts) != 5 or not parts[0].endswith(":project") or parts[2] != "version":
            raise InvalidRequestError(
                f"{arn!r} is not the ARN of a version.",
                hint="It reads arn:aws:rekognition:REGION:ACCOUNT:project/NAME/version/NAME/TIME.",
            )
        with aws_errors(arn):
            reply = aws.rekognition.describe_projects(ProjectNames=[parts[1]])
        for project in reply["ProjectDescriptions"]:
            return cls(aws, arn, project["ProjectArn"])
        raise NotFoundError(f"The project {parts[1]!r} of {arn} does not exist.", arn=arn)

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
                return _described(self.arn, description)
        raise NotFoundError(
            f"The version {self.name!r} does not exist in {self.project_arn}.", arn=self.arn
        )

    def wait_until_trained(
        self,
        *,
        budget: float = 2 * _DAY,
        progress: Progress = False,
    ) -> VersionDescription:
        """Waits until the training has ended well. Calls DescribeProjectVersions; free.

        Args:
            budget: seconds to wait; AWS trains for half an hour to a day.
            progress: True for a line with elapsed time, or a callable that gets each look.

        Raises:
            TrainingFailedError: with the service's message; AWS does not bill failed trainings.
            WaitTimeoutError: the budget is used up; the training goes on and will be billed.
            NotFoundError: the version does not exist.
        """
        with reporter(progress) as on_look:
            return Wait(budget, longest=30.0, on_look=on_look).until(
                self.look,
                TRAINED,
                what=f"version {self.name}",
                clock=self.aws.clock,
                on_timeout="The training goes on and is billed when it succeeds.",
                failure=_training_failed,
            )

    def running(
        self,
        units: int = 1,
        *,
        max_units: int | None = None,
        max_cost: Money | None = None,
        prices: PriceBook | None = None,
        budget: float = 3600.0,
    ) -> AbstractContextManager[ModelVersion]:
        """Runs the model inside a ``with`` block and stops it at the end, whatever happens.

        See ``rekognition_xray.cloud.meter.running``. AWS bills units times hours while it runs,
        used or not.
        """
        return meter.running(
            self,
            units,
            max_units=max_units,
            max_cost=max_cost,
            prices=prices or PriceBook(),
            budget=budget,
        )

    def detect(self, image: bytes, *, min_confidence: float = 0.0) -> Detection:
        """Asks the running model for the labels of one prepared image.

        Calls DetectCustomLabels once (botocore repeats it on throttles and faults); no price per
        call, the running model is what bills.

        Args:
            image: a PNG or JPEG of at most 4 MB, as ``images.prepare`` makes it.
            min_confidence: 0 to 1; labels below it are left out. 0 gives every label and
                replaces the thresholds that the service assumes.

        Raises:
            NotReadyError: the model is not running.
            InvalidImageError: the service refuses the image.
            ThrottledError: more calls than the inference units can answer.
        """
        if not 0 <= min_confidence <= 1:
            raise InvalidRequestError(
                f"min_confidence is {min_confidence}, not from 0 to 1.",
                hint="Confidences are fractions here; AWS's 95 percent is 0.95.",
            )
        began = time.perf_counter()
        with aws_errors(self.arn):
            reply = self.aws.rekognition.detect_custom_labels(
                ProjectVersionArn=self.arn,
                Image={"Bytes": image},
                MinConfidence=min_confidence * 100,
            )
        found = {item["Name"]: item["Confidence"] / 100 for item in reply["CustomLabels"]}
        request_id = reply["ResponseMetadata"]["RequestId"]
        return Detection(found, request_id, time.perf_counter() - began)

    def tags(self) -> Mapping[str, str]:
        """The version's tags, those of this library among them; none where they may not be read.

        ``rxray.split`` is the fingerprint of the split that it was trained and tested with;
        ``rxray.leaks`` says that train and test share what they must not, and that this was
        allowed. Calls ListTagsForResource; free.

        Raises:
            NotFoundError: the version does not exist (any more).
        """
        return read_tags(self.aws, self.arn)

    def delete(self) -> None:
        """Deletes the version; its result files in S3 stay. Calls DeleteProjectVersion; free.

        Raises:
            InUseError: it is training, starting, running or stopping.
        """
        with aws_errors(self.arn):
            self.aws.rekognition.delete_project_version(ProjectVersionArn=self.arn)

    def look(self) -> tuple[str, VersionDescription]:
        """The status and the whole description, as ``Wait.until`` wants them."""
        seen = self.describe()
        return seen.status, seen


def _training_failed(seen: VersionDescription) -> TrainingFailedError:
    return TrainingFailedError(
        f"The training of version {seen.name!r} ended in {seen.status}: {seen.status_message}"
    )


def _described(arn: str, told: ProjectVersionDescriptionTypeDef) -> VersionDescription:
    training, testing = told.get("TrainingDataResult", {}), told.get("TestingDataResult", {})
    evaluation = told.get("EvaluationResult", {})
    return VersionDescription(
        arn=arn,
        name=arn.split("/")[-2],
        status=told.get("Status", ""),
        status_message=told.get("StatusMessage", ""),
        created=told.get("CreationTimestamp"),
        f1_score=evaluation.get("F1Score"),
        billable_training_seconds=told.get("BillableTrainingTimeInSeconds"),
        units=told.get("MinInferenceUnits"),
        summary=_location(evaluation.get("Summary", {})),
        training_output=_output(training),
        testing_output=_output(testing),
        training_validation=_validation(training),
        testing_validation=_validation(testing),
        manifest_summary=_location(told.get("ManifestSummary", {})),
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

"""``ModelVersion``: one trained (or training) version of a project's model."""

from __future__ import annotations

import time
from collections.abc import Mapping
from contextlib import AbstractContextManager
from typing import Final

import attrs

from rekognition_xray.cloud import failures, meter
from rekognition_xray.cloud.aws import Aws, aws_errors
from rekognition_xray.cloud.tags import read_tags
from rekognition_xray.cloud.training_progress import Progress, training_reporter
from rekognition_xray.cloud.version_description import TRAINED, VersionDescription, described
from rekognition_xray.cloud.waiting import Wait
from rekognition_xray.costs import CANNOT_STOP, Money, PriceBook
from rekognition_xray.errors import InvalidRequestError, NotFoundError

__all__ = ["TRAINED", "Detection", "ModelVersion", "VersionDescription"]

_DAY: Final = 24 * 3600.0


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
                return described(self.arn, description)
        raise NotFoundError(
            f"The version {self.name!r} does not exist in {self.project_arn}.", arn=self.arn
        )

    def wait_until_trained(
        self,
        *,
        budget: float = 2 * _DAY,
        progress: Progress = False,
        prices: PriceBook | None = None,
    ) -> VersionDescription:
        """Waits until the training has ended well. Calls DescribeProjectVersions; free.

        A program that was killed while it waited can wait again. Where the training has failed,
        GetObject is called three times for the reports that it has left in S3.

        Args:
            budget: seconds to wait; AWS trains for half an hour to a day.
            progress: True for a line with the time since the training began and its price by the
                clock, or a callable that gets them with each look. AWS's own count of hours can
                be higher than the clock's, and only a training that succeeds is billed.
            prices: the price book for that.

        Raises:
            TrainingFailedError: with the service's message and the lines of the datasets that it
                found fault with; AWS does not bill failed trainings.
            UnreachableStateError: the version is being deleted.
            WaitTimeoutError: the budget is used up; the training goes on and will be billed.
            NotFoundError: the version does not exist.
        """
        book = prices or PriceBook()
        per_hour = f"{book.prices['training-hour'].amount} {book.currency}"
        with training_reporter(progress, book) as watch:

            def look() -> tuple[str, VersionDescription]:
                status, seen = self.look()
                watch.begun(seen.created)
                return status, seen

            return Wait(budget, longest=30.0, on_look=watch.look).until(
                look,
                TRAINED,
                what=f"version {self.name}",
                clock=self.aws.clock,
                on_timeout=f"The training goes on at {per_hour} an hour. {CANNOT_STOP}",
                failure=lambda seen: failures.settled_badly(self.aws, seen),
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

"""``ModelVersion``: one trained (or training) version of a project's model."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from functools import partial
from typing import Final, Protocol

import attrs

from rekognition_xray.cloud.aws import Aws, aws_errors
from rekognition_xray.cloud.failures import settled_badly
from rekognition_xray.cloud.meter import Progress as StartProgress
from rekognition_xray.cloud.meter import Run
from rekognition_xray.cloud.meter import run as run_model
from rekognition_xray.cloud.pricing import book_for
from rekognition_xray.cloud.s3 import S3Location
from rekognition_xray.cloud.tags import LEAKS, SPLIT, check_tags, read_tags, write_tags
from rekognition_xray.cloud.version_description import (
    TRAINED,
    VersionDescription,
    VersionRef,
    status_and_description,
)
from rekognition_xray.cloud.versions.copying import start_copy
from rekognition_xray.cloud.versions.training_progress import Progress, training_reporter
from rekognition_xray.cloud.waiting import Wait
from rekognition_xray.costs import CANNOT_STOP, Money, PriceBook
from rekognition_xray.errors import InvalidRequestError, NotFoundError
from rekognition_xray.labels import confidence_of

log = logging.getLogger(__name__)

_DAY: Final = 24 * 3600.0


@attrs.frozen
class Detection:
    """The answer to one DetectCustomLabels call.

    Attributes:
        confidences: label to confidence, 0 to 1, with 8 decimals (AWS's percents divided by 100).
        request_id: AWS's id of the request.
        seconds: time from the call to its answer.
    """

    confidences: Mapping[str, float]
    request_id: str
    seconds: float


class Destination(Protocol):
    """Where a copy goes; ``CustomLabelsProject`` is one."""

    @property
    def aws(self) -> Aws:
        """Session and clients of the account that gets the copy."""
        raise NotImplementedError

    @property
    def arn(self) -> str:
        """The project's ARN."""
        raise NotImplementedError


@attrs.frozen
class ModelVersion(VersionRef):
    """Handle on a version. It keeps nothing that the service can change.

    Attributes:
        aws: the AWS session.
        arn: the version's ARN.
        project_arn: the ARN of its project.
        run: inside a block of ``running()`` what keeps it running; its ``per_hour`` is the price.
    """

    run: Run | None = attrs.field(default=None, kw_only=True, repr=False, eq=False)

    def __reduce__(self) -> tuple[type[ModelVersion], tuple[Aws, str, str]]:
        return ModelVersion, (self.aws, self.arn, self.project_arn)  # a run belongs to a process

    @classmethod
    def from_arn(cls, arn: str, *, aws: Aws) -> ModelVersion:
        """Opens a version by its ARN. Calls DescribeProjects; free.

        Args:
            arn: the version's ARN, as AWS writes it.
            aws: the AWS session.

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
            prices: the price book for that; by default the library's for the Region.

        Raises:
            TrainingFailedError: with the service's message and the lines of the datasets that it
                found fault with; AWS does not bill failed trainings.
            UnreachableStateError: the version is being deleted.
            WaitTimeoutError: the budget is used up; the training goes on and will be billed.
            NotFoundError: the version does not exist.
        """
        book = book_for(self.aws, prices)
        per_hour = f"{book.prices['training-hour'].amount} {book.currency}"
        with training_reporter(progress, book) as watch:

            def look() -> tuple[str, VersionDescription]:
                seen = self.describe()
                watch.begun(seen.created)
                return seen.status, seen

            return Wait(budget, longest=30.0, on_look=watch.look).until(
                look,
                TRAINED,
                what=f"version {self.name}",
                clock=self.aws.clock,
                on_timeout=f"The training goes on at {per_hour} an hour. {CANNOT_STOP}",
                failure=lambda seen: settled_badly(self.aws, seen),
            )

    def running(
        self,
        units: int = 1,
        *,
        max_units: int | None = None,
        max_cost: Money | None = None,
        max_hours: Money | None = None,
        idle_stop: float | None = None,
        take_over: bool = False,
        progress: StartProgress = None,
        prices: PriceBook | None = None,
        budget: float = 3600.0,
    ) -> AbstractContextManager[ModelVersion]:
        """Runs the model inside a ``with`` block and stops it at the end, even after an error.

        Where others need it as well, the last to leave stops it. See
        ``rekognition_xray.cloud.meter.run``. AWS bills units times hours while it runs, used or
        not. Where the prices of the Region are not known, ``max_cost`` needs ``prices``.
        """
        block = run_model(
            self,
            units,
            max_units=max_units,
            max_cost=max_cost,
            max_hours=max_hours,
            idle_stop=idle_stop,
            take_over=take_over,
            progress=progress,
            prices=book_for(self.aws, prices, max_cost),
            budget=budget,
        )
        return self._inside(block)

    @contextmanager
    def _inside(self, block: AbstractContextManager[Run]) -> Iterator[ModelVersion]:
        with block as run:
            yield attrs.evolve(self, run=run)

    def detect(
        self, image: bytes | S3Location, *, min_confidence: float = 0.0, once: bool = False
    ) -> Detection:
        """Asks the running model for the labels of one prepared image.

        Calls DetectCustomLabels once (the client repeats it on throttles and faults); no price per
        call, the running model is what bills.

        Args:
            image: a PNG or JPEG of at most 4 MB, as ``prepare_image`` makes it, or where one of at
                most 15 MB lies in S3, in the version's Region.
            once: make one attempt only; the caller repeats.
            min_confidence: 0 to 1; labels below it are left out. 0 gives every label and
                replaces the thresholds that the service assumes.

        Raises:
            InvalidRequestError: ``min_confidence`` is no fraction; nothing was sent.
            NotReadyError: the model is not running.
            InvalidImageError: the service refuses the image.
            ThrottledError: more calls than the inference units can answer.
        """
        if not 0 <= min_confidence <= 1:
            raise InvalidRequestError(
                f"min_confidence is {min_confidence}, not from 0 to 1.",
                hint="Confidences are fractions here; AWS's 95 percent is 0.95.",
            )
        client = self.aws.rekognition_once if once else self.aws.rekognition
        began = time.perf_counter()
        detection = self.run.detection() if self.run else nullcontext()
        with detection, aws_errors(self.arn):
            reply = client.detect_custom_labels(
                ProjectVersionArn=self.arn,
                Image={"S3Object": {"Bucket": image.bucket, "Name": image.key}}
                if isinstance(image, S3Location)
                else {"Bytes": image},
                MinConfidence=min_confidence * 100,
            )
        found = {
            item["Name"]: confidence_of(item["Confidence"] / 100) for item in reply["CustomLabels"]
        }
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

    def tag(self, **tags: str) -> None:
        """Adds tags of your own, or changes them. Calls TagResource; free.

        Raises:
            InvalidRequestError: AWS would refuse one, or it begins with ``rxray.``.
        """
        check_tags(tags)
        write_tags(self.aws, self.arn, tags)

    def copy_to(
        self,
        project: Destination,
        *,
        output: str | S3Location,
        name: str | None = None,
        tags: Mapping[str, str] | None = None,
        kms_key: str | None = None,
        budget: float = 6 * 3600.0,
    ) -> ModelVersion:
        """Copies this version into another project of the same Region, and waits for it.

        The call is made by the account of ``project``. Where that is another one, a policy on this
        version's project has to allow it; the error says which. The copy bears this version's
        notes on its split and its leaks. Safe to repeat: a copy that was begun is found. AWS bills
        no training for it. Calls DescribeProjectVersions, ListTagsForResource, HeadBucket and
        CopyProjectVersion; the caller needs ``rekognition:CreateProjectVersion``, too.

        Args:
            project: that gets the copy.
            output: bucket and prefix for the copy's result files.
            name: of the copy; by default this version's.
            tags: tags of your own for the copy.
            kms_key: id, ARN or alias of the KMS key that encrypts the copy's files.
            budget: seconds to wait.

        Raises:
            AlreadyExistsError: the name is taken by another version.
            AccessDeniedError: the policy, or a permission, is missing.
            InvalidRequestError: another Region, or the service would refuse an argument.
            StorageError: the bucket is missing or elsewhere.
            QuotaError: the project is full.
            CopyFailedError: with the service's message.
            WaitTimeoutError: the budget is used up; the copying goes on.
        """
        arn = start_copy(
            project.aws,
            (self.arn, self.project_arn),
            project.arn,
            name=self.name if name is None else name,
            output=output,
            tags=tags or {},
            noted=self._tags_to_copy(),
            kms_key=kms_key,
        )
        copy = ModelVersion(project.aws, arn, project.arn)
        Wait(budget).until(
            partial(status_and_description, copy),
            TRAINED,
            what=f"the copy {copy.name}",
            clock=project.aws.clock,
            on_timeout="The copying goes on; call copy_to again to wait for it.",
            failure=lambda seen: settled_badly(project.aws, seen),
        )
        return copy

    def _tags_to_copy(self) -> Mapping[str, str]:
        """What a copy has to bear, too; nothing where the other account's tags cannot be read."""
        try:
            return {key: tag for key, tag in self.tags().items() if key in {SPLIT, LEAKS}}
        except NotFoundError:
            log.warning("the notes of %s on split and leaks cannot be read from here", self.arn)
            return {}

    def delete(self) -> None:
        """Deletes the version; its result files in S3 remain. Calls DeleteProjectVersion; free.

        Raises:
            InUseError: it is training, starting, running or stopping.
        """
        with aws_errors(self.arn):
            self.aws.rekognition.delete_project_version(ProjectVersionArn=self.arn)

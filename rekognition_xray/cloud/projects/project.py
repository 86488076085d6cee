"""``CustomLabelsProject``: a project with its two datasets, and the start of a training."""

from __future__ import annotations

import datetime as dt
import logging
from collections.abc import Callable, Mapping
from typing import Final

import attrs

from rekognition_xray.cloud.aws import Aws, aws_errors
from rekognition_xray.cloud.pricing import book_for
from rekognition_xray.cloud.projects import deleting, promotion
from rekognition_xray.cloud.projects.deleting import Deleted, DeletionPlan
from rekognition_xray.cloud.projects.project_datasets import ProjectDatasets
from rekognition_xray.cloud.projects.promotion import Compared
from rekognition_xray.cloud.s3 import S3Location
from rekognition_xray.cloud.tags import check_tags, read_tags, write_tags
from rekognition_xray.cloud.version_description import VersionDescription, descriptions
from rekognition_xray.cloud.versions import ModelVersion, TrainingQuotas, check_name, training
from rekognition_xray.cloud.waiting import Settled, SettleTable, Wait
from rekognition_xray.costs import EstimateRange, Money, PriceBook
from rekognition_xray.errors import InUseError, NotFoundError

log = logging.getLogger(__name__)

CREATED: Final[SettleTable] = {
    "CREATING": Settled.GO_ON,
    "CREATED": Settled.DONE,
    "DELETING": Settled.FAILED,
}
"""Is the project there to be worked with?"""


@attrs.frozen
class CustomLabelsProject(ProjectDatasets):
    """Handle on a project. It keeps nothing that the service can change.

    Attributes:
        aws: the way to AWS.
        arn: the project's ARN.
    """

    @classmethod
    def get_or_create(
        cls, name: str, *, aws: Aws, tags: Mapping[str, str] | None = None
    ) -> CustomLabelsProject:
        """Opens the project of that name, or creates it and waits until it is there.

        Calls DescribeProjects and, for a new one, CreateProject; free.

        Args:
            name: 1 to 255 of the characters a-z, A-Z, 0-9, ``_``, ``.`` and ``-``.
            aws: the way to AWS.
            tags: tags for a project that is created; one that is there keeps its own.

        Raises:
            InvalidRequestError: the service would refuse the name, or a tag.
            QuotaError: the account has as many projects as it may have.
        """
        check_name("project", name)
        check_tags(tags or {}, "project")
        found = cls.find(name, aws=aws)
        if found is None:
            try:
                with aws_errors(f"project {name}"):
                    reply = aws.rekognition_once.create_project(ProjectName=name, Tags=tags or {})
                found = cls(aws, reply["ProjectArn"])
            except InUseError:  # somebody else was faster
                found = cls.find(name, aws=aws)
                if found is None:
                    raise
        Wait(300).until(lambda: _look(found), CREATED, what=f"project {name}", clock=aws.clock)
        return found

    @classmethod
    def find(cls, name: str, *, aws: Aws) -> CustomLabelsProject | None:
        """The project of that name, or None. Calls DescribeProjects; free.

        Args:
            name: its name.
            aws: the way to AWS.
        """
        with aws_errors(f"project {name}"):
            reply = aws.rekognition.describe_projects(ProjectNames=[name])
        for project in reply["ProjectDescriptions"]:
            return cls(aws, project["ProjectArn"])
        return None

    @classmethod
    def list(cls, *, aws: Aws) -> tuple[CustomLabelsProject, ...]:
        """All Custom Labels projects of the account and Region, as the service orders them.

        Calls DescribeProjects once per 100; free.
        """
        pages = aws.rekognition.get_paginator("describe_projects").paginate()
        with aws_errors("projects"):
            return tuple(
                cls(aws, project["ProjectArn"])
                for page in pages
                for project in page["ProjectDescriptions"]
            )

    @property
    def name(self) -> str:
        """The project's name, read from the ARN."""
        return self.arn.split("/")[1]

    def train(
        self,
        name: str,
        *,
        output: str | S3Location,
        max_cost: Money | None = None,
        prices: PriceBook | None = None,
        tags: Mapping[str, str] | None = None,
        kms_key: str | None = None,
        allow_leaks: bool = False,
        quotas: TrainingQuotas | None = None,
    ) -> ModelVersion:
        """Starts a training of the project's datasets and returns at once.

        What the service would refuse after hours is looked for first, and all of it told together:
        datasets that are missing, failed or full of bad entries, too few labels, too many images of
        one, test labels that do not meet the trained ones, Region, bucket, name, quotas. The
        price is logged as a range with its sources; ``training_estimate`` gives it beforehand. AWS
        bills a training when it succeeds, per hour (the article's took 1.308 h), and has no call
        that stops one.

        Safe to kill and to repeat: a version of this name that was started by this library from
        these very datasets and for this output is given back, whatever came of it.

        The version is tagged: ``rxray.training`` with a digest of datasets and output, by which it
        is found again; ``rxray.images`` with the number of training images; ``rxray.split`` with the
        fingerprint of the split that the datasets are parts of, where their manifests name it; and
        ``rxray.leaks`` where train and test share what they must not and that was allowed. AWS asks
        for the permission ``rekognition:TagResource`` then.

        Calls DescribeProjectVersions, DescribeProjects, HeadBucket, CreateProjectVersion; for each
        dataset DescribeDataset, ListDatasetLabels, ListDatasetEntries and ListTagsForResource; and
        DescribeProjectVersions for every other project, to see what is being trained.

        Args:
            name: name of the new version; 1 to 255 of a-z, A-Z, 0-9, ``_``, ``.`` and ``-``.
            output: bucket and prefix for the result files, in the project's Region.
            max_cost: refuses to start when the upper end of the estimate exceeds it: AWS's 24
                hours, unless earlier trainings of this project say less. It is an estimate all
                the same, and a training cannot be stopped: this is all that a cap can do.
            prices: the price book for that; the library's for the Region unless told.
            tags: tags of your own for the version; keys that begin with ``rxray.`` are ours.
            kms_key: id, ARN or alias of the KMS key that encrypts the service's copy of the images
                and the result files; whoever reads those needs ``kms:Decrypt``.
            allow_leaks: trains although the datasets are not two parts of one split.
            quotas: of your account, where AWS has raised them.

        Raises:
            AlreadyExistsError: the name is taken by another version.
            InvalidRequestError: the service would refuse the name, a tag, the key or the Region.
            SplitError: the datasets belong to two splits, or were distributed by image. Patients
                and pictures are compared by ``put_datasets`` and ``Evaluation``, not here.
            LabelsError: the labels of train and test do not meet as they must.
            ManifestError: a dataset is empty, too large, or has too many entries with errors.
            DatasetFailedError: the last thing that was done with a dataset has failed.
            NotFoundError: the project lacks a train or a test dataset.
            StorageError: the bucket is missing or elsewhere.
            CostCapError: see ``max_cost``.
            PriceBookError: there is a cap, and no price for the Region.
            QuotaError: as many trainings are running as may, or the project is full.
            TrainingRefusedError: several of these; it carries them all.
        """
        wanted = training.Wanted(
            name,
            output,
            max_cost=max_cost,
            prices=book_for(self.aws, prices, max_cost),
            tags=tags or {},
            kms_key=kms_key,
            allow_leaks=allow_leaks,
            quotas=quotas or TrainingQuotas(),
        )
        return ModelVersion(self.aws, training.start(self.aws, self.arn, wanted), self.arn)

    def training_estimate(
        self, prices: PriceBook | None = None, *, images: int | None = None
    ) -> EstimateRange:
        """What a training may cost, as a range that names its sources.

        By the last five trainings of this project that succeeded, scaled by their images; without
        one by AWS's guide, 0.5 to 24 hours. Calls DescribeProjects, DescribeDataset,
        DescribeProjectVersions and, for each of the five, ListTagsForResource; free.

        Args:
            prices: the price book; the library's for the Region unless told.
            images: to be trained on; those of the TRAIN dataset unless told.

        Raises:
            NotFoundError: the project has no TRAIN dataset, or does not exist.
        """
        return training.estimate(self.aws, self.arn, book_for(self.aws, prices), images)

    def version(self, name: str) -> ModelVersion | None:
        """The version of that name, or None. Calls DescribeProjectVersions; free."""
        with aws_errors(self.arn):
            reply = self.aws.rekognition.describe_project_versions(
                ProjectArn=self.arn, VersionNames=[name]
            )
        for version in reply["ProjectVersionDescriptions"]:
            return ModelVersion(self.aws, version["ProjectVersionArn"], self.arn)
        return None

    def versions(self) -> tuple[ModelVersion, ...]:
        """All versions, newest first. Calls DescribeProjectVersions once per 100; free."""
        return tuple(
            ModelVersion(self.aws, seen.arn, self.arn) for seen in self.describe_versions()
        )

    def describe_versions(self) -> tuple[VersionDescription, ...]:
        """What the service says of all versions, newest first; ``str()`` of each is a line.

        Versions that AWS has deprecated or that have expired say so (``retired``). Calls
        DescribeProjectVersions once per 100; free.
        """
        return descriptions(self.aws, self.arn)

    def current(self) -> ModelVersion | None:
        """The version in use, which ``promote`` made so; None where there is none.

        Calls ListTagsForResource and DescribeProjectVersions; free.

        Raises:
            NotFoundError: it was deleted; ``rollback`` or ``promote`` name another one.
            AccessDeniedError: the tags may not be read.
        """
        arn = promotion.current(self.aws, self.arn)
        return None if arn is None else ModelVersion(self.aws, arn, self.arn)

    def promote(self, version: ModelVersion, comparison: Compared | None = None) -> None:
        """Makes a version the one in use.

        The project's tag ``rxray.current`` names it, and ``rxray.previous`` the one before, by name
        and time of creation. Both are written by one call, so that no crash can lose the one in
        use. It starts and stops nothing. Calls DescribeProjectVersions, ListTagsForResource and
        TagResource; free.

        Args:
            version: a trained version of this project.
            comparison: with the version in use (``compare(old, new)``); one that shows the new
                version to be worse, or that is about others, is refused.

        Raises:
            NotReadyError: it is not trained, or has expired or is deprecated.
            InvalidRequestError: see ``comparison``.
            NotFoundError: it is no version of this project (any more).
            AccessDeniedError: the tags may not be read or written.
        """
        promotion.promote(self.aws, self.arn, version.arn, comparison)

    def rollback(self) -> ModelVersion:
        """Puts the version back that was in use before, and gives it; twice is as before.

        Calls ListTagsForResource, DescribeProjectVersions and TagResource; free.

        Raises:
            NotFoundError: none was in use before, or it was deleted.
            NotReadyError: it has expired or is deprecated.
            AccessDeniedError: the tags may not be read or written.
        """
        return ModelVersion(self.aws, promotion.rollback(self.aws, self.arn), self.arn)

    def tags(self) -> Mapping[str, str]:
        """The project's tags; none where they may not be read. Calls ListTagsForResource; free."""
        return read_tags(self.aws, self.arn)

    def tag(self, **tags: str) -> None:
        """Adds tags of your own, or changes them. Calls TagResource; free.

        Raises:
            InvalidRequestError: AWS would refuse one, or it begins with ``rxray.``.
        """
        check_tags(tags, "project")
        write_tags(self.aws, self.arn, tags)

    def delete(self, *, confirm: Callable[[DeletionPlan], bool], stop: bool = False) -> Deleted:
        """Deletes the project with its versions and datasets, after showing what that means.

        Nothing is changed before ``confirm`` has seen the plan and answered True. Then running
        versions are stopped, and versions, datasets and the project deleted in this order, each
        waited for. Images and result files in S3 stay. Safe to repeat: a run that was cut off is
        completed by the next one, which shows its own plan.

        Calls DescribeProjects, DescribeDataset, DescribeProjectVersions and ListTagsForResource
        to look; StopProjectVersion, DeleteProjectVersion, DeleteDataset and DeleteProject; free.

        Args:
            confirm: gets the plan; only True goes on.
            stop: stops versions that run; without it they refuse.

        Raises:
            InUseError: a version is being trained or copied, or runs and ``stop`` is false.
            NotFoundError: the project does not exist (any more).
            StopFailedError: a version could not be stopped and may go on billing.
        """
        return deleting.delete_project(self.aws, self.arn, confirm=confirm, stop=stop)


def _look(project: CustomLabelsProject) -> tuple[str, dt.datetime]:
    """The status and the time of creation. Calls DescribeProjects."""
    with aws_errors(project.arn):
        reply = project.aws.rekognition.describe_projects(ProjectNames=[project.name])
    for seen in reply["ProjectDescriptions"]:
        return seen["Status"], seen["CreationTimestamp"]
    raise NotFoundError(f"The project {project.name!r} does not exist.", arn=project.arn)

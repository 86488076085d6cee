"""``CustomLabelsProject``: a project with its two datasets, and the start of a training."""

from __future__ import annotations

import datetime as dt
import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import attrs

from rekognition_xray.cloud import datasets, parts, training
from rekognition_xray.cloud.aws import Aws, aws_errors
from rekognition_xray.cloud.datasets import DatasetDescription, DatasetType
from rekognition_xray.cloud.s3 import S3Location, check_bucket
from rekognition_xray.cloud.training_checks import TrainingQuotas, check_name
from rekognition_xray.cloud.upload import Receipt
from rekognition_xray.cloud.upload import store as store_films
from rekognition_xray.cloud.version import ModelVersion
from rekognition_xray.cloud.waiting import Settled, SettleTable, Wait
from rekognition_xray.costs import EstimateRange, Money, PriceBook
from rekognition_xray.data.dataset import XrayDataset
from rekognition_xray.data.manifest import Manifest
from rekognition_xray.data.overlap import leaks, left_to_chance
from rekognition_xray.errors import InUseError, NotFoundError

log = logging.getLogger(__name__)

CREATED: Final[SettleTable] = {
    "CREATING": Settled.GO_ON,
    "CREATED": Settled.DONE,
    "DELETING": Settled.FAILED,
}
"""Is the project there to be worked with?"""

_NOT_SENT: Final = "nothing was uploaded"


@attrs.frozen
class CustomLabelsProject:
    """Handle on a project. It keeps nothing that the service can change.

    Attributes:
        aws: the way to AWS.
        arn: the project's ARN.
    """

    aws: Aws = attrs.field(repr=False)
    arn: str

    @classmethod
    def get_or_create(cls, name: str, *, aws: Aws) -> CustomLabelsProject:
        """Opens the project of that name, or creates it and waits until it is there.

        Calls DescribeProjects and, for a new one, CreateProject; free.

        Args:
            name: 1 to 255 of the characters a-z, A-Z, 0-9, ``_``, ``.`` and ``-``.
            aws: the way to AWS.

        Raises:
            InvalidRequestError: the service would refuse the name.
            QuotaError: the account has as many projects as it may have.
        """
        check_name("project", name)
        found = cls.find(name, aws=aws)
        if found is None:
            try:
                with aws_errors(f"project {name}"):
                    reply = aws.rekognition_once.create_project(ProjectName=name)
                found = cls(aws, reply["ProjectArn"])
            except InUseError:  # somebody else was faster
                found = cls.find(name, aws=aws)
                if found is None:
                    raise
        Wait(300).until(found.look, CREATED, what=f"project {name}", clock=aws.clock)
        return found

    @classmethod
    def find(cls, name: str, *, aws: Aws) -> CustomLabelsProject | None:
        """The project of that name, or None. Calls DescribeProjects; free."""
        with aws_errors(f"project {name}"):
            reply = aws.rekognition.describe_projects(ProjectNames=[name])
        for project in reply["ProjectDescriptions"]:
            return cls(aws, project["ProjectArn"])
        return None

    @property
    def name(self) -> str:
        """The project's name, read from the ARN."""
        return self.arn.split("/")[1]

    def datasets(self) -> Mapping[DatasetType, DatasetDescription]:
        """The datasets by type, ``TRAIN`` and ``TEST``. Calls DescribeProjects, DescribeDataset.

        Raises:
            NotFoundError: the project does not exist (any more).
        """
        found = datasets.of_project(self.aws, self.arn)
        return {kind: datasets.describe(self.aws, arn) for kind, arn in found.items()}

    def put_datasets(
        self,
        *,
        train: XrayDataset,
        test: XrayDataset | None = None,
        store: str | S3Location,
        key: str | bytes | None = None,
        replace: bool = False,
        allow_leaks: bool = False,
        work: str | Path | None = None,
        progress: bool = False,
    ) -> Receipt:
        """Uploads the films and makes them the project's datasets; waits until that is done.

        Everything is checked before the first byte is sent, also that train and test share no
        patient, no film and no picture, and are parts of one split. Without ``test`` the service
        moves a fifth of the entries to a test dataset (DistributeDatasetEntries): it knows no
        patients, so that is refused where one has several films. ``allow_leaks`` goes on all the
        same: a warning says what leaks, and the datasets and the versions that are trained on them
        bear the tag ``rxray.leaks``.

        Safe to repeat: films that are there are not sent again, a dataset that already holds the
        same entries is kept. Films that lie in S3 stay where they lie. Calls those of
        ``storage.store`` and ``datasets.put_all``, ListTagsForResource, DistributeDatasetEntries
        where there is no ``test``, and, for what leaks, TagResource. S3 bills requests and
        storage; the datasets are free.

        Args:
            train: films to learn from; at least two labels.
            test: films to judge by; at least two labels, all of them known to ``train``.
            store: bucket and prefix for films and manifests, in the project's Region.
            key: secret of the pseudonyms in the object keys; see PseudonymKey.find.
            replace: deletes a dataset that holds other entries and makes it anew.
            allow_leaks: goes on where train and test share what they must not.
            work: folder for prepared films, kept for the next run; else a temporary one.
            progress: shows bars.

        Returns:
            What was uploaded, and where each film lies.

        Raises:
            LabelsError: too few labels, or labels that only the test part has.
            ManifestError: a part is larger than the service's guide allows.
            SplitError: train and test share patients, films or pictures, or are of two splits.
            AuditError: films that cannot be used, or files that the dataset rejected; all named.
            StorageError: the bucket is missing or elsewhere.
            AlreadyExistsError: the project has datasets with other entries.
            DatasetFailedError: with the service's message.
        """
        parts.check_rejected(train, test)
        parts.check_labels(train, test)
        both = parts.by_type(train, test)
        for kind, part in both.items():
            datasets.check_limits(part.counts, kind, region=self.aws.region)
        target = S3Location.parse(store)
        found = leaks(train, test) if test is not None else left_to_chance(train)
        leaking = parts.judge(found, allowed=allow_leaks, stopped=_NOT_SENT)
        if test is None and not leaking:
            parts.warn_of_unknown(train)
        check_bucket(self.aws, target.bucket)
        with parts.prepared_in(work) as folder:
            if test is not None:
                same = parts.same_pictures(train, test, folder, progress=progress)
                leaking |= parts.judge(same, allowed=allow_leaks, stopped=_NOT_SENT)
            receipt = store_films(
                parts.films_of(train, test),
                target,
                aws=self.aws,
                key=key,
                work=folder,
                progress=progress,
            )
        manifests = {kind: Manifest.of(part, receipt.addresses) for kind, part in both.items()}
        datasets.put_all(self.aws, self.arn, manifests, store=target, replace=replace)
        if test is None:
            datasets.distribute(self.aws, self.arn)
        made = datasets.of_project(self.aws, self.arn)
        parts.note_leaks(self.aws, made.values(), leaking=leaking)
        return receipt

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
        datasets that are missing, failed or full of bad entries, too few labels, too many films of
        one, test labels that do not meet the trained ones, Region, bucket, name, quotas. The
        price is logged as a range with its sources; ``training_estimate`` gives it beforehand. AWS
        bills a training when it succeeds, per hour (the article's took 1.308 h), and has no call
        that stops one.

        Safe to kill and to repeat: a version of this name that was started by this library from
        these very datasets and for this output is given back, whatever came of it.

        The version is tagged: ``rxray.training`` with a digest of datasets and output, by which it
        is found again; ``rxray.films`` with the number of training films; ``rxray.split`` with the
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
            prices: the price book for that.
            tags: tags of your own for the version; keys that begin with ``rxray.`` are ours.
            kms_key: id, ARN or alias of the KMS key that encrypts the service's copy of the films
                and the result files; whoever reads those needs ``kms:Decrypt``.
            allow_leaks: trains although the datasets are not two parts of one split.
            quotas: of your account, where AWS has raised them.

        Raises:
            AlreadyExistsError: the name is taken by another version.
            InvalidRequestError: the service would refuse the name, a tag, the key or the Region.
            SplitError: the datasets belong to two splits, or were distributed by film. Patients
                and pictures are compared by ``put_datasets`` and ``Evaluation``, not here.
            LabelsError: the labels of train and test do not meet as they must.
            ManifestError: a dataset is empty, too large, or has too many entries with errors.
            DatasetFailedError: the last thing that was done with a dataset has failed.
            NotFoundError: the project lacks a train or a test dataset.
            StorageError: the bucket is missing or elsewhere.
            CostCapError: see ``max_cost``.
            QuotaError: as many trainings are running as may, or the project is full.
            TrainingRefusedError: several of these; it carries them all.
        """
        wanted = training.Wanted(
            name,
            output,
            max_cost=max_cost,
            prices=prices or PriceBook(),
            tags=tags or {},
            kms_key=kms_key,
            allow_leaks=allow_leaks,
            quotas=quotas or TrainingQuotas(),
        )
        return ModelVersion(self.aws, training.start(self.aws, self.arn, wanted), self.arn)

    def training_estimate(self, prices: PriceBook | None = None) -> EstimateRange:
        """What a training of the TRAIN dataset may cost, as a range that names its sources.

        By the last five trainings of this project that succeeded, scaled by their films; without
        one by AWS's guide, 0.5 to 24 hours. Calls DescribeProjects, DescribeDataset,
        DescribeProjectVersions and, for each of the five, ListTagsForResource; free.

        Raises:
            NotFoundError: the project has no TRAIN dataset, or does not exist.
        """
        return training.estimate(self.aws, self.arn, prices or PriceBook())

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
        pages = self.aws.rekognition.get_paginator("describe_project_versions")
        with aws_errors(self.arn):
            return tuple(
                ModelVersion(self.aws, version["ProjectVersionArn"], self.arn)
                for page in pages.paginate(ProjectArn=self.arn)
                for version in page["ProjectVersionDescriptions"]
            )

    def look(self) -> tuple[str, dt.datetime]:
        """The status and the time of creation. Calls DescribeProjects; free."""
        with aws_errors(self.arn):
            reply = self.aws.rekognition.describe_projects(ProjectNames=[self.name])
        for project in reply["ProjectDescriptions"]:
            return project["Status"], project["CreationTimestamp"]
        raise NotFoundError(f"The project {self.name!r} does not exist.", arn=self.arn)

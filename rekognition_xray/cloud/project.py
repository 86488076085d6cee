"""``CustomLabelsProject``: a project with its two datasets, and the start of a training."""

from __future__ import annotations

import datetime as dt
import logging
import re
import warnings
from collections.abc import Mapping
from typing import Final

import attrs

from rekognition_xray.cloud import datasets
from rekognition_xray.cloud.aws import Aws, aws_errors
from rekognition_xray.cloud.datasets import DatasetDescription, DatasetType
from rekognition_xray.cloud.s3 import S3Location, check_bucket
from rekognition_xray.cloud.upload import Receipt
from rekognition_xray.cloud.upload import store as store_films
from rekognition_xray.cloud.version import ModelVersion
from rekognition_xray.cloud.waiting import Settled, SettleTable, Wait
from rekognition_xray.costs import Money, PriceBook, money
from rekognition_xray.data.dataset import XrayDataset
from rekognition_xray.data.manifest import Manifest
from rekognition_xray.errors import (
    AlreadyExistsError,
    AuditError,
    CostCapError,
    InUseError,
    InvalidRequestError,
    LabelsError,
    NotFoundError,
    PatientLeakWarning,
    SplitError,
    list_paths,
)

log = logging.getLogger(__name__)

CREATED: Final[SettleTable] = {
    "CREATING": Settled.GO_ON,
    "CREATED": Settled.DONE,
    "DELETING": Settled.FAILED,
}
"""Is the project there to be worked with?"""

_NAME: Final = re.compile(r"[a-zA-Z0-9_.\-]{1,255}")
_LONGEST_TRAINING_HOURS: Final = 24


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
        _check_name("project", name)
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
        progress: bool = False,
    ) -> Receipt:
        """Uploads the films and makes them the project's datasets; waits until that is done.

        Everything is checked before the first byte is sent. Without ``test`` the service moves a
        fifth of the entries to a test dataset (DistributeDatasetEntries): it knows no patients, so
        films of one patient may then stand on both sides, and a warning says so.

        Safe to repeat: films that are there are not sent again, a dataset that already holds the
        same entries is kept. Calls HeadBucket, ListObjectsV2, PutObject, CreateDataset,
        DescribeDataset, ListDatasetEntries, DeleteDataset, DistributeDatasetEntries. S3 bills
        requests and storage; the datasets are free.

        Args:
            train: films to learn from; at least two labels.
            test: films to judge by; at least two labels, all of them known to ``train``.
            store: bucket and prefix for films and manifests, in the project's Region.
            key: secret of the pseudonyms in the object keys; see PseudonymKey.find.
            replace: deletes a dataset that holds other entries and makes it anew.
            progress: shows bars.

        Returns:
            What was uploaded, and where each film lies.

        Raises:
            LabelsError: too few labels, or labels that only the test part has.
            SplitError: a patient stands in both parts.
            AuditError: films that cannot be used, or files that the dataset rejected; all named.
            StorageError: the bucket is missing or elsewhere.
            AlreadyExistsError: the project has datasets with other entries.
            DatasetFailedError: with the service's message.
        """
        _check_rejected(train, test)
        _check_labels(train, test)
        _check_patients(train, test)
        target = S3Location.parse(store)
        parts: dict[DatasetType, XrayDataset] = {"TRAIN": train}
        if test is not None:
            parts["TEST"] = test
        films = [film for part in parts.values() for film in part]
        receipt = store_films(films, target, aws=self.aws, key=key, progress=progress)
        for kind, part in parts.items():
            manifest = Manifest.of(part, receipt.addresses)
            datasets.put(self.aws, self.arn, kind, manifest, store=target, replace=replace)
        if test is None:
            self._distribute()
        return receipt

    def train(
        self,
        name: str,
        *,
        output: str | S3Location,
        max_cost: Money | None = None,
        prices: PriceBook | None = None,
    ) -> ModelVersion:
        """Starts a training of the project's datasets and returns at once.

        AWS bills a training when it succeeds, per hour (the article's took 1.308 h), and has no
        call that stops one. Calls DescribeProjectVersions, HeadBucket and CreateProjectVersion.

        Args:
            name: name of the new version; 1 to 255 of a-z, A-Z, 0-9, ``_``, ``.`` and ``-``.
            output: bucket and prefix for the result files, in the project's Region.
            max_cost: refuses to start when the longest training that AWS documents, 24 hours,
                would cost more. A training cannot be stopped, so this is all that a cap can do.
            prices: the price book for that.

        Raises:
            AlreadyExistsError: the name is taken.
            InvalidRequestError: the service would refuse the name.
            NotFoundError: the project lacks a train or a test dataset.
            StorageError: the bucket is missing or elsewhere.
            CostCapError: see ``max_cost``.
            QuotaError: two trainings are running already, or the project is full.
        """
        _check_name("version", name)
        target = S3Location.parse(output)
        _check_cap(max_cost, prices or PriceBook())
        if self.version(name) is not None:
            raise AlreadyExistsError(
                f"The project {self.name!r} has a version {name!r} already.",
                arn=self.arn,
                hint="Train under another name, or open it: project.version(name).",
            )
        missing = {"TRAIN", "TEST"} - set(datasets.of_project(self.aws, self.arn))
        if missing:
            raise NotFoundError(
                f"The project {self.name!r} has no {' and no '.join(sorted(missing))} dataset.",
                arn=self.arn,
                hint="Call put_datasets first.",
            )
        check_bucket(self.aws, target.bucket)
        with aws_errors(self.arn):
            reply = self.aws.rekognition_once.create_project_version(
                ProjectArn=self.arn,
                VersionName=name,
                OutputConfig={"S3Bucket": target.bucket, "S3KeyPrefix": target.key},
            )
        return ModelVersion(self.aws, reply["ProjectVersionArn"], self.arn)

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

    def _distribute(self) -> None:
        warnings.warn(
            "The service splits by film, not by patient: films of one patient may stand in train "
            "and test, and figures come out too good. Use XrayDataset.split() and pass test=.",
            PatientLeakWarning,
            stacklevel=3,
        )
        datasets.distribute(self.aws, self.arn)

    def look(self) -> tuple[str, dt.datetime]:
        """The status and the time of creation. Calls DescribeProjects; free."""
        with aws_errors(self.arn):
            reply = self.aws.rekognition.describe_projects(ProjectNames=[self.name])
        for project in reply["ProjectDescriptions"]:
            return project["Status"], project["CreationTimestamp"]
        raise NotFoundError(f"The project {self.name!r} does not exist.", arn=self.arn)


def _check_name(what: str, name: str) -> None:
    if not _NAME.fullmatch(name):
        raise InvalidRequestError(
            f"{name!r} cannot be the name of a {what}.",
            hint="Use 1 to 255 of the characters a-z, A-Z, 0-9, '_', '.' and '-'.",
        )


def _check_cap(max_cost: Money | None, prices: PriceBook) -> None:
    longest = prices.training(_LONGEST_TRAINING_HOURS).total
    if max_cost is not None and longest > money(max_cost):
        raise CostCapError(
            f"A training of {_LONGEST_TRAINING_HOURS} h, the longest that AWS documents, would "
            f"cost {longest} {prices.currency}, more than the cap of {max_cost}; nothing was "
            "started, and a training cannot be stopped once it runs."
        )


def _check_rejected(*parts: XrayDataset | None) -> None:
    rejected = dict.fromkeys(item for part in parts if part for item in part.rejected)
    if rejected:
        raise AuditError(
            f"{len(rejected)} files of the dataset have no usable label; nothing was uploaded:\n"
            + list_paths(f"{item.path}: {item.reason}" for item in rejected),
            paths=[item.path for item in rejected],
            hint="Rename or remove them, or leave them out knowingly: "
            "attrs.evolve(dataset, rejected=()).",
        )


def _check_labels(train: XrayDataset, test: XrayDataset | None) -> None:
    for name, part in (("training", train), ("test", test)):
        if part is not None and len(part.labels) < 2:
            raise LabelsError(
                f"The {name} dataset holds only the label {', '.join(part.labels) or '(none)'}; "
                "nothing was uploaded."
            )
    unknown = set(test.labels) - set(train.labels) if test is not None else set()
    if unknown:
        raise LabelsError(
            f"Only the test dataset holds {', '.join(sorted(unknown))}; nothing was uploaded.",
            hint="Every label that is tested has to be trained.",
        )


def _check_patients(train: XrayDataset, test: XrayDataset | None) -> None:
    if test is None:
        return
    shared = {film.group for film in train} & {film.group for film in test}
    if shared:
        films = [film.path for film in test if film.group in shared]
        raise SplitError(
            f"{len(shared)} patients stand in train and in test; nothing was uploaded. Films:\n"
            + list_paths(films),
            paths=films,
            hint="Split by XrayDataset.split(), which keeps patients whole.",
        )

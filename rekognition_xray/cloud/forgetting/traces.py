"""Where a patient's pseudonym is found: object versions, manifests, datasets, trained versions."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterable, Iterator, Sequence
from typing import Final

import attrs

from rekognition_xray.cloud.aws import Aws, aws_errors
from rekognition_xray.cloud.datasets import DatasetType, dataset_arns, wait_until_still
from rekognition_xray.cloud.projects import CustomLabelsProject
from rekognition_xray.cloud.s3 import S3Location, read_object
from rekognition_xray.cloud.versions import ModelVersion, VersionDescription
from rekognition_xray.errors import AccessDeniedError, InUseError, StorageError

log = logging.getLogger(__name__)

MANIFESTS: Final = "manifests"
"""Folder of a store in which this library writes manifests."""


@attrs.frozen
class Patient:
    """One patient in one store, known by the pseudonym alone."""

    where: S3Location
    pseudonym: str

    @property
    def folder(self) -> S3Location:
        """Where the images lie."""
        return self.where / self.pseudonym

    @property
    def mark(self) -> str:
        """What stands in every key of an image, and in every file that names one."""
        return f"/{self.pseudonym}/"

    def owns(self, line: str) -> bool:
        """Whether a manifest line is about one of the images."""
        return str(json.loads(line).get("source-ref", "")).startswith(f"{self.folder}/")


@attrs.frozen
class ObjectVersion:
    """One version of an object, or a delete marker. ``null`` is the one of a plain bucket."""

    key: str
    version_id: str
    size: int = 0
    marker: bool = False


@attrs.frozen
class PatientDataset:
    """A dataset that holds images of the patient.

    Attributes:
        project_arn: the project.
        kind: which of its two datasets.
        arn: the dataset.
        entries: entries in it.
        theirs: those of the patient.
    """

    project_arn: str
    kind: DatasetType
    arn: str
    entries: int
    theirs: int


@attrs.frozen
class Remains:
    """What outlives the images: trained versions, and files that name the images' keys.

    Attributes:
        learned: versions (by ARN) that were trained on images of the patient.
        judged: versions that were tested with some.
        files: result files of trainings that list their keys.
        unread: result files that could not be read, so that nobody knows.
    """

    learned: tuple[str, ...] = ()
    judged: tuple[str, ...] = ()
    files: tuple[S3Location, ...] = ()
    unread: tuple[S3Location, ...] = ()

    def __add__(self, other: Remains) -> Remains:
        return Remains(
            self.learned + other.learned,
            self.judged + other.judged,
            self.files + other.files,
            self.unread + other.unread,
        )


def object_versions(aws: Aws, folder: S3Location) -> tuple[ObjectVersion, ...]:
    """All versions of all objects in a folder, delete markers too. Calls ListObjectVersions."""
    pages = aws.s3.get_paginator("list_object_versions").paginate(
        Bucket=folder.bucket, Prefix=f"{folder.key}/"
    )
    found: list[ObjectVersion] = []
    with aws_errors(str(folder)):
        for page in pages:
            found += (
                ObjectVersion(item["Key"], item["VersionId"], item["Size"])
                for item in page.get("Versions", [])
            )
            found += (
                ObjectVersion(item["Key"], item["VersionId"], marker=True)
                for item in page.get("DeleteMarkers", [])
            )
    return tuple(found)


def manifests(aws: Aws, patient: Patient) -> tuple[ObjectVersion, ...]:
    """Versions of our manifests that list the patient. Calls GetObject for each manifest."""
    written = object_versions(aws, patient.where / MANIFESTS)
    return tuple(item for item in written if not item.marker and _lists(aws, item, patient))


def _lists(aws: Aws, item: ObjectVersion, patient: Patient) -> bool:
    bucket = patient.where.bucket
    with aws_errors(f"s3://{bucket}/{item.key}"):
        reply = aws.s3.get_object(Bucket=bucket, Key=item.key, VersionId=item.version_id)
        return patient.mark.encode() in reply["Body"].read()


def patient_datasets(project: CustomLabelsProject, patient: Patient) -> Iterator[PatientDataset]:
    """The project's datasets that hold the patient.

    Calls DescribeProjects, DescribeDataset and ListDatasetEntries; free.

    Raises:
        InUseError: there is such a dataset, and the project is training.
    """
    aws = project.aws
    for kind, arn in dataset_arns(aws, project.arn).items():
        seen = wait_until_still(aws, arn)
        if seen is None or seen.status == "CREATE_FAILED":
            continue
        theirs = sum(map(patient.owns, lines(aws, arn, patient.mark)))
        if theirs:
            yield PatientDataset(project.arn, kind, arn, seen.entries, theirs)


def lines(aws: Aws, arn: str, mark: str = "") -> Iterator[str]:
    """A dataset's lines as the service lists them; those whose source-ref contains the mark."""
    asked = aws.rekognition.get_paginator("list_dataset_entries")
    if mark:
        pages = asked.paginate(DatasetArn=arn, SourceRefContains=mark)
    else:
        pages = asked.paginate(DatasetArn=arn)
    with aws_errors(arn):
        for page in pages:
            yield from page["DatasetEntries"]


def remains(project: CustomLabelsProject, patient: Patient) -> Remains:
    """What trained versions of a project keep. Calls DescribeProjectVersions and GetObject.

    Raises:
        InUseError: a version is being trained, perhaps on these images.
    """
    return sum((_remains_of(version, patient) for version in project.versions()), Remains())


def _remains_of(version: ModelVersion, patient: Patient) -> Remains:
    seen = version.describe()
    if seen.status == "TRAINING_IN_PROGRESS":
        raise InUseError(
            f"The version {seen.name!r} of {version.project_arn} is being trained; nothing was "
            "deleted.",
            arn=version.arn,
            hint="Wait until it is trained, version.wait_until_trained(), then run it again.",
        )
    naming, unread = _read(version.aws, _files(seen), patient)
    return Remains(
        (version.arn,) if seen.training_output in naming else (),
        (version.arn,) if seen.testing_output in naming else (),
        naming,
        unread,
    )


def _files(seen: VersionDescription) -> Sequence[S3Location]:
    found = (
        seen.training_output,
        seen.testing_output,
        seen.training_validation,
        seen.testing_validation,
    )
    return [place for place in found if place is not None]


def _read(
    aws: Aws, places: Iterable[S3Location], patient: Patient
) -> tuple[tuple[S3Location, ...], tuple[S3Location, ...]]:
    """Places that name the patient's images, and places that cannot be read."""
    naming, unread = [], []
    for place in places:
        try:
            if patient.mark.encode() in read_object(aws, place):
                naming.append(place)
        except (AccessDeniedError, StorageError) as error:
            log.info("%s cannot be read: %s", place, error.message)
            unread.append(place)
    return tuple(naming), tuple(unread)

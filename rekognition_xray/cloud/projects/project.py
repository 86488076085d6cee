"""``CustomLabelsProject``: a project with its two datasets, and the start of a training."""

from __future__ import annotations

import datetime as dt
import logging
import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Final

import attrs

from rekognition_xray.cloud.aws import Aws, aws_errors
from rekognition_xray.cloud.datasets import (
    DatasetComparison,
    DatasetDescription,
    DatasetEntry,
    DatasetType,
    check_dataset_size,
    check_labels,
    check_leaks,
    check_options,
    check_rejected,
    compare_entries,
    dataset_arns,
    datasets_by_type,
    describe_dataset,
    distribute_entries,
    images_of_parts,
    label_counts,
    note_leaks,
    preparation_folder,
    put_manifests,
    read_entries,
    shared_prepared_pictures,
    warn_of_unknown,
)
from rekognition_xray.cloud.pricing import book_for
from rekognition_xray.cloud.projects import deleting, exporting, promotion
from rekognition_xray.cloud.projects.deleting import DeletionPlan, DeletionResult
from rekognition_xray.cloud.projects.exporting import ProjectExport
from rekognition_xray.cloud.projects.promotion import VersionComparison
from rekognition_xray.cloud.s3 import S3Location
from rekognition_xray.cloud.storage import Receipt, check_place
from rekognition_xray.cloud.storage import store as store_images
from rekognition_xray.cloud.tags import check_tags, read_tags, write_tags
from rekognition_xray.cloud.version_description import (
    VersionDescription,
    descriptions,
    project_arns,
)
from rekognition_xray.cloud.versions import (
    ModelVersion,
    TrainingRequest,
    check_name,
    estimate_training,
    start_training,
)
from rekognition_xray.cloud.waiting import Settled, SettleTable, Wait
from rekognition_xray.costs import EstimateRange, Money, PriceBook
from rekognition_xray.data.dataset import XrayDataset
from rekognition_xray.data.manifests import Manifest
from rekognition_xray.data.splitting import find_leaks, split_risks
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
        aws: the AWS session.
        arn: the project's ARN.
    """

    aws: Aws = attrs.field(repr=False)
    arn: str

    @classmethod
    def get_or_create(
        cls, name: str, *, aws: Aws, tags: Mapping[str, str] | None = None
    ) -> CustomLabelsProject:
        """Opens the project of that name, or creates it and waits until it is there.

        Calls DescribeProjects and, for a new one, CreateProject; free.

        Args:
            name: 1 to 255 of the characters a-z, A-Z, 0-9, ``_``, ``.`` and ``-``.
            aws: the AWS session.
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
                    reply = aws.rekognition.create_project(ProjectName=name, Tags=tags or {})
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
            aws: the AWS session.
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
        return tuple(cls(aws, arn) for arn in project_arns(aws))

    @property
    def name(self) -> str:
        """The project's name, read from the ARN."""
        return self.arn.split("/")[1]

    def datasets(self) -> Mapping[DatasetType, DatasetDescription]:
        """The datasets by type, ``TRAIN`` and ``TEST``. Calls DescribeProjects, DescribeDataset.

        Raises:
            NotFoundError: the project does not exist (any more).
        """
        found = dataset_arns(self.aws, self.arn)
        return {kind: describe_dataset(self.aws, arn) for kind, arn in found.items()}

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
        """Uploads the images and makes them the project's datasets; waits until that is done.

        Everything is checked before the first byte is sent, also that train and test share no
        patient, no image and no picture, and are parts of one split. Without ``test`` the service
        moves a fifth of the entries to a test dataset (DistributeDatasetEntries): it knows no
        patients, so that is refused where one has several images. ``allow_leaks`` goes on all the
        same: a warning says what leaks, and the datasets and the versions that are trained on them
        bear the tag ``rxray.leaks``.

        Safe to repeat: images that are there are not sent again, a dataset that already holds the
        same entries is kept. Images that are in S3 already are not moved. The tag ``rxray.entries``
        of a dataset says which entries were put and when it was changed then; where both still
        hold, entries need not be listed.

        Calls those of ``storage.store`` (HeadBucket, GetPublicAccessBlock, GetBucketPolicyStatus,
        GetBucketAcl, ListObjectsV2, PutObject); DescribeProjects, DescribeDataset,
        ListTagsForResource and, as needed, ListDatasetEntries, CreateDataset, UpdateDatasetEntries
        and DeleteDataset; DistributeDatasetEntries where there is no ``test``; TagResource, and
        UntagResource where nothing leaks any more. S3 bills requests and storage; the datasets are
        free.

        Args:
            train: images to learn from; at least two labels.
            test: images to judge by; at least two labels, all of them known to ``train``.
            store: bucket and prefix for images and manifests, in the project's Region.
            key: secret of the pseudonyms in the object keys; see PseudonymKey.find.
            replace: deletes a dataset that holds other entries and makes it anew.
            allow_leaks: goes on where train and test share what they must not.
            work: folder for prepared images, kept for the next run; else a temporary one.
            progress: shows bars.

        Returns:
            What was uploaded, and where each image lies.

        Raises:
            LabelsError: too few labels, or labels that only the test part has.
            DataError: train and test have different options.
            ManifestError: a part is larger than the service's guide allows.
            SplitError: train and test share patients, images or pictures, or are of two splits.
            AuditError: images that cannot be used, or files that the dataset rejected; all named.
            StorageError: the bucket is missing or elsewhere.
            AlreadyExistsError: the project has datasets with other entries.
            DatasetFailedError: with the service's message.
        """
        check_rejected(train, test)
        check_options(train, test)
        check_labels(train, test)
        parts = datasets_by_type(train, test)
        for kind, part in parts.items():
            check_dataset_size(part.counts, kind, region=self.aws.region, quotas=self.aws.quotas)
        target = S3Location.parse(store)
        found = find_leaks(train, test) if test is not None else split_risks(train)
        leaking = check_leaks(found, allowed=allow_leaks, stopped=_NOT_SENT)
        if test is None and not leaking:
            warn_of_unknown(train)
        check_place(self.aws, target.bucket)
        images = images_of_parts(train, test)
        with preparation_folder(work) as folder:
            here = XrayDataset(
                [image for image in images if image.address is None], options=train.options
            )
            prepared = here.prepare(folder, progress=progress)
            if test is not None:
                same = shared_prepared_pictures(train, test, prepared)
                leaking |= check_leaks(same, allowed=allow_leaks, stopped=_NOT_SENT)
            in_s3 = (image for image in images if image.address is not None)
            receipt = store_images(
                [*prepared, *in_s3], target, aws=self.aws, key=key, progress=progress
            )
        sent = {
            image: str(place) for image, place in receipt.locations.items() if not image.address
        }
        manifests: dict[DatasetType, Manifest] = {
            kind: Manifest.of(part, sent) for kind, part in parts.items()
        }
        put_manifests(
            self.aws, self.arn, manifests, store=target, replace=replace, sizes_checked=True
        )
        if test is None:
            distribute_entries(self.aws, self.arn)
        made = dataset_arns(self.aws, self.arn)
        note_leaks(self.aws, made.values(), leaking=leaking)
        return receipt

    def entries(
        self,
        kind: DatasetType,
        *,
        labels: Iterable[str] = (),
        labelled: bool | None = None,
        has_errors: bool | None = None,
        contains: str = "",
    ) -> Iterator[DatasetEntry]:
        """The entries of a dataset, read as they are asked for, filtered by the service.

        Calls DescribeProjects once, and ListDatasetEntries once per 100 entries; free.

        Args:
            kind: ``TRAIN`` or ``TEST``.
            labels: only entries with one of these, at most 10.
            labelled: only entries with a label, or only those without.
            has_errors: only entries that the service finds fault with, or only the others.
            contains: only entries whose source-ref contains this, such as a patient's pseudonym.

        Raises:
            NotFoundError: the project has no such dataset, or does not exist.
            NotReadyError: the dataset is being made or changed.
            InvalidRequestError: the service would refuse a filter.
        """
        return read_entries(
            self.aws,
            self._dataset(kind),
            labels=labels,
            labelled=labelled,
            has_errors=has_errors,
            contains=contains,
        )

    def labels(self, kind: DatasetType) -> Mapping[str, int]:
        """Images of each label of a dataset. Calls DescribeProjects, ListDatasetLabels; free.

        Raises:
            NotFoundError: the project has no such dataset, or does not exist.
        """
        return label_counts(self.aws, self._dataset(kind))

    def check(
        self, kind: DatasetType, sent: Manifest | XrayDataset, receipt: Receipt | None = None
    ) -> DatasetComparison:
        """Compares what was sent to a dataset with what the service kept of it.

        The service drops lines that it cannot use without a word, and flags others. Both are named
        here. Calls DescribeProjects, and ListDatasetEntries once per 100 entries; free.

        Args:
            kind: ``TRAIN`` or ``TEST``.
            sent: the manifest, or the images that ``put_datasets`` was given for this dataset.
            receipt: what ``put_datasets`` gave back; needed for images that do not lie in S3.

        Raises:
            ManifestError: images of which nobody says where they lie.
            NotFoundError: the project has no such dataset, or does not exist.
        """
        if isinstance(sent, XrayDataset):
            sent = Manifest.of(sent, receipt.addresses if receipt else None)
        return compare_entries(kind, sent, self.entries(kind))

    def _dataset(self, kind: DatasetType) -> str:
        found = dataset_arns(self.aws, self.arn)
        if kind not in found:
            raise NotFoundError(
                f"The project {self.arn.split('/')[1]!r} has no {kind} dataset.",
                arn=self.arn,
                hint="It has TRAIN and TEST once put_datasets has been called.",
            )
        return found[kind]

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
    ) -> ModelVersion:
        """Starts a training of the project's datasets and returns at once.

        What the service would refuse after hours is checked first, and reported all together:
        datasets that are missing, failed or full of bad entries, too few labels, too many images of
        one, test labels that do not meet the trained ones, Region, bucket, name, quotas. The
        price is logged as a range with its sources; ``training_estimate`` gives it beforehand. AWS
        bills a training when it succeeds, per hour (the article's took 1.308 h), and has no call
        that stops one.

        Safe to kill and to repeat: a version of this name that was started by this library from
        these very datasets and for this output is given back, whether it succeeded or not.

        The version is tagged: ``rxray.training`` with a digest of datasets and output, by which it
        is found again; ``rxray.images`` with the number of training images; ``rxray.split`` with
        the fingerprint of the split that the datasets are parts of, where their manifests name it;
        and ``rxray.leaks`` where train and test share what they must not and that was allowed. AWS
        asks for the permission ``rekognition:TagResource`` then.

        Calls DescribeProjectVersions, DescribeProjects, HeadBucket, CreateProjectVersion; for each
        dataset DescribeDataset, ListDatasetLabels, ListDatasetEntries and ListTagsForResource; and
        DescribeProjectVersions for every other project, to see what is being trained.

        Args:
            name: name of the new version; 1 to 255 of a-z, A-Z, 0-9, ``_``, ``.`` and ``-``.
            output: bucket and prefix for the result files, in the project's Region.
            max_cost: refuses to start when the upper end of the estimate exceeds it: AWS's 24
                hours, unless earlier trainings of this project say less. It is an estimate all
                the same, and a training cannot be stopped: this is all that a cap can do.
            prices: the price book for that; by default the library's for the Region.
            tags: tags of your own for the version; keys that begin with ``rxray.`` are ours.
            kms_key: id, ARN or alias of the KMS key that encrypts the service's copy of the images
                and the result files; whoever reads those needs ``kms:Decrypt``.
            allow_leaks: trains although the datasets are not two parts of one split.

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
        request = TrainingRequest(
            name,
            output,
            max_cost=max_cost,
            prices=book_for(self.aws, prices, max_cost),
            tags=tags or {},
            kms_key=kms_key,
            allow_leaks=allow_leaks,
        )
        return ModelVersion(self.aws, start_training(self.aws, self.arn, request), self.arn)

    def training_estimate(
        self, prices: PriceBook | None = None, *, images: int | None = None
    ) -> EstimateRange:
        """What a training may cost, as a range that names its sources.

        By the last five trainings of this project that succeeded, scaled by their images; without
        one by AWS's guide, 0.5 to 24 hours. Calls DescribeProjects, DescribeDataset,
        DescribeProjectVersions and, for each of the five, ListTagsForResource; free.

        Args:
            prices: the price book; by default the library's for the Region.
            images: to be trained on; by default those of the TRAIN dataset.

        Raises:
            NotFoundError: the project has no TRAIN dataset, or does not exist.
        """
        return estimate_training(self.aws, self.arn, book_for(self.aws, prices), images)

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

    def promote(self, version: ModelVersion, comparison: VersionComparison | None = None) -> None:
        """Makes a version the one in use.

        The project's tag ``rxray.current`` names it, and ``rxray.previous`` the one before, by name
        and time of creation. Both are written by one call, so that no crash can lose the one in
        use. It starts and stops nothing. Calls DescribeProjectVersions, ListTagsForResource and
        TagResource; free.

        Args:
            version: a trained version of this project.
            comparison: with the version in use (``compare(old, new)``); one that shows the new
                version to be worse, that does not show it to be within the margin that was stated,
                or that is about others, is refused.

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

    def export(
        self, folder: str | os.PathLike[str], *, also: Iterable[str | os.PathLike[str]] = ()
    ) -> ProjectExport:
        """Writes what can be taken along to a new folder: a model itself cannot leave AWS.

        That is: addresses, labels and split of the images of both datasets, as manifests; result
        files, description and tags of each version; the project's tags; and files of yours, such
        as policies and model cards. The images stay in S3. The folder appears when it is complete;
        ``ProjectExport.read`` reads it without AWS.

        Calls DescribeProjects, ListDatasetEntries once per 100 entries, DescribeProjectVersions
        and ListTagsForResource, and GetObject for each result file; free but for S3 requests.

        Args:
            folder: a new folder, or an empty one.
            also: files that are copied into it.

        Raises:
            DataError: the folder is not empty, or a file does not exist; nothing was written.
            AwsError: AWS refused; nothing was written. Result files that are no longer in S3 are
                named in the log and left out.
        """
        return exporting.export_project(self, Path(folder), [Path(path) for path in also])

    def delete(
        self, *, confirm: Callable[[DeletionPlan], bool], stop: bool = False
    ) -> DeletionResult:
        """Deletes the project with its versions and datasets, after showing what that means.

        Nothing is changed before ``confirm`` has seen the plan and answered True. Then running
        versions are stopped, and versions, datasets and the project deleted in this order, each
        waited for. Images and result files in S3 remain. Safe to repeat: a run that was cut off is
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

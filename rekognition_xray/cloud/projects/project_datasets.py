"""The part of a project that is about its datasets: put, listed, counted, compared."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Final

import attrs

from rekognition_xray.cloud.aws import Aws
from rekognition_xray.cloud.datasets import (
    Kept,
    ListedEntry,
    kept_entries,
    label_counts,
    listing,
    part_checks,
)
from rekognition_xray.cloud.datasets import putting as datasets
from rekognition_xray.cloud.datasets.putting import DatasetDescription, DatasetType
from rekognition_xray.cloud.s3 import S3Location, check_bucket
from rekognition_xray.cloud.storage import Receipt
from rekognition_xray.cloud.storage import store as store_images
from rekognition_xray.data.dataset import XrayDataset
from rekognition_xray.data.manifests import Manifest
from rekognition_xray.data.splitting import leaks, left_to_chance
from rekognition_xray.errors import NotFoundError

_NOT_SENT: Final = "nothing was uploaded"


@attrs.frozen
class ProjectDatasets:
    """The datasets of a project; ``CustomLabelsProject`` is one of these.

    Attributes:
        aws: the way to AWS.
        arn: the project's ARN.
    """

    aws: Aws = attrs.field(repr=False)
    arn: str

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
        """Uploads the images and makes them the project's datasets; waits until that is done.

        Everything is checked before the first byte is sent, also that train and test share no
        patient, no image and no picture, and are parts of one split. Without ``test`` the service
        moves a fifth of the entries to a test dataset (DistributeDatasetEntries): it knows no
        patients, so that is refused where one has several images. ``allow_leaks`` goes on all the
        same: a warning says what leaks, and the datasets and the versions that are trained on them
        bear the tag ``rxray.leaks``.

        Safe to repeat: images that are there are not sent again, a dataset that already holds the
        same entries is kept. Images that lie in S3 stay where they lie.

        Calls those of ``storage.store`` (HeadBucket, GetPublicAccessBlock, GetBucketPolicyStatus,
        GetBucketAcl, ListObjectsV2, PutObject); DescribeProjects, DescribeDataset,
        ListDatasetEntries, ListTagsForResource and, as needed, CreateDataset, UpdateDatasetEntries
        and DeleteDataset; DistributeDatasetEntries where there is no ``test``; and TagResource for
        what leaks. S3 bills requests and storage; the datasets are free.

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
            ManifestError: a part is larger than the service's guide allows.
            SplitError: train and test share patients, images or pictures, or are of two splits.
            AuditError: images that cannot be used, or files that the dataset rejected; all named.
            StorageError: the bucket is missing or elsewhere.
            AlreadyExistsError: the project has datasets with other entries.
            DatasetFailedError: with the service's message.
        """
        part_checks.check_rejected(train, test)
        part_checks.check_labels(train, test)
        both = part_checks.by_type(train, test)
        for kind, part in both.items():
            datasets.check_limits(part.counts, kind, region=self.aws.region)
        target = S3Location.parse(store)
        found = leaks(train, test) if test is not None else left_to_chance(train)
        leaking = part_checks.judge(found, allowed=allow_leaks, stopped=_NOT_SENT)
        if test is None and not leaking:
            part_checks.warn_of_unknown(train)
        check_bucket(self.aws, target.bucket)
        with part_checks.prepared_in(work) as folder:
            if test is not None:
                same = part_checks.same_pictures(train, test, folder, progress=progress)
                leaking |= part_checks.judge(same, allowed=allow_leaks, stopped=_NOT_SENT)
            receipt = store_images(
                part_checks.images_of(train, test),
                target,
                aws=self.aws,
                key=key,
                work=folder,
                progress=progress,
            )
        manifests: dict[DatasetType, Manifest] = {
            kind: Manifest.of(part, receipt.addresses) for kind, part in both.items()
        }
        datasets.put_all(self.aws, self.arn, manifests, store=target, replace=replace)
        if test is None:
            datasets.distribute(self.aws, self.arn)
        made = datasets.of_project(self.aws, self.arn)
        part_checks.note_leaks(self.aws, made.values(), leaking=leaking)
        return receipt

    def entries(
        self,
        kind: DatasetType,
        *,
        labels: Iterable[str] = (),
        labelled: bool | None = None,
        has_errors: bool | None = None,
        contains: str = "",
    ) -> Iterator[ListedEntry]:
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
        return listing.entries(
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
    ) -> Kept:
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
        return kept_entries.compared(kind, sent, self.entries(kind))

    def _dataset(self, kind: DatasetType) -> str:
        found = datasets.of_project(self.aws, self.arn)
        if kind not in found:
            raise NotFoundError(
                f"The project {self.arn.split('/')[1]!r} has no {kind} dataset.",
                arn=self.arn,
                hint="It has TRAIN and TEST once put_datasets has been called.",
            )
        return found[kind]

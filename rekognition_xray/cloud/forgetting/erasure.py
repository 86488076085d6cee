"""``forget``: a patient's images leave S3 and the datasets; what remains is named first."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Iterable, Sequence
from typing import Final

import attrs

from rekognition_xray.cloud.aws import Aws, aws_errors
from rekognition_xray.cloud.forgetting import rebuilding, traces
from rekognition_xray.cloud.forgetting.rebuilding import Rebuild
from rekognition_xray.cloud.forgetting.traces import ObjectVersion, Patient, PatientDataset, Remains
from rekognition_xray.cloud.projects import CustomLabelsProject
from rekognition_xray.cloud.s3 import S3Location, check_bucket
from rekognition_xray.data.pseudonyms import KEY_VARIABLE, PseudonymKey, key_path
from rekognition_xray.data.xrays import Xray
from rekognition_xray.errors import NotFoundError, StorageError, list_paths

log = logging.getLogger(__name__)

_BATCH: Final = 1000
_OTHER_KEY: Final = (
    "Check the patient (as the naming rule reads it: image.patient), the prefix, and the key: "
    "another key gives the same patient another pseudonym."
)


@attrs.frozen
class ForgetPlan:
    """What forgetting a patient does, and what it cannot do; ``str()`` lists it in lines.

    Attributes:
        where: bucket and prefix.
        pseudonym: stands for the patient.
        images: object versions of the images, delete markers too; they are deleted for good.
        manifests: versions of manifests that list the images; they are deleted, too.
        datasets: datasets that hold the images and are made anew without them.
        unfinished: datasets that an earlier run had begun to make anew.
        remains: what is not deleted.
    """

    where: S3Location
    pseudonym: str
    images: tuple[ObjectVersion, ...]
    manifests: tuple[ObjectVersion, ...]
    datasets: tuple[PatientDataset, ...]
    unfinished: tuple[Rebuild, ...]
    remains: Remains

    def __str__(self) -> str:
        keys = len({item.key for item in self.images})
        size = sum(item.size for item in self.images)
        lost = [f"{keys} images in {len(self.images)} object versions, {size / 1000:.0f} KB"]
        if self.manifests:
            lost.append(f"{len(self.manifests)} manifests that list them")
        return "\n".join(
            [
                f"The patient {self.pseudonym} in {self.where}",
                "is deleted for good:",
                list_paths(lost),
                *_part("and taken out of datasets, which are deleted and made anew:", self._anew()),
                *_part("What remains, and cannot be undone:", self._lines_of_remains()),
            ]
        )

    def _anew(self) -> list[str]:
        begun = {(item.project_arn, item.kind) for item in self.datasets}
        return [
            f"{item.kind} of {_name(item.project_arn)}: {item.entries} entries become "
            f"{item.entries - item.theirs}"
            for item in self.datasets
        ] + [
            f"{item.kind} of {_name(item.project_arn)}: begun by an earlier run, {item.entries} "
            "entries"
            for item in self.unfinished
            if (item.project_arn, item.kind) not in begun
        ]

    def _lines_of_remains(self) -> list[str]:
        kept = self.remains
        return [
            *(f"{arn} keeps what it has learned from the images" for arn in kept.learned),
            *(f"{arn} was judged by the images" for arn in kept.judged),
            *(f"{place} lists the images' keys" for place in kept.files),
            *(f"{place} could not be read; it may list them" for place in kept.unread),
            "images, prepared images and ledgers on this and other machines, replicas and backups",
        ]


@attrs.frozen
class ForgetResult:
    """What forgetting a patient did.

    Attributes:
        plan: what was shown.
        done: whether it was carried out; False where it was not confirmed.
        deleted: object versions that were deleted.
        datasets: ARNs of the datasets that were made anew.
    """

    plan: ForgetPlan
    done: bool
    deleted: int = 0
    datasets: tuple[str, ...] = ()


def forget(
    patient: str | Xray,
    where: str | S3Location,
    *,
    aws: Aws,
    confirm: Callable[[ForgetPlan], bool],
    key: str | bytes | None = None,
    projects: Iterable[CustomLabelsProject] | None = None,
) -> ForgetResult:
    """Removes a patient's images from S3 and from datasets, after showing what that means.

    Nothing is changed before ``confirm`` has seen the plan and answered True. Then each dataset
    that holds the images is made anew without them (the service cannot delete an entry; the dataset
    is missing meanwhile, and has another ARN afterwards), all versions of the images and of the
    manifests that list them are deleted, and in the end it is verified that nothing is left.
    Entries keep their labels, their origin and the fingerprint of the split they were drawn from;
    datasets keep their tags. Nothing can take from a trained version what it has learned: such
    versions, and the result files that list the keys, are named in the plan and left alone.

    Safe to repeat: a run that was cut off at any moment is completed by the next one, which shows
    its own plan. What a dataset shall hold is written to S3 before the dataset is deleted.

    Calls HeadBucket, ListObjectVersions, GetObject for each manifest and result file,
    DescribeProjects, DescribeDataset, ListDatasetEntries and DescribeProjectVersions to look;
    PutObject, ListTagsForResource, DeleteDataset, CreateDataset, TagResource and DeleteObjects to
    do it. The caller needs ``s3:ListBucketVersions``, ``s3:GetObjectVersion``, ``s3:DeleteObject``
    and ``s3:DeleteObjectVersion``, too. S3 bills the requests; all else is free.

    Args:
        patient: as the naming rule reads it (``image.patient``), or one of the patient's images.
        where: bucket and prefix that the images were stored under.
        aws: the AWS session.
        confirm: gets the plan; only True goes on.
        key: the secret of the pseudonyms at that time; see PseudonymKey.find.
        projects: whose datasets and versions are looked through; by default all of the account
            and Region.

    Raises:
        NotFoundError: nothing of the patient is there, or no key is kept on this machine.
        InUseError: one of the projects is training, or a dataset is in use.
        DatasetFailedError: a dataset could not be made anew; the images still lie in S3.
        StorageError: S3 refused to delete something (a lock, a policy), or something is left.
    """
    target = S3Location.parse(where)
    check_bucket(aws, target.bucket)
    group = patient.group if isinstance(patient, Xray) else patient
    known = Patient(target, _key(key, target).pseudonym(group))
    asked = tuple(CustomLabelsProject.list(aws=aws) if projects is None else projects)
    plan, begun = _look(aws, known, asked)
    if confirm(plan) is not True:
        log.info("%s is not forgotten: it was not confirmed", known.pseudonym)
        return ForgetResult(plan, done=False)
    made = _rebuild(aws, known, plan)
    doomed = (*plan.images, *plan.manifests)
    _delete(aws, target.bucket, doomed)
    _verify(aws, known, asked)
    if begun or made:
        _delete(aws, target.bucket, traces.object_versions(aws, rebuilding.journal_folder(known)))
    log.info("%s is forgotten: %d object versions", known.pseudonym, len(doomed))
    return ForgetResult(plan, done=True, deleted=len(doomed), datasets=made)


def _key(key: str | bytes | None, target: S3Location) -> PseudonymKey:
    """The key of a store, which is not made here: a new one would find nobody."""
    store = str(target)
    if key is None and not os.environ.get(KEY_VARIABLE) and not key_path(store).exists():
        raise NotFoundError(
            f"No key for the pseudonyms of {store} is kept on this machine, so the "
            "patient's images cannot be found.",
            hint=f"Pass key=..., or set {KEY_VARIABLE}, as it was when the images were stored.",
        )
    return PseudonymKey.find(key, store=store)


def _look(
    aws: Aws, patient: Patient, projects: Sequence[CustomLabelsProject]
) -> tuple[ForgetPlan, bool]:
    """The plan, and whether an earlier run had begun."""
    begun = rebuilding.read_journal(aws, patient)
    plan = ForgetPlan(
        patient.where,
        patient.pseudonym,
        traces.object_versions(aws, patient.folder),
        traces.manifests(aws, patient),
        tuple(held for project in projects for held in traces.patient_datasets(project, patient)),
        begun or (),
        sum((traces.remains(project, patient) for project in projects), Remains()),
    )
    if not (plan.images or plan.manifests or plan.datasets or begun is not None):
        raise NotFoundError(
            f"Nothing under the pseudonym {patient.pseudonym} lies in {patient.where}, and no "
            f"dataset of {len(projects)} projects holds it.",
            hint=_OTHER_KEY,
        )
    return plan, begun is not None


def _rebuild(aws: Aws, patient: Patient, plan: ForgetPlan) -> tuple[str, ...]:
    drafts = {(item.project_arn, item.kind): item for item in plan.unfinished}
    for held in plan.datasets:
        drafts[held.project_arn, held.kind] = rebuilding.draft_rebuild(aws, patient, held)
    if not drafts:
        return ()
    rebuilding.write_journal(aws, patient, drafts.values())
    return tuple(rebuilding.carry_out(aws, patient, draft) for draft in drafts.values())


def _delete(aws: Aws, bucket: str, doomed: Sequence[ObjectVersion]) -> None:
    refused = []
    for start in range(0, len(doomed), _BATCH):
        batch = doomed[start : start + _BATCH]
        with aws_errors(f"s3://{bucket}"):
            reply = aws.s3.delete_objects(
                Bucket=bucket,
                Delete={
                    "Objects": [{"Key": it.key, "VersionId": it.version_id} for it in batch],
                    "Quiet": True,
                },
            )
        refused += reply.get("Errors", [])
    if refused:
        text = [f"{one.get('Key')}: {one.get('Code')}: {one.get('Message')}" for one in refused]
        raise StorageError(
            f"S3 did not delete {len(refused)} of {len(doomed)} object versions:\n"
            + list_paths(text),
            operation="DeleteObjects",
            code=refused[0].get("Code", ""),
            hint="Look for an object lock, MFA delete or a policy; then run it again.",
        )


def _verify(aws: Aws, patient: Patient, projects: Sequence[CustomLabelsProject]) -> None:
    left = [
        *(f"s3://{patient.where.bucket}/{item.key}" for item in _objects(aws, patient)),
        *(held.arn for project in projects for held in traces.patient_datasets(project, patient)),
    ]
    if left:
        raise StorageError(
            f"Images of {patient.pseudonym} are left; somebody stored them meanwhile:\n"
            + list_paths(left),
            hint="Run it again.",
        )


def _objects(aws: Aws, patient: Patient) -> tuple[ObjectVersion, ...]:
    return traces.object_versions(aws, patient.folder) + traces.manifests(aws, patient)


def _part(title: str, rows: Sequence[str]) -> list[str]:
    return [title, list_paths(rows)] if rows else []


def _name(project_arn: str) -> str:
    return project_arn.split("/")[1]

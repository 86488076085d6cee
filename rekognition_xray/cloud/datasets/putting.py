"""The datasets of a project become what manifests say: kept, updated, made anew, or refused."""

from __future__ import annotations

import datetime as dt
import logging
import tempfile
from collections.abc import Mapping, Sequence
from typing import Final

import attrs

from rekognition_xray.cloud.aws import Aws
from rekognition_xray.cloud.datasets.calls import (
    DatasetDescription,
    DatasetType,
    create_dataset,
    dataset_arns,
    delete_dataset,
    dropped_lines,
    read_manifest,
    update_dataset,
    wait_until_still,
)
from rekognition_xray.cloud.datasets.checks import check_dataset_size
from rekognition_xray.cloud.s3 import S3Location, write_object
from rekognition_xray.cloud.tags import ENTRIES, read_tags, write_tags
from rekognition_xray.data.manifests import Entry, Manifest
from rekognition_xray.errors import (
    AccessDeniedError,
    AlreadyExistsError,
    DatasetFailedError,
    ManifestError,
    QuotaError,
)

log = logging.getLogger(__name__)

_COMPLETE: Final = frozenset({"CREATE_COMPLETE", "UPDATE_COMPLETE"})


def put_manifests(
    aws: Aws,
    project_arn: str,
    manifests: Mapping[DatasetType, Manifest],
    *,
    store: S3Location,
    replace: bool,
    sizes_checked: bool = False,
) -> None:
    """Makes manifests the datasets of a project, and looks at all of them before it changes one.

    A dataset that holds exactly these lines is kept. Its entries say so, or, where it has not been
    changed since they were put, the tag that was written then. Where lines are only new or changed,
    they are sent to it. Where entries would have to vanish, which the service cannot do, the
    dataset is deleted and made anew, if ``replace`` allows it. A dataset that is not among the
    manifests must hold none of their images, or is deleted under ``replace``; the images that the
    service itself moved from train to test may remain there.

    Calls DescribeProjects, DescribeDataset, ListTagsForResource and, as needed, ListDatasetEntries,
    PutObject, CreateDataset, UpdateDatasetEntries, DeleteDataset and TagResource. The datasets are
    free.

    Args:
        aws: the AWS session.
        project_arn: the project.
        manifests: the entries, whose images lie in S3, for one dataset or both.
        store: where manifests are written, under ``manifests/``.
        replace: deletes what cannot be kept; images in S3 remain.
        sizes_checked: the caller has called ``check_dataset_size`` for each of them.

    Raises:
        ManifestError: see ``check_dataset_size``.
        AlreadyExistsError: something would have to be deleted, and ``replace`` is false.
        DatasetFailedError: with the service's message, or because it dropped lines.
    """
    if not sizes_checked:
        for kind, manifest in manifests.items():
            check_dataset_size(manifest.counts, kind, region=aws.region, quotas=aws.quotas)
    there = dataset_arns(aws, project_arn)
    steps = [_step(aws, kind, there.get(kind), wanted) for kind, wanted in manifests.items()]
    beside = [arn for kind, arn in there.items() if kind not in manifests]
    if beside:
        steps, beside = _apart(aws, steps, beside)
    _refuse(project_arn, steps, beside, replace=replace)
    for arn in beside:
        delete_dataset(aws, arn)
    for step in steps:
        step.carry_out(aws, project_arn, store)


@attrs.frozen
class _Step:
    """What has to be done for one dataset.

    Attributes:
        kind: which of the two.
        manifest: what it shall hold.
        seen: the one that is there, if one is.
        held: what that one holds; None where it cannot be kept, or there is none.
        lacking: the lines to send to it; None where it has to be made anew.
        noted: whether its tag says that it holds them.
    """

    kind: DatasetType
    manifest: Manifest
    seen: DatasetDescription | None = None
    held: Manifest | None = None
    lacking: tuple[Entry, ...] | None = None
    noted: bool = False

    @property
    def arn(self) -> str | None:
        """The dataset that is there, if one is."""
        return self.seen.arn if self.seen else None

    @property
    def kept(self) -> bool:
        """Whether nothing has to be done."""
        return self.lacking == ()

    @property
    def deletes(self) -> bool:
        """Whether a dataset has to be deleted first."""
        return self.arn is not None and self.lacking is None

    @property
    def _only_adds(self) -> bool:
        """Whether the number of entries shows that every line was taken in.

        The service drops lines silently, and one that was to replace another is not missed then.
        """
        if self.lacking is None:
            return True
        return len(self.held or ()) + len(self.lacking) == len(self.manifest)

    def carry_out(self, aws: Aws, project_arn: str, store: S3Location) -> None:
        """Does it, and checks the number of entries."""
        if self.kept:
            log.info("the %s dataset holds these entries already", self.kind)
            if self.seen is not None and not self.noted:
                _note(aws, self.seen, self.manifest)
            return
        if self.arn is not None and self.lacking is not None:
            done = update_dataset(aws, self.arn, attrs.evolve(self.manifest, entries=self.lacking))
        else:
            place = self._written(aws, store)
            if self.arn is not None:
                delete_dataset(aws, self.arn)
            done = create_dataset(aws, project_arn, self.kind, place)
        if done.entries != len(self.manifest):
            raise DatasetFailedError(
                f"The {self.kind} dataset {done.arn} holds {done.entries} entries and should hold "
                f"{len(self.manifest)}; {dropped_lines(aws, done.arn, self.manifest)}"
            )
        if self._only_adds:
            _note(aws, done, self.manifest)

    def _written(self, aws: Aws, store: S3Location) -> S3Location:
        place = store / "manifests" / f"{self.kind.lower()}-{self.manifest.digest[:12]}.manifest"
        with tempfile.TemporaryFile() as file:  # not in memory: it may have a hundred megabytes
            file.writelines(self.manifest.blobs())
            file.seek(0)
            write_object(aws, place, file, content_type="application/x-ndjson")
        return place


def _step(aws: Aws, kind: DatasetType, arn: str | None, manifest: Manifest) -> _Step:
    seen = wait_until_still(aws, arn) if arn else None
    if seen is None:
        return _Step(kind, manifest)
    # Listing takes a call for each hundred entries: in vain where some would have to vanish, or
    # where nobody has changed what was put.
    if seen.entries > len(manifest):
        return _Step(kind, manifest, seen)
    if _is_noted(aws, seen, manifest):
        return _Step(kind, manifest, seen, manifest, (), noted=True)
    held = _read_existing(aws, seen)
    return _Step(kind, manifest, seen, held, None if held is None else _lacking(held, manifest))


def _is_noted(aws: Aws, seen: DatasetDescription, manifest: Manifest) -> bool:
    """Whether a dataset's tag says that it holds these lines, and it was not changed since then."""
    return (
        seen.status in _COMPLETE
        and seen.entries == len(manifest)
        and (text := _text_of_note(seen, manifest)) is not None
        and read_tags(aws, seen.arn).get(ENTRIES) == text
    )


def _note(aws: Aws, seen: DatasetDescription, manifest: Manifest) -> None:
    """Tags a dataset with what it holds, if that is allowed; without the tag it is listed."""
    text = _text_of_note(seen, manifest)
    if text is None or seen.entries != len(manifest):
        return
    try:
        write_tags(aws, seen.arn, {ENTRIES: text})
    except (AccessDeniedError, QuotaError) as error:
        log.info("%s is not tagged with its entries: %s", seen.arn, error.message)


def _text_of_note(seen: DatasetDescription, manifest: Manifest) -> str | None:
    if seen.updated is None:
        return None
    return f"{manifest.digest} {seen.updated.astimezone(dt.UTC).isoformat()}"


def _read_existing(aws: Aws, seen: DatasetDescription) -> Manifest | None:
    """What a dataset holds; None where its creation failed or others filled it."""
    if seen.status == "CREATE_FAILED":
        return None
    try:
        return read_manifest(aws, seen.arn)
    except ManifestError as error:
        log.info("%s holds entries that are not ours: %s", seen.arn, error.message)
        return None


def _lacking(held: Manifest, wanted: Manifest) -> tuple[Entry, ...] | None:
    """The lines that a dataset lacks; None where it holds images that are not wanted.

    Lines say by which rule they were labelled and of which split they are. Where that changes,
    all of them are sent, so that no line goes on telling what is no longer so.
    """
    labels = {entry.source_ref: entry.label for entry in held}
    if not labels.keys() <= {entry.source_ref for entry in wanted}:
        return None
    if held and (held.labelling, held.part) != (wanted.labelling, wanted.part):
        return wanted.entries
    return tuple(entry for entry in wanted if labels.get(entry.source_ref) != entry.label)


def _apart(
    aws: Aws, steps: Sequence[_Step], beside: Sequence[str]
) -> tuple[list[_Step], list[str]]:
    """Steps that know of the dataset that is not put, and that one where it is in their way."""
    made, doomed = [], []
    for step in steps:
        for arn in beside:
            seen = None if step.kept else wait_until_still(aws, arn)
            other = _read_existing(aws, seen) if seen else None
            if other is None or not _images(other) & _images(step.manifest):
                made.append(step)
            elif _is_distributed(step, other):
                made.append(attrs.evolve(step, lacking=()))
            else:
                made.append(step)
                doomed.append(arn)
    return made, doomed


def _is_distributed(step: _Step, other: Manifest) -> bool:
    """Whether the two datasets hold what is wanted, each image in one of them."""
    if step.held is None or _images(step.held) & _images(other):
        return False
    return {*step.held, *other} == set(step.manifest)


def _images(manifest: Manifest) -> set[str]:
    return {entry.source_ref for entry in manifest}


def _refuse(
    project_arn: str, steps: Sequence[_Step], beside: Sequence[str], *, replace: bool
) -> None:
    if replace:
        return
    name = project_arn.split("/")[1]
    deleted = [step for step in steps if step.deletes]
    if deleted:
        kinds = " and a ".join(step.kind for step in deleted)
        raise AlreadyExistsError(
            f"The project {name!r} has a {kinds} dataset with other entries, and the service "
            "cannot take an entry out of a dataset.",
            arn=deleted[0].arn or "",
            hint="Pass replace=True to delete it and make it anew, or use another project.",
        )
    if beside:
        raise AlreadyExistsError(
            f"Some of these images stand in the other dataset of the project {name!r}; they would "
            "be learned from and judged by.",
            arn=beside[0],
            hint="Put train and test together, or pass replace=True to delete the other dataset.",
        )

"""Datasets: created empty, from a manifest or from another dataset; described; deleted."""

from __future__ import annotations

from collections.abc import Callable

import attrs

from rekognition_xray.local.failures import ServiceError, in_use, invalid_parameter
from rekognition_xray.local.manifests import (
    MESSAGES,
    UNREADABLE_FILE,
    Entry,
    ManifestRefused,
    as_entry,
)
from rekognition_xray.local.objects import ObjectUnreadable
from rekognition_xray.local.rules.lookup import dataset_of, project_of
from rekognition_xray.local.rules.tags import check_tags
from rekognition_xray.local.state import Caller, Dataset, EntryFilter, Members, World

CREATING, UPDATING, DELETING = "CREATE_IN_PROGRESS", "UPDATE_IN_PROGRESS", "DELETE_IN_PROGRESS"
BUSY = frozenset({CREATING, UPDATING, DELETING})
_LOOKED_AT = 100
SERVICE_FAULT = "The service had an internal error. Try again."

Load = Callable[[], list[Entry]]
CREATED_FROM_MANIFEST = "The dataset was successfully created from the manifest file."


def create_dataset(world: World, caller: Caller, asked: Members) -> Members:
    """CreateDataset."""
    tags = check_tags(world, asked.get("Tags", {}), "LimitExceededException")
    kind = asked["DatasetType"]
    with world.store.transaction():
        project = project_of(world, caller, asked["ProjectArn"])
        if world.store.datasets.find(project_arn=project.arn, type=kind):
            raise ServiceError(
                world.assumptions.duplicate_dataset, f"The project already has a {kind} dataset."
            )
        load = _source(world, caller, asked.get("DatasetSource"))
        stamp = world.clock.stamp()
        dataset = Dataset(
            arn=f"{caller.arn}project/{project.name}/dataset/{kind.lower()}/{stamp}",
            project_arn=project.arn,
            type=kind,
            created=stamp / 1000,
            updated=stamp / 1000,
            status=CREATING,
            message="The dataset is being created.",
            code="SUCCESS",
        )
        world.store.datasets.put(dataset)
        world.store.put_tags(dataset.arn, tags)
    _fill(world, dataset, load, CREATED_FROM_MANIFEST if asked.get("DatasetSource") else None)
    return {"DatasetArn": dataset.arn}


def describe_dataset(world: World, caller: Caller, asked: Members) -> Members:
    """DescribeDataset."""
    with world.store.transaction():
        arn = dataset_of(world, caller, asked["DatasetArn"]).arn
    world.hold([arn])
    with world.store.transaction():
        dataset = dataset_of(world, caller, arn)
        counts = world.store.entries.statistics(arn)
    return {
        "DatasetDescription": {
            "CreationTimestamp": dataset.created,
            "LastUpdatedTimestamp": dataset.updated,
            "Status": dataset.status,
            "StatusMessage": _images_gone(world, dataset) or dataset.message,
            "StatusMessageCode": dataset.code,
            "DatasetStats": {
                "LabeledEntries": counts.labelled,
                "TotalEntries": counts.total,
                "TotalLabels": counts.labels,
                "ErrorEntries": counts.faulty,
            },
        }
    }


def delete_dataset(world: World, caller: Caller, asked: Members) -> Members:
    """DeleteDataset; images and manifests in S3 remain."""
    with world.store.transaction():
        dataset = dataset_of(world, caller, asked["DatasetArn"])
        check_free(world, dataset)
        world.store.datasets.put(
            attrs.evolve(dataset, status=DELETING, message="The dataset is being deleted.")
        )

    def finish() -> None:
        with world.store.transaction():
            world.store.entries.remove(dataset.arn)
            world.store.delete_tags(dataset.arn)
            world.store.datasets.delete(dataset.arn)

    world.jobs.start([dataset.arn], "deleting", lambda _stopped: finish, lambda _error: None)
    return {}


def _images_gone(world: World, dataset: Dataset) -> str | None:
    """The message of a dataset of an earlier process whose images are no longer in S3."""
    if dataset.arn not in world.remembered or dataset.status in BUSY:
        return None
    account, region = dataset.arn.split(":")[4], dataset.arn.split(":")[3]
    with world.store.transaction():
        found = world.store.entries.page(dataset.arn, EntryFilter(), after=0, limit=_LOOKED_AT)
    lines = world.manifests.read(text for _, text in found)
    missing = sum(not world.objects.has(account, region, *line.image) for line in lines)
    if not missing:
        world.remembered.discard(dataset.arn)
        return None
    return (
        f"{missing} of the first {len(lines)} images are not in S3: objects end with the local "
        "cloud's process, which was restarted. Upload them again."
    )


def check_free(world: World, dataset: Dataset) -> None:
    """Raises ResourceInUse while a dataset is busy."""
    if dataset.status == DELETING:
        raise ServiceError(world.assumptions.dataset_deletion, "The dataset is being deleted.")
    if dataset.status in BUSY:
        raise in_use(f"The dataset is {dataset.status}.")


def check_last_update(world: World, dataset: Dataset) -> None:
    """Raises the assumed error, if any, for a dataset whose last update failed."""
    code = world.assumptions.failed_update
    if dataset.status == "UPDATE_FAILED" and code is not None:
        raise ServiceError(code, f"The last update of the {dataset.type} dataset failed.")


def settle(world: World, dataset: Dataset, status: str, message: str, code: str) -> None:
    """Writes the state that an operation on a dataset ended in."""
    updated = world.clock.stamp() / 1000  # no two changes have the same
    world.store.datasets.put(
        attrs.evolve(dataset, status=status, message=message, code=code, updated=updated)
    )


def put_entries(world: World, dataset_arn: str, entries: list[Entry]) -> None:
    """Adds entries inside a transaction. Raises `ManifestRefused` where the whole breaks a rule."""
    world.store.entries.upsert(dataset_arn, entries)
    counts = world.store.entries.statistics(dataset_arn)
    if counts.labels > world.limits.labels:
        raise ManifestRefused(MESSAGES["ERROR_MANIFEST_TOO_MANY_LABELS"])
    if counts.total > world.limits.rows:
        raise ManifestRefused("The manifest file has too many rows.")
    if len(world.store.entries.buckets(dataset_arn)) > 1:
        raise ManifestRefused(MESSAGES["ERROR_IMAGES_IN_MULTIPLE_S3_BUCKETS"])


def _fill(world: World, dataset: Dataset, load: Load, message: str | None) -> None:
    def work(_stopped: Callable[[], bool]) -> Callable[[], None]:
        try:
            entries = load()
        except ManifestRefused as error:
            return failed(str(error), "CLIENT_ERROR")
        return lambda: finish(entries)

    def finish(entries: list[Entry]) -> None:
        try:
            with world.store.transaction():
                put_entries(world, dataset.arn, entries)
                text = message or "The dataset was successfully created."
                settle(world, dataset, "CREATE_COMPLETE", text, "SUCCESS")
        except ManifestRefused as error:
            failed(str(error), "CLIENT_ERROR")()

    def failed(text: str, code: str) -> Callable[[], None]:
        def finish_failed() -> None:
            with world.store.transaction():
                settle(world, dataset, "CREATE_FAILED", text, code)

        return finish_failed

    world.jobs.start(
        [dataset.arn], "dataset", work, lambda _error: failed(SERVICE_FAULT, "SERVICE_ERROR")()
    )


def _source(world: World, caller: Caller, source: Members | None) -> Load:
    if source is None:
        return list
    if len(source) != 1:
        raise invalid_parameter("DatasetSource needs one of GroundTruthManifest, DatasetArn.")
    if "DatasetArn" in source:
        return _copy(world, caller, source["DatasetArn"])
    return _manifest(world, caller, source["GroundTruthManifest"])


def _copy(world: World, caller: Caller, arn: str) -> Load:
    original = dataset_of(world, caller, arn)
    if original.status in BUSY:
        raise invalid_parameter(f"The dataset to copy is {original.status}.")
    texts = world.store.entries.lines(original.arn)

    def load() -> list[Entry]:
        lines = world.manifests.read(texts)
        return [as_entry(line, line.source_ref) for line in lines if line.source_ref is not None]

    return load


def _manifest(world: World, caller: Caller, manifest: Members) -> Load:
    place = manifest.get("S3Object", {})
    if not {"Bucket", "Name"} <= place.keys():
        raise invalid_parameter()
    bucket, key, version = place["Bucket"], place["Name"], place.get("Version")
    account, region = caller.account, caller.region
    refuse_at_once = world.assumptions.unreadable_manifest == "InvalidS3ObjectException"
    try:
        world.objects.check_region(account, region, bucket)
        world.objects.size(account, region, bucket, key, version)
    except ObjectUnreadable as error:
        if refuse_at_once:
            raise ServiceError("InvalidS3ObjectException") from error

    def load() -> list[Entry]:
        try:
            data = world.objects.read(account, region, bucket, key, version)
        except ObjectUnreadable as error:
            raise ManifestRefused(UNREADABLE_FILE) from error
        entries = world.manifests.entries(data, world.assumptions.repeated_source_ref)
        if not data or data.isspace():
            raise ManifestRefused(UNREADABLE_FILE)
        return entries

    return load

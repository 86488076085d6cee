"""The entries of a dataset: updated, distributed, listed; and its labels."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

import attrs

from rekognition_xray.local.failures import ServiceError, invalid_parameter, not_ready
from rekognition_xray.local.manifests import (
    NOT_ENOUGH_TO_DISTRIBUTE,
    Entry,
    ManifestRefused,
    as_entry,
    line_in_listing,
)
from rekognition_xray.local.rules.datasets import (
    CREATING,
    DELETING,
    SERVICE_FAULT,
    UPDATING,
    check_free,
    check_last_update,
    put_entries,
    settle,
)
from rekognition_xray.local.rules.lookup import dataset_of
from rekognition_xray.local.state import Caller, Dataset, EntryFilter, Members, World, page_size
from rekognition_xray.local.training import draw_test

_UPDATED = "The dataset was successfully updated."
Change = Callable[[], None]


def update_dataset_entries(world: World, caller: Caller, asked: Members) -> Members:
    """UpdateDatasetEntries: replaces lines by source-ref and adds the others."""
    blob: bytes = asked["Changes"]["GroundTruth"]
    with world.store.transaction():
        dataset = dataset_of(world, caller, asked["DatasetArn"])
        check_free(world, dataset)
        check_last_update(world, dataset)
        if dataset.status == "CREATE_FAILED":
            raise ServiceError(
                world.assumptions.failed_dataset_update, "The dataset's creation failed; delete it."
            )
        _mark(world, dataset)

    def prepare() -> Change:
        entries = world.manifests.entries(blob, world.assumptions.repeated_in_update)
        return lambda: put_entries(world, dataset.arn, entries)

    _change(world, [dataset], prepare)
    return {}


def distribute_dataset_entries(world: World, caller: Caller, asked: Members) -> Members:
    """DistributeDatasetEntries: moves a fifth of the training entries to the test dataset."""
    with world.store.transaction():
        found = [dataset_of(world, caller, one["Arn"]) for one in asked["Datasets"]]
        train, test = _train_and_test(found)
        for dataset in found:
            _check_distributable(world, dataset)
        if world.store.entries.statistics(test.arn).total:
            raise invalid_parameter("The test dataset has entries already.")
        if not world.store.entries.statistics(train.arn).total:
            raise invalid_parameter("The training dataset has no entries.")
        for dataset in found:
            _mark(world, dataset)

    def prepare() -> Change:
        with world.store.transaction():
            texts = world.store.entries.lines(train.arn)
        moved = _draw_entries(world, texts)
        return lambda: _move(world, train, test, moved)

    _change(world, [train, test], prepare)
    return {}


def list_dataset_entries(world: World, caller: Caller, asked: Members) -> Members:
    """ListDatasetEntries, in the order in which the entries came."""
    scope = "ListDatasetEntries"
    after, size = int(world.pager.position(scope, asked) or 0), page_size(asked)
    wanted = EntryFilter(
        labels=tuple(asked.get("ContainsLabels", ())),
        labelled=asked.get("Labeled"),
        faulty_only=asked.get("HasErrors", False),
        source_ref_contains=asked.get("SourceRefContains"),
    )
    with world.store.transaction():
        dataset = _listable(world, caller, asked["DatasetArn"])
        found = world.store.entries.page(dataset.arn, wanted, after=after, limit=size + 1)
    rules = world.manifests.rules
    reply: Members = {"DatasetEntries": [line_in_listing(text, rules) for _, text in found[:size]]}
    if len(found) > size:
        reply["NextToken"] = world.pager.token(scope, asked, str(found[size - 1][0]))
    return reply


def list_dataset_labels(world: World, caller: Caller, asked: Members) -> Members:
    """ListDatasetLabels, by name; BoundingBoxCount only where a label has boxes."""
    scope = "ListDatasetLabels"
    start, size = int(world.pager.position(scope, asked) or 0), page_size(asked)
    with world.store.transaction():
        dataset = _listable(world, caller, asked["DatasetArn"])
        found = world.store.entries.labels(dataset.arn, skip=start, limit=size + 1)
    reply: Members = {"DatasetLabelDescriptions": [_label(*one) for one in found[:size]]}
    if len(found) > size:
        reply["NextToken"] = world.pager.token(scope, asked, str(start + size))
    return reply


def _check_distributable(world: World, dataset: Dataset) -> None:
    text = f"The {dataset.type} dataset is {dataset.status}."
    if dataset.status in {CREATING, UPDATING}:
        raise not_ready(text)
    if dataset.status in {DELETING, "CREATE_FAILED"}:
        raise ServiceError(world.assumptions.unready_distribution, text)
    check_last_update(world, dataset)


def _listable(world: World, caller: Caller, arn: str) -> Dataset:
    dataset = dataset_of(world, caller, arn)
    if dataset.status == CREATING:
        raise not_ready("The dataset is being created.")
    if dataset.status in {UPDATING, DELETING, "CREATE_FAILED"}:
        raise ServiceError(
            world.assumptions.busy_dataset_listing, f"The dataset is {dataset.status}."
        )
    return dataset


def _label(name: str, images: int, boxed: int) -> Members:
    counts = {"EntryCount": images}
    if boxed:
        counts["BoundingBoxCount"] = boxed
    return {"LabelName": name, "LabelStats": counts}


def _train_and_test(found: list[Dataset]) -> tuple[Dataset, Dataset]:
    by_type = {dataset.type: dataset for dataset in found}
    if by_type.keys() != {"TRAIN", "TEST"} or len({one.project_arn for one in found}) != 1:
        raise invalid_parameter("One training and one test dataset of the same project are needed.")
    return by_type["TRAIN"], by_type["TEST"]


def _draw_entries(world: World, texts: list[str]) -> list[Entry]:
    lines = {line.source_ref: line for line in world.manifests.read(texts) if line.source_ref}
    labels = {ref: tuple(label.name for label in line.labels) for ref, line in lines.items()}
    counts = Counter(name for names in labels.values() for name in names)
    if not counts or min(counts.values()) < world.assumptions.min_images_to_split:
        raise ManifestRefused(NOT_ENOUGH_TO_DISTRIBUTE)
    if world.assumptions.unlabelled_distribution == "stay":
        labels = {ref: names for ref, names in labels.items() if names}
    drawn = draw_test(labels, share=world.limits.test_share, seed=world.seed)
    return [as_entry(line, ref) for ref, line in lines.items() if ref in drawn]


def _move(world: World, train: Dataset, test: Dataset, moved: list[Entry]) -> None:
    world.store.entries.remove(train.arn, [entry.source_ref for entry in moved])
    world.store.entries.upsert(test.arn, moved)


def _mark(world: World, dataset: Dataset) -> None:
    world.store.datasets.put(
        attrs.evolve(
            dataset, status=UPDATING, message="The dataset is being updated.", code="SUCCESS"
        )
    )


def _change(world: World, datasets: list[Dataset], prepare: Callable[[], Change]) -> None:
    """Runs an update of marked datasets in the background; all of it happens or nothing."""

    def work(_stopped: Callable[[], bool]) -> Change:
        try:
            change = prepare()
        except ManifestRefused as error:
            text = str(error)
            return lambda: failed(text, "CLIENT_ERROR")
        return lambda: finish(change)

    def finish(change: Change) -> None:
        try:
            with world.store.transaction():
                change()
                for dataset in datasets:
                    settle(world, dataset, "UPDATE_COMPLETE", _UPDATED, "SUCCESS")
        except ManifestRefused as error:
            failed(str(error), "CLIENT_ERROR")

    def failed(text: str, code: str) -> None:
        with world.store.transaction():
            for dataset in datasets:
                settle(world, dataset, "UPDATE_FAILED", text, code)

    world.jobs.start(
        [dataset.arn for dataset in datasets],
        "dataset",
        work,
        lambda _error: failed(SERVICE_FAULT, "SERVICE_ERROR"),
    )

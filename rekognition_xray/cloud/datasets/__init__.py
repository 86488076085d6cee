"""The train and the test dataset of a project: checked, put, listed, compared and deleted."""

from __future__ import annotations

from rekognition_xray.cloud.datasets.calls import (
    DELETED,
    READY,
    DatasetDescription,
    DatasetType,
    create_dataset,
    dataset_arns,
    delete_dataset,
    describe_dataset,
    distribute_entries,
    label_counts,
    read_manifest,
    update_dataset,
    wait_until_ready,
    wait_until_still,
)
from rekognition_xray.cloud.datasets.checks import (
    REGIONAL_LIMITS,
    check_dataset_size,
    check_labels,
    check_leaks,
    check_options,
    check_rejected,
    datasets_by_type,
    images_of_parts,
    note_leaks,
    preparation_folder,
    shared_prepared_pictures,
    tags_of_split,
    warn_of_unknown,
)
from rekognition_xray.cloud.datasets.comparison import DatasetComparison, compare_entries
from rekognition_xray.cloud.datasets.entries import DatasetEntry, parse_entry, read_entries
from rekognition_xray.cloud.datasets.putting import put_manifests

__all__ = [
    "DELETED",
    "READY",
    "REGIONAL_LIMITS",
    "DatasetComparison",
    "DatasetDescription",
    "DatasetEntry",
    "DatasetType",
    "check_dataset_size",
    "check_labels",
    "check_leaks",
    "check_options",
    "check_rejected",
    "compare_entries",
    "create_dataset",
    "dataset_arns",
    "datasets_by_type",
    "delete_dataset",
    "describe_dataset",
    "distribute_entries",
    "images_of_parts",
    "label_counts",
    "note_leaks",
    "parse_entry",
    "preparation_folder",
    "put_manifests",
    "read_entries",
    "read_manifest",
    "shared_prepared_pictures",
    "tags_of_split",
    "update_dataset",
    "wait_until_ready",
    "wait_until_still",
    "warn_of_unknown",
]

"""What each operation does: states, limits, errors. No HTTP and no SQL."""

from __future__ import annotations

from rekognition_xray.local.rules.copies import copy_project_version
from rekognition_xray.local.rules.datasets import create_dataset, delete_dataset, describe_dataset
from rekognition_xray.local.rules.detection import detect_custom_labels
from rekognition_xray.local.rules.entries import (
    distribute_dataset_entries,
    list_dataset_entries,
    list_dataset_labels,
    update_dataset_entries,
)
from rekognition_xray.local.rules.policies import (
    delete_project_policy,
    list_project_policies,
    put_project_policy,
)
from rekognition_xray.local.rules.projects import create_project, delete_project, describe_projects
from rekognition_xray.local.rules.recovery import recover
from rekognition_xray.local.rules.running import start_project_version, stop_project_version
from rekognition_xray.local.rules.tags import list_tags_for_resource, tag_resource, untag_resource
from rekognition_xray.local.rules.versions import (
    create_project_version,
    delete_project_version,
    describe_project_versions,
)

__all__ = [
    "copy_project_version",
    "create_dataset",
    "create_project",
    "create_project_version",
    "delete_dataset",
    "delete_project",
    "delete_project_policy",
    "delete_project_version",
    "describe_dataset",
    "describe_project_versions",
    "describe_projects",
    "detect_custom_labels",
    "distribute_dataset_entries",
    "list_dataset_entries",
    "list_dataset_labels",
    "list_project_policies",
    "list_tags_for_resource",
    "put_project_policy",
    "recover",
    "start_project_version",
    "stop_project_version",
    "tag_resource",
    "untag_resource",
    "update_dataset_entries",
]

"""The operations that the local cloud offers, by their name on the wire."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Final

from rekognition_xray.local.failures import ServiceError
from rekognition_xray.local.http.protocol import operation_model, parse, render
from rekognition_xray.local.rules import (
    copies,
    datasets,
    detection,
    entries,
    policies,
    projects,
    running,
    tags,
    versions,
)
from rekognition_xray.local.state.records import Members
from rekognition_xray.local.state.world import Caller, World

Operation = Callable[[World, Caller, Members], Members]

OPERATIONS: Final[Mapping[str, Operation]] = MappingProxyType(
    {
        "CreateProject": projects.create_project,
        "DescribeProjects": projects.describe_projects,
        "DeleteProject": projects.delete_project,
        "CreateDataset": datasets.create_dataset,
        "DescribeDataset": datasets.describe_dataset,
        "DeleteDataset": datasets.delete_dataset,
        "UpdateDatasetEntries": entries.update_dataset_entries,
        "DistributeDatasetEntries": entries.distribute_dataset_entries,
        "ListDatasetEntries": entries.list_dataset_entries,
        "ListDatasetLabels": entries.list_dataset_labels,
        "CreateProjectVersion": versions.create_project_version,
        "DescribeProjectVersions": versions.describe_project_versions,
        "DeleteProjectVersion": versions.delete_project_version,
        "CopyProjectVersion": copies.copy_project_version,
        "PutProjectPolicy": policies.put_project_policy,
        "ListProjectPolicies": policies.list_project_policies,
        "DeleteProjectPolicy": policies.delete_project_policy,
        "StartProjectVersion": running.start_project_version,
        "StopProjectVersion": running.stop_project_version,
        "DetectCustomLabels": detection.detect_custom_labels,
        "TagResource": tags.tag_resource,
        "UntagResource": tags.untag_resource,
        "ListTagsForResource": tags.list_tags_for_resource,
    }
)


def answer(world: World, caller: Caller, target: str, body: bytes, *, check: bool) -> bytes:
    """The body of the reply to one request. Raises `ServiceError`.

    With `check` a reply that breaks botocore's model raises AssertionError.
    """
    model = operation_model(target)
    operation = OPERATIONS.get(model.name)
    if operation is None:
        raise ServiceError(
            "NotImplementedException", f"{model.name} is not offered by the local cloud."
        )
    world.rates.check_call(caller.arn, model.name, world.limits, world.clock.now())
    reply = operation(world, caller, parse(model, body, world.assumptions))
    return render(model, reply, check=check)

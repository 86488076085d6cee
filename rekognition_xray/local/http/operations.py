"""The operations that the local cloud offers, by their name on the wire."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Final

from rekognition_xray.local.failures import ServiceError
from rekognition_xray.local.http.protocol import operation_model, parse, render
from rekognition_xray.local.rules import (
    copy_project_version,
    create_dataset,
    create_project,
    create_project_version,
    delete_dataset,
    delete_project,
    delete_project_policy,
    delete_project_version,
    describe_dataset,
    describe_project_versions,
    describe_projects,
    detect_custom_labels,
    distribute_dataset_entries,
    list_dataset_entries,
    list_dataset_labels,
    list_project_policies,
    list_tags_for_resource,
    put_project_policy,
    start_project_version,
    stop_project_version,
    tag_resource,
    untag_resource,
    update_dataset_entries,
)
from rekognition_xray.local.state import Caller, Members, World

Operation = Callable[[World, Caller, Members], Members]

OPERATIONS: Final[Mapping[str, Operation]] = MappingProxyType(
    {
        "CreateProject": create_project,
        "DescribeProjects": describe_projects,
        "DeleteProject": delete_project,
        "CreateDataset": create_dataset,
        "DescribeDataset": describe_dataset,
        "DeleteDataset": delete_dataset,
        "UpdateDatasetEntries": update_dataset_entries,
        "DistributeDatasetEntries": distribute_dataset_entries,
        "ListDatasetEntries": list_dataset_entries,
        "ListDatasetLabels": list_dataset_labels,
        "CreateProjectVersion": create_project_version,
        "DescribeProjectVersions": describe_project_versions,
        "DeleteProjectVersion": delete_project_version,
        "CopyProjectVersion": copy_project_version,
        "PutProjectPolicy": put_project_policy,
        "ListProjectPolicies": list_project_policies,
        "DeleteProjectPolicy": delete_project_policy,
        "StartProjectVersion": start_project_version,
        "StopProjectVersion": stop_project_version,
        "DetectCustomLabels": detect_custom_labels,
        "TagResource": tag_resource,
        "UntagResource": untag_resource,
        "ListTagsForResource": list_tags_for_resource,
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

"""Finds the resource of an ARN, in the caller's own account and Region only."""

from __future__ import annotations

from typing import TypeVar

from rekognition_xray.local.failures import ServiceError, not_found
from rekognition_xray.local.state import Caller, Dataset, Project, Table, Version, World

DELETING = "DELETING"

Resource = TypeVar("Resource", Project, Dataset, Version)


def project_of(world: World, caller: Caller, arn: str) -> Project:
    """The project. Raises ResourceNotFound, also while it is deleted."""
    found = _find(world, caller, arn, world.store.projects)
    if found.status == DELETING:
        raise not_found(arn)
    return found


def dataset_of(world: World, caller: Caller, arn: str) -> Dataset:
    """The dataset. Raises ResourceNotFound."""
    return _find(world, caller, arn, world.store.datasets)


def version_of(world: World, caller: Caller, arn: str) -> Version:
    """The version. Raises ResourceNotFound."""
    return _find(world, caller, arn, world.store.versions)


def datasets_of(world: World, project: Project) -> list[Dataset]:
    """The datasets of a project, TRAIN before TEST."""
    found = world.store.datasets.find(project_arn=project.arn)
    return sorted(found, key=lambda dataset: dataset.type, reverse=True)


def _find(world: World, caller: Caller, arn: str, table: Table[Resource]) -> Resource:
    if not arn.startswith(caller.arn):
        code = world.assumptions.foreign_arn
        raise not_found(arn) if code == "ResourceNotFoundException" else ServiceError(code)
    found = table.get(arn)
    if found is None:
        raise not_found(arn)
    return found

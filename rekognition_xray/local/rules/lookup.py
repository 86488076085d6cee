"""Finding what an ARN names, in the caller's own account and Region only."""

from __future__ import annotations

from rekognition_xray.local.failures import ServiceError, not_found
from rekognition_xray.local.records import Dataset, Project, Version
from rekognition_xray.local.world import Caller, World

DELETING = "DELETING"


def project_of(world: World, caller: Caller, arn: str) -> Project:
    """The project. Raises ResourceNotFound, also while it is deleted."""
    _check_own(world, caller, arn)
    found = world.store.projects.get(arn)
    if found is None or found.status == DELETING:
        raise not_found(arn)
    return found


def dataset_of(world: World, caller: Caller, arn: str) -> Dataset:
    """The dataset. Raises ResourceNotFound."""
    _check_own(world, caller, arn)
    found = world.store.datasets.get(arn)
    if found is None:
        raise not_found(arn)
    return found


def version_of(world: World, caller: Caller, arn: str) -> Version:
    """The version. Raises ResourceNotFound."""
    _check_own(world, caller, arn)
    found = world.store.versions.get(arn)
    if found is None:
        raise not_found(arn)
    return found


def datasets_of(world: World, project: Project) -> list[Dataset]:
    """The datasets of a project, TRAIN before TEST."""
    found = world.store.datasets.find(project_arn=project.arn)
    return sorted(found, key=lambda dataset: dataset.type, reverse=True)


def _check_own(world: World, caller: Caller, arn: str) -> None:
    if not arn.startswith(caller.arn):
        code = world.assumptions.foreign_arn
        raise not_found(arn) if code == "ResourceNotFoundException" else ServiceError(code)

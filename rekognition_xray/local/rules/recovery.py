"""Recovery at the start: work that an earlier process did not finish is brought to an end."""

from __future__ import annotations

import attrs

from rekognition_xray.local.rules.copies import COPYING
from rekognition_xray.local.rules.datasets import (
    CREATING,
    DELETING,
    SERVICE_FAULT,
    UPDATING,
    settle,
)
from rekognition_xray.local.rules.policies import forget_policies
from rekognition_xray.local.rules.versions import TRAINING
from rekognition_xray.local.state import World

_CUT_OFF = "The training was cut off: the local cloud ended before it was done."
_VERSION_ENDS = {
    TRAINING: ("TRAINING_FAILED", _CUT_OFF),
    COPYING: ("COPYING_FAILED", "The copy was cut off: the local cloud ended before it was done."),
    "STARTING": ("FAILED", "The model failed to start: the local cloud ended."),
    "STOPPING": ("STOPPED", "The model is stopped."),
}


def recover(world: World) -> None:
    """Settles every unfinished resource; running versions continue to run and to bill."""
    with world.store.transaction():
        _recover_datasets(world)
        _recover_versions(world)
        for project in world.store.projects.find(status="DELETING"):
            world.store.projects.delete(project.arn)
            forget_policies(world, project.arn)
            world.store.delete_tags(project.arn)
        world.models.sweep(version.arn for version in world.store.versions.find())
        world.remembered.update(dataset.arn for dataset in world.store.datasets.find())


def _recover_datasets(world: World) -> None:
    for dataset in world.store.datasets.find(status=(CREATING, UPDATING)):
        status = "CREATE_FAILED" if dataset.status == CREATING else "UPDATE_FAILED"
        settle(world, dataset, status, SERVICE_FAULT, "SERVICE_ERROR")
    for dataset in world.store.datasets.find(status=DELETING):
        world.store.entries.remove(dataset.arn)
        world.store.delete_tags(dataset.arn)
        world.store.datasets.delete(dataset.arn)


def _recover_versions(world: World) -> None:
    for version in world.store.versions.find(status=tuple(_VERSION_ENDS)):
        status, message = _VERSION_ENDS[version.status]
        world.store.versions.put(attrs.evolve(version, status=status, message=message))
        for charge in world.store.charges.find(version_arn=version.arn, ended=None):
            world.store.charges.put(attrs.evolve(charge, ended=world.clock.now()))
    for version in world.store.versions.find(status="DELETING"):
        world.models.delete(version.arn)
        world.store.versions.delete(version.arn)
        world.store.delete_tags(version.arn)

"""A project is deleted with all that hangs on it, in the order in which AWS allows it."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from typing import Final

import attrs

from rekognition_xray.cloud.aws import Aws, aws_errors
from rekognition_xray.cloud.datasets import (
    DatasetDescription,
    DatasetType,
    dataset_arns,
    delete_dataset,
    wait_until_still,
)
from rekognition_xray.cloud.meter import stop as stop_model
from rekognition_xray.cloud.tags import CURRENT, read_tags
from rekognition_xray.cloud.version_description import TRAINED, VersionDescription, descriptions
from rekognition_xray.cloud.versions import ModelVersion
from rekognition_xray.cloud.waiting import Settled, SettleTable, Wait
from rekognition_xray.errors import InUseError, NotFoundError, list_paths

log = logging.getLogger(__name__)

_REMAINS: Final = (
    "What remains: images, manifests and result files in S3, and copies of versions in other "
    "projects."
)
_GONE: Final = "(deleted)"
VERSION_GONE: Final[SettleTable] = dict.fromkeys(TRAINED, Settled.GO_ON) | {_GONE: Settled.DONE}
"""Once its deletion was asked for: is the version gone?"""

PROJECT_GONE: Final[SettleTable] = {
    "CREATING": Settled.GO_ON,
    "CREATED": Settled.GO_ON,
    "DELETING": Settled.GO_ON,
    _GONE: Settled.DONE,
}
"""Once its deletion was asked for: is the project gone?"""

_RUNS: Final = frozenset({"STARTING", "RUNNING", "STOPPING"})
_BUSY: Final = frozenset({"TRAINING_IN_PROGRESS", "COPYING_IN_PROGRESS"})
_BUDGET: Final = 3600.0


@attrs.frozen(str=False)
class DeletionPlan:
    """What is deleted together with a project; ``str()`` lists it in lines.

    Attributes:
        project_arn: the project.
        versions: its versions; those that run are stopped first.
        datasets: its datasets by type.
        current: the version in use, as the project's tag names it; empty where none is.
    """

    project_arn: str
    versions: tuple[VersionDescription, ...]
    datasets: tuple[tuple[DatasetType, DatasetDescription], ...]
    current: str

    @property
    def running(self) -> tuple[VersionDescription, ...]:
        """The versions that run, and bill."""
        return tuple(seen for seen in self.versions if seen.status in _RUNS)

    def __str__(self) -> str:
        what = [*self._rows(), "its policies and tags"]
        return "\n".join(
            [
                f"The project {self.project_arn} is deleted, and cannot be brought back, with:",
                list_paths(what),
                _REMAINS,
            ]
        )

    def _rows(self) -> Iterator[str]:
        for seen in self.versions:
            stopped = " (it is stopped first)" if seen.status in _RUNS else ""
            used = ", the version in use" if seen.name == self.current.split("/")[0] else ""
            yield f"version {seen}{used}{stopped}"
        for kind, dataset in self.datasets:
            yield f"the {kind} dataset of {dataset.entries:,} entries"


@attrs.frozen
class DeletionResult:
    """What a deletion did.

    Attributes:
        plan: what was shown.
        done: whether it was carried out; False where it was not confirmed.
    """

    plan: DeletionPlan
    done: bool


def delete_project(
    aws: Aws, project_arn: str, *, confirm: Callable[[DeletionPlan], bool], stop: bool
) -> DeletionResult:
    """Deletes a project; see ``CustomLabelsProject.delete``."""
    plan = _look(aws, project_arn)
    _check(plan, stop=stop)
    if confirm(plan) is not True:
        log.info("%s is not deleted: it was not confirmed", project_arn)
        return DeletionResult(plan, done=False)
    handles = [ModelVersion(aws, seen.arn, project_arn) for seen in plan.versions]
    for version in handles:
        stop_model(version)
    for version, seen in zip(handles, plan.versions, strict=True):
        if seen.status != "DELETING":
            _delete_version(version)
    for version in handles:
        _wait_until_gone(version)
    for _, dataset in plan.datasets:
        delete_dataset(aws, dataset.arn)
    _delete(aws, project_arn)
    log.info("%s is deleted", project_arn)
    return DeletionResult(plan, done=True)


def _look(aws: Aws, project_arn: str) -> DeletionPlan:
    arns = dataset_arns(aws, project_arn)
    seen: Iterator[tuple[DatasetType, DatasetDescription | None]] = (
        (kind, wait_until_still(aws, arn)) for kind, arn in arns.items()
    )
    return DeletionPlan(
        project_arn,
        descriptions(aws, project_arn),
        tuple((kind, dataset) for kind, dataset in seen if dataset is not None),
        read_tags(aws, project_arn).get(CURRENT, ""),
    )


def _check(plan: DeletionPlan, *, stop: bool) -> None:
    busy = [str(seen) for seen in plan.versions if seen.status in _BUSY]
    if busy:
        raise InUseError(
            f"Versions of {plan.project_arn} are being made; nothing was deleted:\n"
            f"{list_paths(busy)}",
            arn=plan.project_arn,
            hint="Wait for them, version.wait_until_trained(); a training cannot be stopped.",
        )
    if plan.running and not stop:
        raise InUseError(
            f"Versions of {plan.project_arn} are running; nothing was deleted:\n"
            f"{list_paths(map(str, plan.running))}",
            arn=plan.project_arn,
            hint="Pass stop=True to stop them first, if nobody needs them.",
        )


def _delete_version(version: ModelVersion) -> None:
    try:
        version.delete()
    except NotFoundError:
        log.info("%s is gone already", version.arn)


def _wait_until_gone(version: ModelVersion) -> None:
    def look() -> tuple[str, None]:
        try:
            return version.describe().status, None
        except NotFoundError:
            return _GONE, None

    clock = version.aws.clock
    Wait(_BUDGET).until(look, VERSION_GONE, what=f"version {version.name}", clock=clock)


def _delete(aws: Aws, project_arn: str) -> None:
    try:
        with aws_errors(project_arn):
            aws.rekognition.delete_project(ProjectArn=project_arn)
    except NotFoundError:
        log.info("%s is gone already", project_arn)  # a reply that was lost, and asked for again

    def look() -> tuple[str, None]:
        with aws_errors(project_arn):
            names = [project_arn.split("/")[1]]
            reply = aws.rekognition.describe_projects(ProjectNames=names)
        for project in reply["ProjectDescriptions"]:
            if project["ProjectArn"] == project_arn:
                return project["Status"], None
        return _GONE, None

    Wait(_BUDGET).until(look, PROJECT_GONE, what=project_arn, clock=aws.clock)

"""CopyProjectVersion: a version into another project, of the same account or another one."""

from __future__ import annotations

from collections.abc import Callable

import attrs

from rekognition_xray.local.failures import ServiceError, invalid_parameter, not_found
from rekognition_xray.local.manifests import OUTPUT_UNWRITABLE
from rekognition_xray.local.objects import BucketUnwritable, ObjectUnreadable
from rekognition_xray.local.rules.lookup import DELETING, project_of
from rekognition_xray.local.rules.tags import check_tags
from rekognition_xray.local.rules.versions import READY, check_name_and_room, record_version
from rekognition_xray.local.state import Caller, Members, Project, Stopped, Version, World, may_copy
from rekognition_xray.local.training import ResultFiles

COPYING, COPIED, FAILED = "COPYING_IN_PROGRESS", "COPYING_COMPLETED", "COPYING_FAILED"
_FAULT = "The copy ended with an internal error. Delete it and copy again."
_RESULTS_GONE = "The training results of the source model are not in S3 any more."
_NOT_COPIED = frozenset({"BillableTrainingTimeInSeconds"})  # a copy costs no training


def copy_project_version(world: World, caller: Caller, asked: Members) -> Members:
    """CopyProjectVersion; called by the account that gets the copy."""
    tags, name = check_tags(world, asked.get("Tags", {})), asked["VersionName"]
    if "S3Bucket" not in asked["OutputConfig"]:
        raise invalid_parameter()
    with world.store.transaction():
        project = project_of(world, caller, asked["DestinationProjectArn"])
        source = _source(world, caller, asked)
        check_name_and_room(world, project, name)
        _check_places(world, caller)
        given = _given(asked, source)
        copy = record_version(
            world, caller, project, name, COPYING, "The model is being copied.", given
        )
        world.store.put_tags(copy.arn, tags)
    _start(world, project, source, copy)
    return {"ProjectVersionArn": copy.arn}


def _source(world: World, caller: Caller, asked: Members) -> Version:
    project_arn, arn = asked["SourceProjectArn"], asked["SourceProjectVersionArn"]
    region, account = project_arn.split(":")[3:5]
    if region != caller.region:
        raise ServiceError(
            world.assumptions.copy_across_regions, "Both projects have to be in one Region."
        )
    if account != caller.account:
        _check_allowed(world, caller, project_arn, arn)
    project, source = world.store.projects.get(project_arn), world.store.versions.get(arn)
    if project is None or project.status == DELETING:
        raise not_found(project_arn)
    if source is None:
        raise not_found(arn)
    if source.project_arn != project_arn:
        raise invalid_parameter("The source model is not one of the source project.")
    if source.status not in world.assumptions.copyable:
        raise ServiceError(
            world.assumptions.uncopyable_version, f"The source model is {source.status}."
        )
    return source


def _check_allowed(world: World, caller: Caller, project_arn: str, arn: str) -> None:
    documents = [one.document for one in world.store.policies.find(project_arn=project_arn)]
    holds = world.assumptions.policy_conditions == "hold"
    if not may_copy(documents, caller.account, arn, conditions_hold=holds):
        partition = caller.arn.split(":")[1]
        raise ServiceError(
            "AccessDeniedException",
            f"User: arn:{partition}:iam::{caller.account}:root is not authorized to perform: "
            f"rekognition:CopyProjectVersion on resource: {arn}",
        )


def _check_places(world: World, caller: Caller) -> None:
    most = world.limits.copies
    busy = world.store.versions.find(account=caller.account, region=caller.region, status=COPYING)
    if most is not None and len(busy) >= most:
        raise ServiceError("LimitExceededException", f"{len(busy)} copies are being made already.")


def _given(asked: Members, source: Version) -> Members:
    kept = {name: asked[name] for name in ("KmsKeyId",) if name in asked}
    return {
        **kept,
        "OutputConfig": {"S3KeyPrefix": "", **asked["OutputConfig"]},
        "TrainingData": source.given["TrainingData"],
        "TestingData": source.given["TestingData"],
        "SourceProjectVersionArn": source.arn,
    }


def _start(world: World, project: Project, source: Version, copy: Version) -> None:
    files = ResultFiles(world.objects, project.name, copy)

    def work(_stopped: Stopped) -> Callable[[], None]:
        try:
            files.check_writable()
            shown = files.copy_results(source)
        except BucketUnwritable:
            return lambda: settle(FAILED, OUTPUT_UNWRITABLE, {})
        except ObjectUnreadable:
            return lambda: settle(FAILED, _RESULTS_GONE, {})
        world.models.copy(source.arn, copy.arn)
        kept = {name: part for name, part in shown.items() if name not in _NOT_COPIED}
        return lambda: settle(COPIED, READY, {**source.outcome, "shown": kept})

    def settle(status: str, message: str, outcome: Members) -> None:
        with world.store.transaction():
            world.store.versions.put(
                attrs.evolve(copy, status=status, message=message, outcome=outcome)
            )

    world.jobs.start([copy.arn], "copying", work, lambda _error: settle(FAILED, _FAULT, {}))

"""For every error that botocore's model lists for an operation: the state and call that bring it.

Where the service does not say which error a state brings, the assumption about it is set to the
error in question: what is shown is that the cloud can answer so, not that AWS does.
"""

from __future__ import annotations

import io
from collections.abc import Mapping
from contextlib import suppress
from functools import cache
from typing import Any, Final

import attrs
from botocore.exceptions import ClientError
from PIL import Image

from rekognition_xray.local import Assumptions, Limits

from . import cases, sharing  # noqa: F401 (what is shared registers itself)
from .provoking import REGISTERED, Members, Provocation, project_of, provokes

BY_FAULT_ONLY: Final[Mapping[tuple[str, str], str]] = {
    ("DeleteDataset", "LimitExceededException"): "no limit on deletions is documented",
    ("UpdateDatasetEntries", "LimitExceededException"): "no limit on updates is documented",
    ("DetectCustomLabels", "LimitExceededException"): "no such limit is documented",
    ("PutProjectPolicy", "LimitExceededException"): "the quota of policies has an error of its own",
}
"""Errors that no state brings, with the reason; `cloud.faults` answers with them on demand."""

GENERAL: Final = {
    "AccessDeniedException": "the local cloud has no IAM",
    "InternalServerError": "nothing known brings it",
    "ProvisionedThroughputExceededException": "only detection has a rate of its own",
}
"""Errors of every operation that hang on no state of a resource."""


@cache
def provocations() -> dict[tuple[str, str], Provocation]:
    """All of them, by operation and error code."""
    made = dict(REGISTERED)
    broken = {case.operation: case for case in cases.outside()}
    for operation in cases.OPERATIONS:
        errors = modelled(operation)
        made[operation, "InvalidParameterException"] = _broken_shape(broken[operation])
        made[operation, "ThrottlingException"] = _called_too_often(operation)
        if "ResourceNotFoundException" in errors:
            made[operation, "ResourceNotFoundException"] = _absent(operation)
        if "InvalidPaginationTokenException" in errors:
            made[operation, "InvalidPaginationTokenException"] = _garbage_token(operation)
    return made


def modelled(operation: str) -> set[str]:
    """The codes of the errors that the model lists for an operation."""
    return {shape.name for shape in cases.MODEL.operation_model(operation).error_shapes}


def _least(operation: str) -> Members:
    members: Members = cases.fitting(cases.MODEL.operation_model(operation).input_shape)
    if "OutputConfig" in members:
        members["OutputConfig"] = {"S3Bucket": "images", "S3KeyPrefix": "out"}
    return members


def _broken_shape(case: cases.Case) -> Provocation:
    def provoke(open_desk: Any) -> tuple[Any, Members]:
        chosen = Assumptions(
            shape_error="InvalidParameterException", page_size_error="InvalidParameterException"
        )
        return open_desk(assumptions=chosen), case.members

    return provoke


def _absent(operation: str) -> Provocation:
    return lambda open_desk: (open_desk(), _least(operation))


def _called_too_often(operation: str) -> Provocation:
    def provoke(open_desk: Any) -> tuple[Any, Members]:
        slow = Limits(call_tps=0.001, detect_tps=0.001, tag_tps=0.001)
        desk, members = open_desk(limits=slow), _least(operation)
        with suppress(ClientError):
            desk.call(operation, **members)
        return desk, members

    return provoke


def _garbage_token(operation: str) -> Provocation:
    def provoke(open_desk: Any) -> tuple[Any, Members]:
        desk = open_desk()
        members = _least(operation)
        if "ProjectArn" in members:
            members["ProjectArn"] = desk.project()
        if "DatasetArn" in members:
            members["DatasetArn"] = desk.dataset(desk.project())
        return desk, members | {"NextToken": "Z2FyYmFnZQ=="}

    return provoke


# Projects and datasets.


@provokes("ResourceInUseException", "CreateProject")
def _name_taken(open_desk: Any) -> tuple[Any, Members]:
    desk = open_desk(assumptions=Assumptions(duplicate_project="ResourceInUseException"))
    desk.project("p")
    return desk, {"ProjectName": "p"}


@provokes("LimitExceededException", "CreateProject")
def _one_project_too_many(open_desk: Any) -> tuple[Any, Members]:
    return open_desk(limits=Limits(projects=0)), {"ProjectName": "p"}


@provokes("ResourceInUseException", "DeleteProject")
def _project_with_a_model(open_desk: Any) -> tuple[Any, Members]:
    desk = open_desk()
    version = desk.trained()
    return desk, {"ProjectArn": project_of(desk, version)}


@provokes("ResourceAlreadyExistsException", "CreateDataset")
def _second_of_a_type(open_desk: Any) -> tuple[Any, Members]:
    return _second_dataset(open_desk, "ResourceAlreadyExistsException")


@provokes("LimitExceededException", "CreateDataset")
def _second_of_a_type_by_limit(open_desk: Any) -> tuple[Any, Members]:
    return _second_dataset(open_desk, "LimitExceededException")


def _second_dataset(open_desk: Any, code: str) -> tuple[Any, Members]:
    desk = open_desk(assumptions=Assumptions(duplicate_dataset=code))
    project = desk.project()
    desk.dataset(project, "TEST")
    return desk, {"ProjectArn": project, "DatasetType": "TEST"}


@provokes("InvalidS3ObjectException", "CreateDataset")
def _no_manifest(open_desk: Any) -> tuple[Any, Members]:
    desk = open_desk(assumptions=Assumptions(unreadable_manifest="InvalidS3ObjectException"))
    place = {"S3Object": {"Bucket": "images", "Name": "absent.manifest"}}
    source = {"GroundTruthManifest": place}
    return desk, {"ProjectArn": desk.project(), "DatasetType": "TRAIN", "DatasetSource": source}


@provokes("ResourceInUseException", "DeleteDataset")
def _deleting_a_busy_dataset(open_desk: Any) -> tuple[Any, Members]:
    desk, dataset = _creating(open_desk)
    return desk, {"DatasetArn": dataset}


@provokes("ResourceInUseException", "UpdateDatasetEntries")
def _updating_a_busy_dataset(open_desk: Any) -> tuple[Any, Members]:
    desk, dataset = _creating(open_desk)
    return desk, {"DatasetArn": dataset, "Changes": {"GroundTruth": b"{}"}}


@provokes("ResourceNotReadyException", "ListDatasetEntries", "ListDatasetLabels")
def _listing_too_early(open_desk: Any) -> tuple[Any, Members]:
    desk, dataset = _creating(open_desk)
    return desk, {"DatasetArn": dataset}


@provokes("ResourceInUseException", "ListDatasetEntries", "ListDatasetLabels")
def _listing_during_an_update(open_desk: Any) -> tuple[Any, Members]:
    chosen = Assumptions(busy_dataset_listing="ResourceInUseException")
    desk, dataset = _creating(open_desk, chosen)
    desk.cloud.advance(1000)
    changes = {"GroundTruth": b'{"source-ref": "s3://images/x"}'}
    desk.call("UpdateDatasetEntries", DatasetArn=dataset, Changes=changes)
    return desk, {"DatasetArn": dataset}


@provokes("ResourceNotReadyException", "DistributeDatasetEntries")
def _distributing_busy_datasets(open_desk: Any) -> tuple[Any, Members]:
    desk, train = _creating(open_desk)
    project = desk.call("DescribeProjects")["ProjectDescriptions"][0]["ProjectArn"]
    test = desk.call("CreateDataset", ProjectArn=project, DatasetType="TEST")["DatasetArn"]
    return desk, {"Datasets": [{"Arn": train}, {"Arn": test}]}


def _creating(open_desk: Any, assumptions: Assumptions | None = None) -> tuple[Any, str]:
    """A dataset that stays CREATE_IN_PROGRESS, for nobody moves the clock."""
    desk = open_desk(pace="manual", assumptions=assumptions)
    made = desk.call("CreateDataset", ProjectArn=desk.project(), DatasetType="TRAIN")
    return desk, made["DatasetArn"]


# Versions.


def _version_members(desk: Any, project: str, name: str = "v1") -> Members:
    return {"ProjectArn": project, "VersionName": name, "OutputConfig": {"S3Bucket": "images"}}


def _trainable(desk: Any) -> str:
    project = desk.project()
    lines = desk.put_images(2)
    for kind in ("TRAIN", "TEST"):
        desk.dataset(project, kind, lines)
    return project


@provokes("ResourceInUseException", "CreateProjectVersion")
def _version_name_taken(open_desk: Any) -> tuple[Any, Members]:
    desk = open_desk(assumptions=Assumptions(duplicate_version="ResourceInUseException"))
    version = desk.trained()
    return desk, _version_members(desk, project_of(desk, version))


@provokes("LimitExceededException", "CreateProjectVersion")
def _one_training_too_many(open_desk: Any) -> tuple[Any, Members]:
    desk = open_desk(limits=Limits(trainings=0))
    return desk, _version_members(desk, _trainable(desk))


@provokes("ServiceQuotaExceededException", "CreateProjectVersion")
def _one_version_too_many(open_desk: Any) -> tuple[Any, Members]:
    desk = open_desk(limits=Limits(versions_per_project=0))
    return desk, _version_members(desk, _trainable(desk))


@provokes("ResourceInUseException", "StartProjectVersion")
def _starting_a_failed_version(open_desk: Any) -> tuple[Any, Members]:
    desk = open_desk(assumptions=Assumptions(failed_version_start="ResourceInUseException"))
    project = desk.project()
    for kind in ("TRAIN", "TEST"):
        desk.dataset(project, kind)
    failed = desk.train(project)
    assert desk.version(failed)["Status"] == "TRAINING_FAILED"
    return desk, {"ProjectVersionArn": failed, "MinInferenceUnits": 1}


@provokes("LimitExceededException", "StartProjectVersion")
def _too_many_units(open_desk: Any) -> tuple[Any, Members]:
    desk = open_desk(limits=Limits(units_per_version=5))
    return desk, {"ProjectVersionArn": desk.trained(), "MinInferenceUnits": 6}


@provokes("ResourceInUseException", "StopProjectVersion")
def _stopping_what_cannot_be(open_desk: Any) -> tuple[Any, Members]:
    desk = open_desk(assumptions=Assumptions(stoppable=frozenset({"RUNNING"})))
    return desk, {"ProjectVersionArn": desk.trained()}


@provokes("ResourceInUseException", "DeleteProjectVersion")
def _deleting_a_running_version(open_desk: Any) -> tuple[Any, Members]:
    desk = open_desk()
    return desk, {"ProjectVersionArn": desk.running()}


# Detection.


@provokes("ResourceNotReadyException", "DetectCustomLabels")
def _not_running(open_desk: Any) -> tuple[Any, Members]:
    desk = open_desk()
    return desk, {"ProjectVersionArn": desk.trained(), "Image": {"Bytes": b"x"}}


@provokes("InvalidS3ObjectException", "DetectCustomLabels")
def _no_image(open_desk: Any) -> tuple[Any, Members]:
    return _detection(open_desk, {"S3Object": {"Bucket": "images", "Name": "absent.jpeg"}})


@provokes("InvalidImageFormatException", "DetectCustomLabels")
def _no_image(open_desk: Any) -> tuple[Any, Members]:
    return _detection(open_desk, {"Bytes": b"GIF89a"})


@provokes("ImageTooLargeException", "DetectCustomLabels")
def _too_large(open_desk: Any) -> tuple[Any, Members]:
    buffer = io.BytesIO()
    Image.new("L", (100, 100)).save(buffer, "PNG")
    return _detection(open_desk, {"Bytes": buffer.getvalue().ljust((4 << 20) + 1, b"\0")})


@provokes("ProvisionedThroughputExceededException", "DetectCustomLabels")
def _more_than_the_units_bear(open_desk: Any) -> tuple[Any, Members]:
    desk = open_desk(limits=Limits(unit_tps=0.001))
    members = {"ProjectVersionArn": desk.running(), "Image": {"Bytes": b"x"}}
    with suppress(ClientError):
        desk.call("DetectCustomLabels", **members)
    return desk, members


def _detection(open_desk: Any, image: Members) -> tuple[Any, Members]:
    desk = open_desk()
    return desk, {"ProjectVersionArn": desk.running(), "Image": image}


@attrs.frozen
class Pair:
    """An operation and one of its modelled errors."""

    operation: str
    code: str

    def __str__(self) -> str:
        return f"{self.operation}-{self.code}"


def pairs() -> list[Pair]:
    """Every operation with each of its modelled errors."""
    return [Pair(name, code) for name in cases.OPERATIONS for code in sorted(modelled(name))]

"""Project versions: created (which trains them), described, deleted."""

from __future__ import annotations

from collections.abc import Callable

import attrs

from rekognition_xray.local.bill import Charge
from rekognition_xray.local.failures import ServiceError, invalid_parameter
from rekognition_xray.local.rules.datasets import BUSY as DATASET_BUSY
from rekognition_xray.local.rules.datasets import check_last_update
from rekognition_xray.local.rules.lookup import DELETING, datasets_of, project_of, version_of
from rekognition_xray.local.rules.tags import check_tags
from rekognition_xray.local.state import (
    Caller,
    Dataset,
    Members,
    Project,
    Stopped,
    Version,
    World,
    page_size,
)
from rekognition_xray.local.training import Sources, TrainingOutcome, TrainingRefused, train

TRAINING = "TRAINING_IN_PROGRESS"
READY = "The model is ready to run."
_SHOWN_AS_GIVEN = ("KmsKeyId", "VersionDescription", "OutputConfig", "SourceProjectVersionArn")


def create_project_version(world: World, caller: Caller, asked: Members) -> Members:
    """CreateProjectVersion; the training runs on in the background."""
    tags, name = check_tags(world, asked.get("Tags", {})), asked["VersionName"]
    _check_members(asked)
    with world.store.transaction():
        project = project_of(world, caller, asked["ProjectArn"])
        check_name_and_room(world, project, name)
        _check_places(world, caller)
        sources = _sources(world, project, asked)
        version = record_version(
            world, caller, project, name, TRAINING, "The model is being trained.", _given(asked)
        )
        world.store.put_tags(version.arn, tags)
    _train(world, project, version, sources)
    return {"ProjectVersionArn": version.arn}


def record_version(  # noqa: PLR0917 - what a version is made of
    world: World,
    caller: Caller,
    project: Project,
    name: str,
    status: str,
    message: str,
    given: Members,
) -> Version:
    """Writes down a new version of a project, before the work on it begins."""
    stamp = world.clock.stamp()
    version = Version(
        arn=f"{caller.arn}project/{project.name}/version/{name}/{stamp}",
        project_arn=project.arn,
        account=caller.account,
        region=caller.region,
        name=name,
        created=stamp / 1000,
        status=status,
        message=message,
        given=given,
        outcome={},
    )
    world.store.versions.put(version)
    return version


def describe_project_versions(world: World, caller: Caller, asked: Members) -> Members:
    """DescribeProjectVersions, newest first; unknown names are left out."""
    scope, names = "DescribeProjectVersions", asked.get("VersionNames")
    before = float(world.pager.position(scope, asked) or "inf")

    def wanted() -> list[Version]:
        with world.store.transaction():
            project = project_of(world, caller, asked["ProjectArn"])
            found = world.store.versions.find(project_arn=project.arn)
        return [
            version
            for version in found
            if version.created < before and (names is None or version.name in names)
        ][: page_size(asked) + 1]

    world.hold(version.arn for version in wanted())
    found = wanted()
    page = found[: page_size(asked)]
    reply: Members = {"ProjectVersionDescriptions": [describe(version) for version in page]}
    if len(found) > len(page):
        reply["NextToken"] = world.pager.token(scope, asked, repr(page[-1].created))
    return reply


def delete_project_version(world: World, caller: Caller, asked: Members) -> Members:
    """DeleteProjectVersion; its result files in S3 remain."""
    with world.store.transaction():
        version = version_of(world, caller, asked["ProjectVersionArn"])
        if version.status not in world.assumptions.deletable:
            code = _deletion_refusal(world, version)
            raise ServiceError(code, f"The model is {version.status}.")
        _check_not_copied(world, version)
        world.store.versions.put(attrs.evolve(version, status=DELETING, message="Deleting."))

    def finish() -> None:
        world.models.delete(version.arn)
        with world.store.transaction():
            world.store.versions.delete(version.arn)
            world.store.delete_tags(version.arn)

    world.jobs.start([version.arn], "deleting", lambda _stopped: finish, lambda _error: None)
    return {"Status": DELETING}


def describe(version: Version) -> Members:
    """A version as DescribeProjectVersions shows it."""
    shown: Members = {
        "ProjectVersionArn": version.arn,
        "CreationTimestamp": version.created,
        "Status": version.status,
        "StatusMessage": version.message,
        "Feature": "CUSTOM_LABELS",
        **{name: version.given[name] for name in _SHOWN_AS_GIVEN if name in version.given},
        "TrainingDataResult": {"Input": version.given["TrainingData"]},
        "TestingDataResult": {"Input": version.given["TestingData"]},
        **version.outcome.get("shown", {}),
    }
    if version.min_units is not None:
        shown["MinInferenceUnits"] = version.min_units
    if version.max_units is not None:
        shown["MaxInferenceUnits"] = version.max_units
    return shown


def _train(world: World, project: Project, version: Version, sources: Sources) -> None:
    def work(stopped: Stopped) -> Callable[[], None]:
        try:
            trained = train(world, project.name, version, sources, stopped)
        except TrainingRefused as refusal:
            return _refuse(refusal)
        return lambda: _finish(world, version, trained)

    def _refuse(refusal: TrainingRefused) -> Callable[[], None]:
        return lambda: _fail(world, version, refusal.message, refusal.shown)

    def failed(error: Exception) -> None:
        text = f"The training ended with an internal error: {type(error).__name__}."
        _fail(world, version, text, {})

    world.jobs.start([version.arn], "training", work, failed)


def _finish(world: World, version: Version, trained: TrainingOutcome) -> None:
    ended = world.clock.now()
    seconds = max(1, round(ended - version.created))
    shown = {
        **trained.shown,
        "BillableTrainingTimeInSeconds": seconds,
        "TrainingEndTimestamp": ended,
    }
    outcome = {"shown": shown, "thresholds": trained.thresholds}
    done = attrs.evolve(version, status="TRAINING_COMPLETED", message=READY, outcome=outcome)
    charge = Charge(
        id=f"training {version.arn}",
        kind="training",
        version_arn=version.arn,
        started=ended - seconds,
        ended=ended,
        units=1,
    )
    with world.store.transaction():
        world.store.versions.put(done)
        world.store.charges.put(charge)


def _fail(world: World, version: Version, message: str, shown: Members) -> None:
    outcome = {"shown": {**shown, "TrainingEndTimestamp": world.clock.now()}}
    with world.store.transaction():
        world.store.versions.put(
            attrs.evolve(version, status="TRAINING_FAILED", message=message, outcome=outcome)
        )


def _check_members(asked: Members) -> None:
    if "S3Bucket" not in asked["OutputConfig"]:
        raise invalid_parameter()
    if "FeatureConfig" in asked:
        raise invalid_parameter("FeatureConfig is for content moderation only.")
    if ("TrainingData" in asked) != ("TestingData" in asked):
        raise invalid_parameter("TrainingData and TestingData are needed together, or neither.")


def check_name_and_room(world: World, project: Project, name: str) -> None:
    """Raises ResourceInUse for a name that is taken, ServiceQuotaExceeded for one too many."""
    versions = world.store.versions.find(project_arn=project.arn)
    if any(version.name == name for version in versions):
        raise ServiceError(
            world.assumptions.duplicate_version, f"A version with the name {name} already exists."
        )
    most = world.limits.versions_per_project
    if most is not None and len(versions) >= most:
        raise ServiceError("ServiceQuotaExceededException", f"The project has {most} models.")


def _check_places(world: World, caller: Caller) -> None:
    busy = world.store.versions.find(account=caller.account, region=caller.region, status=TRAINING)
    if world.limits.trainings is not None and len(busy) >= world.limits.trainings:
        raise ServiceError("LimitExceededException", f"{len(busy)} trainings are running already.")


def _check_not_copied(world: World, version: Version) -> None:
    copies = world.store.versions.find(status="COPYING_IN_PROGRESS")
    if any(copy.given["SourceProjectVersionArn"] == version.arn for copy in copies):
        raise ServiceError(world.assumptions.undeletable_version, "The model is being copied.")


def _deletion_refusal(world: World, version: Version) -> str:
    if version.status in {TRAINING, "RUNNING"}:  # the documented ones
        return "ResourceInUseException"
    return world.assumptions.undeletable_version


def _sources(world: World, project: Project, asked: Members) -> Sources:
    datasets = datasets_of(world, project)
    if "TrainingData" not in asked:
        return _from_datasets(world, datasets)
    if datasets:
        raise invalid_parameter("The project has datasets; leave out TrainingData and TestingData.")
    testing: Members = asked["TestingData"]
    automatic = testing.get("AutoCreate", False)
    if automatic == bool(testing.get("Assets")):
        raise invalid_parameter("TestingData takes Assets or AutoCreate, one of both.")
    return Sources(
        training=_place(asked["TrainingData"]),
        testing=None if automatic else _place(testing),
    )


def _from_datasets(world: World, datasets: list[Dataset]) -> Sources:
    if [dataset.type for dataset in datasets] != ["TRAIN", "TEST"]:
        raise invalid_parameter("The project needs a training and a test dataset.")
    for dataset in datasets:
        if dataset.status in DATASET_BUSY:
            raise ServiceError(
                world.assumptions.busy_dataset_training,
                f"The {dataset.type} dataset is {dataset.status}.",
            )
        check_last_update(world, dataset)
        if dataset.status == "CREATE_FAILED":
            raise ServiceError(
                world.assumptions.failed_dataset_training,
                f"The {dataset.type} dataset is CREATE_FAILED.",
            )
    training, testing = (world.store.entries.lines(dataset.arn) for dataset in datasets)
    return Sources(training=training, testing=testing)


def _place(data: Members) -> Members:
    try:
        (asset,) = data["Assets"]
        place: Members = asset["GroundTruthManifest"]["S3Object"]
    except (KeyError, ValueError) as error:
        raise invalid_parameter("One manifest in S3 is needed.") from error
    if not {"Bucket", "Name"} <= place.keys():
        raise invalid_parameter()
    return place


def _given(asked: Members) -> Members:
    output = {"S3KeyPrefix": "", **asked["OutputConfig"]}
    return {
        **{name: asked[name] for name in _SHOWN_AS_GIVEN if name in asked},
        "OutputConfig": output,
        "TrainingData": asked.get("TrainingData", {}),
        "TestingData": {"AutoCreate": False, **asked.get("TestingData", {})},
    }

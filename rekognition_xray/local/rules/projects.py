"""Projects: created at once, listed newest first, deleted when they are empty."""

from __future__ import annotations

from collections.abc import Callable

import attrs

from rekognition_xray.local.failures import ServiceError, in_use, invalid_parameter
from rekognition_xray.local.rules.lookup import DELETING, datasets_of, project_of
from rekognition_xray.local.rules.policies import forget_policies
from rekognition_xray.local.rules.tags import check_tags
from rekognition_xray.local.state import Caller, Dataset, Members, Project, World, page_size

_CUSTOM_LABELS = "CUSTOM_LABELS"


def create_project(world: World, caller: Caller, asked: Members) -> Members:
    """CreateProject."""
    if asked.get("Feature", _CUSTOM_LABELS) != _CUSTOM_LABELS:
        raise ServiceError(
            "NotImplementedException",
            "Projects for content moderation are not offered by the local cloud.",
        )
    if "AutoUpdate" in asked:
        raise invalid_parameter("AutoUpdate is for content moderation only.")
    tags = check_tags(world, asked.get("Tags", {}), "LimitExceededException")
    name = asked["ProjectName"]
    with world.store.transaction():
        _check_room(world, caller, name)
        stamp = world.clock.stamp()
        project = Project(
            arn=f"{caller.arn}project/{name}/{stamp}",
            account=caller.account,
            region=caller.region,
            name=name,
            created=stamp / 1000,
            status="CREATED",
            feature=_CUSTOM_LABELS,
        )
        world.store.projects.put(project)
        world.store.put_tags(project.arn, tags)
    return {"ProjectArn": project.arn}


def describe_projects(world: World, caller: Caller, asked: Members) -> Members:
    """DescribeProjects; unknown names are left out."""
    names, features = asked.get("ProjectNames"), asked.get("Features", [_CUSTOM_LABELS])
    scope = f"DescribeProjects {caller.arn}"
    before = float(world.pager.position(scope, asked) or "inf")

    def wanted() -> list[Project]:
        found = world.store.projects.find(account=caller.account, region=caller.region)
        return [
            project
            for project in found
            if project.created < before
            and project.feature in features
            and (names is None or project.name in names)
        ][: page_size(asked) + 1]

    with world.store.transaction():
        shown = _with_datasets(world, wanted())
    world.hold(_arns(shown))
    with world.store.transaction():
        shown = _with_datasets(world, wanted())
    page = shown[: page_size(asked)]
    reply: Members = {"ProjectDescriptions": [_describe(*pair) for pair in page]}
    if len(shown) > len(page):
        reply["NextToken"] = world.pager.token(scope, asked, repr(page[-1][0].created))
    return reply


def delete_project(world: World, caller: Caller, asked: Members) -> Members:
    """DeleteProject; versions and datasets have to be gone."""
    with world.store.transaction():
        project = project_of(world, caller, asked["ProjectArn"])
        if world.store.versions.find(project_arn=project.arn):
            raise in_use("The project has models; delete them first.")
        if datasets_of(world, project):
            raise in_use("The project has datasets; delete them first.")
        world.store.projects.put(attrs.evolve(project, status=DELETING))
    world.jobs.start(
        [project.arn], "deleting", lambda _stopped: _forget(world, project), lambda _error: None
    )
    return {"Status": DELETING}


def _forget(world: World, project: Project) -> Callable[[], None]:
    def finish() -> None:
        with world.store.transaction():
            world.store.projects.delete(project.arn)
            forget_policies(world, project.arn)
            world.store.delete_tags(project.arn)

    return finish


def _check_room(world: World, caller: Caller, name: str) -> None:
    projects = world.store.projects.find(account=caller.account, region=caller.region)
    if any(project.name == name for project in projects):
        raise ServiceError(
            world.assumptions.duplicate_project, f"A project with the name {name} already exists."
        )
    most = world.limits.projects
    if most is not None and len(projects) >= most:
        raise ServiceError("LimitExceededException", f"The account has {most} projects.")


def _with_datasets(world: World, found: list[Project]) -> list[tuple[Project, list[Dataset]]]:
    return [(project, datasets_of(world, project)) for project in found]


def _arns(shown: list[tuple[Project, list[Dataset]]]) -> list[str]:
    datasets = [dataset.arn for _, found in shown for dataset in found]
    return [*(project.arn for project, _ in shown), *datasets]


def _describe(project: Project, datasets: list[Dataset]) -> Members:
    return {
        "ProjectArn": project.arn,
        "CreationTimestamp": project.created,
        "Status": project.status,
        "Datasets": [
            {
                "CreationTimestamp": dataset.created,
                "DatasetType": dataset.type,
                "DatasetArn": dataset.arn,
                "Status": dataset.status,
                "StatusMessage": dataset.message,
                "StatusMessageCode": dataset.code,
            }
            for dataset in datasets
        ],
        "Feature": project.feature,
    }

"""Projects listed and tagged; deleted whole, in order, shown first, and safe to repeat."""

from __future__ import annotations

import pytest

import rekognition_xray as rx
from rekognition_xray import errors
from rekognition_xray.cloud.projects import DeletionPlan
from rekognition_xray.local import LocalCloud

MODELS = "s3://clinic-xrays/models"


@pytest.fixture
def whole(trained: rx.ModelVersion) -> rx.CustomLabelsProject:
    """A project with both datasets and a version."""
    return rx.CustomLabelsProject(trained.aws, trained.project_arn)


def yes(plan: DeletionPlan) -> bool:
    return True


def test_projects_are_listed_whole(aws: rx.Aws) -> None:
    # One more than a page holds would need another quota, so pages are made smaller.
    names = [f"p{number:03}" for number in range(9)]
    made = {rx.CustomLabelsProject.get_or_create(name, aws=aws).arn for name in names}
    event = "provide-client-params.rekognition.DescribeProjects"
    events = aws.rekognition.meta.events
    events.register(event, lambda params, **_: {**params, "MaxResults": 4}, unique_id="small")
    try:
        listed = rx.CustomLabelsProject.list(aws=aws)
    finally:
        events.unregister(event, unique_id="small")
    assert len(listed) == 9
    assert {project.arn for project in listed} == made


def test_no_project_is_an_empty_list(aws: rx.Aws) -> None:
    assert rx.CustomLabelsProject.list(aws=aws) == ()


def test_a_project_is_tagged_when_it_is_created_and_later(aws: rx.Aws) -> None:
    project = rx.CustomLabelsProject.get_or_create("p", aws=aws, tags={"site": "north"})
    assert project.tags() == {"site": "north"}
    again = rx.CustomLabelsProject.get_or_create("p", aws=aws, tags={"site": "south"})
    assert again.tags() == {"site": "north"}
    project.tag(site="south", **{"cost-centre": "7"})
    assert project.tags() == {"site": "south", "cost-centre": "7"}


def test_a_version_is_tagged_later(trained: rx.ModelVersion) -> None:
    trained.tag(reader="AB")
    assert trained.tags()["reader"] == "AB"


@pytest.mark.parametrize("tags", [{"rxray.current": "v1"}, {"aws:x": ""}, {"a;b": ""}])
def test_tags_that_are_none_or_ours_are_refused(
    aws: rx.Aws, trained: rx.ModelVersion, tags: dict[str, str]
) -> None:
    project = rx.CustomLabelsProject(aws, trained.project_arn)
    with pytest.raises(errors.InvalidRequestError, match="no tags for a project"):
        project.tag(**tags)
    with pytest.raises(errors.InvalidRequestError, match="no tags for a version"):
        trained.tag(**tags)
    with pytest.raises(errors.InvalidRequestError, match="no tags for a project"):
        rx.CustomLabelsProject.get_or_create("new", aws=aws, tags=tags)
    assert rx.CustomLabelsProject.find("new", aws=aws) is None


def test_a_project_is_deleted_with_what_hangs_on_it(
    whole: rx.CustomLabelsProject, trained: rx.ModelVersion
) -> None:
    whole.promote(trained)
    shown: list[str] = []
    results = trained.describe().summary
    done = whole.delete(confirm=lambda plan: shown.append(str(plan)) is None)
    assert done.done
    assert rx.CustomLabelsProject.list(aws=whole.aws) == ()
    assert results
    assert whole.aws.s3.get_object(Bucket=results.bucket, Key=results.key)["ContentLength"]
    for text in (
        f"{whole.arn} is deleted",
        "version v1: TRAINING_COMPLETED",
        ", the version in use",
        "the TRAIN dataset of 6 entries",
        "the TEST dataset of 6 entries",
        "What remains: images",
    ):
        assert text in shown[0]
    rx.CustomLabelsProject.get_or_create(whole.name, aws=whole.aws)


@pytest.mark.parametrize("answer", [False, None, "yes", 1])
def test_nothing_is_deleted_without_a_plain_yes(
    whole: rx.CustomLabelsProject, trained: rx.ModelVersion, answer
) -> None:
    done = whole.delete(confirm=lambda plan: answer)
    assert not done.done
    assert whole.versions() == (trained,)
    assert set(whole.datasets()) == {"TRAIN", "TEST"}


def test_a_running_version_refuses_unless_it_may_be_stopped(
    whole: rx.CustomLabelsProject, trained: rx.ModelVersion, cloud: LocalCloud
) -> None:
    client = whole.aws.rekognition
    client.start_project_version(ProjectVersionArn=trained.arn, MinInferenceUnits=1)
    with pytest.raises(errors.InUseError, match="v1: RUNNING") as caught:
        whole.delete(confirm=yes)
    assert "stop=True" in caught.value.hint
    assert trained.describe().status == "RUNNING"
    shown: list[str] = []
    whole.delete(confirm=lambda plan: shown.append(str(plan)) is None, stop=True)
    assert "(it is stopped first)" in shown[0]
    assert cloud.bill.running == ()
    assert rx.CustomLabelsProject.list(aws=whole.aws) == ()


@pytest.mark.usefixtures("no_wait")
@pytest.mark.parametrize(
    ("operation", "when"),
    [
        ("DeleteProjectVersion", "before"),
        ("DeleteProjectVersion", "after"),
        ("DeleteDataset", "before"),
        ("DeleteDataset", "after"),
        ("DeleteProject", "before"),
    ],
)
def test_a_run_that_was_cut_off_is_completed_by_the_next(
    whole: rx.CustomLabelsProject, cloud: LocalCloud, operation: str, when: str
) -> None:
    cloud.faults.drop(operation, when=when, times=5)
    try:
        whole.delete(confirm=yes)
    except errors.ConnectionFailedError:
        cloud.faults.clear()
        whole.delete(confirm=yes)
    assert rx.CustomLabelsProject.list(aws=whole.aws) == ()


@pytest.mark.usefixtures("no_wait")
def test_a_project_whose_deletion_was_not_answered_is_gone(
    whole: rx.CustomLabelsProject, cloud: LocalCloud
) -> None:
    cloud.faults.drop("DeleteProject", when="after")
    assert whole.delete(confirm=yes).done
    with pytest.raises(errors.NotFoundError):
        whole.delete(confirm=yes)

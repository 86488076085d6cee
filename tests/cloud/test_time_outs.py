"""Every wait ends: on a cloud whose time stands still each budget is used up, and says for what."""

from __future__ import annotations

from collections.abc import Callable

import attrs
import pytest

import rekognition_xray as rx
from rekognition_xray import errors
from rekognition_xray.cloud import datasets
from rekognition_xray.cloud.datasets import calls
from rekognition_xray.cloud.meter import stopping
from rekognition_xray.cloud.projects import deleting
from rekognition_xray.cloud.projects import project as projects
from rekognition_xray.local import LocalCloud
from rekognition_xray.testing import NoWaitClock

MODELS = "s3://clinic-xrays/models"
BUDGET = 60.0


@attrs.frozen
class Stuck:
    """A project with datasets and a trained version, whose cloud goes on no more.

    Attributes:
        clock: of the library, which goes on at once when it waits.
    """

    project: rx.CustomLabelsProject
    version: rx.ModelVersion
    clock: NoWaitClock

    @property
    def train(self) -> str:
        return self.project.datasets()["TRAIN"].arn


@pytest.fixture
def stuck(patient: rx.Aws, draw, monkeypatch: pytest.MonkeyPatch) -> Stuck:
    project = rx.CustomLabelsProject.get_or_create("chest", aws=patient)
    train, test = draw().split(test=0.4, seed=1)
    project.put_datasets(train=train, test=test, store="s3://clinic-xrays/images")
    version = project.train("v1", output=MODELS)
    version.wait_until_trained()
    for module in (calls, deleting):
        monkeypatch.setattr(module, "_BUDGET", BUDGET)
    clock = NoWaitClock()
    aws = rx.Aws(patient.session, clock=clock)
    return Stuck(
        rx.CustomLabelsProject(aws, project.arn),
        rx.ModelVersion(aws, version.arn, project.arn),
        clock,
    )


def update(stuck: Stuck) -> None:
    entries = datasets.read_manifest(stuck.project.aws, stuck.train)
    datasets.update_dataset(stuck.project.aws, stuck.train, entries)


def update_twice(stuck: Stuck) -> None:
    """The second finds the dataset busy with the first."""
    entries = datasets.read_manifest(stuck.project.aws, stuck.train)
    changes = {"GroundTruth": next(iter(entries.blobs()))}
    stuck.project.aws.rekognition.update_dataset_entries(DatasetArn=stuck.train, Changes=changes)
    datasets.update_dataset(stuck.project.aws, stuck.train, entries)


def create(stuck: Stuck) -> None:
    other = rx.CustomLabelsProject.get_or_create("other", aws=stuck.project.aws)
    datasets.create_dataset(stuck.project.aws, other.arn, "TEST", None)


def delete_dataset(stuck: Stuck) -> None:
    datasets.delete_dataset(stuck.project.aws, stuck.train)


def delete_project(stuck: Stuck) -> None:
    stuck.project.delete(confirm=lambda plan: True)


def train(stuck: Stuck) -> None:
    stuck.project.train("v2", output=MODELS).wait_until_trained(budget=BUDGET)


def copy(stuck: Stuck) -> None:
    other = rx.CustomLabelsProject.get_or_create("other", aws=stuck.project.aws)
    stuck.version.copy_to(other, output=MODELS, budget=BUDGET)


@pytest.mark.parametrize(
    ("act", "status"),
    [
        (create, "CREATE_IN_PROGRESS"),
        (update, "UPDATE_IN_PROGRESS"),
        (update_twice, "UPDATE_IN_PROGRESS"),
        (delete_dataset, "DELETE_IN_PROGRESS"),
        (delete_project, "DELETING"),
        (train, "TRAINING_IN_PROGRESS"),
        (copy, "COPYING_IN_PROGRESS"),
    ],
)
def test_a_wait_ends_when_its_budget_is_used_up(
    stuck: Stuck, act: Callable[[Stuck], None], status: str
) -> None:
    with pytest.raises(errors.WaitTimeoutError, match=f"still {status} after 60 s") as caught:
        act(stuck)
    assert stuck.clock.time == pytest.approx(BUDGET)
    assert "nothing was cancelled" in caught.value.hint


def test_a_start_and_a_stop_that_take_for_ever_are_reported_with_the_price(
    stuck: Stuck, slow: LocalCloud
) -> None:
    late = pytest.raises(errors.StopFailedError, match=r"may still be billing 4\.00 per hour")
    with late as caught, stuck.version.running(budget=BUDGET):
        pytest.fail("it never runs")
    assert isinstance(caught.value.__context__, errors.WaitTimeoutError)
    assert stuck.clock.time == pytest.approx(BUDGET + stopping.BUDGET)


def test_a_project_that_is_made_for_ever_is_given_up(
    stuck: Stuck, monkeypatch: pytest.MonkeyPatch
) -> None:
    look = projects._look
    monkeypatch.setattr(projects, "_look", lambda made: ("CREATING", look(made)[1]))
    with pytest.raises(errors.WaitTimeoutError, match="still CREATING after 300 s"):
        rx.CustomLabelsProject.get_or_create("new", aws=stuck.project.aws)


def test_work_that_ends_within_the_budget_is_waited_for(patient: rx.Aws, stuck: Stuck) -> None:
    copies = rx.CustomLabelsProject.get_or_create("other", aws=patient)
    version = rx.ModelVersion(patient, stuck.version.arn, stuck.project.arn)
    assert version.copy_to(copies, output=MODELS).describe().status == "COPYING_COMPLETED"
    project = rx.CustomLabelsProject(patient, stuck.project.arn)
    assert project.delete(confirm=lambda plan: True).done
    assert rx.CustomLabelsProject.list(aws=patient) == (copies,)

"""Trainings of half an hour: counted, waited for, and outlived by the wait."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from decimal import Decimal

import pytest

import rekognition_xray as rx
from rekognition_xray import errors
from rekognition_xray.cloud.versions import TrainingProgress
from rekognition_xray.cloud.versions.training_progress import Watch
from rekognition_xray.cloud.waiting import WaitProgress
from rekognition_xray.local import LocalCloud

STORE = "s3://clinic-xrays/images"
MODELS = "s3://clinic-xrays/models"


@pytest.fixture
def begin(patient: rx.Aws, draw) -> Callable[[str], rx.ModelVersion]:
    """Begins a training of half an hour in a project of that name."""

    def begin(name: str) -> rx.ModelVersion:
        project = rx.CustomLabelsProject.get_or_create(name, aws=patient)
        train, test = draw().split(test=0.4, seed=1)
        project.put_datasets(train=train, test=test, store=STORE)
        return project.train("v1", output=MODELS)

    return begin


def test_trainings_of_all_projects_count(patient: rx.Aws, begin) -> None:
    busy = [begin(name) for name in ("one", "two")]
    project = rx.CustomLabelsProject.get_or_create("one", aws=patient)
    with pytest.raises(errors.QuotaError, match="2 trainings are running") as caught:
        project.train("v2", output=MODELS)
    assert all(version.arn in caught.value.message for version in busy)
    assert [version.name for version in project.versions()] == ["v1"]


def test_a_training_is_waited_for_with_its_time_and_price(begin) -> None:
    version = begin("slow")
    looks: list[TrainingProgress] = []
    seen = version.wait_until_trained(progress=looks.append)
    assert seen.status == "TRAINING_COMPLETED"
    assert {look.status for look in looks[:-1]} == {"TRAINING_IN_PROGRESS"}
    waited = [look.elapsed - looks[0].elapsed for look in looks]
    assert waited == sorted(waited)
    assert 1800 <= waited[-1] <= 1830, "it is looked at every half minute"
    assert [look.cost for look in looks] == sorted(look.cost for look in looks)
    assert Decimal("0.50") <= looks[-1].cost <= Decimal("0.52")


def test_a_wait_that_is_over_before_the_training_says_that_it_goes_on(begin) -> None:
    version = begin("slow")
    late = pytest.raises(errors.WaitTimeoutError, match="still TRAINING_IN_PROGRESS after 600 s")
    with late as caught:
        version.wait_until_trained(budget=600)
    assert "goes on at 1.00 USD an hour" in caught.value.message
    assert "no call that stops a training" in caught.value.message
    assert version.wait_until_trained().trained


def test_a_version_that_is_deleted_meanwhile_is_not_waited_for(begin, slow: LocalCloud) -> None:
    version = begin("slow")
    version.wait_until_trained()
    version.delete()
    with pytest.raises(errors.UnreachableStateError, match="is DELETING"):
        version.wait_until_trained()


def test_a_copy_that_takes_longer_than_the_budget_goes_on(begin, patient: rx.Aws) -> None:
    version = begin("slow")
    version.wait_until_trained()
    other = rx.CustomLabelsProject.get_or_create("other", aws=patient)
    late = pytest.raises(errors.WaitTimeoutError, match="still COPYING_IN_PROGRESS after 60 s")
    with late as caught:
        version.copy_to(other, output=MODELS, budget=60)
    assert "call copy_to again" in caught.value.message
    copy = version.copy_to(other, output=MODELS)
    assert copy.describe().status == "COPYING_COMPLETED"
    assert other.versions() == (copy,)


def test_time_counts_from_the_beginning_of_the_training() -> None:
    looks: list[TrainingProgress] = []
    watch = Watch(looks.append, rx.PriceBook())
    began = dt.datetime(2026, 11, 1, 8, tzinfo=dt.UTC)
    watch.begun(began, now=began + dt.timedelta(hours=2))
    watch.look(WaitProgress("version v1", "TRAINING_IN_PROGRESS", 1800.0))
    assert str(looks[0]) == (
        "version v1 is TRAINING_IN_PROGRESS, 2:30:00, 2.50 USD by the clock if it succeeds"
    )


def test_a_training_can_be_watched_on_the_terminal(
    trained: rx.ModelVersion, capsys: pytest.CaptureFixture[str]
) -> None:
    trained.wait_until_trained(progress=True)
    assert "version v1 is TRAINING_COMPLETED, 0:00:0" in capsys.readouterr().err

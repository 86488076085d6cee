"""What a training may cost; killed and repeated, it is found."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from decimal import Decimal

import attrs
import pytest

import rekognition_xray as rx
from rekognition_xray import errors
from rekognition_xray.cloud.versions import EarlierTraining, training_range
from rekognition_xray.local import LocalCloud
from rekognition_xray.testing import NoWaitClock

STORE = "s3://clinic-xrays/images"
MODELS = "s3://clinic-xrays/models"


def hours(images: int, *earlier: EarlierTraining) -> tuple[Decimal, Decimal]:
    found = training_range(images, earlier, rx.PriceBook())
    return found.low.lines[0].quantity, found.high.lines[0].quantity


def test_without_an_earlier_training_the_range_is_the_published_one() -> None:
    found = training_range(5216, [], rx.PriceBook())
    assert (found.low.total, found.high.total) == (Decimal("0.50"), Decimal("24.00"))
    assert str(found).splitlines() == [
        "training: 0.5 to 24 h, 0.50 to 24.00 USD at 1.00 USD/h",
        "(by: AWS's guide: a training takes from 0.5 to 24 h)",
        "(by: the article of 2020: 1.308 h for 5,856 images of this kind)",
        "(by: this training: 5,216 images)",
    ]


def test_an_earlier_training_on_as_many_images_is_taken_twice_for_the_upper_end() -> None:
    assert hours(5000, EarlierTraining("v1", Decimal("1.3"), 5000)) == (
        Decimal("1.3"),
        Decimal("2.6"),
    )


def test_more_images_take_longer_in_proportion_or_not_at_all() -> None:
    assert hours(10_000, EarlierTraining("v1", Decimal(1), 5000)) == (1, 4)
    assert hours(2500, EarlierTraining("v1", Decimal(1), 5000)) == (Decimal("0.5"), 2)


def test_several_earlier_trainings_widen_the_range() -> None:
    earlier = (EarlierTraining("v2", Decimal(2), 100), EarlierTraining("v1", Decimal(1), 100))
    assert hours(100, *earlier) == (1, 4)


def test_no_training_takes_longer_than_aws_lets_it() -> None:
    assert hours(10_000, EarlierTraining("v1", Decimal(5), 10)) == (5, 24)


def test_a_training_on_nobody_knows_how_many_images_is_reported_and_not_used() -> None:
    assert hours(100, EarlierTraining("v1", Decimal(1), None)) == (Decimal("0.5"), 24)
    found = training_range(100, [EarlierTraining("v1", Decimal(1), None)], rx.PriceBook())
    assert "version v1 of this project: 1.000 h for an unknown number of images" in str(found)


def test_a_training_that_could_exceed_the_cap_is_not_started(ready: rx.CustomLabelsProject) -> None:
    with pytest.raises(errors.CostCapError, match=r"24 h and would then cost 24\.00 USD") as caught:
        ready.train("v1", output=MODELS, max_cost="23.99")
    assert "AWS has no call that stops a training" in caught.value.message
    assert "the article of 2020" in caught.value.message
    assert ready.versions() == ()
    ready.train("v1", output=MODELS, max_cost=24)


def test_earlier_trainings_of_the_project_lower_the_upper_end(trained: rx.ModelVersion) -> None:
    project = rx.CustomLabelsProject(trained.aws, trained.project_arn)
    assert trained.tags()["rxray.images"] == "6"
    found = project.training_estimate()
    assert found.high.total < Decimal(1)
    assert "version v1 of this project" in str(found)
    assert "for 6 images" in str(found)
    project.train("v2", output=MODELS, max_cost="1.00")


def test_the_estimate_is_logged_before_a_training_starts(
    ready: rx.CustomLabelsProject, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO", "rekognition_xray")
    ready.train("v1", output=MODELS)
    assert "training: 0.5 to 24 h" in caplog.text
    assert "AWS has no call that stops a training, and bills only one that succeeds." in caplog.text


def test_an_estimate_needs_images(project: rx.CustomLabelsProject) -> None:
    with pytest.raises(errors.NotFoundError, match="no TRAIN dataset"):
        project.training_estimate()


def test_a_training_that_is_asked_for_again_is_the_same_one(ready: rx.CustomLabelsProject) -> None:
    first = ready.train("v1", output=MODELS)
    again = ready.train("v1", output=f"{MODELS}/", max_cost="24")
    assert again == first
    first.wait_until_trained()
    assert ready.train("v1", output=MODELS, max_cost="0.00") == first, "nothing is started"
    assert ready.versions() == (first,)


@pytest.mark.parametrize("change", ["output", "kms_key", "datasets"])
def test_another_training_of_that_name_is_refused(
    ready: rx.CustomLabelsProject, draw, change: str
) -> None:
    first = ready.train("v1", output=MODELS)
    first.wait_until_trained()
    if change == "datasets":
        train, test = draw(patients=6).split(test=0.4, seed=1)
        ready.put_datasets(train=train, test=test, store=STORE, replace=True)
    asked = {"output": MODELS, **{"output": {"output": f"{MODELS}/2"}}.get(change, {})}
    if change == "kms_key":
        asked["kms_key"] = "alias/clinic"
    with pytest.raises(errors.AlreadyExistsError, match="version 'v1' already") as caught:
        ready.train("v1", **asked)
    assert "another name" in caught.value.hint
    assert ready.versions() == (first,)


def test_a_version_that_others_made_is_not_taken_for_ours(ready: rx.CustomLabelsProject) -> None:
    ready.aws.rekognition.create_project_version(
        ProjectArn=ready.arn, VersionName="v1", OutputConfig={"S3Bucket": "clinic-xrays"}
    )
    with pytest.raises(errors.AlreadyExistsError, match="not by this library"):
        ready.train("v1", output=MODELS)


@pytest.mark.usefixtures("no_wait")
def test_a_training_whose_start_was_not_answered_is_found(
    ready: rx.CustomLabelsProject, cloud: LocalCloud
) -> None:
    lost = cloud.faults.drop("CreateProjectVersion", when="after")
    version = ready.train("v1", output=MODELS)
    assert lost.met == 1
    assert ready.versions() == (version,)
    assert version.wait_until_trained().trained


def test_a_training_that_did_not_start_is_reported_after_a_while(
    ready: rx.CustomLabelsProject, cloud: LocalCloud
) -> None:
    cloud.faults.drop("CreateProjectVersion", when="before")
    clock = NoWaitClock()
    hasty = rx.CustomLabelsProject(attrs.evolve(ready.aws, clock=clock), ready.arn)
    with pytest.raises(errors.ConnectionFailedError):
        hasty.train("v1", output=MODELS)
    assert clock.time == pytest.approx(10)
    assert ready.versions() == ()
    assert ready.train("v1", output=MODELS).name == "v1"


def test_who_is_second_to_start_the_same_training_gets_it(ready: rx.CustomLabelsProject) -> None:
    other = rx.CustomLabelsProject(rx.Aws(ready.aws.session), ready.arn)
    made: list[str] = []
    events = ready.aws.rekognition.meta.events
    event = "before-call.rekognition.CreateProjectVersion"

    def first(**_: object) -> None:
        made.append(other.train("v1", output=MODELS).arn)

    events.register(event, first, unique_id="race")
    try:
        assert ready.train("v1", output=MODELS).arn == made[0]
    finally:
        events.unregister(event, unique_id="race")
    assert [version.arn for version in ready.versions()] == made


@pytest.mark.heavy
def test_a_program_that_is_killed_as_its_training_begins_finds_it_in_the_next_run(
    ready: rx.CustomLabelsProject, cloud: LocalCloud
) -> None:
    program = f"""
import os, signal, rekognition_xray as rx
project = rx.CustomLabelsProject(rx.Aws(), {ready.arn!r})
kill = lambda **_: os.kill(os.getpid(), signal.SIGKILL)
events = project.aws.rekognition.meta.events
events.register("after-call.rekognition.CreateProjectVersion", kill)
project.train("v1", output={MODELS!r})
"""
    environment = os.environ | cloud.environment()
    killed = subprocess.run([sys.executable, "-c", program], env=environment, check=False)
    assert killed.returncode == -signal.SIGKILL
    (there,) = ready.versions()
    version = ready.train("v1", output=MODELS)
    assert version == there
    assert version.wait_until_trained().trained
    assert ready.versions() == (version,)

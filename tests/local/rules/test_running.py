from __future__ import annotations

import shutil

import pytest

from rekognition_xray.local import Assumptions, Limits


def start(desk, arn, units=1, **members):
    return desk.call(
        "StartProjectVersion", ProjectVersionArn=arn, MinInferenceUnits=units, **members
    )["Status"]


def refused(desk, arn, units=1, **members):
    return desk.refused(
        "StartProjectVersion", ProjectVersionArn=arn, MinInferenceUnits=units, **members
    )


@pytest.fixture
def slow(open_desk):
    """A cloud whose clock stands still, with a version trained in it."""
    desk = open_desk(pace="manual")
    project = desk.filled()
    arn = desk.train(project)
    desk.cloud.advance(3600)
    return desk, arn


def test_start_answers_starting_and_the_next_look_shows_running(desk):
    arn = desk.trained()
    assert start(desk, arn, MaxInferenceUnits=3) == "STARTING"
    shown = desk.version(arn)
    assert (shown["Status"], shown["MinInferenceUnits"], shown["MaxInferenceUnits"]) == (
        "RUNNING",
        1,
        3,
    )


def test_starting_and_stopping_show_themselves_while_they_last(slow):
    desk, arn = slow
    start(desk, arn)
    assert desk.version(arn)["Status"] == "STARTING"
    assert desk.refused("DeleteProjectVersion", ProjectVersionArn=arn) == "ResourceInUseException"
    desk.cloud.advance(3600)
    assert desk.version(arn)["Status"] == "RUNNING"
    desk.call("StopProjectVersion", ProjectVersionArn=arn)
    assert desk.version(arn)["Status"] == "STOPPING"
    assert refused(desk, arn) == "ResourceInUseException"
    assert desk.refused("DeleteProjectVersion", ProjectVersionArn=arn) == "ResourceInUseException"
    desk.cloud.advance(3600)
    assert desk.version(arn)["Status"] == "STOPPED"


def test_a_version_can_be_stopped_while_it_starts(slow):
    desk, arn = slow
    start(desk, arn)
    desk.call("StopProjectVersion", ProjectVersionArn=arn)
    desk.cloud.advance(3600)
    assert desk.version(arn)["Status"] == "STOPPED"
    assert desk.cloud.bill.unit_seconds == 0


def test_a_start_that_was_stopped_does_not_end_a_later_one(slow):
    desk, arn = slow
    start(desk, arn)
    desk.call("StopProjectVersion", ProjectVersionArn=arn)
    desk.cloud.advance(300)
    assert desk.version(arn)["Status"] == "STOPPED"
    start(desk, arn)
    desk.cloud.advance(400)  # the first start's ten minutes are over, the second's are not
    assert desk.version(arn)["Status"] == "STARTING"
    assert desk.cloud.bill.unit_seconds == 0
    desk.cloud.advance(200)
    assert desk.version(arn)["Status"] == "RUNNING"
    desk.cloud.advance(100)
    assert desk.cloud.bill.unit_seconds == pytest.approx(100)


def test_a_start_that_was_to_fail_does_not_fail_a_later_one(slow):
    desk, arn = slow
    desk.cloud.faults.fail_start()
    start(desk, arn)
    desk.call("StopProjectVersion", ProjectVersionArn=arn)
    desk.cloud.advance(300)
    start(desk, arn)
    desk.cloud.advance(400)
    assert desk.version(arn)["Status"] == "STARTING"
    desk.cloud.advance(200)
    assert desk.version(arn)["Status"] == "RUNNING"


def test_a_running_version_is_not_started_again(desk):
    assert refused(desk, desk.running()) == "ResourceInUseException"


def test_a_running_version_is_not_deleted(desk):
    arn = desk.running()
    assert desk.refused("DeleteProjectVersion", ProjectVersionArn=arn) == "ResourceInUseException"


def test_a_version_that_does_not_run_is_not_stopped(desk):
    arn = desk.trained()
    assert desk.refused("StopProjectVersion", ProjectVersionArn=arn) == "ResourceInUseException"


def test_a_version_whose_training_failed_is_not_started(desk):
    project = desk.project()
    lines = desk.put_images(2, labels=("normal",))
    for kind in ("TRAIN", "TEST"):
        desk.dataset(project, kind, lines)
    assert refused(desk, desk.train(project)) == "ResourceInUseException"


@pytest.mark.parametrize("members", [{"units": 0}, {"units": 3, "MaxInferenceUnits": 2}])
def test_units_that_make_no_sense_are_refused(desk, members):
    assert refused(desk, desk.trained(), **members) == "InvalidParameterException"


@pytest.mark.parametrize("members", [{"units": 6}, {"units": 1, "MaxInferenceUnits": 6}])
def test_more_than_five_units_are_refused(desk, members):
    assert refused(desk, desk.trained(), **members) == "LimitExceededException"


def test_a_third_running_version_is_refused_until_one_is_stopped(desk):
    first = desk.trained()
    project = desk.call("DescribeProjects")["ProjectDescriptions"][0]["ProjectArn"]
    arns = [first, desk.train(project, "v2"), desk.train(project, "v3")]
    start(desk, arns[0])
    start(desk, arns[1])
    assert refused(desk, arns[2]) == "LimitExceededException"
    desk.version(arns[0])
    desk.call("StopProjectVersion", ProjectVersionArn=arns[0])
    desk.version(arns[0])
    assert start(desk, arns[2]) == "STARTING"


def test_the_quota_of_running_versions_can_be_turned_off(open_desk):
    desk = open_desk(limits=Limits(running_versions=None, units_per_version=None))
    assert start(desk, desk.trained(), units=100) == "STARTING"


def test_a_model_whose_files_are_gone_fails_to_start(open_desk, tmp_path, caplog):
    desk = open_desk(data=tmp_path)
    arn = desk.trained()
    shutil.rmtree(tmp_path / "models")
    start(desk, arn)
    assert desk.version(arn)["Status"] == "FAILED"
    assert desk.cloud.bill.running == ()


def test_a_running_version_is_charged_by_unit_and_second_while_it_runs(slow):
    desk, arn = slow
    start(desk, arn, units=2)
    desk.cloud.advance(600)
    desk.cloud.advance(3600)
    assert desk.cloud.bill.running == (arn,)
    desk.call("StopProjectVersion", ProjectVersionArn=arn)
    desk.cloud.advance(3600)
    bill = desk.cloud.bill
    assert (bill.unit_seconds, bill.running) == (pytest.approx(2 * 3600), ())


def test_starting_and_stopping_may_be_charged_too(open_desk):
    desk = open_desk(pace="manual", assumptions=Assumptions(charged="STARTING to STOPPED"))
    project = desk.filled()
    arn = desk.train(project)
    desk.cloud.advance(3600)
    start(desk, arn)
    desk.cloud.advance(600)
    desk.call("StopProjectVersion", ProjectVersionArn=arn)
    desk.cloud.advance(120)
    assert desk.cloud.bill.unit_seconds == pytest.approx(720)

"""What runs is listed; what dead processes have left is stopped, and nothing else."""

from __future__ import annotations

import os
from decimal import Decimal

import rekognition_xray as rx
from rekognition_xray import errors
from rekognition_xray.cloud import meter

from .conftest import Ward


def test_running_tells_owner_price_and_time(ward: Ward) -> None:
    assert meter.running(ward.version.aws) == ()
    with ward.version.running(units=2) as model:
        assert model.run
        for _ in range(6):
            ward.clock.sleep(300)
            model.run.look()
        (seen,) = meter.running(ward.version.aws)
    assert (seen.project, seen.version, seen.status) == ("ward", "v1", "RUNNING")
    assert (seen.units, seen.per_hour) == (2, Decimal("8.00"))
    assert seen.owners[0].endswith(f":{os.getpid()}")
    assert seen.cost is not None
    assert Decimal("5.30") < seen.cost < Decimal("5.50")  # the start is counted: 40 minutes
    assert "8.00 USD per hour, since 20" in str(seen)
    assert "needed by" in str(seen)


def test_what_nobody_holds_a_lease_on_is_left_unless_asked(ward: Ward) -> None:
    ward.start_without_lease()
    (reported,) = meter.stop_expired(ward.version.aws)
    assert not reported.stopped
    assert "unleased=True" in str(reported)
    (reported,) = meter.stop_expired(ward.version.aws, unleased=True)
    assert reported.stopped
    assert ward.status == "STOPPED"


def test_a_live_lease_protects_even_from_that(ward: Ward, enter) -> None:
    ward.start_without_lease()
    block = ward.version.running()
    enter(block)
    assert not meter.stop_expired(ward.version.aws, unleased=True)[0].stopped
    block.__exit__(None, None, None)


def test_tags_that_may_not_be_read_protect_from_everything(ward: Ward) -> None:
    ward.start_without_lease()
    ward.cloud.faults.error("ListTagsForResource", "AccessDeniedException")
    (reported,) = meter.stop_expired(ward.version.aws, unleased=True)
    assert (reported.stopped, "may not be read" in reported.reason) == (False, True)


def test_a_stop_that_fails_is_in_the_answer(ward: Ward) -> None:
    ward.start_without_lease()
    ward.cloud.faults.error("StopProjectVersion", "AccessDeniedException", percent=100)
    (reported,) = meter.stop_expired(ward.version.aws, unleased=True)
    assert isinstance(reported.error, errors.StopFailedError)
    assert str(reported).startswith("NOT STOPPED: ward/v1")


def test_a_stop_that_fails_does_not_keep_the_others_on(ward: Ward) -> None:
    aws = ward.version.aws
    project = rx.CustomLabelsProject(aws, ward.version.project_arn)
    second = project.train("v2", output="s3://clinic-xrays/m")
    second.wait_until_trained()
    aws.rekognition.start_project_version(ProjectVersionArn=second.arn, MinInferenceUnits=1)
    ward.start_without_lease()
    # Both are asked once, which is refused; the first is refused for good.
    ward.cloud.faults.error("StopProjectVersion", "AccessDeniedException", times=3)
    reported = meter.stop_expired(aws, unleased=True)
    assert [(one.stopped, one.error is None) for one in reported] == [(False, False), (True, True)]
    meter.stop(second)
    second.delete()

"""Several users of one model: who joins, who stops it, and what leases protect."""

from __future__ import annotations

import attrs
import pytest

import rekognition_xray as rx
from rekognition_xray import errors
from rekognition_xray.cloud import meter
from rekognition_xray.local import LocalCloud

from .conftest import EPOCH, NAP, Ward, kill


def test_the_first_to_leave_leaves_it_running_and_the_last_stops_it(ward: Ward, enter) -> None:
    first, second = ward.version.running(), ward.version.running()
    enter(first)
    enter(second)
    assert len(ward.tags) == 2
    first.__exit__(None, None, None)
    assert ward.status == "RUNNING"
    assert len(ward.tags) == 1
    second.__exit__(None, None, None)
    assert ward.status == "STOPPED"
    assert ward.tags == {}


def test_the_handle_of_who_has_left_answers_no_more(ward: Ward, enter) -> None:
    first, second = ward.version.running(), ward.version.running()
    model = enter(first)
    enter(second)
    first.__exit__(None, None, None)
    with pytest.raises(errors.NotReadyError, match="has ended"):
        model.detect(ward.image)
    second.__exit__(None, None, None)


def test_the_cap_of_one_does_not_stop_the_model_of_another(ward: Ward, enter) -> None:
    first, second = ward.version.running(max_hours=1), ward.version.running()
    models = [enter(first), enter(second)]
    for _ in range(12):
        ward.clock.sleep(300)
        for model in models:
            model.run.look()
    with pytest.raises(errors.NotReadyError):
        models[0].detect(ward.image)
    assert models[1].detect(ward.image).confidences
    first.__exit__(None, None, None)
    assert ward.status == "RUNNING"
    second.__exit__(None, None, None)
    assert ward.status == "STOPPED"


def test_who_dies_beside_another_does_not_keep_the_model_on(ward: Ward, enter) -> None:
    first, second = ward.version.running(), ward.version.running()
    dead = enter(first)
    living = enter(second)
    kill(dead)
    for _ in range(4):
        ward.clock.sleep(meter.LEASE_RENEWAL)
        living.run.look()
    assert meter.stop_expired(ward.version.aws)[0].stopped is False
    second.__exit__(None, None, None)
    assert ward.status == "STOPPED"
    assert ward.tags == {}
    first.__exit__(None, None, None)


def test_what_somebody_started_without_a_lease_is_joined_and_left_running(ward: Ward) -> None:
    ward.start_without_lease()
    with ward.version.running() as model:
        assert model.detect(ward.image).confidences
        (seen,) = meter.running(ward.version.aws)
        assert seen.since is None
        assert "since unknown" in str(seen)
    assert ward.status == "RUNNING"
    assert ward.tags == {}


def test_guests_do_not_make_it_theirs(ward: Ward, enter) -> None:
    ward.start_without_lease()
    blocks = [ward.version.running() for _ in range(2)]
    for block in blocks:
        enter(block)
    for block in blocks:
        block.__exit__(None, None, None)
    assert ward.status == "RUNNING"


def test_it_is_taken_over_when_asked(ward: Ward) -> None:
    ward.start_without_lease()
    with ward.version.running(take_over=True):
        pass
    assert ward.status == "STOPPED"


def test_what_a_dead_process_left_is_joined_and_stopped(ward: Ward, enter) -> None:
    dead = ward.version.running()
    kill(enter(dead))
    ward.clock.sleep(5000)
    with ward.version.running():
        pass
    assert ward.status == "STOPPED"
    assert ward.tags == {}
    dead.__exit__(None, None, None)


def test_without_permission_to_tag_it_works_and_says_what_is_missing(ward: Ward, caplog) -> None:
    ward.cloud.faults.error("TagResource", "AccessDeniedException")
    with ward.version.running() as model:
        assert model.detect(ward.image).confidences
        assert ward.tags == {}
        ward.clock.sleep(1000)
        assert model.run
        model.run.look()
    assert "no lease protects" in caplog.text
    assert ward.status == "STOPPED"


def test_without_permission_to_read_tags_it_stops_all_the_same(ward: Ward) -> None:
    ward.cloud.faults.error("ListTagsForResource", "AccessDeniedException", times=3)
    with ward.version.running():
        pass
    ward.cloud.faults.clear()
    assert ward.status == "STOPPED"


def test_without_permission_to_stop_nothing_is_started(ward: Ward) -> None:
    ward.cloud.faults.error("StopProjectVersion", "AccessDeniedException", percent=100)
    with (
        pytest.raises(errors.AccessDeniedError, match="was not started") as output,
        ward.version.running(),
    ):
        pytest.fail("it could not be stopped")
    assert "rekognition:StopProjectVersion" in output.value.hint
    assert ward.billed == 0
    assert ward.tags == {}


@pytest.mark.parametrize("seconds", [-3600, -600, 590, 600])
def test_a_clock_that_is_wrong_takes_no_model_away(ward: Ward, enter, seconds: int) -> None:
    block = ward.version.running()
    model = enter(block)
    ward.clock.sleep(meter.LEASE_RENEWAL)
    model.run.look()
    ward.clock.sleep(meter.LEASE_RENEWAL - 1)
    ward.clock.wrong = seconds
    assert [output.stopped for output in meter.stop_expired(ward.version.aws)] == [False]
    ward.clock.wrong = 0
    block.__exit__(None, None, None)


def test_a_clock_that_is_set_back_does_not_shorten_the_own_lease(ward: Ward) -> None:
    with ward.version.running() as model:
        assert model.run
        ward.clock.sleep(meter.LEASE_RENEWAL)
        ward.clock.wrong = -7200
        model.run.look()
        assert model.run.lease
        assert model.run.lease.until.timestamp() == pytest.approx(
            EPOCH + ward.clock.now() + meter.LEASE_SECONDS, abs=2
        )


def test_damaged_and_foreign_tags_are_kept_and_reported(ward: Ward, caplog) -> None:
    strange = {"rxray.lease.0123456789ab": "v9 whatever", "rxray.lease.ward": "3"}
    ward.version.aws.rekognition.tag_resource(ResourceArn=ward.version.arn, Tags=strange)
    with ward.version.running():
        (seen,) = meter.running(ward.version.aws)
        assert seen.leases.damaged == tuple(strange)
        assert str(seen).count("is no lease that can be read") == 2
        assert len(seen.live) == 1
    assert "tags that are no leases" in caplog.text
    assert ward.status == "STOPPED"
    assert ward.tags == strange


def test_a_lease_that_cannot_be_renewed_is_tried_again_soon(ward: Ward) -> None:
    with ward.version.running() as model:
        assert model.run
        assert model.run.lease
        before = model.run.lease.until
        ward.clock.sleep(meter.LEASE_RENEWAL)
        ward.cloud.faults.error("TagResource", "InvalidParameterException")
        model.run.look()
        assert model.run.lease.until == before
        ward.clock.sleep(NAP)
        model.run.look()
        assert model.run.lease.until > before


def test_a_start_that_fails_leaves_no_lease(ward: Ward) -> None:
    ward.cloud.faults.fail_start()
    with pytest.raises(errors.UnreachableStateError, match="FAILED"), ward.version.running():
        pytest.fail("nothing runs")
    assert ward.tags == {}
    assert ward.billed == 0


@pytest.mark.parametrize("limit", [{"idle_stop": 0}, {"max_hours": 0}, {"max_hours": "NaN"}])
def test_limits_that_are_none_are_refused(ward: Ward, limit: dict[str, int]) -> None:
    with pytest.raises(errors.InvalidRequestError), ward.version.running(**limit):
        pytest.fail("nothing runs")


def test_who_watches_is_reported_while_it_starts(ward: Ward, capsys) -> None:
    seen: list[str] = []
    with ward.version.running(progress=lambda look: seen.append(look.status)):
        pass
    assert (seen[0], seen[-1]) == ("STARTING", "RUNNING")
    with ward.version.running(progress=True):
        pass
    assert "is RUNNING" in capsys.readouterr().err


@pytest.mark.heavy
def test_the_watchdog_wakes_by_itself(cloud: LocalCloud, trained: rx.ModelVersion) -> None:
    version = attrs.evolve(trained, aws=rx.Aws(session=cloud.session()))
    with version.running(idle_stop=0.001) as model:
        assert model.run
        assert model.run._over.wait(20)
    assert cloud.bill.running == ()

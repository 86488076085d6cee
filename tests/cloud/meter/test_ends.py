"""However the use of a model ends, the bill shows no second too many."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal

import pytest

import rekognition_xray as rx
from rekognition_xray import errors
from rekognition_xray.cloud import meter
from rekognition_xray.local import LocalCloud

from ..conftest import running_elsewhere
from .conftest import EPOCH, NAP, CloudClock, Ward, kill

ON_POSIX = pytest.mark.skipif(os.name != "posix", reason="signals of POSIX")


def test_the_price_comes_first_and_is_in_the_handle(ward: Ward, caplog) -> None:
    caplog.set_level("INFO", logger="rekognition_xray.cloud.meter")
    with ward.version.running(units=2) as model:
        assert model.run
        assert (model.run.per_hour, model.run.currency) == (Decimal("8.00"), "USD")
        assert model == ward.version
    assert "costs 8.00 USD per hour" in caplog.text


@pytest.mark.parametrize("units", [1, 3])
def test_leaving_bills_the_time_inside(ward: Ward, units: int) -> None:
    with ward.version.running(units=units):
        ward.clock.sleep(100)
    assert ward.billed == pytest.approx(100 * units, abs=0.01)
    assert ward.status == "STOPPED"
    assert ward.tags == {}


@pytest.mark.parametrize("error", [ZeroDivisionError, KeyboardInterrupt, SystemExit, GeneratorExit])
def test_an_exception_bills_the_time_until_it(ward: Ward, error: type[BaseException]) -> None:
    with pytest.raises(error), ward.version.running():  # noqa: PT012
        ward.clock.sleep(50)
        raise error
    assert ward.billed == pytest.approx(50, abs=0.01)


@ON_POSIX
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_bills_the_time_until_it(ward: Ward, number: signal.Signals) -> None:
    got: list[str] = []
    before = signal.signal(number, lambda *_: got.append(ward.status))
    try:
        with ward.version.running():
            ward.clock.sleep(50)
            signal.raise_signal(number)
            ward.clock.sleep(10_000)
    finally:
        signal.signal(number, before)
    assert got == ["STOPPED"]
    assert ward.billed == pytest.approx(50, abs=0.01)


@pytest.mark.parametrize("limit", [{"max_cost": "1.00"}, {"max_hours": "0.25"}])
def test_the_cap_ends_the_stay_before_it_is_dearer(ward: Ward, limit: dict[str, str]) -> None:
    began = ward.clock.now()
    with ward.version.running(**limit) as model:
        assert model.run
        ward.clock.sleep(began + 900 - ward.clock.now())
        assert model.run.look()
        with pytest.raises(errors.NotReadyError, match="its cap was reached"):
            model.detect(ward.image)
    assert 0 < ward.billed <= 900 - 600  # the start took the rest of the cap
    assert ward.status == "STOPPED"


def test_a_cap_that_the_start_uses_up_stops_it_and_says_so(ward: Ward, monkeypatch) -> None:
    sleep, looking = ward.clock.sleep, threading.Lock()

    def sleep_and_look(seconds: float) -> None:
        """The watchdog naps in real time, so it is woken by this clock."""
        sleep(seconds)
        if looking.acquire(blocking=False):
            with looking_released(looking):
                for thread in threading.enumerate():
                    if thread.name == "rxray watchdog":
                        thread._target.__self__.look()  # type: ignore[attr-defined]

    monkeypatch.setattr(ward.clock, "sleep", sleep_and_look)
    block = ward.version.running(max_hours="0.1")
    with pytest.raises(errors.UnreachableStateError), block:
        pytest.fail("it never ran")
    assert ward.billed == 0
    assert ward.status == "STOPPED"


@contextmanager
def looking_released(lock: threading.Lock) -> Iterator[None]:
    try:
        yield
    finally:
        lock.release()


def test_idleness_ends_the_stay(ward: Ward) -> None:
    with ward.version.running(idle_stop=300) as model:
        assert model.run
        for _ in range(4):
            ward.clock.sleep(200)
            assert model.run.look()
            model.detect(ward.image)
        ward.clock.sleep(300)
        assert model.run.look()
        ward.clock.sleep(5000)
        with pytest.raises(errors.NotReadyError):
            model.detect(ward.image)
    assert ward.billed == pytest.approx(4 * 200 + 300, abs=0.01)


def test_who_waits_for_an_answer_is_not_idle(ward: Ward) -> None:
    with ward.version.running(idle_stop=60) as model:
        assert model.run
        with model.run.detection():
            ward.clock.sleep(61)
            model.run.look()
        assert ward.status == "RUNNING"


def test_a_stop_that_fails_once_at_the_cap_is_made_at_the_next_look(ward: Ward) -> None:
    with ward.version.running(max_hours=1) as model:
        assert model.run
        inside = ward.clock.now()
        ward.cloud.faults.error("StopProjectVersion", "AccessDeniedException")
        ward.clock.sleep(3600)
        assert not model.run.look()
        ward.clock.sleep(NAP)
        assert model.run.look()
    assert ward.billed <= 3600 + NAP
    assert ward.clock.now() >= inside + 3600


@pytest.mark.usefixtures("no_wait")
@pytest.mark.parametrize("code", ["InternalServerError", "ThrottlingException"])
def test_a_stop_that_fails_once_on_leaving_is_asked_for_again(ward: Ward, code: str) -> None:
    with ward.version.running():
        ward.clock.sleep(100)
        ward.cloud.faults.error("StopProjectVersion", code)
    assert ward.billed == pytest.approx(100, abs=0.01)


def test_a_stop_that_fails_for_good_is_reported_and_left_for_stop_expired(ward: Ward) -> None:
    with pytest.raises(errors.StopFailedError, match=ward.version.arn), ward.version.running():  # noqa: PT012
        ward.clock.sleep(100)
        ward.cloud.faults.error("StopProjectVersion", "AccessDeniedException")
    assert ward.status == "RUNNING"
    ward.clock.sleep(60)
    (output,) = meter.stop_expired(ward.version.aws)
    assert output.stopped
    assert ward.billed == pytest.approx(160, abs=0.01)
    assert ward.tags == {}


@pytest.mark.parametrize("interval", [300.0, 600.0])
def test_a_killed_process_bills_until_its_lease_expires_and_the_next_interval(
    ward: Ward, interval: float
) -> None:
    block = ward.version.running()
    model = block.__enter__()
    ward.clock.sleep(400)
    assert model.run
    model.run.look()  # renews
    kill(model)
    sweeps = 0
    while ward.status == "RUNNING":
        ward.clock.sleep(interval)
        meter.stop_expired(ward.version.aws)
        sweeps += 1
    block.__exit__(None, None, None)  # gives the signals back; a killed process does nothing
    promise = meter.LEASE_SECONDS + meter.LEASE_MARGIN + interval
    assert sweeps > 1
    assert 400 + meter.LEASE_SECONDS <= ward.billed <= 400 + promise
    assert ward.tags == {}


@ON_POSIX
@pytest.mark.heavy
def test_a_process_that_is_killed_outright_leaves_a_lease_and_no_riddle(
    cloud: LocalCloud, trained: rx.ModelVersion
) -> None:
    with running_elsewhere(cloud, trained) as process:
        process.kill()
    (seen,) = meter.running(trained.aws)
    assert seen.owners[0].endswith(f":{process.pid}")
    assert [output.stopped for output in meter.stop_expired(trained.aws)] == [False]
    later = rx.Aws(session=cloud.session(), clock=CloudClock(cloud))
    later.clock.wrong = (
        (seen.now.timestamp() - EPOCH) + meter.LEASE_SECONDS + meter.LEASE_MARGIN + 60
    )
    later.clock.sleep = lambda seconds: None
    assert [output.stopped for output in meter.stop_expired(later)] == [True]
    assert cloud.bill.running == ()

"""Waiting: time budgets, exhaustive tables, and a clock that tests move by hand."""

from __future__ import annotations

import botocore.session
import pytest

from rekognition_xray.cloud import meter
from rekognition_xray.cloud.datasets import putting as datasets
from rekognition_xray.cloud.projects import deleting, project
from rekognition_xray.cloud.versions import version
from rekognition_xray.cloud.waiting import Settled, SettleTable, Wait, WaitProgress
from rekognition_xray.errors import (
    NotReadyError,
    UnreachableStateError,
    WaitTimeoutError,
)

TABLE: SettleTable = {"BUSY": Settled.GO_ON, "READY": Settled.DONE, "BROKEN": Settled.FAILED}
MODEL = botocore.session.get_session().get_service_model("rekognition")


def wait(statuses: list[str], wait: Wait, clock) -> str:
    seen = iter(statuses)

    def read() -> tuple[str, str]:
        status = next(seen)
        return status, f"value of {status}"

    return wait.until(read, TABLE, what="the thing", clock=clock)


def test_a_settled_thing_is_looked_at_once(clock) -> None:
    assert wait(["READY"], Wait(60), clock) == "value of READY"
    assert clock.slept == []


def test_pauses_grow_to_the_longest(clock) -> None:
    wait(["BUSY"] * 6 + ["READY"], Wait(60, first=1, longest=4), clock)
    assert clock.slept == [1, 1.5, 2.25, 3.375, 4, 4]


def test_an_unknown_status_is_waited_through(clock) -> None:
    assert wait(["BRAND_NEW", "READY"], Wait(60), clock) == "value of READY"


def test_a_failed_status_ends_the_waiting(clock) -> None:
    with pytest.raises(UnreachableStateError, match="the thing is BROKEN"):
        wait(["BUSY", "BROKEN"], Wait(60), clock)


def test_the_caller_may_say_what_the_failure_is(clock) -> None:
    with pytest.raises(NotReadyError, match="value of it"):
        Wait(60).until(
            lambda: ("BROKEN", "value of it"),
            TABLE,
            what="the thing",
            clock=clock,
            failure=NotReadyError,
        )


def test_the_budget_ends_the_waiting_and_says_what_goes_on(clock) -> None:
    with pytest.raises(WaitTimeoutError, match=r"still BUSY after 5 s\. It bills") as caught:
        Wait(5).until(
            lambda: ("BUSY", None), TABLE, what="the thing", clock=clock, on_timeout="It bills."
        )
    assert isinstance(caught.value, TimeoutError)
    assert sum(clock.slept) == 5


def test_an_error_while_looking_is_not_swallowed(clock) -> None:
    def read() -> tuple[str, None]:
        raise NotReadyError("no")

    with pytest.raises(NotReadyError):
        Wait(60).until(read, TABLE, what="the thing", clock=clock)


def test_whoever_watches_gets_every_look(clock) -> None:
    looks: list[WaitProgress] = []
    wait(["BUSY", "READY"], Wait(60, on_look=looks.append), clock)
    assert [(look.status, look.elapsed) for look in looks] == [("BUSY", 0), ("READY", 1)]


@pytest.mark.parametrize(
    ("table", "shape"),
    [
        (project.CREATED, "ProjectStatus"),
        (datasets.READY, "DatasetStatus"),
        (datasets.DELETED, "DatasetStatus"),
        (version.TRAINED, "ProjectVersionStatus"),
        (deleting.VERSION_GONE, "ProjectVersionStatus"),
        (deleting.PROJECT_GONE, "ProjectStatus"),
        (meter.RUNS, "ProjectVersionStatus"),
        (meter.RESTS, "ProjectVersionStatus"),
    ],
)
def test_settle_tables_know_every_status_of_the_service(table: SettleTable, shape: str) -> None:
    assert set(MODEL.shape_for(shape).enum) == {s for s in table if not s.startswith("(")}

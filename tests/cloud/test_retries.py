"""Calls are repeated by one rule on every boto3; no client ever runs out of attempts."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import botocore.endpoint
import pytest

import rekognition_xray as rx
from rekognition_xray import errors
from rekognition_xray.cloud import storage
from rekognition_xray.cloud.retries import THROTTLES, RetryRule, retry_after
from rekognition_xray.local import Faults, Limits, LocalCloud

from ..support.uploads import boxes

STORE = "s3://clinic-xrays/images"


class Pauses:
    """Stands in for the module `time` where botocore pauses."""

    def __init__(self) -> None:
        self.taken: list[float] = []

    def sleep(self, seconds: float) -> None:
        self.taken.append(seconds)


@pytest.fixture
def pauses(monkeypatch: pytest.MonkeyPatch) -> Pauses:
    made = Pauses()
    monkeypatch.setattr(botocore.endpoint, "time", made)
    return made


@pytest.fixture
def faults(cloud: LocalCloud) -> Faults:
    return cloud.faults


def pause(
    code: str = "",
    *,
    status: int = 400,
    attempt: int = 1,
    operation: str = "DescribeProjects",
    headers: dict[str, str] | None = None,
    error: Exception | None = None,
) -> float | None:
    """The longest pause that the rule can draw after a reply, or after an exception."""
    rule = RetryRule(5, (ConnectionError,), draw=lambda: 1.0)
    reply = (SimpleNamespace(status_code=status, headers=headers or {}), {"Error": {"Code": code}})
    return rule(
        response=None if error else reply,
        operation=SimpleNamespace(name=operation),
        attempts=attempt,
        caught_exception=error,
    )


@pytest.mark.parametrize("code", sorted(THROTTLES))
def test_pauses_after_throttles_begin_with_a_second_and_double(code: str) -> None:
    assert [pause(code, attempt=number) for number in range(1, 6)] == [1, 2, 4, 8, None]


@pytest.mark.parametrize("status", [500, 502, 503, 504])
def test_pauses_after_faults_begin_with_a_twentieth_of_a_second(status: int) -> None:
    assert [pause(status=status, attempt=n) for n in range(1, 6)] == [0.05, 0.1, 0.2, 0.4, None]


def test_no_reply_is_a_fault() -> None:
    assert pause(error=ConnectionError()) == 0.05
    assert pause(error=ValueError()) is None


@pytest.mark.parametrize(
    "code", ["LimitExceededException", "ResourceInUseException", "InvalidParameterException"]
)
def test_what_a_second_call_would_meet_again_is_not_repeated(code: str) -> None:
    assert pause(code) is None


@pytest.mark.parametrize("operation", ["CreateProject", "StartProjectVersion", "CreateDataset"])
def test_what_must_not_happen_twice_is_repeated_after_throttles_alone(operation: str) -> None:
    assert pause("ThrottlingException", status=500, operation=operation) == 1
    assert pause(status=500, operation=operation) is None
    assert pause(error=ConnectionError(), operation=operation) is None


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("1500", 1.5),
        ("0", 0.0),
        ("86400000", 20.0),
        ("-1", None),
        ("9" * 400, None),
        ("soon", None),
        ("", None),
    ],
)
def test_the_header_is_in_milliseconds_and_at_most_20_seconds_are_waited(
    text: str, seconds: float | None
) -> None:
    assert retry_after({"x-amz-retry-after": text}) == seconds


def test_a_pause_is_never_shorter_than_the_header_asks_for() -> None:
    asked = {"x-amz-retry-after": "5000"}
    assert pause("ThrottlingException", headers=asked) == 5
    assert pause("ThrottlingException", headers=asked, attempt=4) == 8


def test_clients_wait_as_long_as_a_reply_asks_for(
    aws: rx.Aws, faults: Faults, pauses: Pauses
) -> None:
    faults.error("DescribeProjects", "ThrottlingException", retry_after=7.5)
    aws.rekognition.describe_projects()
    assert pauses.taken == [7.5]


@pytest.mark.parametrize("seconds", [None, 2.0])
def test_an_error_carries_what_the_reply_asks_for(
    cloud: LocalCloud, faults: Faults, seconds: float | None
) -> None:
    hasty = rx.Aws(session=cloud.session(), attempts=1)
    faults.error("DescribeProjects", "ThrottlingException", retry_after=seconds)
    with pytest.raises(errors.ThrottledError) as caught:
        rx.CustomLabelsProject.find("pneumonia", aws=hasty)
    assert caught.value.retry_after == seconds


def find_often(aws: rx.Aws) -> None:
    for _ in range(20):
        rx.CustomLabelsProject.find("pneumonia", aws=aws)


def test_a_throttled_cloud_says_when_to_call_again() -> None:
    with LocalCloud(limits=Limits.throttled()) as cloud:
        hasty = rx.Aws(session=cloud.session(), attempts=1)
        with pytest.raises(errors.ThrottledError) as caught:
            find_often(hasty)
    assert caught.value.retry_after == pytest.approx(0.1, abs=0.1)  # 5 calls a second


@pytest.mark.usefixtures("pauses")
@pytest.mark.parametrize("code", ["InternalServerError", "ThrottlingException"])
def test_a_long_lived_client_never_spends_its_attempts(
    aws: rx.Aws, faults: Faults, code: str
) -> None:
    """botocore's quota of 500 would be spent after about 17 such calls, or 50 throttled ones."""
    fault = faults.error("DescribeProjects", code, percent=80, burst=4)
    for _ in range(60):
        aws.rekognition.describe_projects()
    assert fault.met == 240


def lose_nothing(aws: rx.Aws, faults: Faults, folder: Path, images: int, burst: int) -> None:
    fault = faults.error("PutObject", "InternalError", status=500, percent=30, burst=burst)
    receipt = storage.store(boxes(folder, images), STORE, aws=aws)
    assert receipt.uploaded == images
    assert fault.met >= 0.3 * images


@pytest.mark.usefixtures("pauses")
def test_no_upload_is_lost_when_faults_come_in_bursts(
    aws: rx.Aws, faults: Faults, tmp_path: Path
) -> None:
    lose_nothing(aws, faults, tmp_path, images=250, burst=60)


@pytest.mark.soak
@pytest.mark.usefixtures("pauses")
def test_no_upload_of_2000_is_lost_when_faults_come_in_bursts(
    aws: rx.Aws, faults: Faults, tmp_path: Path
) -> None:
    lose_nothing(aws, faults, tmp_path, images=2000, burst=60)

"""Calls a second, by account and by inference units, on a clock that stands still."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rekognition_xray.local import Limits
from rekognition_xray.local.failures import ServiceError
from rekognition_xray.local.state import Rates

SLOW = "ThrottlingException"
FULL = "ProvisionedThroughputExceededException"


def allowed(rates, limits, times, operation="DescribeProjects", owner="a"):
    """How many calls at these times pass."""
    count = 0
    for now in times:
        with suppress(ServiceError):
            rates.check_call(owner, operation, limits, now)
            count += 1
    return count


def test_nothing_is_throttled_unless_it_was_asked_for(desk):
    for _ in range(60):
        desk.call("DescribeProjects")


@pytest.mark.parametrize(
    ("operation", "most"),
    [("DetectCustomLabels", 50), ("DescribeProjects", 5), ("StartProjectVersion", 5)]
    + [(f"{tag}", 10) for tag in ("TagResource", "UntagResource", "ListTagsForResource")],
)
def test_the_rates_of_aws_are_one_setting(operation, most):
    assert allowed(Rates(), Limits.throttled(), [100.0] * 99, operation) == most


def test_operations_and_accounts_are_counted_apart():
    rates, limits = Rates(), Limits(call_tps=1)
    assert allowed(rates, limits, [0.0, 0.0]) == 1
    assert allowed(rates, limits, [0.0], "CreateProject") == 1
    assert allowed(rates, limits, [0.0], owner="b") == 1


def test_a_bucket_fills_with_time_and_no_further_than_its_burst():
    rates, limits = Rates(), Limits(call_tps=2, burst_seconds=1.5)
    assert allowed(rates, limits, [10.0] * 9) == 3
    assert allowed(rates, limits, [10.4]) == 0
    assert allowed(rates, limits, [10.5]) == 1
    assert allowed(rates, limits, [9999.0] * 9) == 3


def test_a_rate_below_one_lets_single_calls_through():
    assert allowed(Rates(), Limits(call_tps=0.1), [0.0, 5.0, 10.0, 15.0, 20.0]) == 3


def test_a_clock_that_is_set_back_fills_no_bucket():
    assert allowed(Rates(), Limits(call_tps=1), [50.0, 20.0, 20.5, 21.0]) == 2


@given(
    gaps=st.lists(st.floats(0, 2), min_size=1, max_size=60),
    rate=st.floats(0.5, 20),
    burst=st.floats(0.1, 3),
)
def test_no_more_calls_pass_than_burst_and_time_allow(gaps, rate, burst):
    times = [sum(gaps[: number + 1]) for number in range(len(gaps))]
    passed = allowed(Rates(), Limits(call_tps=rate, burst_seconds=burst), times)
    assert 1 <= passed <= max(1, rate * burst) + rate * (times[-1] - times[0]) + 1e-6


def test_a_throttled_call_says_so_on_the_wire_and_passes_later(open_desk):
    desk = open_desk(pace="manual", limits=Limits(call_tps=2))
    for _ in range(2):
        desk.call("DescribeProjects")
    assert desk.refused("DescribeProjects") == SLOW
    desk.cloud.advance(0.5)
    desk.call("DescribeProjects")


@pytest.mark.parametrize("units", [1, 3])
def test_a_running_model_answers_as_often_as_its_units_allow(open_desk, tmp_path, image, units):
    first = open_desk(data=tmp_path)
    arn = first.trained()
    first.cloud.close()
    desk = open_desk(data=tmp_path, pace="manual", limits=Limits(unit_tps=2, units_per_version=9))
    asked = {"ProjectVersionArn": arn, "Image": {"Bytes": image("viral")}}
    assert desk.refused("DetectCustomLabels", **asked) == "ResourceNotReadyException"
    desk.call("StartProjectVersion", ProjectVersionArn=arn, MinInferenceUnits=units)
    desk.cloud.advance(3600)
    for _ in range(2 * units):
        desk.call("DetectCustomLabels", **asked)
    assert desk.refused("DetectCustomLabels", **asked) == FULL
    desk.cloud.advance(1)
    desk.call("DetectCustomLabels", **asked)

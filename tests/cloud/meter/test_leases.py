"""Leases as text in tags: what is written can be read, and what is damaged protects nothing."""

from __future__ import annotations

import datetime as dt
import re

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rekognition_xray.cloud import meter
from rekognition_xray.cloud.meter import Lease, parse_leases, utc_now
from rekognition_xray.cloud.tags import is_value
from rekognition_xray.testing import NoWaitClock

NOW = dt.datetime(2026, 11, 24, 12, 0, 0, tzinfo=dt.UTC)
LEASE = Lease("0123456789ab", "ward-3:4711", "runs", NOW, NOW, NOW + dt.timedelta(minutes=15))
MOMENTS = st.integers(10**9, 2 * 10**11).map(
    lambda output: dt.datetime.fromtimestamp(output, dt.UTC)
)
LEASES = st.builds(
    Lease,
    st.from_regex(r"[0-9a-f]{12}", fullmatch=True),
    st.from_regex(re.compile(r"[A-Za-z0-9_.-]{1,80}:[0-9]{1,7}", re.ASCII), fullmatch=True),
    st.sampled_from(["runs", "joined", "left"]),
    st.none() | MOMENTS,
    MOMENTS,
    MOMENTS,
)


@given(LEASES)
def test_what_is_written_is_a_tag_that_aws_takes_and_reads_back(lease: Lease) -> None:
    assert is_value(lease.value)
    assert len(lease.key) <= 128
    assert parse_leases({lease.key: lease.value}) == meter.Leases((lease,))


@given(st.text())
def test_no_text_is_fatal(text: str) -> None:
    found = parse_leases({LEASE.key: text, f"rxray.lease.{text}": LEASE.value})
    assert len(found.found) + len(found.damaged) in {1, 2}


@pytest.mark.parametrize(
    "value",
    [
        "",
        "{}",
        LEASE.value.replace("v1", "v2"),
        LEASE.value.replace("runs", "owns"),
        LEASE.value + " ",
        LEASE.value.replace("2026-11-24", "2026-11-31"),
        LEASE.value.replace("2026-11-24", "9999-11-24"),
        LEASE.value.replace("2026", "٢٠٢٦"),
        LEASE.value.replace("by=ward-3:4711", "by="),
    ],
)
def test_a_damaged_lease_is_named_and_protects_nothing(value: str) -> None:
    found = parse_leases({LEASE.key: value})
    assert (found.found, found.damaged) == ((), (LEASE.key,))


def test_tags_of_others_are_no_leases() -> None:
    assert parse_leases({"rxray.split": "1", "ward": "3", "lease": LEASE.value}) == meter.Leases()


def test_a_lease_lives_until_its_end_and_the_margin() -> None:
    end = LEASE.until + dt.timedelta(seconds=meter.LEASE_MARGIN)
    assert LEASE.live(end - dt.timedelta(seconds=1))
    assert not LEASE.live(end)


def test_who_has_left_holds_nothing() -> None:
    assert not attrs.evolve(LEASE, role="left").live(NOW)


def test_two_clocks_that_aws_accepts_do_not_take_a_lease_for_expired() -> None:
    worst = 2 * 300.0  # each at most five minutes off
    assert worst < meter.LEASE_SECONDS - meter.LEASE_RENEWAL + meter.LEASE_MARGIN


def test_a_new_lease_names_this_process_and_is_like_no_other() -> None:
    one, other = (Lease.new(NOW, "runs", NOW) for _ in range(2))
    assert one.id != other.id
    assert one.until - NOW == dt.timedelta(seconds=meter.LEASE_SECONDS)
    assert parse_leases({one.key: one.value}).found == (one,)


def test_the_time_of_day_comes_from_the_clock_that_has_it() -> None:
    class Wall(NoWaitClock):
        def utc(self) -> float:
            return NOW.timestamp() + 0.9

    assert utc_now(Wall()) == NOW
    assert abs(utc_now(NoWaitClock()) - dt.datetime.now(dt.UTC)) < dt.timedelta(minutes=1)

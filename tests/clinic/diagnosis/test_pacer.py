"""The pacer against a simulated service: a token bucket, a latency, steps. Nothing here sleeps."""

from __future__ import annotations

import heapq
import itertools
import math
import random
from collections.abc import Callable

import attrs
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rekognition_xray.clinic.diagnosis.pacer import Pacer


@attrs.frozen
class Outcome:
    """What came of a simulated run, after its first seconds."""

    share: float
    throttled: float
    most_under_way: int
    rates: list[float] = attrs.field(repr=False)


@attrs.define
class Service:
    """A token bucket whose capacity may change; full at first."""

    capacity: Callable[[float], float]
    burst: float = 1.0
    at: float = 0.0
    tokens: float = math.inf

    def takes(self, now: float) -> bool:
        rate = self.capacity(now)
        filled = self.tokens + (now - self.at) * rate
        self.tokens, self.at = min(max(1.0, rate * self.burst), filled), now
        if self.tokens < 1:
            return False
        self.tokens -= 1
        return True


def simulate(
    capacity: Callable[[float], float],
    seconds: float,
    *,
    latency: float = 0.15,
    burst: float = 1.0,
    jitter: float = 0.005,
    faults: float = 0.0,
    noise: float = 0.0,
    seed: int = 0,
    skip: float = 5.0,
    most: int = 64,
) -> Outcome:
    dice, service, pacer = random.Random(seed), Service(capacity, burst), Pacer(most=most)
    events: list[tuple[float, int, str, float]] = []
    number, now, most_under_way = itertools.count(), 0.0, 0
    answers: list[tuple[float, bool]] = []
    rates = []

    def way() -> float:
        return latency / 2 + dice.random() * jitter

    while now < seconds:
        pause = pacer.delay(now)
        if pause <= 0:
            pacer.sent(now)
            rates.append(pacer.rate)
            most_under_way = max(most_under_way, pacer.in_flight)
            heapq.heappush(events, (now + way(), next(number), "arrives", now))
        elif events and events[0][0] <= now + pause:
            now, _, kind, sent_at = heapq.heappop(events)
            if kind == "arrives":
                taken = service.takes(now) and dice.random() >= noise
                answers.append((now, taken))
                outcome = "answered" if taken else "throttled"
                outcome = "faulted" if dice.random() < faults else outcome
                heapq.heappush(events, (now + way(), next(number), outcome, sent_at))
            elif kind == "faulted":
                pacer.faulted()
            else:
                getattr(pacer, kind)(sent_at, now)
        else:
            now += pause + 1e-9 + dice.random() * jitter / 5
    late = [taken for at, taken in answers if at > skip]
    steps = int((seconds - skip) * 100)
    offered = sum(capacity(skip + step / 100) for step in range(steps)) / 100
    return Outcome(sum(late) / offered, late.count(False) / len(late), most_under_way, rates)


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("capacity", [2.8, 5.0, 12.5, 25.0])
def test_a_capacity_is_found_and_used_to_the_full_with_few_throttles(capacity, seed):
    found = simulate(lambda _: capacity, max(60, 520 / capacity), seed=seed)
    assert found.share >= 0.97
    assert found.throttled <= 0.02


@pytest.mark.parametrize("seed", range(4))
def test_a_capacity_that_steps_up_and_back_is_followed(seed):
    shift = seed * 2.3
    found = simulate(lambda t: 15 if 100 <= t - shift < 200 else 5, 300 + shift, seed=seed)
    assert found.share >= 0.9
    assert found.throttled <= 0.02


@settings(max_examples=25, deadline=None)
@given(
    capacity=st.floats(2, 60),
    latency=st.floats(0.01, 0.6),
    burst=st.floats(0.7, 5),
    seed=st.integers(0, 1000),
)
def test_whatever_capacity_latency_and_burst(capacity, latency, burst, seed):
    found = simulate(
        lambda _: capacity,
        30 + 500 / capacity,
        latency=latency,
        burst=max(burst, 2 / capacity),
        seed=seed,
        skip=30,
    )
    assert found.share >= 0.93
    assert found.throttled <= 0.08


@settings(max_examples=15, deadline=None)
@given(low=st.floats(2, 10), factor=st.floats(1.5, 6), seed=st.integers(0, 1000))
def test_whatever_step_is_followed_within_a_hundred_and_fifty_calls(low, factor, seed):
    high, change = low * factor, 30.0

    def capacity(now: float) -> float:
        return low if now < change else high

    settled = change + 130 / low + 15
    found = simulate(capacity, settled + 150 / high, seed=seed, skip=settled)
    assert found.share >= 0.9


def test_a_service_that_never_throttles_is_asked_as_fast_as_calls_under_way_allow():
    found = simulate(lambda _: 1e6, 10, latency=0.05, most=16, skip=3)
    assert found.most_under_way == 16
    assert found.share * 1e6 > 0.8 * 16 / 0.06


def test_a_service_that_never_throttles_is_used_to_the_full_after_some_two_hundred_calls():
    found = simulate(lambda _: 1e6, 3, latency=0.1, jitter=0.0, skip=0)
    assert next(calls for calls, rate in enumerate(found.rates) if rate > 0.9 * 64 / 0.1) < 250


def test_the_fast_rise_to_a_capacity_meets_few_throttles():
    found = simulate(lambda _: 25, 8, skip=0)
    assert found.share >= 1
    assert found.throttled <= 0.12


@pytest.mark.parametrize("seed", range(3))
def test_throttles_that_mean_nothing_do_not_let_the_rate_collapse(seed):
    found = simulate(lambda _: 1e4, 90, latency=0.02, noise=0.05, seed=seed, skip=45)
    assert found.share * 1e4 > 30


def test_faults_say_nothing_about_the_capacity():
    found = simulate(lambda _: 10, 80, faults=0.15)
    assert found.share >= 0.97


def test_the_first_call_goes_alone_and_tells_the_latency():
    pacer = Pacer()
    assert pacer.delay(0.0) == 0
    pacer.sent(0.0)
    assert pacer.delay(0.0) == math.inf
    pacer.answered(0.0, 0.2)
    assert pacer.delay(0.2) == 0
    assert pacer.rate == pytest.approx(5)


def test_calls_under_way_follow_from_rate_and_latency():
    slow = simulate(lambda _: 10, 40, latency=0.1)
    fast = simulate(lambda _: 10, 40, latency=1.0)
    assert slow.most_under_way < fast.most_under_way <= 64


def test_after_a_pause_of_the_caller_no_burst_is_made_up_for():
    pacer = Pacer()
    pacer.sent(0.0)
    pacer.answered(0.0, 0.1)
    pacer.sent(0.1)
    pacer.throttled(0.1, 0.2)
    later, sent = 100.0, 0
    while pacer.delay(later) == 0:
        pacer.sent(later)
        sent += 1
    assert sent <= 3


def test_after_a_throttle_no_call_comes_before_the_service_wants_one():
    pacer = Pacer()
    pacer.sent(0.0)
    pacer.throttled(0.0, 0.1, retry_after=3.0)
    assert pacer.delay(0.1) == pytest.approx(3.0)
    assert pacer.delay(3.1) == 0

"""Users who come and go in drawn orders of their calls: nobody is robbed, nothing left on."""

from __future__ import annotations

import random
import threading
from collections.abc import Callable, Iterator

import attrs
import pytest

import rekognition_xray as rx
from rekognition_xray.local import LocalCloud

from .conftest import EPOCH, Ward


class Stage:
    """Lets users act one at a time, in the order of their clocks; the cloud's follows."""

    def __init__(self, cloud: LocalCloud, users: range) -> None:
        self.cloud, self.passed = cloud, 0.0
        self.times = dict.fromkeys(users, 0.0)
        self.turn = threading.Condition()

    def act(self, user: int, seconds: float) -> None:
        with self.turn:
            self.times[user] += seconds
            self.turn.notify_all()
            mine = (self.times[user], user)
            first = self.turn.wait_for(
                lambda: mine <= min((time, who) for who, time in self.times.items()), 60
            )
            assert first, "a user did not act for a minute"
            if mine[0] > self.passed:
                self.cloud.advance(mine[0] - self.passed)
                self.passed = mine[0]

    def end(self, user: int) -> None:
        with self.turn:
            del self.times[user]
            self.turn.notify_all()


@attrs.define
class UserClock:
    stage: Stage
    user: int

    def now(self) -> float:
        return self.stage.times[self.user]

    def sleep(self, seconds: float) -> None:
        self.stage.act(self.user, seconds)

    def utc(self) -> float:
        return EPOCH + self.now()


@attrs.define
class User:
    """Comes, stays a while and goes; each of its calls takes a drawn time."""

    number: int
    stage: Stage
    version: rx.ModelVersion
    dice: random.Random
    look: Callable[[], str]
    statuses: list[str] = attrs.field(factory=list)
    stay: tuple[float, float] = (0.0, 0.0)
    error: BaseException | None = None

    def run(self) -> None:
        try:
            self._run()
        except BaseException as error:  # noqa: BLE001 (reported by the test)
            self.error = error
        finally:
            self.stage.end(self.number)

    def _run(self) -> None:
        clock = UserClock(self.stage, self.number)
        aws = rx.Aws(session=self.version.aws.session, clock=clock)
        for client in (aws.rekognition, aws.rekognition_once):
            client.meta.events.register(
                "before-call.rekognition",
                lambda **_: self.stage.act(self.number, self.dice.uniform(0.05, 0.9)),
            )
        version = attrs.evolve(self.version, aws=aws)
        self.stage.act(self.number, self.dice.choice([0, 1, 30, 60]) * self.dice.random())
        came = clock.now()
        with version.running():
            for _ in range(self.dice.randint(1, 3)):
                self.stage.act(self.number, self.dice.choice([0, 1, 20]) * self.dice.random())
                self.statuses.append(self.look())
        self.stay = (came, clock.now())


def union(stays: list[tuple[float, float]]) -> float:
    """How long anybody was there."""
    total, until = 0.0, 0.0
    for came, went in sorted(stays):
        total += max(0.0, went - max(came, until))
        until = max(until, went)
    return total


def share(ward: Ward, seed: int, users: int = 2) -> None:
    """Several come and go in one drawn order of calls; nobody is robbed and nothing is left on."""
    cloud, version = ward.cloud, ward.version
    store = cloud._running().term.world.store
    before = cloud.bill.unit_seconds
    charges = len(store.charges.find(version_arn=version.arn, kind="running"))
    stage = Stage(cloud, range(users))
    there = [
        User(
            n,
            stage,
            version,
            random.Random(seed * 10 + n),
            lambda: store.versions.get(version.arn).status,
        )
        for n in range(users)
    ]
    threads = [threading.Thread(target=user.run) for user in there]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(120)
    output = f"seed {seed}: {[(user.stay, user.statuses, user.error) for user in there]}"
    assert [user.error for user in there] == [None] * users, output
    assert {status for user in there for status in user.statuses} == {"RUNNING"}, output
    assert ward.status == "STOPPED", output
    assert ward.tags == {}, output
    assert cloud.bill.running == ()
    stays = [user.stay for user in there]
    assert cloud.bill.unit_seconds - before <= union(stays) + 0.01, output
    runs = len(store.charges.find(version_arn=version.arn, kind="running")) - charges
    assert 1 <= runs <= users, output


@pytest.fixture
def quick(ward: Ward) -> Iterator[Ward]:
    """The same ward where starting and stopping take seconds, so that more things cross."""
    durations = ward.cloud._clock._durations
    before = dict(durations)
    durations.update(starting=20.0, stopping=8.0)
    yield ward
    durations.update(before)


@pytest.mark.parametrize("seed", range(5))
def test_of_two_that_share_the_last_to_leave_stops_it(quick: Ward, seed: int) -> None:
    share(quick, seed)


@pytest.mark.soak
@pytest.mark.parametrize("seed", range(100, 150))
def test_of_two_that_share_the_last_to_leave_stops_it_in_fifty_orders(
    quick: Ward, seed: int
) -> None:
    share(quick, seed)


@pytest.mark.soak
@pytest.mark.parametrize("seed", range(200, 220))
def test_of_three_that_share_the_last_to_leave_stops_it(quick: Ward, seed: int) -> None:
    share(quick, seed, users=3)

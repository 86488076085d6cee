"""The meter on a clock moved by hand: whatever happens, the bill shows no second too many."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager
from decimal import Decimal

import attrs
import pytest

import rekognition_xray as rx
from rekognition_xray import errors
from rekognition_xray.cloud import leases, meter
from rekognition_xray.data.images import prepare
from rekognition_xray.data.phantoms import make_phantoms
from rekognition_xray.local import LocalCloud

ON_POSIX = pytest.mark.skipif(os.name != "posix", reason="signals of POSIX")
EPOCH = 1_800_000_000.0
NAP = 30.0


class CloudClock:
    """The clock of a user, which the cloud's goes along with; ``wrong`` is its error in UTC."""

    def __init__(self, cloud: LocalCloud) -> None:
        self.cloud, self.passed, self.wrong = cloud, 0.0, 0.0

    def now(self) -> float:
        return self.passed

    def sleep(self, seconds: float) -> None:
        self.passed += seconds
        self.cloud.advance(seconds)

    def utc(self) -> float:
        return EPOCH + self.passed + self.wrong


@attrs.define
class Ward:
    """A cloud with a trained version and its clock."""

    cloud: LocalCloud
    clock: CloudClock
    version: rx.ModelVersion
    film: bytes
    billed_before: float = 0.0

    @property
    def billed(self) -> float:
        """Unit-seconds since the test began."""
        return self.cloud.bill.unit_seconds - self.billed_before

    @property
    def status(self) -> str:
        return self.version.describe().status

    @property
    def tags(self) -> dict[str, str]:
        tags = self.version.tags()
        return {key: value for key, value in tags.items() if key.startswith(leases.PREFIX)}

    def start_without_lease(self) -> None:
        self.version.aws.rekognition.start_project_version(
            ProjectVersionArn=self.version.arn, MinInferenceUnits=1
        )
        self.clock.sleep(700)


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ward]:
    folder = make_phantoms(tmp_path_factory.mktemp("meter"), patients=12, seed=4)
    with LocalCloud(buckets=["clinic-xrays"], pace="manual") as cloud:
        clock = CloudClock(cloud)
        aws = rx.Aws(session=cloud.session(), clock=clock)
        films = rx.XrayDataset.from_folder(folder)
        train, test = films.split(test=0.4, seed=1)
        project = rx.CustomLabelsProject.get_or_create("ward", aws=aws)
        project.put_datasets(train=train, test=test, store="s3://clinic-xrays/f", key=b"k" * 16)
        version = project.train("v1", output="s3://clinic-xrays/m")
        version.wait_until_trained()
        yield Ward(cloud, clock, version, prepare(films.films[0].path).data)


@pytest.fixture
def ward(built: Ward) -> Iterator[Ward]:
    built.billed_before = built.cloud.bill.unit_seconds
    yield built
    built.cloud.faults.clear()
    built.clock.wrong = 0.0
    meter.stop(built.version)
    built.clock.sleep(1000)  # the cloud goes on with a start that was stopped
    if built.tags:
        built.version.aws.rekognition.untag_resource(
            ResourceArn=built.version.arn, TagKeys=list(built.tags)
        )


@pytest.fixture
def enter() -> Iterator[Callable[[AbstractContextManager[rx.ModelVersion]], rx.ModelVersion]]:
    """Enters blocks that are left in any order, away from the main thread and its signals."""
    with ThreadPoolExecutor(1) as elsewhere:
        yield lambda block: elsewhere.submit(block.__enter__).result(60)


def kill(model: rx.ModelVersion) -> None:
    """From now on its process does nothing any more."""
    assert model.run
    model.run.dismiss()


# Ways to die


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
            model.detect(ward.film)
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
    stay = ward.version.running(max_hours="0.1")
    with pytest.raises(errors.UnreachableStateError), stay:
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
            model.detect(ward.film)
        ward.clock.sleep(300)
        assert model.run.look()
        ward.clock.sleep(5000)
        with pytest.raises(errors.NotReadyError):
            model.detect(ward.film)
    assert ward.billed == pytest.approx(4 * 200 + 300, abs=0.01)


def test_who_waits_for_an_answer_is_not_idle(ward: Ward) -> None:
    with ward.version.running(idle_stop=60) as model:
        assert model.run
        with model.run.asking():
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


def test_a_stop_that_fails_for_good_is_told_and_left_for_stop_expired(ward: Ward) -> None:
    with pytest.raises(errors.StopFailedError, match=ward.version.arn), ward.version.running():  # noqa: PT012
        ward.clock.sleep(100)
        ward.cloud.faults.error("StopProjectVersion", "AccessDeniedException")
    assert ward.status == "RUNNING"
    ward.clock.sleep(60)
    (told,) = meter.stop_expired(ward.version.aws)
    assert told.stopped
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
    block.__exit__(None, None, None)  # gives the signals back; a killed stay does nothing
    promise = leases.SECONDS + leases.MARGIN + interval
    assert sweeps > 1
    assert 400 + leases.SECONDS <= ward.billed <= 400 + promise
    assert ward.tags == {}


@ON_POSIX
@pytest.mark.heavy
def test_a_process_that_is_killed_outright_leaves_a_lease_and_no_riddle(
    cloud: LocalCloud, trained: rx.ModelVersion
) -> None:
    program = f"""
import rekognition_xray as rx, time
version = rx.ModelVersion.from_arn({trained.arn!r}, aws=rx.Aws())
with version.running():
    print("running", flush=True)
    time.sleep(60)
"""
    with subprocess.Popen(
        [sys.executable, "-c", program],
        env=os.environ | cloud.environment(),
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout
        assert process.stdout.readline() == "running\n"
        process.kill()
    (seen,) = meter.running(trained.aws)
    assert seen.owners[0].endswith(f":{process.pid}")
    assert [told.stopped for told in meter.stop_expired(trained.aws)] == [False]
    later = rx.Aws(session=cloud.session(), clock=CloudClock(cloud))
    later.clock.wrong = (seen.now.timestamp() - EPOCH) + leases.SECONDS + leases.MARGIN + 60
    later.clock.sleep = lambda seconds: None
    assert [told.stopped for told in meter.stop_expired(later)] == [True]
    assert cloud.bill.running == ()


# Sharing


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
    with pytest.raises(errors.NotReadyError, match="is over"):
        model.detect(ward.film)
    second.__exit__(None, None, None)


def test_the_cap_of_one_does_not_stop_the_model_of_another(ward: Ward, enter) -> None:
    first, second = ward.version.running(max_hours=1), ward.version.running()
    models = [enter(first), enter(second)]
    for _ in range(12):
        ward.clock.sleep(300)
        for model in models:
            model.run.look()
    with pytest.raises(errors.NotReadyError):
        models[0].detect(ward.film)
    assert models[1].detect(ward.film).confidences
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
        ward.clock.sleep(leases.RENEWAL)
        living.run.look()
    assert meter.stop_expired(ward.version.aws)[0].stopped is False
    second.__exit__(None, None, None)
    assert ward.status == "STOPPED"
    assert ward.tags == {}
    first.__exit__(None, None, None)


def test_what_somebody_started_without_a_lease_is_joined_and_left_running(ward: Ward) -> None:
    ward.start_without_lease()
    with ward.version.running() as model:
        assert model.detect(ward.film).confidences
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


# Permissions, clocks, and tags of others


def test_without_permission_to_tag_it_works_and_says_what_is_missing(ward: Ward, caplog) -> None:
    ward.cloud.faults.error("TagResource", "AccessDeniedException")
    with ward.version.running() as model:
        assert model.detect(ward.film).confidences
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
        pytest.raises(errors.AccessDeniedError, match="was not started") as told,
        ward.version.running(),
    ):
        pytest.fail("it could not be stopped")
    assert "rekognition:StopProjectVersion" in told.value.hint
    assert ward.billed == 0
    assert ward.tags == {}


@pytest.mark.parametrize("seconds", [-3600, -600, 590, 600])
def test_a_clock_that_is_wrong_takes_no_model_away(ward: Ward, enter, seconds: int) -> None:
    block = ward.version.running()
    model = enter(block)
    ward.clock.sleep(leases.RENEWAL)
    model.run.look()
    ward.clock.sleep(leases.RENEWAL - 1)
    ward.clock.wrong = seconds
    assert [told.stopped for told in meter.stop_expired(ward.version.aws)] == [False]
    ward.clock.wrong = 0
    block.__exit__(None, None, None)


def test_a_clock_that_is_set_back_does_not_shorten_the_own_lease(ward: Ward) -> None:
    with ward.version.running() as model:
        assert model.run
        ward.clock.sleep(leases.RENEWAL)
        ward.clock.wrong = -7200
        model.run.look()
        assert model.run.lease
        assert model.run.lease.until.timestamp() == pytest.approx(
            EPOCH + ward.clock.now() + leases.SECONDS, abs=2
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
        ward.clock.sleep(leases.RENEWAL)
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


def test_who_watches_is_told_while_it_starts(ward: Ward, capsys) -> None:
    seen: list[str] = []
    with ward.version.running(progress=lambda look: seen.append(look.status)):
        pass
    assert (seen[0], seen[-1]) == ("STARTING", "RUNNING")
    with ward.version.running(progress=True):
        pass
    assert "is RUNNING" in capsys.readouterr().err


def test_the_watchdog_wakes_by_itself(cloud: LocalCloud, trained: rx.ModelVersion) -> None:
    version = attrs.evolve(trained, aws=rx.Aws(session=cloud.session()))
    with version.running(idle_stop=0.001) as model:
        assert model.run
        assert model.run._over.wait(20)
    assert cloud.bill.running == ()


# What runs, and what nobody needs


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
    (told,) = meter.stop_expired(ward.version.aws)
    assert not told.stopped
    assert "unleased=True" in str(told)
    (told,) = meter.stop_expired(ward.version.aws, unleased=True)
    assert told.stopped
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
    (told,) = meter.stop_expired(ward.version.aws, unleased=True)
    assert (told.stopped, "may not be read" in told.reason) == (False, True)


def test_a_stop_that_fails_is_in_the_answer(ward: Ward) -> None:
    ward.start_without_lease()
    ward.cloud.faults.error("StopProjectVersion", "AccessDeniedException", percent=100)
    (told,) = meter.stop_expired(ward.version.aws, unleased=True)
    assert isinstance(told.error, errors.StopFailedError)
    assert str(told).startswith("NOT STOPPED: ward/v1")


def test_a_stop_that_fails_does_not_keep_the_others_on(ward: Ward) -> None:
    aws = ward.version.aws
    project = rx.CustomLabelsProject(aws, ward.version.project_arn)
    second = project.train("v2", output="s3://clinic-xrays/m")
    second.wait_until_trained()
    aws.rekognition.start_project_version(ProjectVersionArn=second.arn, MinInferenceUnits=1)
    ward.start_without_lease()
    # Both are asked once, which is refused; the first is refused for good.
    ward.cloud.faults.error("StopProjectVersion", "AccessDeniedException", times=3)
    told = meter.stop_expired(aws, unleased=True)
    assert [(one.stopped, one.error is None) for one in told] == [(False, False), (True, True)]
    meter.stop(second)
    second.delete()


# Interleavings


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
        except BaseException as error:  # noqa: BLE001 (told by the test)
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
    told = f"seed {seed}: {[(user.stay, user.statuses, user.error) for user in there]}"
    assert [user.error for user in there] == [None] * users, told
    assert {status for user in there for status in user.statuses} == {"RUNNING"}, told
    assert ward.status == "STOPPED", told
    assert ward.tags == {}, told
    assert cloud.bill.running == ()
    stays = [user.stay for user in there]
    assert cloud.bill.unit_seconds - before <= union(stays) + 0.01, told
    runs = len(store.charges.find(version_arn=version.arn, kind="running")) - charges
    assert 1 <= runs <= users, told


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

from __future__ import annotations

import threading
import time

import pytest

from rekognition_xray.local.clock import Clock
from rekognition_xray.local.learning import TrainingStopped
from rekognition_xray.local.state import DescribeHold, Jobs

STEPS = {"training": 100.0}


class Gate:
    """A learner that is done when the test says so."""

    name = "gate"

    def __init__(self, learner):
        self.learner = learner
        self.at_work, self.open = threading.Event(), threading.Event()

    def fit(self, examples, *, seed, progress, stopped):
        self.at_work.set()
        while not self.open.wait(0.002):
            if stopped():
                raise TrainingStopped
        return self.learner.fit(examples, seed=seed, progress=progress, stopped=stopped)

    def load(self, folder):
        return self.learner.load(folder)


@pytest.fixture
def gate(learner):
    return Gate(learner)


def begin(desk):
    """A project, and a version whose training has begun."""
    project = desk.project()
    lines = desk.put_images(2)
    for kind in ("TRAIN", "TEST"):
        desk.dataset(project, kind, lines)
    output = {"S3Bucket": "images"}
    desk.call("CreateProjectVersion", ProjectArn=project, VersionName="v1", OutputConfig=output)
    return project


def status(desk, project):
    (shown,) = desk.call("DescribeProjectVersions", ProjectArn=project)[
        "ProjectVersionDescriptions"
    ]
    return shown["Status"]


def test_at_pace_instant_a_describe_is_held_until_the_work_ends(open_desk, gate):
    desk = open_desk(learner=gate, hold=20)
    project = begin(desk)
    assert gate.at_work.wait(10)
    threading.Timer(0.05, gate.open.set).start()
    assert status(desk, project) == "TRAINING_COMPLETED"


def test_a_describe_is_held_no_longer_than_asked_for(open_desk, gate):
    desk = open_desk(learner=gate, hold=0.05)
    project = begin(desk)
    assert status(desk, project) == "TRAINING_IN_PROGRESS"
    gate.open.set()


def test_boto3s_waiters_see_the_end_at_their_first_look(open_desk, gate):
    desk = open_desk(learner=gate)
    project = begin(desk)
    threading.Timer(0.05, gate.open.set).start()
    begun = time.monotonic()
    waiter = desk.rekognition.get_waiter("project_version_training_completed")
    waiter.wait(ProjectArn=project, VersionNames=["v1"])
    assert time.monotonic() - begun < 20


def test_held_describes_leave_threads_for_others(open_desk, gate):
    from rekognition_xray.local.http import HOLDING_PLACES
    from rekognition_xray.local.http.server import THREADS

    assert HOLDING_PLACES < THREADS
    desk = open_desk(learner=gate, hold=20)
    project = begin(desk)
    assert gate.at_work.wait(10)
    looks = [threading.Thread(target=status, args=(desk, project)) for _ in range(THREADS + 8)]
    for look in looks:
        look.start()
    begun = time.monotonic()
    other = desk.cloud.session().client("rekognition")
    assert other.list_tags_for_resource(ResourceArn=project)["Tags"] == {}
    assert time.monotonic() - begun < 15
    gate.open.set()
    for look in looks:
        look.join(20)
    assert not any(look.is_alive() for look in looks)


def test_at_pace_manual_nothing_ends_before_its_time(open_desk):
    desk = open_desk(pace="manual", durations={"dataset": 10, "training": 100})
    project = desk.filled(10)
    arn = desk.train(project)
    desk.cloud.advance(99)
    assert status(desk, project) == "TRAINING_IN_PROGRESS"
    desk.cloud.advance(1)
    shown = desk.version(arn)
    assert (shown["Status"], shown["BillableTrainingTimeInSeconds"]) == ("TRAINING_COMPLETED", 100)


def test_at_pace_realistic_a_step_takes_its_time(open_desk):
    desk = open_desk(pace="realistic", durations={"deleting": 20}, time_scale=0.01)
    project = desk.project()
    desk.call("DeleteProject", ProjectArn=project)
    (shown,) = desk.call("DescribeProjects")["ProjectDescriptions"]
    assert shown["Status"] == "DELETING"
    end = time.monotonic() + 10
    while desk.call("DescribeProjects")["ProjectDescriptions"]:
        assert time.monotonic() < end


def test_only_a_manual_clock_is_moved_by_hand(desk):
    with pytest.raises(ValueError, match="instant"):
        desk.cloud.advance(1)


def test_stamps_are_never_the_same_twice():
    clock = Clock("manual", STEPS)
    stamps = [clock.stamp() for _ in range(100)]
    assert sorted(set(stamps)) == stamps


def test_a_job_that_fails_is_reported_and_frees_its_resource(caplog):
    jobs, reported = Jobs(Clock("instant", STEPS)), []

    def work(stopped):
        raise ValueError("boom")

    jobs.start(["a"], "training", work, reported.append)
    assert jobs.wait(["a"], 10)
    assert [str(error) for error in reported] == ["boom"]
    jobs.close()


def test_waiting_for_a_free_resource_does_not_wait():
    jobs = Jobs(Clock("instant", STEPS))
    assert jobs.wait(["a"], 0)
    jobs.close()


def test_closing_leaves_unfinished_what_is_not_due():
    clock = Clock("manual", STEPS)
    jobs, finished = Jobs(clock), []
    jobs.start(["a"], "training", lambda stopped: lambda: finished.append(1), print)
    jobs.close()
    assert finished == []


def test_whoever_finds_no_place_to_wait_is_answered_at_once():
    clock = Clock("manual", STEPS)
    jobs, holding = Jobs(clock), DescribeHold(20, places=1)
    jobs.start(["a"], "training", lambda stopped: lambda: None, print)
    first = threading.Thread(target=holding.hold, args=(jobs, ["a"]))
    first.start()
    while holding._places._value:
        pass
    begun = time.monotonic()
    holding.hold(jobs, ["a"])
    assert time.monotonic() - begun < 5
    jobs.close()
    first.join(10)

"""Reset: back to the state after start, fast, whatever was going on."""

from __future__ import annotations

import threading
import time

import pytest

from rekognition_xray.local import LocalCloud
from rekognition_xray.local.learning import TrainingStopped


class Endless:
    """A learner that learns until it is asked to stop, or until `done`."""

    name = "endless"

    def __init__(self, learner):
        self.learner, self.stubborn = learner, False
        self.at_work, self.done = threading.Event(), threading.Event()

    def fit(self, examples, *, seed, progress, stopped):
        self.at_work.set()
        while not self.done.wait(0.002):
            if stopped() and not self.stubborn:
                raise TrainingStopped
        return self.learner.fit(examples, seed=seed, progress=progress, stopped=lambda: False)

    def load(self, folder):
        return self.learner.load(folder)


@pytest.fixture
def endless(learner):
    return Endless(learner)


def test_nothing_is_left_but_empty_buckets(desk):
    arn = desk.running()
    desk.s3.create_bucket(Bucket="another")
    desk.cloud.faults.hang_stop()
    desk.cloud.reset()
    assert desk.call("DescribeProjects")["ProjectDescriptions"] == []
    assert [bucket["Name"] for bucket in desk.s3.list_buckets()["Buckets"]] == ["images"]
    assert "Contents" not in desk.s3.list_objects_v2(Bucket="images")
    assert desk.refused("ListTagsForResource", ResourceArn=arn) == "ResourceNotFoundException"
    assert desk.cloud.bill.total == 0
    assert desk.cloud.bill.running == ()
    assert desk.cloud.faults.unmet() == ()


def test_everything_works_again_under_the_same_address(desk):
    url = desk.cloud.endpoint_url
    first = desk.running()
    desk.cloud.reset()
    second = desk.running()
    assert desk.cloud.endpoint_url == url
    assert first != second


def test_it_takes_less_than_50_ms(desk):
    took = []
    for _ in range(3):
        desk.running()
        begun = time.perf_counter()
        desk.cloud.reset()
        took.append(time.perf_counter() - begun)
    assert min(took) < 0.05


def test_a_training_under_way_is_dropped(open_desk, endless):
    desk = open_desk(learner=endless, hold=0)
    desk.trained()
    assert endless.at_work.wait(10)
    begun = time.perf_counter()
    desk.cloud.reset()
    assert time.perf_counter() - begun < 5
    assert desk.call("DescribeProjects")["ProjectDescriptions"] == []


def test_a_training_that_does_not_hear_ends_in_a_world_of_its_own(open_desk, endless):
    desk = open_desk(learner=endless, hold=0)
    endless.stubborn = True
    before = set(threading.enumerate())
    desk.trained()
    assert endless.at_work.wait(10)
    desk.cloud.reset()
    desk.project()
    endless.done.set()
    for thread in set(threading.enumerate()) - before:
        if "job" in thread.name:
            thread.join(10)
    assert "Contents" not in desk.s3.list_objects_v2(Bucket="images")
    assert desk.cloud.bill.training_seconds == 0


def test_a_describe_that_is_held_is_answered(open_desk, endless):
    desk = open_desk(learner=endless, hold=3600)
    project = desk.project()
    lines = desk.put_images(2)
    for kind in ("TRAIN", "TEST"):
        desk.dataset(project, kind, lines)
    arguments = {"OutputConfig": {"S3Bucket": "images"}, "VersionName": "v1"}
    desk.call("CreateProjectVersion", ProjectArn=project, **arguments)
    assert endless.at_work.wait(10)
    seen = []

    def look():
        (shown,) = desk.call("DescribeProjectVersions", ProjectArn=project)[
            "ProjectVersionDescriptions"
        ]
        seen.append(shown["Status"])

    held = threading.Thread(target=look)
    held.start()
    while not desk.cloud._running().term._requests:
        pass
    desk.cloud.reset()
    held.join(10)
    assert seen == ["TRAINING_IN_PROGRESS"]


def test_resets_leave_neither_threads_nor_files(tmp_path, monkeypatch, learner):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    before = set(threading.enumerate())
    with LocalCloud(buckets=["images"], learner=learner) as cloud:
        for _ in range(20):
            cloud.reset()
        (scratch,) = tmp_path.iterdir()
        assert len(list(scratch.iterdir())) == 1
    assert not list(tmp_path.iterdir())
    assert set(threading.enumerate()) == before


def test_what_a_data_folder_keeps_is_deleted(open_desk, tmp_path):
    desk = open_desk(data=tmp_path)
    desk.running()
    desk.cloud.reset()
    assert desk.call("DescribeProjects")["ProjectDescriptions"] == []
    assert not (tmp_path / "models").exists()
    desk.cloud.close()
    again = open_desk(data=tmp_path)
    assert again.call("DescribeProjects")["ProjectDescriptions"] == []


def test_only_a_running_cloud_is_reset():
    with pytest.raises(RuntimeError, match="not running"):
        LocalCloud().reset()

"""A month's plan beside the bill of a cloud whose steps take the time that AWS takes."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from pathlib import Path

import attrs
import pytest

import rekognition_xray as rx
from rekognition_xray.local import Assumptions, Limits, LocalCloud
from rekognition_xray.plans import PUBLISHED_TPS, MonthPlan, plan_month

from ..support.learner import MeanLearner

IMAGES = 300
HALF_A_DAY = 12 * 3600.0
Draw = Callable[..., rx.XrayDataset]


@attrs.define
class CloudClock:
    """Moves a cloud's clock in the test's own thread; other threads wait for it to be moved."""

    cloud: LocalCloud
    passed: float = 0.0
    began: float = attrs.field(factory=time.time)

    def now(self) -> float:
        return self.passed

    def utc(self) -> float:
        return self.began + self.passed

    def sleep(self, seconds: float) -> None:
        if threading.current_thread() is threading.main_thread():
            self.passed += seconds
            self.cloud.advance(seconds)
        else:
            threading.Event().wait(0.01)


def billed(cloud: LocalCloud, draw: Draw, days: int) -> float:
    """Unit-hours on the bill after so many days of start, drain and stop."""
    clock = CloudClock(cloud)
    aws = rx.Aws(session=cloud.session(), clock=clock, attempts=1)
    train, test = draw().split(test=0.4, seed=1)
    project = rx.CustomLabelsProject.get_or_create("pneumonia", aws=aws)
    project.put_datasets(train=train, test=test, store="s3://clinic-xrays/images")
    version = project.train("v1", output="s3://clinic-xrays/models")
    version.wait_until_trained()
    image = Path(train.images[0].path).read_bytes()
    for _ in range(days):
        with version.running() as model:
            for _ in range(IMAGES):
                model.detect(image)
                clock.sleep(1 / float(PUBLISHED_TPS))
        clock.sleep(HALF_A_DAY)
    assert cloud.bill.running == ()
    return cloud.bill.unit_seconds / 3600


def planned(plan: MonthPlan, charged: str) -> float:
    drained = plan.drained.low if charged == "RUNNING" else plan.drained.high
    return float(drained.lines[0].quantity)


@pytest.mark.heavy
@pytest.mark.parametrize(
    ("charged", "days"),
    [
        ("STARTING to STOPPED", 1),  # RUNNING for a day: examples/plan_the_month.py
        pytest.param("RUNNING", 28, marks=pytest.mark.soak),
        pytest.param("STARTING to STOPPED", 28, marks=pytest.mark.soak),
    ],
)
def test_the_bill_of_300_images_a_day_is_what_the_plan_says_within_5_percent(
    draw: Draw, learner: MeanLearner, charged: str, days: int
) -> None:
    with LocalCloud(
        buckets=["clinic-xrays"],
        pace="manual",
        learner=learner,
        assumptions=Assumptions(charged=charged),
        limits=Limits(unit_tps=float(PUBLISHED_TPS)),
    ) as cloud:
        hours = billed(cloud, draw, days)
    assert planned(plan_month(IMAGES, days=days), charged) == pytest.approx(hours, rel=0.05)

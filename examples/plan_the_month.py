"""What 300 images a day cost in a month, three ways; a batch with a deadline; a run as a check.

One day of the plan is then run on the local cloud, whose clock is moved by hand and whose steps
take as long as on AWS; its bill is compared with the plan. Nothing reaches AWS.

Usage: python examples/plan_the_month.py
"""

from __future__ import annotations

import datetime as dt
import tempfile
import time
from decimal import Decimal
from pathlib import Path

import rekognition_xray as rx
from rekognition_xray.costs import article_month
from rekognition_xray.data.phantoms import make_phantoms
from rekognition_xray.local import Limits, LocalCloud
from rekognition_xray.plans import PUBLISHED_TPS

IMAGES, DAYS = 300, 1


class CloudClock:
    """A clock for ``rx.Aws`` that also moves the local cloud's clock: pauses take no time."""

    def __init__(self, cloud: LocalCloud) -> None:
        self.cloud, self.began, self.passed = cloud, time.time(), 0.0

    def now(self) -> float:
        """Seconds on this clock."""
        return self.passed

    def utc(self) -> float:
        """Seconds since the epoch; leases use them."""
        return self.began + self.passed

    def sleep(self, seconds: float) -> None:
        """Moves the clock by so many seconds."""
        self.passed += seconds
        self.cloud.advance(seconds)


print(rx.PriceBook())
print(f"\nThe article's month:\n{article_month()}")
month = rx.plan_month(IMAGES)
print(f"\n{month}")
print("\nThe archive, 100,000 images within 3 hours, at a measured speed:")
print(rx.plan_batch(100_000, tps_per_unit="4.2", deadline=dt.timedelta(hours=3)))

limits = Limits(unit_tps=float(PUBLISHED_TPS))
with (
    tempfile.TemporaryDirectory() as scratch,
    LocalCloud(buckets=["clinic-xrays"], pace="manual", limits=limits) as cloud,
):
    clock = CloudClock(cloud)
    aws = rx.Aws(session=cloud.session(), clock=clock, attempts=1)
    images = rx.XrayDataset.from_folder(
        make_phantoms(
            Path(scratch), patients=20, images_per_patient=(1, 1), heights=(200, 320), seed=1
        )
    )
    train, test = images.split(test=0.4, seed=1)
    project = rx.CustomLabelsProject.get_or_create("pneumonia", aws=aws)
    project.put_datasets(train=train, test=test, store="s3://clinic-xrays/images")
    version = project.train("v1", output="s3://clinic-xrays/models")
    version.wait_until_trained()

    image = Path(images.images[0].path).read_bytes()
    for _ in range(DAYS):
        with version.running() as model:
            for _ in range(IMAGES):
                model.detect(image)
                clock.sleep(1 / limits.unit_tps)
        clock.sleep(12 * 3600)
    hours = Decimal(str(cloud.bill.unit_seconds)) / 3600

planned = rx.plan_month(IMAGES, days=DAYS).drained.low
share = planned.lines[0].quantity / hours - 1
print(f"\n{DAYS} day on the local cloud, at {PUBLISHED_TPS} images a second, by its bill:")
print(f"planned {planned.lines[0].quantity} h, billed {hours:.6f} h: the plan is {share:+.1%} off")
print(rx.PriceBook().compare_with_bill(planned, hours=hours))
assert abs(share) < Decimal("0.05")

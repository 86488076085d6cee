"""Five ways to end the use of a model that bills by the hour, and what stops it each time.

A block that ends, a block that fails, two users of one model, an idle model, and a killed process,
whose model ``stop_expired`` finds. Everything happens on this machine.

Usage: python examples/never_forget.py
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from lambda_stop_expired import handler

import rekognition_xray as rx
from rekognition_xray.cloud import meter
from rekognition_xray.cloud.waiting import SystemClock
from rekognition_xray.data.phantoms import make_phantoms
from rekognition_xray.local import LocalCloud

WORKER = """
import sys, time
import rekognition_xray as rx
with rx.ModelVersion.from_arn(sys.argv[1], aws=rx.Aws()).running():
    print("running", flush=True)
    time.sleep(600)
"""


class Impatient(SystemClock):
    """The machine's clock with shorter pauses; the local cloud is fast."""

    def sleep(self, seconds: float) -> None:
        """Sleeps a twentieth of it."""
        super().sleep(seconds / 20)


class Later(Impatient):
    """A clock that is a little more than a quarter of an hour ahead."""

    def utc(self) -> float:
        """Seconds since the epoch."""
        return time.time() + meter.LEASE_SECONDS + meter.LEASE_MARGIN + 60


def train(folder: Path) -> rx.ModelVersion:
    """A small model trained on phantoms."""
    train, test = rx.XrayDataset.from_folder(folder, names=rx.KERMANY).split(test=0.4, seed=7)
    project = rx.CustomLabelsProject.get_or_create("chest", aws=rx.Aws(clock=Impatient()))
    project.put_datasets(train=train, test=test, store="s3://clinic-xrays/images", key=b"k" * 16)
    version = project.train("v1", output="s3://clinic-xrays/models")
    version.wait_until_trained()
    return version


def open_image(name: str) -> None:
    """Fails."""
    raise OSError(f"{name} cannot be read")


def use_and_leave(version: rx.ModelVersion) -> None:
    """Ends that a process can handle itself."""
    with version.running(units=1, max_cost="5.00", max_hours=2, idle_stop=900) as model:
        print(f"1. {model.run.per_hour} {model.run.currency} per hour, known before the start")
        print("  ", *meter.running(version.aws), sep="\n   ")
    print("   the block is left:", version.describe().status)
    try:
        with version.running():
            open_image("upside-down.png")
    except OSError as error:
        print(f"2. {error}:", version.describe().status)
    with version.running():
        with version.running():
            pass
        print("3. the first of two users has left:", version.describe().status)
    print("   the last of two users has left:", version.describe().status)
    with version.running(idle_stop=0.1):
        while version.describe().status == "RUNNING":
            time.sleep(0.05)
        print("4. no call for a while:", version.describe().status)


def be_killed(version: rx.ModelVersion) -> None:
    """An end that the process cannot handle."""
    command = [sys.executable, "-c", WORKER, version.arn]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:  # noqa: S603
        assert process.stdout.readline() == "running\n"
        process.kill()
    print("5. its process was killed:", version.describe().status)
    print("   at once ", *handler({}, None)["models"])
    print("   18 min later ", *handler({}, None, rx.Aws(clock=Later()))["models"])
    print("   the model is", version.describe().status)


with tempfile.TemporaryDirectory() as scratch, LocalCloud(buckets=["clinic-xrays"]) as cloud:
    os.environ.update(cloud.environment())
    version = train(make_phantoms(Path(scratch), patients=12, heights=(200, 320), seed=3))
    use_and_leave(version)
    be_killed(version)
    print("\nstill running:", len(cloud.bill.running))

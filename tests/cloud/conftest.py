"""A local cloud with one bucket, and small datasets of drawn images."""

from __future__ import annotations

import functools
import io
import os
import random
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import NormalDist

import attrs
import pytest
from PIL import Image

import rekognition_xray as rx
from rekognition_xray.local import LocalCloud
from rekognition_xray.testing import NoWaitClock

from ..support.learner import MeanLearner

NAMES = {
    "normal": "train/NORMAL/IM-{patient:04d}-{image:04d}.jpeg",
    "bacterial": "train/PNEUMONIA/person{patient}_bacteria_{image}.jpeg",
    "viral": "train/PNEUMONIA/person{patient}_virus_{image}.jpeg",
}
Draw = Callable[..., rx.XrayDataset]


@pytest.fixture
def clock() -> NoWaitClock:
    return NoWaitClock()


@pytest.fixture(scope="session")
def learner() -> MeanLearner:
    """What learns here, where it only matters that something was learned."""
    return MeanLearner()


@pytest.fixture(scope="session")
def local_cloud_options(learner: MeanLearner) -> dict[str, object]:
    return {"buckets": ["clinic-xrays"], "learner": learner}


@pytest.fixture
def cloud(local_cloud: LocalCloud) -> LocalCloud:
    return local_cloud


@pytest.fixture(scope="session")
def known() -> dict[str, rx.Aws]:
    """Ways to clouds by address: boto3's clients take longer to make than most tests to run."""
    return {}


@pytest.fixture
def aws(cloud: LocalCloud, known: dict[str, rx.Aws]) -> rx.Aws:
    if cloud.endpoint_url not in known:
        known[cloud.endpoint_url] = rx.Aws(session=cloud.session(), clock=NoWaitClock())
    return known[cloud.endpoint_url]


def draw_image(path: Path, label: str, seed: int) -> None:
    """A noisy square whose bright half tells the label: enough for a learner to learn."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(drawn_image(label, seed))


@functools.cache
def drawn_image(label: str, seed: int) -> bytes:
    greys = NormalDist({"normal": 60, "bacterial": 120, "viral": 180}[label], 15)
    grey_of = bytes(round(greys.inv_cdf((byte + 0.5) / 256)) for byte in range(256))
    noise = random.Random(f"{label}{seed}").randbytes(64 * 64).translate(grey_of)
    image = Image.frombytes("L", (64, 64), noise)
    image.paste(128, (32, 0, 64, 64))
    file = io.BytesIO()
    image.save(file, "JPEG", quality=90)
    return file.getvalue()


@pytest.fixture
def draw(tmp_path: Path) -> Draw:
    """Draws a folder of images and opens it as a dataset."""

    def drawn(
        folder: str = "images",
        *,
        labels: tuple[str, ...] = ("normal", "bacterial", "viral"),
        patients: int = 2,
        images: int = 2,
        first: int = 1,
    ) -> rx.XrayDataset:
        for rank, label in enumerate(labels):
            for patient in range(first + rank * 1000, first + rank * 1000 + patients):
                for image in range(1, images + 1):
                    name = NAMES[label].format(patient=patient, image=image)
                    draw_image(tmp_path / folder / name, label, patient * 100 + image)
        return rx.XrayDataset.from_folder(tmp_path / folder)

    return drawn


@pytest.fixture
def project(aws: rx.Aws) -> rx.CustomLabelsProject:
    return rx.CustomLabelsProject.get_or_create("pneumonia", aws=aws)


@pytest.fixture
def ready(project: rx.CustomLabelsProject, draw: Draw) -> rx.CustomLabelsProject:
    """A project with both datasets."""
    train, test = draw().split(test=0.4, seed=1)
    project.put_datasets(train=train, test=test, store="s3://clinic-xrays/images")
    return project


@pytest.fixture
def trained(ready: rx.CustomLabelsProject) -> rx.ModelVersion:
    """A version whose training has ended well."""
    version = ready.train("v1", output="s3://clinic-xrays/models")
    version.wait_until_trained()
    return version


@attrs.define
class Pushing(NoWaitClock):
    """A clock whose pauses move a local cloud's own time."""

    cloud: LocalCloud = attrs.field(kw_only=True)

    def sleep(self, seconds: float) -> None:
        super().sleep(seconds)
        self.cloud.advance(seconds)


@pytest.fixture(scope="session")
def slow(learner: MeanLearner) -> Iterator[LocalCloud]:
    """A cloud that takes as long as AWS, by a clock that the library's own pauses move."""
    with LocalCloud(buckets=["clinic-xrays"], pace="manual", learner=learner) as cloud:
        yield cloud


@pytest.fixture
def patient(slow: LocalCloud) -> Iterator[rx.Aws]:
    yield rx.Aws(slow.session(), clock=Pushing(cloud=slow))
    slow.reset()


@contextmanager
def running_elsewhere(
    cloud: LocalCloud, version: rx.ModelVersion
) -> Iterator[subprocess.Popen[str]]:
    """Another process that runs the model for a minute, unless it is ended before."""
    program = f"""
import rekognition_xray as rx, time
version = rx.ModelVersion.from_arn({version.arn!r}, aws=rx.Aws())
with version.running():
    print("running", flush=True)
    time.sleep(60)
"""
    with subprocess.Popen(
        [sys.executable, "-c", program],
        env=os.environ | cloud.environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    ) as process:
        assert process.stdout
        assert process.stdout.readline() == "running\n"
        yield process

"""A trained version on a cloud whose clock is moved by hand."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager

import attrs
import pytest

import rekognition_xray as rx
from rekognition_xray.cloud import meter
from rekognition_xray.data.images import prepare_image
from rekognition_xray.data.phantoms import make_phantoms
from rekognition_xray.local import LocalCloud

from ...support.learner import MeanLearner

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
    image: bytes
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
        return {key: value for key, value in tags.items() if key.startswith(meter.LEASE_PREFIX)}

    def start_without_lease(self) -> None:
        self.version.aws.rekognition.start_project_version(
            ProjectVersionArn=self.version.arn, MinInferenceUnits=1
        )
        self.clock.sleep(700)


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory, learner: MeanLearner) -> Iterator[Ward]:
    folder = make_phantoms(tmp_path_factory.mktemp("meter"), patients=12, seed=4, heights=(80, 90))
    with LocalCloud(buckets=["clinic-xrays"], pace="manual", learner=learner) as cloud:
        clock = CloudClock(cloud)
        aws = rx.Aws(session=cloud.session(), clock=clock)
        images = rx.XrayDataset.from_folder(folder)
        train, test = images.split(test=0.4, seed=1)
        project = rx.CustomLabelsProject.get_or_create("ward", aws=aws)
        project.put_datasets(train=train, test=test, store="s3://clinic-xrays/f", key=b"k" * 16)
        version = project.train("v1", output="s3://clinic-xrays/m")
        version.wait_until_trained()
        yield Ward(cloud, clock, version, prepare_image(images.images[0].path).data)


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

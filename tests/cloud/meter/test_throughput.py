"""Calibration: the speed of a unit is found within budgets, and what could not be found is said."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from decimal import Decimal

import attrs
import pytest

import rekognition_xray as rx
from rekognition_xray import errors
from rekognition_xray.cloud.meter import measure_throughput, throughput
from rekognition_xray.local import Limits, LocalCloud

from ...support.learner import MeanLearner

Draw = Callable[..., rx.XrayDataset]
TPS = 20.0


@attrs.define
class CloudClock:
    """Pauses move the cloud's clock along with the user's."""

    cloud: LocalCloud
    passed: float = 0.0

    def now(self) -> float:
        return self.passed

    def sleep(self, seconds: float) -> None:
        self.passed += seconds
        self.cloud.advance(seconds)


@attrs.frozen
class Running:
    """A trained version, somebody's image, and how it is started."""

    version: rx.ModelVersion
    image: bytes

    def on(self, units: int) -> rx.ModelVersion:
        self.version.aws.rekognition.start_project_version(
            ProjectVersionArn=self.version.arn, MinInferenceUnits=units
        )
        self.version.aws.clock.sleep(600)
        assert self.version.describe().status == "RUNNING"
        return self.version


@pytest.fixture
def ready(draw: Draw, learner: MeanLearner) -> Iterator[Running]:
    limits = Limits(unit_tps=TPS, burst_seconds=1.0)
    settings = {"pace": "manual", "limits": limits, "learner": learner}
    with LocalCloud(buckets=["clinic-xrays"], **settings) as cloud:
        aws = rx.Aws(session=cloud.session(), clock=CloudClock(cloud))
        train, test = draw().split(test=0.4, seed=1)
        project = rx.CustomLabelsProject.get_or_create("pneumonia", aws=aws)
        project.put_datasets(train=train, test=test, store="s3://clinic-xrays/images")
        version = project.train("v1", output="s3://clinic-xrays/models")
        version.wait_until_trained()
        yield Running(version, train.images[0].path.read_bytes())


@pytest.mark.heavy
def test_the_speed_of_a_unit_is_found_without_its_burst(
    ready: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(throughput, "_THREADS", 1)  # several cannot share a clock moved by pauses
    found = measure_throughput(ready.on(1), [ready.image], max_calls=120)
    assert found.saturated
    assert found.tps_per_unit == pytest.approx(TPS)
    assert found.calls == 120
    assert 0 < found.throttled < found.calls
    assert found.seconds == pytest.approx(found.throttled * 0.4)
    assert "images a second and unit, by " in str(found)


def test_a_cost_that_buys_no_measure_is_refused(ready: Running) -> None:
    with pytest.raises(errors.CostCapError, match=r"buys 0\.9 s"):
        measure_throughput(ready.version, [ready.image], max_cost="0.001")


@pytest.mark.heavy
def test_the_cost_ends_the_measure(ready: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(throughput, "_THREADS", 1)
    found = measure_throughput(ready.on(1), [ready.image], max_calls=10_000, max_cost="0.01")
    assert 9 <= found.seconds <= 9.4
    assert found.cost.total == Decimal("0.01")
    assert found.tps_per_unit == pytest.approx(TPS)


@pytest.mark.heavy
def test_few_calls_are_said_to_be_a_rough_measure(ready: Running) -> None:
    found = measure_throughput(ready.on(2), [ready.image], max_calls=10)
    assert (found.units, found.calls, found.throttled) == (2, 10, 0)
    assert not found.saturated
    assert "rough" in str(found)


def test_a_model_that_is_not_running_is_not_measured(ready: Running) -> None:
    with pytest.raises(errors.NotReadyError):
        measure_throughput(ready.version, [ready.image])


@pytest.mark.parametrize(("images", "calls"), [([], 10), ([b"image"], 0)])
def test_nothing_is_measured_by_nothing(images: list[bytes], calls: int, aws: rx.Aws) -> None:
    version = rx.ModelVersion(aws, "arn", "arn")
    with pytest.raises(errors.InvalidRequestError, match="cannot be measured"):
        measure_throughput(version, images, max_calls=calls)

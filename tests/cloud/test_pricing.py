"""Prices by Region: where none are known a cap is refused; nothing else fails for want of one."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from contextlib import AbstractContextManager
from decimal import Decimal
from pathlib import Path

import pytest

import rekognition_xray as rx
from rekognition_xray import errors
from rekognition_xray.cloud import meter, storage
from rekognition_xray.cloud.meter import measure_throughput
from rekognition_xray.cloud.pricing import book_for
from rekognition_xray.costs import Price
from rekognition_xray.local import LocalCloud
from rekognition_xray.testing import NoWaitClock

REGION = "eu-west-1"
STORE, MODELS = "s3://irish-xrays/images", "s3://irish-xrays/models"
Draw = Callable[..., rx.XrayDataset]

OWN = rx.PriceBook(
    {
        item: Price(Decimal(5), "hour", "our contract", dt.date(2026, 11, 1))
        for item in ("training-hour", "inference-unit-hour")
    },
    "EUR",
    REGION,
)


@pytest.fixture
def irish(cloud: LocalCloud) -> rx.Aws:
    session = cloud.session(region=REGION)
    session.client("s3").create_bucket(
        Bucket="irish-xrays", CreateBucketConfiguration={"LocationConstraint": REGION}
    )
    return rx.Aws(session, clock=NoWaitClock())


@pytest.fixture
def project(irish: rx.Aws, draw: Draw) -> rx.CustomLabelsProject:
    project = rx.CustomLabelsProject.get_or_create("pneumonia", aws=irish)
    train, test = draw().split(test=0.4, seed=1)
    project.put_datasets(train=train, test=test, store=STORE)
    return project


@pytest.fixture
def version(project: rx.CustomLabelsProject) -> rx.ModelVersion:
    version = project.train("v1", output=MODELS)
    version.wait_until_trained()
    return version


def refused() -> AbstractContextManager[pytest.ExceptionInfo[errors.PriceBookError]]:
    return pytest.raises(errors.PriceBookError, match=r"cap of .* cannot be kept in eu-west-1")


def test_the_librarys_prices_are_taken_where_they_are_of_the_region(aws: rx.Aws, caplog) -> None:
    assert book_for(aws, None, "5.00") == rx.PriceBook()
    assert caplog.text == ""


def test_a_cap_on_a_stay_needs_prices_of_the_region(version: rx.ModelVersion) -> None:
    with refused() as caught:
        version.running(max_cost="5.00")
    assert "PriceBook.from_file(FILE, region='eu-west-1')" in caught.value.hint
    assert "prices=PriceBook()" in caught.value.hint
    assert version.describe().status == "TRAINING_COMPLETED"


def test_a_cap_on_a_training_needs_prices_of_the_region(project: rx.CustomLabelsProject) -> None:
    with refused():
        project.train("v1", output=MODELS, max_cost="30.00")
    assert project.versions() == ()


def test_a_cap_on_an_upload_needs_prices_of_the_region(irish: rx.Aws, draw: Draw) -> None:
    with refused():
        storage.store(draw(), STORE, aws=irish, max_cost="1.00")
    assert "Contents" not in irish.s3.list_objects_v2(Bucket="irish-xrays")


def test_a_budget_of_a_calibration_needs_prices_of_the_region(version: rx.ModelVersion) -> None:
    with refused():
        measure_throughput(version, [b"image"])


def test_without_a_cap_it_runs_by_prices_that_are_said_to_be_of_elsewhere(
    version: rx.ModelVersion, caplog, draw: Draw
) -> None:
    with version.running() as model:
        assert "the prices of eu-west-1 are not known" in caplog.text
        (seen,) = meter.running(version.aws)
        assert "4.00 USD per hour by the prices of us-east-1" in str(seen)
        assert model.detect(Path(draw().images[0].path).read_bytes()).confidences
    assert version.describe().status == "STOPPED"


def test_what_a_dead_process_left_is_stopped_whatever_it_costs(version: rx.ModelVersion) -> None:
    version.aws.rekognition.start_project_version(
        ProjectVersionArn=version.arn, MinInferenceUnits=1
    )
    (reported,) = meter.stop_expired(version.aws, unleased=True)
    assert reported.stopped


def test_prices_of_ones_own_hold_for_cap_and_list(version: rx.ModelVersion, caplog) -> None:
    with version.running(max_cost="5.00", prices=OWN) as model:
        assert model.run
        assert (model.run.per_hour, model.run.currency) == (Decimal(5), "EUR")
        assert model.run.seconds == 3600
        (seen,) = meter.running(version.aws, prices=OWN)
        assert "5 EUR per hour, since" in str(seen)
    assert "not known" not in caplog.text


def test_prices_of_elsewhere_can_be_taken_knowingly(version: rx.ModelVersion) -> None:
    with version.running(max_cost="5.00", prices=rx.PriceBook()) as model:
        assert model.run
        assert model.run.seconds == 4500

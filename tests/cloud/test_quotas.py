"""Quotas of an account: AWS's by default, raised ones by `Aws(quotas=)`, named in every error."""

from __future__ import annotations

import logging
import pickle

import attrs
import boto3
import pytest

import rekognition_xray as rx
from rekognition_xray import errors
from rekognition_xray.cloud.aws import offers_custom_labels
from rekognition_xray.cloud.datasets import check_dataset_size
from rekognition_xray.cloud.quotas import Quotas
from rekognition_xray.local import LocalCloud

HALF = {"normal": 125_001, "viral": 125_000}


def test_250000_images_are_the_default_and_the_error_says_how_to_raise_it() -> None:
    with pytest.raises(errors.ManifestError) as caught:
        check_dataset_size(HALF, "TRAIN", region="us-east-1")
    assert "250,001 images" in str(caught.value)
    assert "Service Quotas" in str(caught.value)
    assert "quotas=Quotas(images=500000)" in str(caught.value)


def test_half_a_million_are_taken_where_aws_has_raised_it() -> None:
    check_dataset_size(HALF, "TRAIN", region="us-east-1", quotas=Quotas(images=500_000))


def test_a_raised_quota_holds_where_the_region_had_a_smaller_one() -> None:
    counts = {"normal": 20_000, "viral": 20_000}
    with pytest.raises(errors.ManifestError, match="28,000"):
        check_dataset_size(counts, "TRAIN", region="eu-west-2")
    check_dataset_size(counts, "TRAIN", region="eu-west-2", quotas=Quotas(images=100_000))


def test_more_units_than_a_model_may_have_start_nothing(aws: rx.Aws) -> None:
    project = "arn:aws:rekognition:us-east-1:123456789012:project/p"
    version = rx.ModelVersion(aws, f"{project}/version/v/1", f"{project}/2")
    with pytest.raises(errors.QuotaError, match=r"Quotas\(units=6\)"), version.running(6):
        pass
    raised = attrs.evolve(version, aws=attrs.evolve(aws, quotas=Quotas(units=6)))
    with pytest.raises(errors.NotFoundError), raised.running(6):
        pass


def test_too_many_running_models_are_named_as_the_quota_that_is_full(
    cloud: LocalCloud, trained: rx.ModelVersion
) -> None:
    cloud.faults.error("StartProjectVersion", "LimitExceededException")
    with pytest.raises(errors.QuotaError) as caught, trained.running():
        pass
    assert "2 running models in us-east-1" in str(caught.value)
    assert "quotas=Quotas(running_versions=4)" in str(caught.value)


def test_quotas_go_with_the_session_into_other_processes(
    cloud: LocalCloud, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in cloud.environment().items():
        monkeypatch.setenv(name, value)
    raised = rx.Aws(quotas=Quotas(trainings=9))
    assert pickle.loads(pickle.dumps(raised)).quotas == Quotas(trainings=9)


def test_a_region_that_the_guide_does_not_list_is_used_with_a_warning(
    caplog: pytest.LogCaptureFixture,
) -> None:
    session = boto3.Session("123456789012", "secret", region_name="ca-central-1")
    assert not offers_custom_labels(rx.Aws(session))
    assert not caplog.records
    assert offers_custom_labels(rx.Aws(session, regions=["ca-central-1"]))
    (record,) = [one for one in caplog.records if one.levelno == logging.WARNING]
    assert "does not list ca-central-1" in record.getMessage()


@pytest.mark.parametrize("name", ["images", "trainings", "running_versions", "units"])
def test_a_quota_of_nothing_is_a_mistake(name: str) -> None:
    with pytest.raises(ValueError, match=name):
        Quotas(**{name: 0})

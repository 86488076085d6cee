"""``verify``: agrees with the local cloud, finds each planted difference, leaves nothing behind."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from decimal import Decimal

import attrs
import boto3
import pytest

import rekognition_xray as rx
from rekognition_xray import contract, errors
from rekognition_xray.contract.walk import Budget
from rekognition_xray.local import Assumptions, Limits, LocalCloud

from .conftest import BUCKET, Run, brief_cloud, remains

PLANTED = {
    "shape_error": "ValidationException",
    "page_size_error": "InvalidParameterException",
    "unreadable_manifest": "CREATE_FAILED",
    "duplicate_project": "ResourceAlreadyExistsException",
    "duplicate_dataset": "ResourceInUseException",
    "duplicate_version": "ResourceAlreadyExistsException",
    "failed_dataset_update": "InvalidParameterException",
    "failed_dataset_training": "ResourceInUseException",
    "failed_version_start": "InvalidParameterException",
    "unstartable_version": "InvalidParameterException",
    "unstoppable_version": "InvalidParameterException",
    "undeletable_version": "InvalidParameterException",
    "duplicate_policy": "ResourceInUseException",
    "uncopyable_version": "InvalidParameterException",
    "foreign_arn": "InvalidParameterException",
    "busy_dataset_listing": "ResourceInUseException",
    "dataset_deletion": "ResourceNotReadyException",
    "busy_dataset_training": "ResourceNotReadyException",
    "unready_distribution": "ResourceInUseException",
    "failed_update": "ResourceInUseException",
    "copyable": frozenset({"TRAINING_COMPLETED", "COPYING_COMPLETED", "STOPPED"}),
    "repeated_source_ref": "last",
    "repeated_in_update": "first",
    "terminal_error_share": 0.10,
    "unlabelled_distribution": "stay",
    "snapshot_labels": "predicted",
}

VERIFY = f"""
import rekognition_xray as rx
from rekognition_xray import contract
contract.verify(rx.Aws(), "{BUCKET}", max_cost="8.00")
"""


@pytest.mark.heavy
def test_a_local_cloud_keeps_to_its_own_assumptions(run: Run) -> None:
    assert run.verification.differing == ()
    seen = {one.assumption for one in run.verification.findings if one.verdict == "agrees"}
    assert seen >= PLANTED.keys() | {"image_side_min", "image_bytes", "deletable"}


@pytest.mark.heavy
def test_every_assumption_is_named_as_settled_or_open_with_a_reason(run: Run) -> None:
    named = {one.assumption for one in run.verification.findings}
    assert named >= set(attrs.fields_dict(Assumptions))
    assert all(one.evidence for one in run.verification.findings)
    assert all(str(one).startswith(one.verdict) for one in run.verification.findings)


@pytest.mark.heavy
def test_all_operations_are_called(run: Run) -> None:
    assert len(set(run.verification.operations) - {"PutObject"}) == 23


@pytest.mark.heavy
def test_nothing_is_left(run: Run) -> None:
    assert remains(run.aws) == []


@pytest.mark.heavy
def test_each_part_of_the_walk_is_announced(run: Run) -> None:
    assert "the training" in run.said
    assert run.said[-1].startswith("removing everything")


@pytest.mark.heavy
def test_each_planted_difference_is_found() -> None:
    planted = Assumptions(**PLANTED)  # type: ignore[arg-type]
    limits = Limits(image_side_min=60, image_bytes=4_000_000)
    with brief_cloud(assumptions=planted, limits=limits) as cloud:
        aws = rx.Aws(session=cloud.session())
        differing = contract.verify(aws, BUCKET, max_cost="8.00").differing
        assert remains(aws) == []
    found = {one.assumption for one in differing}
    assert found == PLANTED.keys() | {"image_side_min", "image_bytes"}


@pytest.mark.heavy
def test_a_header_of_throttles_is_seen() -> None:
    limits = Limits(call_tps=20, retry_after=True)
    with brief_cloud(limits=limits) as cloud:
        aws = rx.Aws(session=cloud.session())
        found = {one.assumption for one in contract.verify(aws, BUCKET, max_cost="8.00").differing}
    assert found == {"retry_after"}


def test_what_is_left_after_the_training_is_what_the_model_may_cost() -> None:
    budget = Budget(cap=Decimal(3), training_hour=Decimal(1), running_hour=Decimal(4))
    assert budget.running_seconds(3600) == 1800
    assert budget.running_seconds(8 * 3600) < 0


@pytest.mark.heavy
def test_a_training_that_fails_is_an_error_with_the_services_message() -> None:
    seen: list[contract.Verification] = []
    with brief_cloud() as cloud:
        aws = rx.Aws(session=cloud.session())
        cloud.faults.fail_training("ERROR_MANIFEST_TOO_FEW_LABELS", times=2)
        with pytest.raises(errors.TrainingFailedError, match="too few labels"):
            contract.verify(aws, BUCKET, max_cost="8.00", on_error=seen.append)
        assert remains(aws) == []
        assert cloud.bill.total == 0
    (until_then,) = seen
    assert len(until_then.calls) > 80
    assert {one.verdict for one in until_then.findings} == {"agrees", "not seen"}


@pytest.mark.heavy
def test_a_model_that_does_not_start_is_said_and_the_rest_is_reported() -> None:
    said: list[str] = []
    with brief_cloud() as cloud:
        aws = rx.Aws(session=cloud.session())
        cloud.faults.fail_start()
        found = contract.verify(aws, BUCKET, max_cost="8.00", say=said.append)
        assert remains(aws) == []
    assert found.differing == ()
    assert "the model did not start: it is FAILED" in said


def kill_and_remove(after: float) -> None:
    """Kills a run so many seconds after its start; the next call must leave nothing."""
    with brief_cloud() as cloud:
        environment = os.environ | cloud.environment()
        child = subprocess.Popen([sys.executable, "-c", VERIFY], env=environment)
        time.sleep(after)
        child.send_signal(signal.SIGKILL)
        child.wait()
        aws = rx.Aws(session=cloud.session())
        contract.remove_remains(aws, BUCKET)
        assert remains(aws) == []
        assert not cloud.bill.running


@pytest.mark.heavy
@pytest.mark.parametrize("after", [4.0, 7.0])
def test_what_a_killed_run_has_left_is_removed(after: float) -> None:
    kill_and_remove(after)


@pytest.mark.soak
@pytest.mark.parametrize("seed", range(10))
def test_what_a_run_has_left_that_was_killed_at_any_moment_is_removed(seed: int) -> None:
    kill_and_remove(random.Random(seed).uniform(1.5, 12))


@pytest.fixture
def aws(local_cloud: LocalCloud) -> rx.Aws:
    return rx.Aws(session=local_cloud.session())


@pytest.fixture(scope="session")
def local_cloud_options() -> dict[str, object]:
    return {"buckets": [BUCKET]}


def test_a_budget_below_the_price_makes_nothing(aws: rx.Aws) -> None:
    with pytest.raises(errors.CostCapError, match=r"expected to cost 3\.00 USD, more than 2\.99"):
        contract.verify(aws, BUCKET, max_cost="2.99")
    assert remains(aws) == []


def test_a_project_of_its_name_that_is_not_its_own_is_left_alone(aws: rx.Aws) -> None:
    theirs = rx.CustomLabelsProject.get_or_create("rxray-verify-main", aws=aws)
    with pytest.raises(errors.AlreadyExistsError, match="rxray-verify-main"):
        contract.verify(aws, BUCKET, max_cost="8.00")
    assert remains(aws) == [theirs.arn]


@pytest.mark.parametrize(
    "operation", ["StartProjectVersion", "DetectCustomLabels", "DeleteProjectVersion"]
)
def test_a_permission_that_lacks_is_named_before_anything_bills(
    aws: rx.Aws, local_cloud: LocalCloud, operation: str
) -> None:
    local_cloud.faults.error(operation, "AccessDeniedException", percent=100)
    with pytest.raises(errors.AccessDeniedError) as caught:
        contract.verify(aws, BUCKET, max_cost="8.00")
    assert f'"Action": "rekognition:{operation}"' in str(caught.value)
    local_cloud.faults.clear()
    assert remains(aws) == []
    assert local_cloud.bill.total == 0


def test_expired_credentials_are_an_error_of_theirs(aws: rx.Aws, local_cloud: LocalCloud) -> None:
    local_cloud.faults.error("HeadBucket", "ExpiredToken", percent=100)
    local_cloud.faults.error("DescribeProjects", "ExpiredTokenException", percent=100)
    with pytest.raises(errors.AwsError):
        contract.verify(aws, BUCKET, max_cost="8.00")
    local_cloud.faults.clear()
    assert remains(aws) == []


def test_missing_credentials_are_an_error_of_theirs() -> None:
    nobody = rx.Aws(boto3.Session(region_name="us-east-1"))
    with pytest.raises(errors.CredentialsError):
        contract.verify(nobody, BUCKET, max_cost="8.00")


def test_a_bucket_of_another_region_is_refused_before_anything_is_made(
    aws: rx.Aws, local_cloud: LocalCloud
) -> None:
    place = {"LocationConstraint": "eu-west-1"}
    elsewhere = local_cloud.session(region="eu-west-1").client("s3")
    elsewhere.create_bucket(Bucket="in-ireland", CreateBucketConfiguration=place)
    with pytest.raises(errors.StorageError, match="eu-west-1"):
        contract.verify(aws, "in-ireland", max_cost="8.00")
    assert remains(aws) == []

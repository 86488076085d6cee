"""``examine``: each line good, bad or unknown, and what to do; nothing is changed."""

from __future__ import annotations

import boto3
import pytest

import rekognition_xray as rx
from rekognition_xray import errors
from rekognition_xray.cloud.doctor import Check, examine
from rekognition_xray.local import LocalCloud

OPERATIONS = 22  # all but CreateProject


def lines(aws: rx.Aws, bucket: str | None = "clinic-xrays") -> dict[str, Check]:
    return {check.name: check for check in examine(aws, bucket=bucket)}


def test_where_all_is_there_nothing_is_bad(aws: rx.Aws) -> None:
    found = lines(aws)
    assert {check.state for check in found.values()} == {"good", "unknown"}
    assert found["permissions"].found.startswith(f"{OPERATIONS} operations are allowed")
    assert found["running models"].found == "none, so nothing bills"
    assert "which is not AWS" in found["Region"].found
    assert "boto3 1." in found["versions"].found


def test_nothing_is_changed(aws: rx.Aws, project: rx.CustomLabelsProject) -> None:
    lines(aws)
    seen = aws.rekognition.describe_projects()["ProjectDescriptions"]
    assert [one["ProjectArn"] for one in seen] == [project.arn]
    assert project.tags() == {}


@pytest.mark.parametrize("operation", ["DetectCustomLabels", "PutProjectPolicy", "TagResource"])
def test_a_permission_that_lacks_is_named_with_its_statement(
    aws: rx.Aws, cloud: LocalCloud, operation: str
) -> None:
    cloud.faults.error(operation, "AccessDeniedException", percent=100)
    check = lines(aws)["permissions"]
    assert check.state == "bad"
    assert check.found == f"{operation} are not allowed"
    assert f'"Action": "rekognition:{operation}"' in check.advice


def test_several_permissions_that_lack_are_one_statement(aws: rx.Aws, cloud: LocalCloud) -> None:
    for operation in ("DeleteDataset", "StopProjectVersion"):
        cloud.faults.error(operation, "AccessDeniedException", percent=100)
    advice = lines(aws)["permissions"].advice
    assert '["rekognition:DeleteDataset", "rekognition:StopProjectVersion"]' in advice


def test_expired_credentials_are_bad_and_end_the_examination(
    aws: rx.Aws, cloud: LocalCloud
) -> None:
    cloud.faults.error("DescribeProjects", "ExpiredTokenException", percent=100)
    found = lines(aws)
    assert found["credentials"].state == "bad"
    assert "Sign in" in found["credentials"].advice
    assert "permissions" not in found


def test_no_credentials_are_bad() -> None:
    found = lines(rx.Aws(boto3.Session(region_name="us-east-1")), bucket=None)
    advice = "Sign in (aws configure, aws sso login), or name a profile."
    assert found["credentials"] == Check("credentials", "bad", "there are none", advice)


def test_a_region_without_custom_labels_is_bad() -> None:
    found = lines(rx.Aws(boto3.Session(region_name="ca-central-1")), bucket=None)
    assert found["Region"].state == "bad"
    assert "us-east-1" in found["Region"].advice


def test_a_bucket_that_is_missing_is_bad_and_none_is_unknown(aws: rx.Aws) -> None:
    assert lines(aws, "nobodys-bucket")["bucket"].state == "bad"
    assert lines(aws, None)["bucket"].state == "unknown"


def test_a_running_model_is_shown_with_its_price(trained: rx.ModelVersion) -> None:
    with trained.running():
        check = lines(trained.aws)["running models"]
    assert check.state == "good"
    assert "pneumonia/v1 RUNNING: 4.00 USD an hour" in check.found


def test_a_line_has_state_name_and_advice() -> None:
    shown = str(Check("bucket", "bad", "it is public", "Close it."))
    assert shown == "bad     bucket: it is public\n        Close it."


@pytest.mark.parametrize("code", ["ThrottlingException", "InternalServerError"])
def test_a_permission_of_which_aws_says_nothing_is_unknown(cloud: LocalCloud, code: str) -> None:
    cloud.faults.error("StartProjectVersion", code, percent=100)
    check = lines(rx.Aws(session=cloud.session(), attempts=1))["permissions"]
    assert (check.state, check.found) == ("unknown", "AWS did not answer StartProjectVersion")


def test_an_endpoint_that_is_no_address_is_an_error_of_ours() -> None:
    aws = rx.Aws(boto3.Session("1", "2", region_name="us-east-1"), urls=("foo", "foo"))
    with pytest.raises(errors.InvalidRequestError, match="foo"):
        aws.rekognition.describe_projects()

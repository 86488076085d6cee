"""Any boto3 session will do: profiles, SSO, roles, endpoints by variable or file."""

from __future__ import annotations

import json
import logging
from pathlib import Path

import boto3
import pytest

import rekognition_xray as rx
from rekognition_xray import errors
from rekognition_xray.cloud.aws import aws_errors
from rekognition_xray.local import LocalCloud

CONFIG = """
[default]
region = us-west-2

[profile clinic]
region = eu-west-1

[sso-session hospital]
sso_start_url = https://hospital.awsapps.com/start
sso_region = eu-central-1

[profile sso]
region = eu-central-1
sso_session = hospital
sso_account_id = 111122223333
sso_role_name = Radiology

[profile role]
region = us-east-2
role_arn = arn:aws:iam::111122223333:role/xray
source_profile = clinic

[profile tool]
region = us-east-1
credential_process = {tool}

[profile local]
region = ap-northeast-1
endpoint_url = http://127.0.0.1:5555
services = split

[services split]
s3 =
  endpoint_url = http://127.0.0.1:6666
"""
CREDENTIALS = """
[default]
aws_access_key_id = AKIADEFAULT
aws_secret_access_key = secret

[clinic]
aws_access_key_id = AKIACLINIC
aws_secret_access_key = secret

[local]
aws_access_key_id = AKIALOCAL
aws_secret_access_key = secret
"""


@pytest.fixture(autouse=True)
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The two files of a user of boto3."""
    output = {"Version": 1, "AccessKeyId": "AKIATOOL", "SecretAccessKey": "secret"}
    (tmp_path / "output.json").write_text(json.dumps(output))
    (tmp_path / "config").write_text(CONFIG.format(tool=f"/bin/cat {tmp_path / 'output.json'}"))
    (tmp_path / "credentials").write_text(CREDENTIALS)
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "credentials"))


def host(aws: rx.Aws) -> str:
    return aws.rekognition.meta.endpoint_url


@pytest.mark.parametrize(
    ("profile", "region", "method"),
    [
        ("default", "us-west-2", "shared-credentials-file"),
        ("clinic", "eu-west-1", "shared-credentials-file"),
        ("sso", "eu-central-1", "sso"),
        ("role", "us-east-2", "assume-role"),
        ("tool", "us-east-1", "custom-process"),
    ],
)
def test_a_profile_leads_to_its_region_and_its_credentials(
    profile: str, region: str, method: str
) -> None:
    aws = rx.Aws(boto3.Session(profile_name=profile))
    assert aws.region == region
    assert host(aws) == f"https://rekognition.{region}.amazonaws.com"
    assert aws._endpoints() == (None, None)
    assert aws.session.get_credentials().method == method


def test_without_a_session_boto3s_own_rules_hold(monkeypatch: pytest.MonkeyPatch) -> None:
    assert rx.Aws().session.get_credentials().access_key == "AKIADEFAULT"
    monkeypatch.setenv("AWS_PROFILE", "clinic")
    assert rx.Aws().session.get_credentials().access_key == "AKIACLINIC"
    assert rx.Aws().region == "eu-west-1"
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIAENV")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    assert rx.Aws(boto3.Session(region_name="us-east-1")).region == "us-east-1"


def test_credentials_of_an_assumed_role_are_used_as_they_are() -> None:
    session = boto3.Session(
        aws_access_key_id="ASIA1", aws_secret_access_key="secret", aws_session_token="token"
    )
    aws = rx.Aws(session)
    assert aws.rekognition._get_credentials().token == "token"
    with pytest.raises(TypeError, match="credentials"):
        aws.__reduce__()


def test_a_profiles_endpoints_are_taken_service_by_service() -> None:
    aws = rx.Aws(boto3.Session(profile_name="local"))
    assert aws._endpoints() == ("http://127.0.0.1:5555", "http://127.0.0.1:6666")
    assert aws.region == "ap-northeast-1"


@pytest.mark.parametrize("variable", ["AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_REKOGNITION"])
def test_an_endpoint_can_come_by_variable(variable: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(variable, "http://127.0.0.1:7777")
    assert rx.Aws().endpoint_url == "http://127.0.0.1:7777"


def test_a_profile_that_is_not_there_is_reported() -> None:
    with pytest.raises(errors.CredentialsError, match="nobody"), aws_errors():
        rx.Aws(boto3.Session(profile_name="nobody"))


def test_what_has_expired_at_sso_is_a_credentials_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    aws = rx.Aws(boto3.Session(profile_name="sso"), attempts=1)
    with pytest.raises(errors.CredentialsError) as output:
        rx.CustomLabelsProject.find("pneumonia", aws=aws)
    assert "aws sso login" in output.value.hint


@pytest.fixture
def seen(caplog: pytest.LogCaptureFixture) -> pytest.LogCaptureFixture:
    caplog.set_level(logging.DEBUG, logger="rekognition_xray.cloud.aws")
    return caplog


def test_every_reply_is_logged_with_its_request_id(
    cloud: LocalCloud, seen: pytest.LogCaptureFixture
) -> None:
    aws = rx.Aws(session=cloud.session())
    rx.CustomLabelsProject.find("pneumonia", aws=aws)
    aws.bucket_region("clinic-xrays")
    operations = [(record.operation, len(record.request_id) > 8) for record in seen.records]
    assert operations == [("DescribeProjects", True), ("HeadBucket", True)]
    assert seen.records[0].request_id in seen.text


def test_a_refusal_is_logged_with_the_request_id_that_the_error_carries(
    cloud: LocalCloud, seen: pytest.LogCaptureFixture
) -> None:
    aws = rx.Aws(session=cloud.session())
    cloud.faults.error("DescribeProjects", "AccessDeniedException")
    with pytest.raises(errors.AccessDeniedError) as output:
        rx.CustomLabelsProject.find("pneumonia", aws=aws)
    assert [record.request_id for record in seen.records] == [output.value.request_id]

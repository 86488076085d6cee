"""What an upload refuses before the first byte, and what is there already."""

from __future__ import annotations

import json
from pathlib import Path

import boto3
import pytest

import rekognition_xray as rx
from rekognition_xray import errors
from rekognition_xray.cloud import storage
from rekognition_xray.cloud.aws import REGIONS
from rekognition_xray.local import LocalCloud

from ...support.uploads import BUCKET, STORE, boxes, keys

pytestmark = pytest.mark.usefixtures("no_wait")


def test_a_region_without_custom_labels_is_refused_before_any_call() -> None:
    session = boto3.Session("key", "secret", region_name="ca-central-1")
    with pytest.raises(errors.StorageError, match="not offered in ca-central-1") as output:
        storage.store([], STORE, aws=rx.Aws(session))
    assert "us-east-1" in output.value.hint
    assert len(REGIONS) == 11


def test_a_custom_endpoint_may_call_its_region_what_it_likes(cloud: LocalCloud) -> None:
    aws = rx.Aws(session=cloud.session(region="ca-central-1"))
    aws.s3.create_bucket(
        Bucket="north", CreateBucketConfiguration={"LocationConstraint": "ca-central-1"}
    )
    assert storage.store([], "s3://north", aws=aws).uploaded == 0


def test_a_bucket_of_another_region_is_refused(aws: rx.Aws, tmp_path: Path) -> None:
    aws.s3.create_bucket(
        Bucket="west", CreateBucketConfiguration={"LocationConstraint": "us-west-2"}
    )
    with pytest.raises(errors.StorageError, match="lies in us-west-2"):
        storage.store(boxes(tmp_path, 1), "s3://west", aws=aws)


def open_by_list(aws: rx.Aws) -> None:
    aws.s3.put_bucket_acl(Bucket=BUCKET, ACL="public-read")


def open_by_policy(aws: rx.Aws) -> None:
    everybody = {
        "Effect": "Allow",
        "Principal": "*",
        "Action": "s3:GetObject",
        "Resource": f"arn:aws:s3:::{BUCKET}/*",
    }
    policy = {"Version": "2012-10-17", "Statement": [everybody]}
    aws.s3.put_bucket_policy(Bucket=BUCKET, Policy=json.dumps(policy))


@pytest.mark.parametrize(
    ("opened", "named"), [(open_by_list, "access control list"), (open_by_policy, "policy")]
)
def test_a_public_bucket_is_refused_by_default(
    aws: rx.Aws, tmp_path: Path, opened, named: str
) -> None:
    opened(aws)
    prepared = boxes(tmp_path, 1)
    with pytest.raises(errors.StorageError, match=f"public by its {named}") as output:
        storage.store(prepared, STORE, aws=aws)
    assert "allow_public=True" in output.value.hint
    assert not keys(aws)
    with pytest.raises(errors.StorageError, match="public"):
        storage.plan(prepared, STORE, aws=aws)
    assert storage.store(prepared, STORE, aws=aws, allow_public=True).uploaded == 1


@pytest.mark.parametrize("opened", [open_by_list, open_by_policy])
def test_a_bucket_whose_public_access_is_blocked_is_not_public(
    aws: rx.Aws, tmp_path: Path, opened
) -> None:
    opened(aws)
    everything = ("BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy")
    block = dict.fromkeys((*everything, "RestrictPublicBuckets"), True)
    aws.s3.put_public_access_block(Bucket=BUCKET, PublicAccessBlockConfiguration=block)
    assert storage.store(boxes(tmp_path, 1), STORE, aws=aws).uploaded == 1


def test_who_may_not_ask_whether_a_bucket_is_public_is_warned(
    aws: rx.Aws, cloud: LocalCloud, tmp_path: Path, caplog
) -> None:
    for operation in ("GetPublicAccessBlock", "GetBucketPolicyStatus", "GetBucketAcl"):
        cloud.faults.error(operation, "AccessDenied")
    assert storage.store(boxes(tmp_path, 1), STORE, aws=aws).uploaded == 1
    assert "is unknown" in caplog.text


def test_an_object_of_another_size_is_sent_anew(aws: rx.Aws, tmp_path: Path, caplog) -> None:
    prepared = boxes(tmp_path, 3)
    storage.store(prepared, STORE, aws=aws)
    damaged = next(iter(keys(aws)))
    aws.s3.put_object(Bucket=BUCKET, Key=damaged, Body=b"cut off")
    assert storage.store(prepared, STORE, aws=aws).uploaded == 1
    assert damaged in caplog.text
    assert set(keys(aws).values()) == {200}


def test_other_bytes_of_the_same_size_are_found_when_asked_for(aws: rx.Aws, tmp_path: Path) -> None:
    prepared = boxes(tmp_path, 3)
    storage.store(prepared, STORE, aws=aws)
    damaged = next(iter(keys(aws)))
    aws.s3.put_object(Bucket=BUCKET, Key=damaged, Body=b"x" * 200, ChecksumAlgorithm="SHA256")
    assert storage.store(prepared, STORE, aws=aws).uploaded == 0
    receipt = storage.store(prepared, STORE, aws=aws, verify=True)
    assert (receipt.uploaded, receipt.skipped) == (1, 2)
    assert storage.store(prepared, STORE, aws=aws, verify=True).uploaded == 0

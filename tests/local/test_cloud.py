from __future__ import annotations

import os
import socket
import threading
import urllib.request

import boto3
import pytest

from rekognition_xray.local import LocalCloud


def threads():
    return {thread for thread in threading.enumerate() if thread is not threading.main_thread()}


@pytest.mark.parametrize(
    "settings",
    [{"pace": "leisurely"}, {"prices": {"training-hour": -1}}, {"prices": {"lunch": 5}}],
)
def test_settings_that_make_no_sense_are_refused_before_anything_starts(settings):
    before = threads()
    with pytest.raises(ValueError, match=r"pace|price"):
        LocalCloud(**settings)
    assert threads() == before


def test_it_listens_on_loopback_only(desk):
    assert desk.cloud.endpoint_url.startswith("http://127.0.0.1:")


def test_closing_ends_every_thread_and_frees_the_port():
    before = threads()
    with LocalCloud() as cloud:
        port = int(cloud.endpoint_url.rpartition(":")[2])
        urllib.request.urlopen(cloud.endpoint_url, timeout=10).close()
        assert threads() > before
    assert threads() == before
    with socket.socket() as probe:
        assert probe.connect_ex(("127.0.0.1", port)) != 0


def test_closing_twice_and_closing_unstarted_do_no_harm():
    cloud = LocalCloud()
    cloud.close()
    cloud.start()
    cloud.close()
    cloud.close()


def test_a_taken_port_is_an_error_and_leaves_no_thread(desk):
    before = threads()
    port = int(desk.cloud.endpoint_url.rpartition(":")[2])
    with pytest.raises(OSError, match="in use"):
        LocalCloud(port=port).start()
    assert threads() == before


@pytest.mark.parametrize("name", ["a", "x" * 64])
def test_a_bucket_name_that_s3_refuses_is_an_error(name):
    with pytest.raises(ValueError, match=name), LocalCloud(buckets=[name]):
        pass


def test_it_can_be_started_again_and_is_empty_then():
    cloud = LocalCloud(buckets=["images"])
    for _ in range(2):
        with cloud:
            s3 = cloud.session().client("s3")
            assert "Contents" not in s3.list_objects_v2(Bucket="images")
            s3.put_object(Bucket="images", Key="a", Body=b"a")


def test_outside_of_its_block_it_says_so():
    cloud = LocalCloud()
    for ask in (lambda: cloud.endpoint_url, cloud.session, cloud.environment, lambda: cloud.bill):
        with pytest.raises(RuntimeError, match=r"not running|not started"):
            ask()


def test_two_clouds_in_one_process_share_nothing():
    with LocalCloud(buckets=["images"]) as one, LocalCloud(buckets=["images"]) as two:
        s3, other = (cloud.session().client("s3") for cloud in (one, two))
        s3.put_object(Bucket="images", Key="a", Body=b"one")
        assert "Contents" not in other.list_objects_v2(Bucket="images")


def test_a_session_reaches_the_cloud_whatever_the_environment_says(monkeypatch):
    hostile = {
        "AWS_PROFILE": "ghost",
        "AWS_ENDPOINT_URL": "http://127.0.0.1:9",
        "AWS_ENDPOINT_URL_S3": "http://127.0.0.1:9",
        "AWS_ENDPOINT_URL_REKOGNITION": "http://127.0.0.1:9",
        "AWS_ACCESS_KEY_ID": "AKIAREAL",
        "AWS_SECRET_ACCESS_KEY": "real",
        "AWS_SESSION_TOKEN": "real",
        "AWS_REGION": "mars-north-1",
        "AWS_DEFAULT_REGION": "mars-north-1",
        "AWS_USE_FIPS_ENDPOINT": "true",
        "AWS_USE_DUALSTACK_ENDPOINT": "true",
        "AWS_CA_BUNDLE": "/nowhere",
        "HTTP_PROXY": "http://127.0.0.1:9",
        "http_proxy": "http://127.0.0.1:9",
        "ALL_PROXY": "http://127.0.0.1:9",
    }
    for name, value in hostile.items():
        monkeypatch.setenv(name, value)
    with LocalCloud(buckets=["images"]) as cloud:
        session = cloud.session()
        arn = session.client("rekognition").create_project(ProjectName="p")["ProjectArn"]
        assert arn.startswith("arn:aws:rekognition:us-east-1:123456789012:")
        bucket = session.resource("s3").Bucket("images")
        bucket.put_object(Key="a", Body=b"x")
        assert [one.key for one in bucket.objects.all()] == ["a"]


def test_the_environment_leads_unmodified_programs_to_the_cloud(desk, monkeypatch):
    monkeypatch.setenv("NO_PROXY", "example.org")
    for name, value in desk.cloud.environment().items():
        monkeypatch.setenv(name, value)
    assert os.environ["NO_PROXY"] == "example.org,127.0.0.1"
    project = boto3.client("rekognition").create_project(ProjectName="p")["ProjectArn"]
    assert ":us-east-1:" in project
    assert boto3.resource("s3").Bucket("images").creation_date


def test_a_session_of_another_account_has_its_own_projects_and_buckets(desk):
    desk.project()
    session = desk.cloud.session(account="210987654321", region="eu-west-1")
    assert session.client("rekognition").describe_projects()["ProjectDescriptions"] == []
    assert session.client("s3").list_buckets()["Buckets"] == []


def test_moto_beside_a_cloud_neither_sees_nor_empties_it():
    from moto import mock_aws

    with LocalCloud(buckets=["images"]) as cloud:
        s3 = cloud.session().client("s3")
        s3.put_object(Bucket="images", Key="a", Body=b"one")
        with mock_aws():
            mocked = boto3.client(
                "s3", region_name="us-east-1", aws_access_key_id="a", aws_secret_access_key="b"
            )
            assert mocked.list_buckets()["Buckets"] == []
            mocked.create_bucket(Bucket="images")
            mocked.put_object(Bucket="images", Key="a", Body=b"two")
        assert s3.get_object(Bucket="images", Key="a")["Body"].read() == b"one"


@pytest.mark.parametrize(
    "key", ["plain", "ä/ü 肺", "a+b c", "a%20b", "100%", "//x//", "q?x=1&y", "~."]
)
def test_an_object_of_any_name_comes_back_as_it_was(desk, key):
    desk.put(key, b"\x00\xff" * 10)
    assert desk.s3.get_object(Bucket="images", Key=key)["Body"].read() == b"\x00\xff" * 10
    assert [one["Key"] for one in desk.s3.list_objects_v2(Bucket="images")["Contents"]] == [key]


def test_an_empty_object_is_stored(desk):
    desk.put("empty", b"")
    assert desk.s3.head_object(Bucket="images", Key="empty")["ContentLength"] == 0


def test_an_upload_in_parts_is_stored(desk, tmp_path):
    from boto3.s3.transfer import TransferConfig

    data = os.urandom(6 << 20)
    (tmp_path / "large").write_bytes(data)
    parts = TransferConfig(multipart_threshold=1 << 20, multipart_chunksize=5 << 20)
    desk.s3.upload_file(str(tmp_path / "large"), "images", "large", Config=parts)
    assert desk.s3.get_object(Bucket="images", Key="large")["Body"].read() == data


def test_overwritten_objects_give_the_new_bytes(desk):
    for text in (b"one", b"two"):
        desk.put("a", text)
    assert desk.s3.get_object(Bucket="images", Key="a")["Body"].read() == b"two"


def test_the_default_learner_trains_and_detects(open_desk, image):
    desk = open_desk(learner=None)
    arn = desk.running(per_label=8)
    found = desk.call(
        "DetectCustomLabels",
        ProjectVersionArn=arn,
        Image={"Bytes": image("viral", 99)},
        MinConfidence=0,
    )["CustomLabels"]
    assert {one["Name"] for one in found} == {"normal", "viral"}

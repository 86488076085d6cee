"""Failures on demand: each strikes the calls it was asked for, and no other."""

from __future__ import annotations

import json
import threading
import time
import urllib.error
import urllib.request

import pytest
from botocore.exceptions import ClientError, ConnectionClosedError

from rekognition_xray.local.manifests import TRAINING_FAILURES
from rekognition_xray.local.services import s3_operations


@pytest.fixture
def faults(desk):
    return desk.cloud.faults


def stopping(desk):
    """A version that was asked to stop."""
    arn = desk.running()
    desk.call("StopProjectVersion", ProjectVersionArn=arn)
    return arn


def test_an_error_strikes_so_many_calls_of_its_operation(desk, faults):
    fault = faults.error("DescribeProjects", "ThrottlingException", times=2)
    desk.project()
    assert desk.refused("DescribeProjects") == "ThrottlingException"
    assert desk.refused("DescribeProjects") == "ThrottlingException"
    assert desk.call("DescribeProjects")["ProjectDescriptions"]
    assert fault.met == 2


@pytest.mark.parametrize(
    ("code", "status"),
    [
        ("InternalServerError", 500),
        ("AccessDeniedException", 400),
        ("ProvisionedThroughputExceededException", 400),
    ],
)
def test_an_error_has_the_form_and_the_text_of_the_service(desk, faults, code, status):
    faults.error("DescribeProjects", code)
    with pytest.raises(ClientError) as output:
        desk.call("DescribeProjects")
    reply = output.value.response
    assert (reply["Error"]["Code"], reply["ResponseMetadata"]["HTTPStatusCode"]) == (code, status)
    assert reply["ResponseMetadata"]["RequestId"]


def test_text_and_status_of_an_error_can_be_chosen(desk, faults):
    faults.error("DescribeProjects", "ServiceUnavailable", "Come back later.", status=503)
    with pytest.raises(ClientError, match="Come back later") as output:
        desk.call("DescribeProjects")
    assert output.value.response["ResponseMetadata"]["HTTPStatusCode"] == 503


def test_a_refused_call_does_nothing(desk, faults):
    faults.error("CreateProject", "InternalServerError")
    assert desk.refused("CreateProject", ProjectName="p") == "InternalServerError"
    assert desk.call("DescribeProjects")["ProjectDescriptions"] == []


def pattern(desk, calls):
    met = ""
    for _ in range(calls):
        try:
            desk.call("DescribeProjects")
            met += "."
        except ClientError:
            met += "x"
    return met


def test_a_percentage_strikes_that_share_and_the_same_calls_in_every_run(desk):
    patterns = []
    for seed in (7, 7, 8):
        desk.cloud.reset()
        desk.cloud.faults.error("DescribeProjects", "ThrottlingException", percent=30, seed=seed)
        patterns.append(pattern(desk, 60))
    assert patterns[0] == patterns[1] != patterns[2]
    assert 8 <= patterns[0].count("x") <= 28


def test_a_burst_strikes_calls_in_a_row_and_keeps_the_percentage(desk, faults):
    faults.error("DescribeProjects", "ThrottlingException", percent=30, burst=3)
    assert pattern(desk, 20) == 2 * "xxx......."


def test_a_percentage_can_be_limited(desk, faults):
    faults.error("DescribeProjects", "ThrottlingException", percent=100, times=3)
    assert pattern(desk, 5) == "xxx.."


def test_faults_of_one_operation_strike_in_the_order_in_which_they_were_asked_for(desk, faults):
    faults.error("DescribeProjects", "ThrottlingException")
    faults.error("DescribeProjects", "InternalServerError")
    codes = [desk.refused("DescribeProjects") for _ in range(2)]
    assert codes == ["ThrottlingException", "InternalServerError"]


def test_a_delay_comes_before_the_reply(desk, faults):
    faults.delay("DescribeProjects", 0.2)
    for least, most in ((0.2, 10), (0, 0.19)):
        begun = time.monotonic()
        desk.call("DescribeProjects")
        assert least <= time.monotonic() - begun < most


def test_a_delay_and_an_error_strike_the_same_call(desk, faults):
    faults.error("DescribeProjects", "ThrottlingException")
    faults.delay("DescribeProjects", 0.05)
    assert desk.refused("DescribeProjects") == "ThrottlingException"
    assert not faults.unmet()


def test_closing_the_cloud_ends_a_delay(open_desk):
    desk = open_desk()
    fault = desk.cloud.faults.delay("DescribeProjects", 3600)
    call = threading.Thread(target=lambda: pattern(desk, 1))
    call.start()
    while not fault.met:
        pass
    desk.cloud.close()
    call.join(10)
    assert not call.is_alive()


@pytest.mark.parametrize(("when", "made"), [("before", 0), ("after", 1)])
def test_a_connection_is_dropped_before_or_after_the_work(desk, faults, when, made):
    faults.drop("CreateProject", when=when)
    with pytest.raises(ConnectionClosedError):
        desk.project()
    assert len(desk.call("DescribeProjects")["ProjectDescriptions"]) == made


def test_a_page_of_html_comes_with_status_500(desk, faults):
    faults.html("DescribeProjects")
    request = urllib.request.Request(
        desk.cloud.endpoint_url,
        data=b"{}",
        headers={"X-Amz-Target": "RekognitionService.DescribeProjects"},
    )
    with (
        pytest.raises(urllib.error.HTTPError) as output,
        urllib.request.urlopen(request, timeout=10),
    ):
        pass
    with output.value:
        assert (output.value.code, output.value.headers["Content-Type"]) == (500, "text/html")
        assert output.value.read().startswith(b"<html>")


S3_CALLS = {
    "PutObject": {"Key": "a", "Body": b"x"},
    "GetObject": {"Key": "a"},
    "HeadObject": {"Key": "a"},
    "DeleteObject": {"Key": "a"},
    "CopyObject": {"Key": "b", "CopySource": "images/a"},
    "ListObjectsV2": {},
    "ListObjects": {},
    "HeadBucket": {},
    "GetBucketLocation": {},
    "CreateMultipartUpload": {"Key": "a"},
    "UploadPart": {"Key": "a", "PartNumber": 1, "UploadId": "x", "Body": b"x"},
    "DeleteObjects": {"Delete": {"Objects": [{"Key": "a"}]}},
}


@pytest.mark.parametrize("operation", S3_CALLS)
def test_operations_of_s3_are_struck_by_name(desk, faults, operation):
    for other in S3_CALLS.keys() - {operation}:
        faults.error(other, "WrongOne", percent=100)
    faults.error(operation, "SlowDown")
    faults.drop(operation)
    members = {"Bucket": "images", **S3_CALLS[operation]}
    with pytest.raises(ClientError) as output:
        desk.s3._make_api_call(operation, members)
    head = operation.startswith("Head")  # has no body that could say the code
    assert output.value.response["Error"]["Code"] == ("503" if head else "SlowDown")
    assert output.value.response["ResponseMetadata"]["HTTPStatusCode"] == 503
    with pytest.raises(ConnectionClosedError):
        desk.s3._make_api_call(operation, members)


def test_a_bucket_in_the_host_name_is_seen():
    environ = {"REQUEST_METHOD": "PUT", "PATH_INFO": "/a", "HTTP_HOST": "images.localhost:5005"}
    assert s3_operations(environ) == {"PutObject"}


@pytest.mark.parametrize("reason", TRAINING_FAILURES)
def test_a_training_fails_with_every_message_of_the_service(desk, faults, reason):
    faults.fail_training(reason)
    shown = desk.version(desk.trained(per_label=2))
    message = TRAINING_FAILURES[reason]
    assert (shown["Status"], shown["StatusMessage"]) == ("TRAINING_FAILED", message)
    if reason == message:  # a fault of the whole file has no code, and no reports are written
        assert "ManifestSummary" not in shown
        return
    summary = json.loads(desk.object(shown["ManifestSummary"]))
    lists = [summary["errors"], *(part["errors"] for part in summary["statistics"].values())]
    assert [found for errors in lists for found in errors] == [{"code": reason, "message": message}]


def test_the_training_after_a_failed_one_succeeds(desk, faults):
    faults.fail_training("The manifest file is empty.")
    desk.trained()
    (project,) = desk.call("DescribeProjects")["ProjectDescriptions"]
    assert desk.version(desk.train(project["ProjectArn"], "v2"))["Status"] == "TRAINING_COMPLETED"
    assert desk.cloud.bill.training_seconds == 1


def test_a_start_fails_and_the_next_one_does_not(desk, faults):
    faults.fail_start()
    arn = desk.trained()
    for status in ("FAILED", "RUNNING"):
        desk.call("StartProjectVersion", ProjectVersionArn=arn, MinInferenceUnits=1)
        assert desk.version(arn)["Status"] == status
    assert desk.cloud.bill.running == (arn,)


def test_a_stop_hangs_until_it_is_released(desk, faults):
    fault = faults.hang_stop()
    arn = stopping(desk)
    begun = time.monotonic()
    assert desk.version(arn)["Status"] == "STOPPING"
    assert time.monotonic() - begun < 5  # no Describe is held
    fault.release()
    assert desk.version(arn)["Status"] == "STOPPED"


def test_a_stop_hangs_for_so_many_seconds_of_the_clouds_clock(open_desk):
    desk = open_desk(pace="manual", durations=dict.fromkeys(("dataset", "training", "starting"), 0))
    desk.cloud.faults.hang_stop(300)
    project = desk.filled(0)
    arn = desk.train(project)
    desk.cloud.advance(0)
    desk.call("StartProjectVersion", ProjectVersionArn=arn, MinInferenceUnits=1)
    desk.cloud.advance(0)
    desk.call("StopProjectVersion", ProjectVersionArn=arn)
    seen = []
    for _ in range(3):
        desk.cloud.advance(210)
        seen.append(desk.version(arn)["Status"])
    assert seen == ["STOPPING", "STOPPING", "STOPPED"]  # 300 s of hanging, then the usual 120 s


def test_a_stop_that_hangs_for_real_seconds_ends_by_itself(desk, faults):
    faults.hang_stop(0.05)
    arn = stopping(desk)
    end = time.monotonic() + 10
    while desk.version(arn)["Status"] != "STOPPED":
        assert time.monotonic() < end


def test_what_was_never_met_is_reported(desk, faults):
    met = faults.error("DescribeProjects", "ThrottlingException", times=2)
    unmet = faults.hang_stop()
    desk.refused("DescribeProjects")
    assert faults.unmet() == (unmet,)
    assert met not in faults.unmet()
    assert "StopProjectVersion" in str(unmet)
    faults.clear()
    assert faults.unmet() == ()
    assert desk.call("DescribeProjects")["ProjectDescriptions"] == []


@pytest.mark.parametrize(
    "ask",
    [
        lambda faults: faults.error("DescribeProject", "ThrottlingException"),
        lambda faults: faults.error("DescribeProjects", ""),
        lambda faults: faults.error("DescribeProjects", "X", times=0),
        lambda faults: faults.error("DescribeProjects", "X", percent=0),
        lambda faults: faults.error("DescribeProjects", "X", percent=101),
        lambda faults: faults.error("DescribeProjects", "X", burst=3),
        lambda faults: faults.error("DescribeProjects", "X", percent=10, burst=0),
        lambda faults: faults.error("DescribeProjects", "X", retry_after=-1),
        lambda faults: faults.drop("DescribeProjects", when="later"),
        lambda faults: faults.delay("DescribeProjects", -1),
        lambda faults: faults.delay("DescribeProjects", float("nan")),
        lambda faults: faults.hang_stop(-1),
        lambda faults: faults.fail_training("ERROR_OF_MINE"),
    ],
)
def test_what_can_never_be_met_is_refused_when_it_is_asked_for(desk, faults, ask):
    with pytest.raises(ValueError, match=r"\w"):
        ask(faults)
    assert faults.unmet() == ()

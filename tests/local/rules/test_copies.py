"""CopyProjectVersion: states, permission, independence of the source, limits."""

from __future__ import annotations

import json

import attrs
import pytest
from botocore.config import Config

from rekognition_xray.local import Assumptions, Limits
from rekognition_xray.local.session import local_session

OTHER = "111122223333"


@pytest.fixture(scope="session")
def clients_elsewhere(port):
    """Clients of another account, and of another Region."""
    once = Config(retries={"total_max_attempts": 1}, parameter_validation=False)

    def clients(account, region):
        session = local_session(f"http://127.0.0.1:{port}", access_key=account, region=region)
        return session.client("rekognition", config=once), session.client("s3", config=once)

    return {
        "account": clients(OTHER, "us-east-1"),
        "Region": clients("123456789012", "eu-west-1"),
    }


@pytest.fixture
def at(clients_elsewhere):
    """The same cloud as another account or Region sees it, with a bucket of its own."""

    def seen(desk, where):
        rekognition, s3 = clients_elsewhere[where]
        other = attrs.evolve(desk, rekognition=rekognition, s3=s3)
        place = {"LocationConstraint": "eu-west-1"} if where == "Region" else None
        more = {} if place is None else {"CreateBucketConfiguration": place}
        s3.create_bucket(Bucket="elsewhere", **more)
        return other

    return seen


def members(desk, source, destination, name="copy", bucket="images", **more):
    (project,) = [
        one["ProjectArn"]
        for one in desk.call("DescribeProjects")["ProjectDescriptions"]
        if one["ProjectArn"].split("/")[1] == source.split("/")[1]
    ]
    return {
        "SourceProjectArn": project,
        "SourceProjectVersionArn": source,
        "DestinationProjectArn": destination,
        "VersionName": name,
        "OutputConfig": {"S3Bucket": bucket, "S3KeyPrefix": "copies/"},
        **more,
    }


def copy(desk, source, destination, **more):
    asked = members(desk, source, destination, **more)
    return desk.call("CopyProjectVersion", **asked)["ProjectVersionArn"]


def refused(desk, source, destination, **more):
    return desk.refused("CopyProjectVersion", **members(desk, source, destination, **more))


def share(desk, source, **changes):
    project = members(desk, source, "")["SourceProjectArn"]
    statement = {
        "Effect": "Allow",
        "Principal": {"AWS": f"arn:aws:iam::{OTHER}:root"},
        "Action": "rekognition:CopyProjectVersion",
        "Resource": source,
        **changes,
    }
    text = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    desk.call("PutProjectPolicy", ProjectArn=project, PolicyName="share", PolicyDocument=text)


def detect(desk, arn, data):
    return desk.call(
        "DetectCustomLabels", ProjectVersionArn=arn, Image={"Bytes": data}, MinConfidence=0
    )["CustomLabels"]


def result_places(shown):
    return {
        "ManifestSummary": shown["ManifestSummary"],
        "EvaluationResultSummary": shown["EvaluationResult"]["Summary"],
        **{
            f"{kind}{name}": shown[f"{kind}DataResult"][part]["Assets"][0]["GroundTruthManifest"]
            for kind in ("Training", "Testing")
            for part, name in (("Output", "GroundTruth"), ("Validation", "ManifestWithValidation"))
        },
    }


def test_a_copy_is_described_with_its_source_and_results_of_its_own(desk):
    source = desk.trained()
    arn = copy(desk, source, desk.project("target"), Tags={"a": "b"})
    shown, original = desk.version(arn), desk.version(source)
    assert arn.split("/")[1:4] == ["target", "version", "copy"]
    assert (shown["Status"], shown["SourceProjectVersionArn"]) == ("COPYING_COMPLETED", source)
    assert shown["OutputConfig"] == {"S3Bucket": "images", "S3KeyPrefix": "copies/"}
    assert shown["EvaluationResult"]["F1Score"] == original["EvaluationResult"]["F1Score"]
    assert "BillableTrainingTimeInSeconds" not in shown
    assert desk.call("ListTagsForResource", ResourceArn=arn)["Tags"] == {"a": "b"}
    for name, place in result_places(shown).items():
        assert place["S3Object"]["Name"] == f"copies/{name}-target-copy.json"
        assert desk.object(place) == desk.object(result_places(original)[name])


def test_a_copy_costs_no_training(desk):
    source = desk.trained()
    before = desk.cloud.bill.training_seconds
    desk.version(copy(desk, source, desk.project("target")))
    assert desk.cloud.bill.training_seconds == before


def test_a_copy_answers_like_its_source_and_outlives_it(desk, image):
    source = desk.running()
    image_ = image("viral", 9)
    labels = detect(desk, source, image_)
    arn = copy(desk, source, desk.project("target"))
    desk.version(arn)
    desk.call("StopProjectVersion", ProjectVersionArn=source)
    desk.version(source)
    desk.call("DeleteProjectVersion", ProjectVersionArn=source)
    assert desk.version(source) == {}
    desk.call("StartProjectVersion", ProjectVersionArn=arn, MinInferenceUnits=1)
    assert desk.version(arn)["Status"] == "RUNNING"
    assert detect(desk, arn, image_) == labels


def test_a_copy_can_be_copied_and_deleted(desk):
    source = desk.trained()
    target = desk.project("target")
    first = copy(desk, source, target, name="first")
    desk.version(first)
    second = copy(desk, first, target, name="second")
    assert desk.version(second)["SourceProjectVersionArn"] == first
    desk.call("DeleteProjectVersion", ProjectVersionArn=first)
    assert desk.version(first) == {}
    assert desk.version(second)["Status"] == "COPYING_COMPLETED"


def test_another_account_copies_only_with_a_policy(desk, at, image):
    source = desk.trained()
    other = at(desk, "account")
    target = other.project("target")
    asked = members(desk, source, target, bucket="elsewhere")
    assert other.refused("CopyProjectVersion", **asked) == "AccessDeniedException"
    share(desk, source)
    arn = other.call("CopyProjectVersion", **asked)["ProjectVersionArn"]
    assert arn.split(":")[4] == OTHER
    shown = other.version(arn)
    assert shown["Status"] == "COPYING_COMPLETED"
    assert other.object(shown["EvaluationResult"]["Summary"])
    other.call("StartProjectVersion", ProjectVersionArn=arn, MinInferenceUnits=1)
    assert other.version(arn)["Status"] == "RUNNING"
    assert detect(other, arn, image("viral"))[0]["Name"] == "viral"


@pytest.mark.parametrize(
    "changes",
    [
        {"Principal": {"AWS": "999999999999"}},
        {"Resource": "arn:aws:rekognition:us-east-1:123456789012:project/x/version/*"},
        {"Effect": "Deny"},
    ],
)
def test_a_policy_for_something_else_lets_nobody_copy(desk, at, changes):
    source = desk.trained()
    share(desk, source, **changes)
    other = at(desk, "account")
    asked = members(desk, source, other.project("target"), bucket="elsewhere")
    assert other.refused("CopyProjectVersion", **asked) == "AccessDeniedException"


def test_a_resource_of_another_account_is_not_to_be_seen_or_used(desk, at):
    source = desk.trained()
    other = at(desk, "account")
    started = other.refused("StartProjectVersion", ProjectVersionArn=source, MinInferenceUnits=1)
    assert started == "ResourceNotFoundException"
    assert other.call("DescribeProjects")["ProjectDescriptions"] == []
    asked = members(desk, source, members(desk, source, "")["SourceProjectArn"])
    assert other.refused("CopyProjectVersion", **asked) == "ResourceNotFoundException"


def test_what_an_arn_of_another_account_is_answered_with_is_an_assumption(open_desk, at):
    desk = open_desk(assumptions=Assumptions(foreign_arn="AccessDeniedException"))
    project = desk.project()
    code = at(desk, "account").refused("DescribeProjectVersions", ProjectArn=project)
    assert code == "AccessDeniedException"


def test_a_version_is_not_copied_to_another_region(desk, at):
    source = desk.trained()
    other = at(desk, "Region")
    asked = members(desk, source, other.project("target"), bucket="elsewhere")
    assert other.refused("CopyProjectVersion", **asked) == "InvalidParameterException"


@pytest.mark.parametrize("part", ["SourceProjectArn", "SourceProjectVersionArn"])
def test_a_source_that_is_not_there_is_not_found(desk, part):
    asked = members(desk, desk.trained(), desk.project("target"))
    asked[part] = asked[part].rpartition("/")[0] + "/1"
    assert desk.refused("CopyProjectVersion", **asked) == "ResourceNotFoundException"


def test_a_version_of_another_project_is_no_source(desk):
    source, target = desk.trained(), desk.project("target")
    asked = {**members(desk, source, target), "SourceProjectArn": target}
    assert desk.refused("CopyProjectVersion", **asked) == "InvalidParameterException"


def test_a_name_that_is_taken_is_refused(desk):
    source, target = desk.trained(), desk.project("target")
    desk.version(copy(desk, source, target))
    assert refused(desk, source, target) == "ResourceInUseException"


def test_a_bucket_is_needed(desk):
    code = refused(desk, desk.trained(), desk.project("target"), OutputConfig={})
    assert code == "InvalidParameterException"


def test_a_failed_training_cannot_be_copied(desk):
    project = desk.project()
    for kind in ("TRAIN", "TEST"):
        desk.dataset(project, kind)
    source = desk.train(project)
    assert desk.version(source)["Status"] == "TRAINING_FAILED"
    assert refused(desk, source, project) == "ResourceInUseException"


def test_quotas_of_copies_and_versions_are_settings(open_desk):
    desk = open_desk(pace="manual", limits=Limits(copies=1, versions_per_project=2))
    project = desk.filled()
    version = desk.train(project)
    desk.cloud.advance(3600)
    copy(desk, version, project)
    code = refused(desk, version, desk.project("target"))
    assert code == "LimitExceededException"
    assert refused(desk, version, project, name="more") == "ServiceQuotaExceededException"


def test_a_copy_under_way_shows_itself_and_holds_its_source(open_desk, tmp_path):
    desk = open_desk(data=tmp_path)
    source = desk.trained()
    desk.cloud.close()
    desk = open_desk(data=tmp_path, pace="manual")
    arn = copy(desk, source, desk.project("target"))
    assert desk.version(arn)["Status"] == "COPYING_IN_PROGRESS"
    for operation, one in (("Delete", source), ("Delete", arn), ("Stop", arn)):
        code = desk.refused(f"{operation}ProjectVersion", ProjectVersionArn=one)
        assert code == "ResourceInUseException"
    started = desk.refused("StartProjectVersion", ProjectVersionArn=arn, MinInferenceUnits=1)
    assert started == "ResourceInUseException"
    desk.cloud.close()
    shown = open_desk(data=tmp_path).version(arn)
    assert shown["Status"] == "COPYING_FAILED"
    assert "cut off" in shown["StatusMessage"]


@pytest.mark.parametrize("bucket", ["nowhere", "elsewhere"])
def test_a_copy_that_cannot_be_written_fails_and_says_so(desk, at, bucket):
    source = desk.trained()
    at(desk, "Region")
    shown = desk.version(copy(desk, source, desk.project("target"), bucket=bucket))
    assert shown["Status"] == "COPYING_FAILED"
    assert shown["StatusMessage"] == "Unable to write to output S3 bucket."
    assert "EvaluationResult" not in shown


def test_a_copy_of_a_version_whose_results_are_gone_fails_and_says_so(desk):
    source = desk.trained()
    place = desk.version(source)["EvaluationResult"]["Summary"]["S3Object"]
    desk.s3.delete_object(Bucket=place["Bucket"], Key=place["Name"])
    shown = desk.version(copy(desk, source, desk.project("target")))
    assert shown["Status"] == "COPYING_FAILED"
    assert "results" in shown["StatusMessage"]

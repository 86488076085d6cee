"""Policies: what real runs call is allowed, and nothing else is."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Callable, Iterator, Mapping
from fnmatch import fnmatchcase
from pathlib import Path

import attrs
import botocore.session
import pytest

import rekognition_xray as rx
from rekognition_xray import errors
from rekognition_xray.cloud import forgetting, meter, permissions, storage
from rekognition_xray.cloud.permissions import OPERATIONS
from rekognition_xray.cloud.permissions.calls import ACTIONS, BEHIND, IMAGES_IN_S3, TAGS
from rekognition_xray.local import LocalCloud
from rekognition_xray.testing import NoWaitClock

BUCKET = "clinic-xrays"
Draw = Callable[..., rx.XrayDataset]
STORE, OUTPUT = f"s3://{BUCKET}/images", f"s3://{BUCKET}/models"
KEY = "arn:aws:kms:us-east-1:123456789012:key/0aa1-22"
_ARNS = ("DatasetArn", "ProjectVersionArn", "ResourceArn", "ProjectArn")


@attrs.define
class Recorder:
    """Every operation that clients of one session call, and the resources that they name."""

    calls: list[tuple[str, tuple[str, ...]]] = attrs.field(factory=list)

    def note(self, params: Mapping[str, object], model: object, **_: object) -> None:
        self.calls.append((model.name, tuple(self._resources(model.name, params))))

    @property
    def operations(self) -> set[str]:
        return {name for name, _ in self.calls}

    @staticmethod
    def _resources(operation: str, params: Mapping[str, object]) -> Iterator[str]:
        if "Bucket" in params:
            bucket = f"arn:aws:s3:::{params['Bucket']}"
            if operation == "DeleteObjects":
                yield from (f"{bucket}/{one['Key']}" for one in params["Delete"]["Objects"])
            else:
                yield f"{bucket}/{params['Key']}" if "Key" in params else bucket
        else:
            yield next((str(params[name]) for name in _ARNS if name in params), "*")


def recorded(cloud: LocalCloud) -> tuple[rx.Aws, Recorder]:
    session, recorder = cloud.session(), Recorder()
    session.events.register("provide-client-params", recorder.note)
    return rx.Aws(session=session, clock=NoWaitClock()), recorder


def policy(purpose: permissions.Purpose, **changed: object) -> permissions.PolicyDocument:
    asked = {
        "account": "123456789012",
        "region": "us-east-1",
        "bucket": BUCKET,
        "prefix": "images",
        "output_prefix": "models",
        "project": "pneumonia",
    }
    return permissions.policy_for(purpose, **{**asked, **changed})


def actions(document: permissions.PolicyDocument) -> set[str]:
    return {action for statement in document["Statement"] for action in statement["Action"]}


def allows(document: permissions.PolicyDocument, action: str, resource: str) -> bool:
    return any(
        action in statement["Action"]
        and any(fnmatchcase(resource, pattern) for pattern in statement["Resource"])
        for statement in document["Statement"]
    )


def prepare(aws: rx.Aws, cloud: LocalCloud, draw: Draw) -> None:
    images = draw()
    storage.store(images, STORE, aws=aws)
    storage.store(images, STORE, aws=aws, verify=True)
    made(cloud, draw)
    listed = aws.session.client("s3").list_objects_v2(Bucket=BUCKET, Prefix="images/manifests/")
    storage.open_dataset(f"s3://{BUCKET}/{listed['Contents'][0]['Key']}", aws=aws)


def train(aws: rx.Aws, cloud: LocalCloud, draw: Draw) -> None:
    storage.store(draw(), STORE, aws=aws)
    storage.store(draw(), STORE, aws=aws, verify=True)
    project = rx.CustomLabelsProject.get_or_create("pneumonia", aws=aws, tags={"team": "chest"})
    first, test = draw().split(test=0.4, seed=1)
    few = attrs.evolve(first, images=[image for n, image in enumerate(first) if n % 5])
    for images in (few, first, first):
        project.put_datasets(train=images, test=test, store=STORE)
    cloud.faults.fail_training("Unable to write to output S3 bucket.")
    with pytest.raises(errors.TrainingFailedError):
        project.train("v1", output=OUTPUT).wait_until_trained()
    version = project.train("v2", output=OUTPUT)
    version.wait_until_trained()
    rx.Evaluation.from_version(version)
    project.promote(version)
    assert project.current() == version


def made(cloud: LocalCloud, draw: Draw) -> rx.ModelVersion:
    """A trained version, by somebody who is not watched."""
    aws = rx.Aws(session=cloud.session(), clock=NoWaitClock())
    project = rx.CustomLabelsProject.get_or_create("pneumonia", aws=aws)
    first, test = draw("others").split(test=0.4, seed=1)
    project.put_datasets(train=first, test=test, store=STORE)
    version = project.train("v1", output=OUTPUT)
    version.wait_until_trained()
    return version


def inference(aws: rx.Aws, cloud: LocalCloud, draw: Draw) -> None:
    version = rx.ModelVersion.from_arn(made(cloud, draw).arn, aws=aws)
    image = next(iter(draw()))
    with version.running() as model:
        model.detect(Path(image.path).read_bytes())


def inference_from_s3(aws: rx.Aws, cloud: LocalCloud, draw: Draw) -> None:
    """Of two images in S3 one is as we wrote it, and one has to be read and prepared."""
    version = rx.ModelVersion.from_arn(made(cloud, draw).arn, aws=aws)
    s3 = cloud.session().client("s3")
    listed = s3.list_objects_v2(Bucket=BUCKET, Prefix="images/")["Contents"]
    key = next(one["Key"] for one in listed if "/manifests/" not in one["Key"])
    s3.copy_object(Bucket=BUCKET, Key="images/raw.jpg", CopySource={"Bucket": BUCKET, "Key": key})
    with version.running() as model:
        for name in (key, "images/raw.jpg"):
            rx.Diagnoser(model).diagnose(f"s3://{BUCKET}/{name}")


def metering(aws: rx.Aws, cloud: LocalCloud, draw: Draw) -> None:
    """Somebody's model runs on, and its lease is long over."""
    version = made(cloud, draw)
    dead = meter.Lease.new(dt.datetime(2020, 1, 1, tzinfo=dt.UTC), "runs", None)
    meter.write_lease(version.aws, version.arn, dead)
    version.aws.rekognition.start_project_version(
        ProjectVersionArn=version.arn, MinInferenceUnits=1
    )
    assert [seen.arn for seen in meter.running(aws)] == [version.arn]
    meter.stop_expired(aws)
    assert meter.running(aws) == ()


def forget(aws: rx.Aws, cloud: LocalCloud, draw: Draw) -> None:
    made(cloud, draw)
    patient = next(iter(draw("others"))).group
    assert forgetting.forget(patient, STORE, aws=aws, confirm=lambda _: True).done


RUNS: dict[str, Callable[[rx.Aws, LocalCloud, Draw], None]] = {
    "prepare": prepare,
    "train": train,
    "inference": inference,
    "inference from S3": inference_from_s3,
    "meter": metering,
    "forget": forget,
}


@pytest.mark.usefixtures("no_wait")
@pytest.mark.parametrize("name", RUNS)
def test_the_policy_allows_what_a_run_calls_and_nothing_else(
    name: str, cloud: LocalCloud, draw: Draw
) -> None:
    purpose, _, from_s3 = name.partition(" ")
    aws, seen = recorded(cloud)
    RUNS[name](aws, cloud, draw)
    assert seen.operations == OPERATIONS[purpose] | (IMAGES_IN_S3 if from_s3 else set())
    bucket = BUCKET if from_s3 or purpose not in {"inference", "meter"} else None
    document = policy(purpose, bucket=bucket)
    for operation, resources in dict.fromkeys(seen.calls):
        for action in ACTIONS[operation]:
            for resource in resources:
                assert allows(document, action, resource), f"{action} on {resource}"
    behind = [BEHIND.get(operation, {}) for operation in seen.operations]
    called = [ACTIONS[operation] for operation in seen.operations]
    needed = {action for needs in [*behind, *called] for action in needs}
    if bucket is None:
        needed = {action for action in needed if not action.startswith("s3:")}
    assert actions(document) == needed
    for operation, kinds in TAGS.get(purpose, {}).items():
        used = {kind(one) for name, named in seen.calls if name == operation for one in named}
        assert used == (set(kinds) if operation in OPERATIONS[purpose] else set())


def kind(arn: str) -> str:
    """What a Rekognition ARN is the name of."""
    parts = arn.split("/")
    return parts[2] if len(parts) > 3 else "project"


def test_every_operation_is_one_of_aws_and_every_purpose_is_known() -> None:
    loader = botocore.session.get_session()
    known = {
        name
        for service in ("rekognition", "s3")
        for name in loader.get_service_model(service).operation_names
    }
    assert set(ACTIONS) | set(BEHIND) <= known
    assert set().union(*OPERATIONS.values()) <= set(ACTIONS)
    assert {name.split()[0] for name in RUNS} == set(OPERATIONS)


@pytest.mark.parametrize("purpose", OPERATIONS)
def test_a_policy_is_json_and_within_iams_limit_for_the_longest_names(
    purpose: permissions.Purpose,
) -> None:
    longest = policy(
        purpose,
        bucket="b" * 63,
        prefix="p" * 300,
        output_bucket="o" * 63,
        output_prefix="q" * 300,
        project="n" * 255,
        version="v" * 255,
        kms_key=KEY,
        also=["DeleteDataset", "CopyProjectVersion"],
    )
    assert len(json.dumps(longest, separators=(",", ":"))) <= permissions.MAX_SIZE
    sids = [statement["Sid"] for statement in longest["Statement"]]
    assert len(set(sids)) == len(sids)
    assert all(sid.isalnum() for sid in sids)


def test_only_what_iam_knows_no_resource_for_stands_on_a_star() -> None:
    for purpose in OPERATIONS:
        for statement in policy(purpose)["Statement"]:
            if statement["Resource"] == ["*"]:
                assert statement["Sid"] == permissions.NO_RESOURCE
                assert set(statement["Action"]) <= {
                    "rekognition:CreateProject",
                    "rekognition:DescribeProjects",
                }
                assert statement["Condition"] == {
                    "StringEquals": {"aws:RequestedRegion": "us-east-1"}
                }


def test_inference_reaches_no_bucket_unless_one_is_named() -> None:
    assert not [one for one in actions(policy("inference", bucket=None)) if one.startswith("s3")]
    document = policy("inference")
    assert allows(document, "s3:GetObject", "arn:aws:s3:::clinic-xrays/images/a/b.jpg")
    assert not allows(document, "s3:GetObject", "arn:aws:s3:::clinic-xrays/models/a")


def test_a_policy_reaches_no_neighbour() -> None:
    ours = "arn:aws:rekognition:us-east-1:123456789012:project"
    document = policy("inference", version="v2")
    start = "rekognition:StartProjectVersion"
    assert allows(document, start, f"{ours}/pneumonia/version/v2/1690556751958")
    for other in ("pneumonia/version/v1/1690556751958", "pneumonia2/version/v2/1690556751958"):
        assert not allows(document, start, f"{ours}/{other}")
    uploads = policy("prepare")
    assert allows(uploads, "s3:PutObject", "arn:aws:s3:::clinic-xrays/images/a.jpg")
    for other in (
        "clinic-xrays/images2/a.jpg",
        "clinic-xrays-2/images/a.jpg",
        "clinic-xrays/a.jpg",
    ):
        assert not allows(uploads, "s3:PutObject", f"arn:aws:s3:::{other}")
    assert not allows(uploads, "s3:DeleteObject", "arn:aws:s3:::clinic-xrays/images/a.jpg")


def test_the_meter_can_stop_and_cannot_start() -> None:
    reported = actions(policy("meter", bucket=None))
    assert "rekognition:StopProjectVersion" in reported
    assert "rekognition:StartProjectVersion" not in reported


def test_further_operations_can_be_named() -> None:
    reported = actions(policy("train", also=["DeleteDataset", "CopyProjectVersion"]))
    assert {"rekognition:DeleteDataset", "rekognition:CopyProjectVersion"} <= reported
    with pytest.raises(errors.InvalidRequestError, match="'DropEverything'"):
        policy("train", also=["DropEverything"])


@pytest.mark.parametrize(
    ("purpose", "needed"),
    [
        ("prepare", {"kms:Decrypt", "kms:GenerateDataKey"}),
        ("train", {"kms:CreateGrant", "kms:Decrypt", "kms:DescribeKey", "kms:GenerateDataKey"}),
        ("inference", {"kms:Decrypt"}),
        ("meter", set()),
        ("forget", {"kms:Decrypt", "kms:GenerateDataKey"}),
    ],
)
def test_a_key_is_used_for_what_the_purpose_needs(
    purpose: permissions.Purpose, needed: set[str]
) -> None:
    assert {one for one in actions(policy(purpose)) if one.startswith("kms:")} == set()
    document = policy(purpose, kms_key=KEY)
    assert {one for one in actions(document) if one.startswith("kms:")} == needed
    assert all(allows(document, one, KEY) for one in needed)
    who = "arn:aws:iam::123456789012:role/trainer"
    if needed:
        statement = permissions.key_statement(purpose, principal=who)
        assert set(statement["Action"]) == needed
        assert statement["Principal"] == {"AWS": who}
    else:
        with pytest.raises(errors.InvalidRequestError, match="needs no key"):
            permissions.key_statement(purpose, principal=who)


def test_a_bucket_is_reached_over_tls_and_encrypted_with_its_key_only() -> None:
    plain = permissions.bucket_policy(BUCKET)["Statement"]
    assert [one["Sid"] for one in plain] == ["OnlyOverTls"]
    assert {
        one["Effect"] for one in permissions.bucket_policy(BUCKET, kms_key=KEY)["Statement"]
    } == {"Deny"}
    assert json.loads(json.dumps(permissions.bucket_policy(BUCKET, kms_key=KEY)))["Version"]
    chinese = permissions.bucket_policy(BUCKET, partition="aws-cn")["Statement"]
    assert all(f"arn:aws-cn:s3:::{BUCKET}" in str(one["Resource"]) for one in chinese)


def test_the_local_clouds_s3_takes_the_bucket_policy(cloud: LocalCloud, aws: rx.Aws) -> None:
    aws.s3.put_bucket_policy(
        Bucket=BUCKET, Policy=json.dumps(permissions.bucket_policy(BUCKET, kms_key=KEY))
    )
    assert json.loads(aws.s3.get_bucket_policy(Bucket=BUCKET)["Policy"])


def test_other_partitions_have_other_arns() -> None:
    document = policy("train", partition="aws-cn", region="cn-north-1")
    for statement in document["Statement"]:
        assert all(one == "*" or one.startswith("arn:aws-cn:") for one in statement["Resource"])


def test_all_wrong_arguments_are_reported_together() -> None:
    with pytest.raises(errors.InvalidRequestError) as caught:
        policy(
            "train",
            account="12",
            region="everywhere",
            bucket="",
            prefix="images/*",
            project="a/b",
            kms_key="alias/mine",
        )
    for name in ("account", "region", "bucket", "prefix", "project", "kms_key"):
        assert f"- {name} is " in str(caught.value)
    with pytest.raises(errors.InvalidRequestError, match="bucket is needed"):
        policy("prepare", bucket=None)
    with pytest.raises(errors.InvalidRequestError, match="'everything'"):
        policy("everything")

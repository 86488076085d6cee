"""``examine``: is everything there that a training needs? Changes nothing, bills nothing."""

from __future__ import annotations

import platform
from collections.abc import Callable, Mapping
from importlib import metadata
from typing import Any, Final, Literal

import attrs

from rekognition_xray.cloud import meter
from rekognition_xray.cloud.aws import Aws, aws_errors, method_of, offers_custom_labels
from rekognition_xray.cloud.permissions import missing_statement
from rekognition_xray.cloud.storage import check_place
from rekognition_xray.cloud.version_description import project_arns
from rekognition_xray.costs import PriceBook
from rekognition_xray.errors import (
    AccessDeniedError,
    AwsError,
    ConnectionFailedError,
    ServiceFaultError,
    ThrottledError,
    XrayError,
)
from rekognition_xray.records import Record

State = Literal["good", "bad", "unknown"]
_PACKAGES: Final = ("rekognition-xray", "boto3", "botocore")
_HEALTH_REGION: Final = "us-east-1"  # where the Health API is, whatever the Region in question
_NONE: Final = "rekognition-xray-doctor"


@attrs.frozen
class Check(Record):
    """One line of the examination.

    Attributes:
        name: what was looked at.
        state: good, bad, or unknown.
        found: what was found.
        advice: what to do; empty if nothing need be done.
    """

    name: str
    state: State
    found: str
    advice: str = ""

    def __str__(self) -> str:
        advice = f"\n        {self.advice}" if self.advice else ""
        return f"{self.state:<8}{self.name}: {self.found}{advice}"


def examine(
    aws: Aws, *, bucket: str | None = None, prices: PriceBook | None = None
) -> tuple[Check, ...]:
    """Looks at credentials, Region, bucket, permissions, quotas, running models and AWS's notices.

    Permissions are tried by calls that name a resource that does not exist: where the call is
    allowed, AWS answers that there is no such resource. CreateProject is not tried, since it would
    create one. AWS itself is also asked for the identity (STS), quotas (Service Quotas) and
    notices (Health, which needs a support plan); where these may not be asked, the line is unknown.

    Calls DescribeProjects, DescribeProjectVersions, ListTagsForResource, and each other operation
    but CreateProject once; HeadBucket, GetPublicAccessBlock, GetBucketPolicyStatus and GetBucketAcl
    of the bucket; free but for S3 requests.

    Args:
        aws: the AWS session.
        bucket: the bucket that images are to go to.
        prices: the price book for running models.
    """
    checks = [_versions()]
    credentials, projects = _credentials(aws)
    checks += [credentials, _region(aws), _bucket(aws, bucket)]
    if credentials.state == "good":
        checks += [_permissions(aws, projects), _quotas(aws), _running(aws, prices), _notices(aws)]
    return tuple(checks)


def _versions() -> Check:
    found = [f"{name} {metadata.version(name)}" for name in _PACKAGES]
    return Check("versions", "good", f"Python {platform.python_version()}, {', '.join(found)}")


def _credentials(aws: Aws) -> tuple[Check, tuple[str, ...]]:
    """The check, and the projects that were seen by the way."""
    try:
        with aws_errors():
            credentials = aws.session.get_credentials()
        if credentials is None:
            advice = "Sign in (aws configure, aws sso login), or name a profile."
            return Check("credentials", "bad", "there are none", advice), ()
        method = credentials.method
        projects = project_arns(aws)
    except AccessDeniedError:
        return Check("credentials", "good", "AWS knows them; projects may not be listed"), ()
    except AwsError as error:
        return Check("credentials", "bad", error.message, error.hint), ()
    found = f"by {method}, {len(projects)} projects in {aws.region}"
    return Check("credentials", "good", found), projects


def _region(aws: Aws) -> Check:
    try:
        if aws.endpoint_url is not None:
            return Check("Region", "good", f"{aws.region} at {aws.endpoint_url}, which is not AWS")
        if offers_custom_labels(aws):
            return Check("Region", "good", f"{aws.region} offers Custom Labels")
    except XrayError as error:
        return Check("Region", "bad", error.message, error.hint)
    advice = f"Use one of {', '.join(sorted(aws.regions))}."
    return Check("Region", "bad", f"{aws.region} does not offer Custom Labels", advice)


def _bucket(aws: Aws, bucket: str | None) -> Check:
    if bucket is None:
        return Check("bucket", "unknown", "none was named", "Name one: --bucket NAME.")
    try:
        check_place(aws, bucket)
    except XrayError as error:
        return Check("bucket", "bad", error.message, error.hint)
    return Check("bucket", "good", f"{bucket} is in {aws.region} and not known to be public")


def _permissions(aws: Aws, projects: tuple[str, ...]) -> Check:
    account = projects[0].split(":")[4] if projects else _account(aws)
    if account is None:
        advice = "Allow sts:GetCallerIdentity, or create a project; then run this again."
        return Check("permissions", "unknown", "the account's number is not known", advice)
    requests = _harmless(aws.region, account)
    denied = {name: _is_denied(aws, name, request) for name, request in requests.items()}
    lacking = [name for name, answer in denied.items() if answer]
    silent = [name for name, answer in denied.items() if answer is None]
    if silent and not lacking:
        advice = "Run this again."
        return Check("permissions", "unknown", f"AWS did not answer {', '.join(silent)}", advice)
    if not lacking:
        tried = f"{len(requests)} operations are allowed; CreateProject was not tried"
        return Check("permissions", "good", tried)
    advice = "Add to the policy of this identity: " + missing_statement(lacking)
    return Check("permissions", "bad", f"{', '.join(lacking)} are not allowed", advice)


def _account(aws: Aws) -> str | None:
    if aws.endpoint_url is not None:
        return "123456789012"
    reply = _ask(lambda: aws.session.client("sts").get_caller_identity())
    return None if reply is None else str(reply["Account"])


def _harmless(region: str, account: str) -> Mapping[str, Mapping[str, Any]]:
    """A request of each operation that names what does not exist."""
    start = f"arn:aws:rekognition:{region}:{account}:project/{_NONE}"
    project, version = f"{start}/1", f"{start}/version/{_NONE}/1"
    dataset, place = f"{start}/dataset/train/1", {"S3Bucket": _NONE, "S3KeyPrefix": _NONE}
    of_project, of_version = {"ProjectArn": project}, {"ProjectVersionArn": version}
    of_dataset, of_resource = {"DatasetArn": dataset}, {"ResourceArn": version}
    named = {**of_project, "VersionName": _NONE, "OutputConfig": place}
    policy = {**of_project, "PolicyName": _NONE}
    return {
        "CopyProjectVersion": {
            "SourceProjectArn": project,
            "SourceProjectVersionArn": version,
            "DestinationProjectArn": project,
            "VersionName": _NONE,
            "OutputConfig": place,
        },
        "CreateDataset": {**of_project, "DatasetType": "TRAIN"},
        "CreateProjectVersion": named,
        "DeleteDataset": of_dataset,
        "DeleteProject": of_project,
        "DeleteProjectPolicy": policy,
        "DeleteProjectVersion": of_version,
        "DescribeDataset": of_dataset,
        "DescribeProjectVersions": of_project,
        "DescribeProjects": {"ProjectNames": [_NONE]},
        "DetectCustomLabels": {**of_version, "Image": {"Bytes": b"none"}},
        "DistributeDatasetEntries": {
            "Datasets": [{"Arn": dataset}, {"Arn": f"{start}/dataset/test/1"}]
        },
        "ListDatasetEntries": of_dataset,
        "ListDatasetLabels": of_dataset,
        "ListProjectPolicies": of_project,
        "ListTagsForResource": of_resource,
        "PutProjectPolicy": {**policy, "PolicyDocument": "{}"},
        "StartProjectVersion": {**of_version, "MinInferenceUnits": 1},
        "StopProjectVersion": of_version,
        "TagResource": {**of_resource, "Tags": {_NONE: ""}},
        "UntagResource": {**of_resource, "TagKeys": [_NONE]},
        "UpdateDatasetEntries": {**of_dataset, "Changes": {"GroundTruth": b"{}"}},
    }


def _is_denied(aws: Aws, operation: str, request: Mapping[str, Any]) -> bool | None:
    """Whether a call is not allowed; any other refusal shows that it is. None if none came."""
    try:
        with aws_errors():
            method_of(aws.rekognition, operation)(**request)
    except AccessDeniedError:
        return True
    except (ThrottledError, ServiceFaultError, ConnectionFailedError):
        return None
    except AwsError:
        return False
    return False


def _quotas(aws: Aws) -> Check:
    assumed = (
        f"{aws.quotas.images:,} images, {aws.quotas.trainings_in(aws.region)} trainings and "
        f"{aws.quotas.running_versions} running models at a time"
    )
    advice = "If AWS has raised yours, say Aws(quotas=Quotas(...))."
    reply = None
    if aws.endpoint_url is None:
        client = _ask(lambda: aws.session.client("service-quotas", region_name=aws.region))
        reply = client and _ask(lambda: client.list_service_quotas(ServiceCode="rekognition"))
    if not reply:
        return Check("quotas", "unknown", f"AWS's defaults are assumed: {assumed}", advice)
    listed = [f"{one['QuotaName']} {one['Value']:g}" for one in reply["Quotas"]]
    ours = [line for line in listed if "Custom Labels" in line]
    return Check("quotas", "good", "; ".join(ours) or assumed, advice)


def _running(aws: Aws, prices: PriceBook | None) -> Check:
    try:
        seen = meter.running(aws, prices=prices)
    except XrayError as error:
        return Check("running models", "unknown", error.message, error.hint)
    if not seen:
        return Check("running models", "good", "none, so nothing bills")
    total = sum(one.per_hour for one in seen)
    lines = ", ".join(f"{one.project}/{one.version} {one.status}" for one in seen)
    found = f"{lines}: {total} {seen[0].currency} an hour"
    if any(one.expired for one in seen):
        advice = "Nobody needs some of them any more: rekognition-xray stop --expired."
        return Check("running models", "bad", found, advice)
    return Check(
        "running models", "good", found, "Stop one: rekognition-xray stop PROJECT/VERSION."
    )


def _notices(aws: Aws) -> Check:
    advice = "Look at the AWS Health dashboard; its API needs a Business support plan."
    if aws.endpoint_url is not None:
        return Check("AWS's notices", "unknown", "this endpoint is not AWS")
    wanted = {"services": ["REKOGNITION"], "eventStatusCodes": ["open", "upcoming"]}
    client = _ask(lambda: aws.session.client("health", region_name=_HEALTH_REGION))
    reply = client and _ask(lambda: client.describe_events(filter=wanted))
    if not reply:
        return Check("AWS's notices", "unknown", "the Health API did not answer", advice)
    events = [event.get("eventTypeCode", "") for event in reply["events"]]
    if not events:
        return Check("AWS's notices", "good", "none about Rekognition")
    return Check("AWS's notices", "bad", ", ".join(events), advice)


def _ask(call: Callable[[], Any]) -> Any:
    """What a call gives; None where it may not be made, or AWS does not answer."""
    try:
        with aws_errors():
            return call()
    except AwsError:
        return None

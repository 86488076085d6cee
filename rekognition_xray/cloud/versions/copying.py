"""A version is copied into another project, of this account or another one."""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

from rekognition_xray.cloud.aws import Aws, aws_errors
from rekognition_xray.cloud.s3 import S3Location, check_bucket
from rekognition_xray.cloud.tags import check_tags
from rekognition_xray.cloud.version_description import VersionDescription, descriptions
from rekognition_xray.cloud.versions.training_checks import check_kms_key, check_name
from rekognition_xray.errors import (
    AccessDeniedError,
    AlreadyExistsError,
    ConnectionFailedError,
    InUseError,
    InvalidRequestError,
    ServiceFaultError,
)

if TYPE_CHECKING:
    from types_boto3_rekognition.type_defs import CopyProjectVersionRequestTypeDef

log = logging.getLogger(__name__)

_ACTION: Final = "rekognition:CopyProjectVersion"


def start_copy(
    aws: Aws,
    source: tuple[str, str],
    project_arn: str,
    *,
    name: str,
    output: str | S3Location,
    tags: Mapping[str, str],
    noted: Mapping[str, str],
    kms_key: str | None,
) -> str:
    """Starts a copy, or finds the one that an earlier run has started; gives its ARN.

    Args:
        aws: the way to the account that gets the copy.
        source: ARNs of the version and of its project.
        project_arn: the project that gets the copy.
        name: of the copy.
        output: bucket and prefix for its result files.
        tags: of the user, for the copy.
        noted: tags of this library that it inherits.
        kms_key: that encrypts its files.
    """
    check_name("version", name)
    check_tags(tags)
    check_kms_key(kms_key)
    target = S3Location.parse(output)
    _check_regions(source[0], project_arn)
    if found := _there(aws, source[0], project_arn, name):
        return found.arn
    check_bucket(aws, target.bucket)
    asked: CopyProjectVersionRequestTypeDef = {
        "SourceProjectArn": source[1],
        "SourceProjectVersionArn": source[0],
        "DestinationProjectArn": project_arn,
        "VersionName": name,
        "OutputConfig": {"S3Bucket": target.bucket, "S3KeyPrefix": target.key},
        "Tags": {**tags, **noted},
    }
    if kms_key is not None:
        asked["KmsKeyId"] = kms_key
    try:
        return _start_copy(aws, asked)
    except (InUseError, ConnectionFailedError, ServiceFaultError):
        if found := _there(aws, source[0], project_arn, name):
            return found.arn
        raise


def copy_policy(source_arn: str, account: str) -> str:
    """The project policy that lets another account copy a version, as JSON."""
    partition = source_arn.split(":")[1]
    statement = {
        "Effect": "Allow",
        "Principal": {"AWS": f"arn:{partition}:iam::{account}:root"},
        "Action": _ACTION,
        "Resource": source_arn,
    }
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


def _start_copy(aws: Aws, asked: CopyProjectVersionRequestTypeDef) -> str:
    source, destination = asked["SourceProjectVersionArn"], asked["DestinationProjectArn"]
    try:
        with aws_errors(source):
            return aws.rekognition.copy_project_version(**asked)["ProjectVersionArn"]
    except AccessDeniedError as error:
        ours, theirs = source.split(":")[4], destination.split(":")[4]
        if ours == theirs:
            raise
        raise AccessDeniedError(
            error.message,
            operation=error.operation,
            code=error.code,
            request_id=error.request_id,
            arn=source,
            hint=f"The account {ours} has to allow it by a policy on the project "
            f"{asked['SourceProjectArn']}: aws rekognition put-project-policy --project-arn "
            f"{asked['SourceProjectArn']} --policy-name copy --policy-document "
            f"'{copy_policy(source, theirs)}'",
        ) from error


def _there(aws: Aws, source: str, project_arn: str, name: str) -> VersionDescription | None:
    """The copy of that version by that name.

    Raises:
        AlreadyExistsError: the name stands for another version.
    """
    for seen in descriptions(aws, project_arn):
        if seen.name == name:
            if seen.source_arn == source and seen.status != "DELETING":
                log.info("the copy %s is there already: it is %s", name, seen.status)
                return seen
            raise AlreadyExistsError(
                f"{project_arn} has a version {name!r} that is no copy of {source}.",
                arn=seen.arn,
                hint="Copy under another name: name=...",
            )
    return None


def _check_regions(source: str, destination: str) -> None:
    ours, theirs = source.split(":")[3], destination.split(":")[3]
    if ours != theirs:
        raise InvalidRequestError(
            f"{source} lies in {ours} and {destination} in {theirs}.",
            hint="A copy must be in the same Region; in another one, train on the images again.",
        )

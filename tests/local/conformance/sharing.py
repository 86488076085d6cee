"""What brings each error of policies, copies and tags."""

from __future__ import annotations

import json
from typing import Any, Final

from rekognition_xray.local import Assumptions, Limits

from .provoking import Members, project_of, provokes

POLICY: Final = json.dumps(
    {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Effect": "Allow",
                "Principal": {"AWS": "arn:aws:iam::111122223333:root"},
                "Action": "rekognition:CopyProjectVersion",
                "Resource": "*",
            }
        ],
    }
)
_STALE: Final = "0" * 32


def _with_policy(open_desk: Any, **settings: Any) -> tuple[Any, Members]:
    desk = open_desk(**settings)
    policy = {"ProjectArn": desk.project(), "PolicyName": "p", "PolicyDocument": POLICY}
    desk.call("PutProjectPolicy", **policy)
    return desk, policy


@provokes("ResourceAlreadyExistsException", "PutProjectPolicy")
def _policy_without_its_revision(open_desk: Any) -> tuple[Any, Members]:
    chosen = Assumptions(duplicate_policy="ResourceAlreadyExistsException")
    return _with_policy(open_desk, assumptions=chosen)


@provokes("InvalidPolicyRevisionIdException", "PutProjectPolicy")
def _changing_a_stale_revision(open_desk: Any) -> tuple[Any, Members]:
    desk, policy = _with_policy(open_desk)
    return desk, policy | {"PolicyRevisionId": _STALE}


@provokes("InvalidPolicyRevisionIdException", "DeleteProjectPolicy")
def _deleting_a_stale_revision(open_desk: Any) -> tuple[Any, Members]:
    desk, policy = _with_policy(open_desk)
    del policy["PolicyDocument"]
    return desk, policy | {"PolicyRevisionId": _STALE}


@provokes("MalformedPolicyDocumentException", "PutProjectPolicy")
def _policy_that_is_none(open_desk: Any) -> tuple[Any, Members]:
    desk = open_desk()
    return desk, {"ProjectArn": desk.project(), "PolicyName": "p", "PolicyDocument": "no JSON"}


@provokes("ServiceQuotaExceededException", "PutProjectPolicy")
def _one_policy_too_many(open_desk: Any) -> tuple[Any, Members]:
    desk, policy = _with_policy(open_desk, limits=Limits(policies_per_project=1))
    return desk, policy | {"PolicyName": "q"}


def _copying(open_desk: Any, **settings: Any) -> tuple[Any, Members]:
    desk = open_desk(**settings)
    version = desk.trained()
    return desk, {
        "SourceProjectArn": project_of(desk, version),
        "SourceProjectVersionArn": version,
        "DestinationProjectArn": desk.project("destination"),
        "VersionName": "v1",
        "OutputConfig": {"S3Bucket": "images"},
    }


@provokes("ResourceInUseException", "CopyProjectVersion")
def _copying_onto_a_name(open_desk: Any) -> tuple[Any, Members]:
    chosen = Assumptions(duplicate_version="ResourceInUseException")
    desk, copy = _copying(open_desk, assumptions=chosen)
    desk.call("CopyProjectVersion", **copy)
    return desk, copy


@provokes("LimitExceededException", "CopyProjectVersion")
def _one_copy_too_many(open_desk: Any) -> tuple[Any, Members]:
    return _copying(open_desk, limits=Limits(copies=0))


@provokes("ServiceQuotaExceededException", "CopyProjectVersion")
def _no_room_for_the_copy(open_desk: Any) -> tuple[Any, Members]:
    desk, copy = _copying(open_desk, limits=Limits(versions_per_project=1))
    return desk, copy | {"DestinationProjectArn": copy["SourceProjectArn"], "VersionName": "v2"}


@provokes("AccessDeniedException", "CopyProjectVersion")
def _copying_from_a_stranger(open_desk: Any) -> tuple[Any, Members]:
    desk, copy = _copying(open_desk)
    stranger = {
        name: copy[name].replace(":123456789012:", ":210987654321:")
        for name in ("SourceProjectArn", "SourceProjectVersionArn")
    }
    return desk, copy | stranger


@provokes("ServiceQuotaExceededException", "TagResource")
def _too_many_tags(open_desk: Any) -> tuple[Any, Members]:
    desk = open_desk(limits=Limits(tags=1))
    return desk, {"ResourceArn": desk.project(), "Tags": {"a": "1", "b": "2"}}

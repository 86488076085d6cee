"""Project policies: put with revisions, listed, deleted."""

from __future__ import annotations

import secrets

from rekognition_xray.local.failures import ServiceError
from rekognition_xray.local.rules.lookup import project_of
from rekognition_xray.local.state import (
    Caller,
    Members,
    Policy,
    PolicyMalformed,
    World,
    page_size,
    parse_policy,
)

_PAGE = 5


def put_project_policy(world: World, caller: Caller, asked: Members) -> Members:
    """PutProjectPolicy; a policy is changed by its name and current revision."""
    name, given = asked["PolicyName"], asked.get("PolicyRevisionId")
    with world.store.transaction():
        project = project_of(world, caller, asked["ProjectArn"])
        _check_grammar(asked["PolicyDocument"])
        known = _find(world, project.arn, name)
        if known is None:
            _check_new(world, project.arn, given)
        elif given is None:
            raise ServiceError(
                world.assumptions.duplicate_policy,
                f"The project has a policy {name}; give its revision to change it.",
            )
        else:
            _check_revision(known, given)
        now = world.clock.stamp() / 1000
        policy = Policy(
            id=_id(project.arn, name),
            project_arn=project.arn,
            name=name,
            revision=secrets.token_hex(16),
            document=asked["PolicyDocument"],
            created=known.created if known else now,
            updated=now,
        )
        world.store.policies.put(policy)
    return {"PolicyRevisionId": policy.revision}


def list_project_policies(world: World, caller: Caller, asked: Members) -> Members:
    """ListProjectPolicies, newest first."""
    scope, size = "ListProjectPolicies", page_size(asked, usual=_PAGE)
    before = float(world.pager.position(scope, asked) or "inf")
    with world.store.transaction():
        project = project_of(world, caller, asked["ProjectArn"])
        policies = world.store.policies.find(project_arn=project.arn)
    found = [policy for policy in policies if policy.created < before]
    reply: Members = {"ProjectPolicies": [_describe(policy) for policy in found[:size]]}
    if len(found) > size:
        reply["NextToken"] = world.pager.token(scope, asked, repr(found[size - 1].created))
    return reply


def delete_project_policy(world: World, caller: Caller, asked: Members) -> Members:
    """DeleteProjectPolicy; copies that it allowed remain."""
    with world.store.transaction():
        project = project_of(world, caller, asked["ProjectArn"])
        known = _find(world, project.arn, asked["PolicyName"])
        if known is None:
            raise ServiceError(
                "ResourceNotFoundException", f"The project has no policy {asked['PolicyName']}."
            )
        if "PolicyRevisionId" in asked:
            _check_revision(known, asked["PolicyRevisionId"])
        world.store.policies.delete(known.id)
    return {}


def forget_policies(world: World, project_arn: str) -> None:
    """Removes the policies of a project that goes."""
    for policy in world.store.policies.find(project_arn=project_arn):
        world.store.policies.delete(policy.id)


def _check_grammar(document: str) -> None:
    try:
        parse_policy(document)
    except PolicyMalformed as error:
        raise ServiceError("MalformedPolicyDocumentException", str(error)) from error


def _check_new(world: World, project_arn: str, revision: str | None) -> None:
    if revision is not None:
        raise ServiceError(
            "InvalidPolicyRevisionIdException", "The policy does not exist; it has no revision."
        )
    most = world.limits.policies_per_project
    if most is not None and len(world.store.policies.find(project_arn=project_arn)) >= most:
        raise ServiceError("ServiceQuotaExceededException", f"The project has {most} policies.")


def _check_revision(known: Policy, given: str) -> None:
    if given.lower() != known.revision:
        raise ServiceError(
            "InvalidPolicyRevisionIdException", "The policy was changed; read its revision again."
        )


def _find(world: World, project_arn: str, name: str) -> Policy | None:
    return world.store.policies.get(_id(project_arn, name))


def _id(project_arn: str, name: str) -> str:
    return f"{project_arn} {name}"


def _describe(policy: Policy) -> Members:
    return {
        "ProjectArn": policy.project_arn,
        "PolicyName": policy.name,
        "PolicyRevisionId": policy.revision,
        "PolicyDocument": policy.document,
        "CreationTimestamp": policy.created,
        "LastUpdatedTimestamp": policy.updated,
    }

"""Project policies: the grammar of a document, and which accounts may copy which version."""

from __future__ import annotations

import json
import re
from fnmatch import translate
from typing import Any, Final

import attrs

_ACTION: Final = "rekognition:copyprojectversion"
_VERSIONS: Final = ("2008-10-17", "2012-10-17")  # compared, not hashed: a list is no error
_NEEDED: Final = frozenset({"Effect", "Principal", "Action", "Resource"})
_ALLOWED: Final = _NEEDED | {"Sid", "Condition"}
_PRINCIPAL: Final = re.compile(
    r"\*|(\d{12})|arn:[a-z\d-]+:(?:iam|sts)::(\d{12}):(?:root|(?:user|role|assumed-role)/\S+)"
)
_RESOURCE: Final = re.compile(
    r"\*|arn:[a-z\d*-]+:rekognition:[a-z\d*-]+:[\d*]+:project/[a-zA-Z0-9_.\-*?]+/version/\S+"
)


class PolicyMalformed(ValueError):  # noqa: N818 (names the condition)
    """A document that breaks the grammar; the text names the place."""


@attrs.frozen
class Statement:
    """One statement. `accounts` holds 12 digits each, or ``*`` for all accounts."""

    allows: bool
    accounts: frozenset[str]
    resources: tuple[str, ...]
    conditional: bool

    def covers(self, account: str, version_arn: str) -> bool:
        """Whether it applies to this account and version."""
        named = any(re.fullmatch(_pattern(one), version_arn) for one in self.resources)
        return named and bool(self.accounts & {"*", account})


def parse_policy(document: str) -> tuple[Statement, ...]:
    """The statements of a project policy. Raises `PolicyMalformed`."""
    try:
        policy = json.loads(document)
    except (ValueError, RecursionError) as error:
        raise PolicyMalformed("The policy is not valid JSON.") from error
    if not isinstance(policy, dict) or not policy.keys() <= {"Version", "Id", "Statement"}:
        raise PolicyMalformed("A policy has Version, Id and Statement, and nothing else.")
    if policy.get("Version", "2012-10-17") not in _VERSIONS:
        raise PolicyMalformed("Version has to be 2012-10-17.")
    statements = policy.get("Statement")
    if isinstance(statements, dict):
        statements = [statements]
    if not isinstance(statements, list) or not statements:
        raise PolicyMalformed("The policy has no statement.")
    return tuple(_statement(one) for one in statements)


def may_copy(
    documents: list[str], account: str, version_arn: str, *, conditions_hold: bool
) -> bool:
    """Whether an account may copy a version by these policies: allowed by one, denied by none.

    With `conditions_hold` a statement counts as if its conditions were met; without it, an Allow
    with conditions grants nothing. A Deny counts either way.
    """
    found = [
        statement
        for document in documents
        for statement in parse_policy(document)
        if statement.covers(account, version_arn)
    ]
    if any(not statement.allows for statement in found):
        return False
    return any(conditions_hold or not statement.conditional for statement in found)


def _statement(one: Any) -> Statement:
    if not isinstance(one, dict):
        raise PolicyMalformed("A statement is a JSON object.")
    if strangers := sorted(one.keys() - _ALLOWED):
        raise PolicyMalformed(f"A statement may not have {', '.join(strangers)}.")
    if missing := sorted(_NEEDED - one.keys()):
        raise PolicyMalformed(f"A statement lacks {', '.join(missing)}.")
    if one["Effect"] not in ("Allow", "Deny"):
        raise PolicyMalformed("Effect is Allow or Deny.")
    if any(action.lower() != _ACTION for action in _texts(one["Action"], "Action")):
        raise PolicyMalformed("Action may only be rekognition:CopyProjectVersion.")
    resources = _texts(one["Resource"], "Resource")
    if not all(_RESOURCE.fullmatch(resource) for resource in resources):
        raise PolicyMalformed("Resource is the ARN of a model, a pattern of such ARNs, or *.")
    if not isinstance(one.get("Condition", {}), dict):
        raise PolicyMalformed("Condition is a JSON object.")
    return Statement(
        allows=one["Effect"] == "Allow",
        accounts=_accounts(one["Principal"]),
        resources=tuple(resources),
        conditional=bool(one.get("Condition")),
    )


def _accounts(principal: Any) -> frozenset[str]:
    if principal == "*":
        return frozenset("*")
    if not isinstance(principal, dict) or principal.keys() != {"AWS"}:
        raise PolicyMalformed('Principal is "*" or {"AWS": ...}.')
    found = [_PRINCIPAL.fullmatch(name) for name in _texts(principal["AWS"], "Principal")]
    if not all(found):
        raise PolicyMalformed("A principal is an account, a user, a role, or *.")
    return frozenset(one[1] or one[2] or "*" for one in found if one is not None)


def _texts(value: Any, name: str) -> list[str]:
    texts = [value] if isinstance(value, str) else value
    if not isinstance(texts, list) or not texts or not all(isinstance(one, str) for one in texts):
        raise PolicyMalformed(f"{name} is a text or a list of texts.")
    return texts


def _pattern(resource: str) -> str:
    """A regular expression for the wildcards of IAM; square brackets are no wildcards there."""
    return translate(resource.replace("[", "[[]"))

"""The least that a program must be allowed to do: IAM policies, bucket policy, KMS statements.

Makes no call. ``policy_for`` writes what goes to an identity, ``bucket_policy`` to a bucket, and
``key_statement`` to a KMS key.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from typing import Final, Literal, TypedDict

import attrs

from rekognition_xray.cloud.permissions.calls import (
    ACTIONS,
    BEHIND,
    IMAGES_IN_S3,
    OPERATIONS,
    TAGS,
    Purpose,
    Resource,
)
from rekognition_xray.errors import InvalidRequestError, list_paths

MAX_SIZE: Final = 6_144
"""Characters of a managed policy without white space, by IAM's quotas."""

NO_RESOURCE: Final = "TheseActionsTakeNoResource"
"""Sid of the statement on ``*``: IAM offers no resource for CreateProject and DescribeProjects, so
it is narrowed to one Region, and nothing else can be done there."""

_READING_KEY: Final = ("kms:Decrypt",)
_WRITING_KEY: Final = ("kms:Decrypt", "kms:GenerateDataKey")
_TRAINING_KEY: Final = ("kms:CreateGrant", "kms:Decrypt", "kms:DescribeKey", "kms:GenerateDataKey")
_KEY_ACTIONS: Final[Mapping[Purpose, tuple[str, ...]]] = {
    "prepare": _WRITING_KEY,
    "train": _TRAINING_KEY,
    "inference": _READING_KEY,
    "meter": (),
    "forget": _WRITING_KEY,
}
_NEEDS_BUCKET: Final = frozenset({"prepare", "train", "forget"})
_FORMS: Final = {
    "account": (re.compile(r"\d{12}"), "12 digits"),
    "region": (re.compile(r"[a-z]{2}(-[a-z]+)+-\d"), "such as us-east-1"),
    "partition": (re.compile(r"aws(-[a-z]+)*"), "such as aws"),
    "bucket": (re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]"), "a bucket's name"),
    "output_bucket": (re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]"), "a bucket's name"),
    "prefix": (re.compile(r"[^*?$\s]{0,512}"), "a prefix without * ? $ and spaces"),
    "output_prefix": (re.compile(r"[^*?$\s]{0,512}"), "a prefix without * ? $ and spaces"),
    "project": (re.compile(r"[a-zA-Z0-9_.\-*]{1,255}"), "a project's name; * stands for any"),
    "version": (re.compile(r"[a-zA-Z0-9_.\-*]{1,255}"), "a version's name; * stands for any"),
    "kms_key": (
        re.compile(r"arn:aws[a-z-]*:kms:[a-z0-9-]+:\d{12}:key/[A-Za-z0-9-]+"),
        "a key's ARN (no alias: IAM knows keys by id only)",
    ),
    "principal": (
        re.compile(r"arn:aws[a-z-]*:(iam|sts)::\d{12}:[^*?$\s]{1,512}"),
        "the ARN of a user, a role or an account's root",
    ),
}


class Statement(TypedDict, total=False):
    """One statement of a policy, as it stands in JSON."""

    Sid: str
    Effect: Literal["Allow", "Deny"]
    Principal: str | dict[str, str]
    Action: list[str]
    Resource: str | list[str]
    Condition: dict[str, dict[str, str]]


class PolicyDocument(TypedDict):
    """A policy, as it stands in JSON; ``json.dumps`` takes it as it is."""

    Version: str
    Statement: list[Statement]


@attrs.frozen(kw_only=True)
class _Places:
    """Where everything lies, as ARNs."""

    account: str
    region: str
    partition: str
    project: str
    version: str
    images: tuple[str, str] | None
    results: tuple[str, str] | None

    def arns(self, resource: Resource) -> list[str]:
        ours = f"arn:{self.partition}:rekognition:{self.region}:{self.account}:project/"
        found: Mapping[Resource, list[str]] = {
            "any": ["*"],
            "project": [f"{ours}{self.project}/*"],
            "dataset": [f"{ours}{self.project}/dataset/*"],
            "version": [f"{ours}{self.project}/version/{self.version}/*"],
            "bucket": self._buckets(self.images, self.results),
            "images": self._objects(self.images),
            "results": self._objects(self.results),
        }
        return found[resource]

    def _buckets(self, *places: tuple[str, str] | None) -> list[str]:
        names = dict.fromkeys(place[0] for place in places if place)
        return [f"arn:{self.partition}:s3:::{name}" for name in names]

    def _objects(self, place: tuple[str, str] | None) -> list[str]:
        if place is None:
            return []
        bucket, prefix = place
        folder = f"{prefix.strip('/')}/" if prefix.strip("/") else ""
        return [f"arn:{self.partition}:s3:::{bucket}/{folder}*"]


def policy_for(
    purpose: Purpose,
    *,
    account: str,
    region: str,
    partition: str = "aws",
    bucket: str | None = None,
    prefix: str = "",
    output_bucket: str | None = None,
    output_prefix: str | None = None,
    project: str = "*",
    version: str = "*",
    kms_key: str | None = None,
    also: Iterable[str] = (),
) -> PolicyDocument:
    """The least IAM policy for an identity with one purpose; makes no call.

    - ``prepare``: upload images (``storage.plan``, ``storage.store``), open datasets in S3.
    - ``train``: ``get_or_create``, ``put_datasets``, ``train``, ``wait_until_trained``,
      ``Evaluation.from_version``, ``promote``; whatever ``prepare`` may, too.
    - ``inference``: open a version by its ARN, ``running()``, diagnose. Images in S3 only if a
      ``bucket`` is named.
    - ``meter``: ``meter.running``, ``meter.stop`` and ``meter.stop_expired``; starts nothing.
    - ``forget``: ``storage.forget``, which reads all projects and deletes a patient's images.

    Custom Labels reads images and writes results with the rights of whoever calls it, so ``train``
    holds rights in S3 that this library itself makes no use of. ``s3:ListBucket`` covers the whole
    bucket: HeadBucket needs it, and bears no prefix that a condition could look at. Removing an
    object that arrived damaged (``s3:DeleteObject``) is left out of ``prepare``: where it is not
    allowed, a warning names the object.

    Args:
        purpose: one of the five.
        account: 12 digits; the account of projects and versions.
        region: of projects, versions and buckets.
        partition: ``aws``, ``aws-cn``, ``aws-us-gov``.
        bucket: that images and manifests lie in; ``inference`` and ``meter`` need none.
        prefix: that they lie under.
        output_bucket: that trainings write their results to; by default ``bucket``.
        output_prefix: that they write them under; by default ``prefix``.
        project: a project's name; ``*`` stands for any characters.
        version: likewise of a version; of use for ``inference`` and ``meter``.
        kms_key: ARN of the key that images and results are encrypted with; without a ``bucket``
            there is nothing to use it for.
        also: further operations that the program calls, as AWS writes them, such as
            ``DeleteDataset`` for ``put_datasets(replace=True)``.

    Raises:
        InvalidRequestError: names every argument that is wrong.
    """
    _check(
        {"bucket": bucket} if purpose in _NEEDS_BUCKET else {},
        account=account,
        region=region,
        partition=partition,
        bucket=bucket,
        prefix=prefix,
        output_bucket=output_bucket,
        output_prefix=output_prefix,
        project=project,
        version=version,
        kms_key=kms_key,
    )
    from_s3 = IMAGES_IN_S3 if purpose == "inference" and bucket else frozenset[str]()
    operations = _operations(purpose, also) | from_s3
    places = _Places(
        account=account,
        region=region,
        partition=partition,
        project=project,
        version=version,
        images=None if bucket is None else (bucket, prefix),
        results=_results(purpose, bucket, prefix, output_bucket, output_prefix),
    )
    return {
        "Version": "2012-10-17",
        "Statement": [
            *_statements(_needs(purpose, operations), places),
            *_key(purpose, kms_key if bucket else None),
        ],
    }


def bucket_policy(
    bucket: str, *, partition: str = "aws", kms_key: str | None = None
) -> PolicyDocument:
    """A bucket's own policy: nothing without TLS, and no encryption with another key.

    It allows nothing: within an account the identities' policies do, and a policy for the
    principal ``rekognition.amazonaws.com``, as guides before 2021 had it, is needed no longer.

    Raises:
        InvalidRequestError: names every argument that is wrong.
    """
    _check({}, bucket=bucket, partition=partition, kms_key=kms_key)
    arn = f"arn:{partition}:s3:::{bucket}"
    statements: list[Statement] = [
        {
            "Sid": "OnlyOverTls",
            "Effect": "Deny",
            "Principal": "*",
            "Action": ["s3:*"],
            "Resource": [arn, f"{arn}/*"],
            "Condition": {"Bool": {"aws:SecureTransport": "false"}},
        }
    ]
    if kms_key is not None:
        header = "s3:x-amz-server-side-encryption-aws-kms-key-id"
        statements.append(
            {
                "Sid": "NoOtherKey",
                "Effect": "Deny",
                "Principal": "*",
                "Action": ["s3:PutObject"],
                "Resource": [f"{arn}/*"],
                # Who names no key gets the bucket's default one.
                "Condition": {"StringNotEquals": {header: kms_key}, "Null": {header: "false"}},
            }
        )
    return {"Version": "2012-10-17", "Statement": statements}


def key_statement(purpose: Purpose, *, principal: str) -> Statement:
    """A statement for the policy of the KMS key itself, which has to agree as well.

    Args:
        purpose: as in `policy_for`.
        principal: ARN of the user or role that gets the policy of `policy_for`.

    Raises:
        InvalidRequestError: the purpose needs no key, or the principal is no ARN.
    """
    _check({}, principal=principal)
    if not _KEY_ACTIONS[purpose]:
        raise InvalidRequestError(f"{purpose!r} needs no key.", hint="Leave the key's policy.")
    return {
        "Sid": f"RekognitionXray{purpose.capitalize()}",
        "Effect": "Allow",
        "Principal": {"AWS": principal},
        "Action": list(_KEY_ACTIONS[purpose]),
        "Resource": "*",  # in a key's own policy: this key
    }


def _check(needed: Mapping[str, str | None], **values: str | None) -> None:
    wrong = [f"{name} is needed for this purpose" for name, value in needed.items() if not value]
    for name, value in values.items():
        form, text = _FORMS[name]
        if value is not None and not form.fullmatch(value):
            wrong.append(f"{name} is {text}, not {value!r}")
    if wrong:
        raise InvalidRequestError(
            f"No policy can be written:\n{list_paths(wrong)}", hint="Mend what is named."
        )


def _operations(purpose: Purpose, also: Iterable[str]) -> frozenset[str]:
    further = frozenset(also)
    if purpose not in OPERATIONS or further - set(ACTIONS):
        strangers = sorted(further - set(ACTIONS)) or [purpose]
        raise InvalidRequestError(
            f"Nothing is known of {', '.join(map(repr, strangers))}.",
            hint=f"Purposes: {', '.join(OPERATIONS)}. Operations: {', '.join(sorted(ACTIONS))}.",
        )
    return OPERATIONS[purpose] | further


def _results(
    purpose: Purpose, bucket: str | None, prefix: str, to: str | None, under: str | None
) -> tuple[str, str] | None:
    """Where results lie; preparing and inference have nothing to do with them."""
    if bucket is None or purpose not in {"train", "forget"}:
        return None
    return to or bucket, prefix if under is None else under


def _needs(purpose: Purpose, operations: Iterable[str]) -> Mapping[Resource, set[str]]:
    """Actions by the kind of resource that they are needed on."""
    found: dict[Resource, set[str]] = {}
    for operation in operations:
        narrowed = TAGS.get(purpose, {}).get(operation)
        for needs in (ACTIONS[operation], BEHIND.get(operation, {})):
            for action, resources in needs.items():
                for resource in narrowed or resources:
                    found.setdefault(resource, set()).add(action)
    return found


def _statements(needs: Mapping[Resource, set[str]], places: _Places) -> Iterable[Statement]:
    """One statement for all kinds of resources that need the same actions."""
    together: dict[tuple[str, ...], list[Resource]] = {}
    for resource, actions in needs.items():
        if places.arns(resource):
            together.setdefault(tuple(sorted(actions)), []).append(resource)
    for alike, kinds in sorted(together.items(), key=lambda pair: sorted(pair[1])):
        yield _statement(sorted(kinds), alike, places)


def _statement(resources: list[Resource], actions: tuple[str, ...], places: _Places) -> Statement:
    made: Statement = {
        "Sid": NO_RESOURCE if resources == ["any"] else "".join(map(str.capitalize, resources)),
        "Effect": "Allow",
        "Action": list(actions),
        "Resource": list(dict.fromkeys(arn for one in resources for arn in places.arns(one))),
    }
    if resources == ["any"]:
        made["Condition"] = {"StringEquals": {"aws:RequestedRegion": places.region}}
    return made


def _key(purpose: Purpose, kms_key: str | None) -> Iterable[Statement]:
    actions = _KEY_ACTIONS[purpose]
    if kms_key is not None and actions:
        yield {"Sid": "Key", "Effect": "Allow", "Action": list(actions), "Resource": [kms_key]}


def missing_statement(operations: Iterable[str]) -> str:
    """The statement, as JSON, that a policy lacks if these operations of Rekognition are denied."""
    actions = [f"rekognition:{operation}" for operation in operations]
    statement = {
        "Effect": "Allow",
        "Action": actions[0] if len(actions) == 1 else actions,
        "Resource": "*",
    }
    return json.dumps(statement)

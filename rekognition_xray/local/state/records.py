"""The records that the local cloud stores: projects, policies, datasets and versions."""

from __future__ import annotations

from typing import Any

import attrs

Members = dict[str, Any]
"""Members of a request or reply as JSON values; `protocol` has checked them."""


@attrs.frozen
class Project:
    """A project; its ARN is the key of everything below it."""

    arn: str
    account: str
    region: str
    name: str
    created: float
    status: str
    feature: str


@attrs.frozen
class Dataset:
    """A dataset of a project; `type` is TRAIN or TEST, times are seconds since the epoch."""

    arn: str
    project_arn: str
    type: str
    created: float
    updated: float
    status: str
    message: str
    code: str


@attrs.frozen
class Version:
    """A project version.

    `given` holds the members of the request that created it; `outcome` the result of training: the
    members that Describe shows afterwards, and the thresholds of its labels.
    """

    arn: str
    project_arn: str
    account: str
    region: str
    name: str
    created: float
    status: str
    message: str
    given: Members
    outcome: Members
    min_units: int | None = None
    max_units: int | None = None


@attrs.frozen
class Policy:
    """A policy of a project; `id` is made of the project's ARN and the policy's name."""

    id: str
    project_arn: str
    name: str
    revision: str
    document: str
    created: float
    updated: float

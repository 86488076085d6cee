"""A local cloud whose steps take a moment, so that a run meets the states between."""

from __future__ import annotations

from collections.abc import Iterator

import attrs
import pytest

import rekognition_xray as rx
from rekognition_xray import contract
from rekognition_xray.local import LocalCloud

from ..support.learner import MeanLearner

BUCKET = "clinic-xrays"
DURATIONS = {
    "dataset": 0.1,
    "training": 0.6,
    "starting": 0.3,
    "stopping": 0.2,
    "copying": 0.1,
    "deleting": 0.2,
}


def brief_cloud(**options: object) -> LocalCloud:
    """A cloud that learns fast, and in whose states one can look."""
    return LocalCloud(
        buckets=[BUCKET],
        pace="realistic",
        durations=DURATIONS,
        learner=MeanLearner(),
        **options,  # type: ignore[arg-type]
    )


def remains(aws: rx.Aws) -> list[str]:
    """Projects and objects of `verify` that are still there."""
    projects = aws.rekognition.describe_projects()["ProjectDescriptions"]
    objects = aws.s3.list_objects_v2(Bucket=BUCKET).get("Contents", [])
    return [one["ProjectArn"] for one in projects] + [one["Key"] for one in objects]


@attrs.frozen
class Run:
    """One run against a local cloud, and the cloud afterwards."""

    verification: contract.Verification
    aws: rx.Aws
    said: list[str]


@pytest.fixture(scope="session")
def run() -> Iterator[Run]:
    with brief_cloud() as cloud:
        aws, said = rx.Aws(session=cloud.session()), []
        made = contract.verify(aws, BUCKET, max_cost="8.00", say=said.append)
        yield Run(made, aws, said)

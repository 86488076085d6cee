"""When a version runs and when it rests, and how it is brought to rest."""

from __future__ import annotations

import logging
from decimal import Decimal
from typing import Final

from rekognition_xray.cloud.aws import aws_errors
from rekognition_xray.cloud.version_description import VersionDescription, VersionRef
from rekognition_xray.cloud.waiting import Settled, SettleTable, Wait
from rekognition_xray.errors import (
    AwsError,
    InUseError,
    NotFoundError,
    StopFailedError,
    WaitError,
)

log = logging.getLogger(__name__)

GONE: Final = "(deleted)"

RUNS: Final[SettleTable] = {
    "TRAINING_IN_PROGRESS": Settled.FAILED,
    "TRAINING_COMPLETED": Settled.FAILED,
    "TRAINING_FAILED": Settled.FAILED,
    "STARTING": Settled.GO_ON,
    "RUNNING": Settled.DONE,
    "FAILED": Settled.FAILED,
    "STOPPING": Settled.FAILED,
    "STOPPED": Settled.FAILED,
    "DELETING": Settled.FAILED,
    "COPYING_IN_PROGRESS": Settled.FAILED,
    "COPYING_COMPLETED": Settled.FAILED,
    "COPYING_FAILED": Settled.FAILED,
    "DEPRECATED": Settled.FAILED,
    "EXPIRED": Settled.FAILED,
}
"""Once it has been started: does the version run?"""

RESTS: Final[SettleTable] = {
    status: Settled.GO_ON if status in {"STARTING", "RUNNING", "STOPPING"} else Settled.DONE
    for status in [*RUNS, GONE]
}
"""Is the version in a state in which it does not bill?"""

STARTABLE: Final = frozenset({"TRAINING_COMPLETED", "COPYING_COMPLETED", "STOPPED", "FAILED"})
STOPPABLE: Final = frozenset({"STARTING", "RUNNING"})
BUDGET: Final = 1800.0
"""Seconds that a stop may take."""
_SECOND_LOOK: Final = 0.1
"""Seconds from the first look, which asks for the stop: the local cloud has stopped by then."""


def stop(version: VersionRef, *, per_hour: Decimal | None = None, budget: float = BUDGET) -> None:
    """Stops a version and makes sure that it has stopped, whoever else may be using it.

    Asks again at every look while the version is starting or running, since a stop that crosses a
    start may be refused. Calls DescribeProjectVersions and StopProjectVersion.

    Args:
        version: in any state.
        per_hour: price per hour, for the message of a failure.
        budget: seconds to wait for it to rest.

    Raises:
        StopFailedError: it may go on billing; says what it costs and how to stop it by hand.
    """
    try:
        Wait(budget, first=_SECOND_LOOK).until(
            lambda: look_and_stop(version),
            RESTS,
            what=f"version {version.name}",
            clock=version.aws.clock,
        )
    except (AwsError, WaitError) as error:
        price = f"{per_hour} per hour" if per_hour else "per hour"
        raise StopFailedError(
            f"{version.arn} could not be stopped and may still be billing {price}: {error.message}",
            hint="Stop it by hand: aws rekognition stop-project-version "
            f"--project-version-arn {version.arn}",
        ) from error


def look_and_stop(version: VersionRef) -> tuple[str, VersionDescription | None]:
    """Asks a version that starts or runs to stop; its status before that, and what was seen."""
    try:
        seen = version.describe()
    except NotFoundError:
        return GONE, None
    if seen.status in STOPPABLE:
        try:
            ask_to_stop(version)
        except InUseError as error:
            log.warning("the stop will be asked for again: %s", error.message)
    return seen.status, seen


def ask_to_stop(version: VersionRef) -> None:
    """Calls StopProjectVersion and does not wait.

    Raises:
        InUseError: it neither starts nor runs. AccessDeniedError: this identity may not.
    """
    with aws_errors(version.arn):
        version.aws.rekognition.stop_project_version(ProjectVersionArn=version.arn)

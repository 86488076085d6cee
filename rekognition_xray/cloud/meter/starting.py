"""Brings a version to run: starts it, or joins those who have."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Final

import attrs

from rekognition_xray.cloud.aws import Aws, aws_errors
from rekognition_xray.cloud.meter.leases import utc_now
from rekognition_xray.cloud.meter.runs import SETTLE, Run
from rekognition_xray.cloud.meter.stopping import RESTS, RUNS, STARTABLE, STOPPABLE, ask_to_stop
from rekognition_xray.cloud.quotas import how_to_raise
from rekognition_xray.cloud.version_description import (
    VersionDescription,
    VersionRef,
    status_and_description,
)
from rekognition_xray.cloud.waiting import Wait
from rekognition_xray.errors import (
    AccessDeniedError,
    AwsError,
    InUseError,
    InvalidRequestError,
    QuotaError,
    UnreachableStateError,
)

log = logging.getLogger(__name__)

_ROUNDS: Final = 5
"""How often it is begun anew where another's stop crosses."""


def start_or_join(run: Run, units: int, max_units: int | None, wait: Wait, *, mine: bool) -> None:
    """Waits until the version runs and this user's claim on it stands.

    Args:
        run: the use of the version.
        units: inference units.
        max_units: units that AWS may scale up to.
        wait: budget and progress of all waiting.
        mine: takes over a version that somebody without a lease has started.

    Raises:
        UnreachableStateError: it cannot be started, its start failed, or others stop it.
        WaitTimeoutError: the budget is used up.
        AccessDeniedError: this identity may not start or not stop it; nothing was started.
    """
    version, clock = run.version, run.version.aws.clock
    end = clock.now() + wait.budget
    what = f"version {version.name}"
    for _ in range(_ROUNDS):
        left = attrs.evolve(wait, budget=max(0.0, end - clock.now()))
        status = version.describe().status
        if status == "STOPPING":
            status = left.until(
                partial(status_and_description, version), RESTS, what=what, clock=clock
            ).status
        if not _claim(run, status, lambda: _start(version, units, max_units), mine=mine):
            continue
        seen = _wait_for_either(run, left, what)
        shared = bool(run.others().found)
        if seen.status == "RUNNING" and shared:
            clock.sleep(SETTLE)  # a stop that crossed our lease is seen by now
            seen = version.describe()
        if seen.status == "RUNNING":
            return
        if not shared:
            raise _did_not_start(version, seen)
    raise UnreachableStateError(
        f"{version.arn} was stopped {_ROUNDS} times while it was being started.",
        hint="Somebody else stops it: look who holds leases with meter.running(aws).",
    )


def _claim(run: Run, status: str, start: Callable[[], None], *, mine: bool) -> bool:
    """Whether there is something to wait for now; else the status has changed meanwhile."""
    if status in STARTABLE:
        return _claim_and_start(run, start)
    if status in STOPPABLE:
        _join(run, mine=mine)
        return True
    if status == "STOPPING":
        return False
    raise UnreachableStateError(
        f"{run.version.arn} is {status} and cannot be started.",
        hint="Only a version that is trained, copied or stopped can be started.",
    )


def _join(run: Run, *, mine: bool) -> None:
    others = run.others()
    owned = bool(others.running) or run.role == "runs"
    run.claim("runs" if mine or owned else "joined", others.since)


def _claim_and_start(run: Run, start: Callable[[], None]) -> bool:
    others = run.claim("runs", utc_now(run.version.aws.clock))
    if not others.found and not _may_stop(run.version):
        return False
    try:
        run.start(start)
    except InUseError:
        if run.version.describe().status in STARTABLE:
            raise
        # Somebody was faster; who that is decides whether the end is ours to make.
        run.role = None
        return False
    dead = (one for one in others.found if not one.live(utc_now(run.version.aws.clock)))
    run.forget(*dead)
    return True


def _may_stop(version: VersionRef) -> bool:
    """Makes sure that what is about to be started can be stopped again.

    AWS cannot be asked for permissions, but it checks them before it looks at states: a stop of a
    version that rests is refused either for its state, or for want of permission.

    Returns:
        False where it was granted: the version was started by another just now and is stopping.

    Raises:
        AccessDeniedError: nothing was started.
    """
    try:
        ask_to_stop(version)
    except AccessDeniedError as error:
        raise AccessDeniedError(
            f"{version.arn} was not started, since this identity could not stop it: "
            f"{error.message}",
            operation=error.operation,
            code=error.code,
            request_id=error.request_id,
            arn=version.arn,
            hint="Allow rekognition:StopProjectVersion for it in IAM.",
        ) from error
    except AwsError as error:
        log.debug("the refusal that was to be expected: %s", error.message)
        return True
    log.warning("%s was started by another at this moment; it is started again", version.arn)
    return False


def _wait_for_either(run: Run, wait: Wait, what: str) -> VersionDescription:
    """Waits until it runs or a stop has crossed; a start that failed is an error."""

    def failure(seen: VersionDescription) -> UnreachableStateError:
        if seen.status in {"STOPPING", "STOPPED"}:
            raise _StartConflict(seen)
        return _did_not_start(run.version, seen)

    try:
        return wait.until(
            partial(status_and_description, run.version),
            RUNS,
            what=what,
            clock=run.version.aws.clock,
            on_timeout="It is being stopped." if run.role == "runs" else "",
            failure=failure,
        )
    except _StartConflict as crossed:
        return crossed.seen


class _StartConflict(Exception):  # noqa: N818 (an answer, never seen outside this module)
    def __init__(self, seen: VersionDescription) -> None:
        self.seen = seen
        super().__init__(seen.status)


def _did_not_start(version: VersionRef, seen: VersionDescription) -> UnreachableStateError:
    return UnreachableStateError(
        f"{version.arn} did not start: it is {seen.status}. {seen.status_message}"
    )


def check_units(aws: Aws, units: int) -> None:
    """Raises QuotaError for more units than a model may have, InvalidRequestError for none."""
    if units < 1:
        raise InvalidRequestError(
            f"A model runs on 1 inference unit or more, not on {units}; nothing was started."
        )
    if units > aws.quotas.units:
        raise QuotaError(
            f"{units} inference units are more than the {aws.quotas.units} that a model may have; "
            "nothing was started.",
            hint=how_to_raise("units", units),
        )


def _start(version: VersionRef, units: int, max_units: int | None) -> None:
    client = version.aws.rekognition
    with _named_quota(version.aws), aws_errors(version.arn):
        if max_units is None:
            client.start_project_version(ProjectVersionArn=version.arn, MinInferenceUnits=units)
        else:
            client.start_project_version(
                ProjectVersionArn=version.arn, MinInferenceUnits=units, MaxInferenceUnits=max_units
            )


@contextmanager
def _named_quota(aws: Aws) -> Iterator[None]:
    """Says in the error of a quota which one it is, and how to raise it."""
    try:
        yield
    except QuotaError as error:
        error.hint = (
            f"AWS allows {aws.quotas.running_versions} running models in {aws.region}: stop one "
            "(rekognition-xray running lists them). "
            + how_to_raise("running_versions", aws.quotas.running_versions + 2)
        )
        raise

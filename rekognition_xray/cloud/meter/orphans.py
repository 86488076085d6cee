"""Every running model of an account and Region, and the end of those that nobody needs."""

from __future__ import annotations

import datetime as dt
import logging
from collections.abc import Iterator
from decimal import ROUND_HALF_UP, Decimal
from typing import Final

import attrs

from rekognition_xray._text import quantity
from rekognition_xray.cloud.aws import Aws
from rekognition_xray.cloud.meter.leases import Lease, Leases, read_leases, remove_leases, utc_now
from rekognition_xray.cloud.meter.stopping import BUDGET, STOPPABLE, look_and_stop, stop
from rekognition_xray.cloud.pricing import book_for
from rekognition_xray.cloud.version_description import (
    VersionDescription,
    VersionRef,
    descriptions,
    project_arns,
)
from rekognition_xray.costs import PriceBook
from rekognition_xray.errors import AwsError, NotFoundError, StopFailedError
from rekognition_xray.records import Record

log = logging.getLogger(__name__)

_BILLING: Final = STOPPABLE | {"STOPPING"}
_CENT: Final = Decimal("0.01")
_HOUR: Final = Decimal(3600)


@attrs.frozen(str=False)
class RunningVersion(Record):
    """A version that starts, runs or stops, and who needs it.

    Attributes:
        arn: of the version.
        project_arn: of its project.
        status: STARTING, RUNNING or STOPPING.
        units: inference units that it was started with.
        leases: who needs it, by its tags.
        per_hour: price of an hour at these units.
        currency: of the prices.
        now: when this was seen.
        priced_in: Region that the price is of, where it is not the model's own.
    """

    arn: str
    project_arn: str
    status: str
    units: int
    leases: Leases
    per_hour: Decimal
    currency: str
    now: dt.datetime
    priced_in: str | None = None

    _derived = ("region", "project", "version", "since", "cost", "owners", "expired")

    @property
    def region(self) -> str:
        """Region that it runs in."""
        return self.arn.split(":")[3]

    @property
    def project(self) -> str:
        """Name of the project."""
        return self.arn.split("/")[1]

    @property
    def version(self) -> str:
        """Name of the version."""
        return self.arn.split("/")[3]

    @property
    def owners(self) -> tuple[str, ...]:
        """Host and process of each user with a live lease."""
        return tuple(one.owner for one in self.live)

    @property
    def live(self) -> tuple[Lease, ...]:
        """The leases whose users may still be there."""
        return self.leases.live(self.now, "runs", "joined")

    @property
    def expired(self) -> bool:
        """Whether it was started under leases, and no user with a live lease is left."""
        return bool(self.leases.running) and not self.live

    @property
    def since(self) -> dt.datetime | None:
        """Since when it runs; None if no lease records it."""
        return self.leases.since

    @property
    def cost(self) -> Decimal | None:
        """What it may have cost since then, the start included, rounded half up to the cent."""
        if self.since is None:
            return None
        seconds = Decimal(max(0, int((self.now - self.since).total_seconds())))
        return (seconds * self.per_hour / _HOUR).quantize(_CENT, ROUND_HALF_UP)

    def __str__(self) -> str:
        """A line or two, as in a list of what bills."""
        since = "since unknown"
        if self.since:
            since = f"since {self.since:%Y-%m-%d %H:%M} UTC, {self.cost} {self.currency} so far"
        price = f"{self.per_hour} {self.currency} per hour"
        if self.priced_in:
            price += f" by the prices of {self.priced_in}"
        line = (
            f"{self.project}/{self.version}: {self.status} "
            f"on {quantity(self.units, 'unit')}, {price}, {since}"
        )
        return "\n".join([f"{line}; {self._needed_by()}", *self._odd()])

    def _needed_by(self) -> str:
        if not self.leases.readable:
            return "its leases may not be read"
        if self.live:
            return f"needed by {', '.join(map(str, self.live))}"
        return "all its leases have expired" if self.expired else "nobody holds a lease on it"

    def _odd(self) -> Iterator[str]:
        for key in self.leases.damaged:
            yield f"  the tag {key} is no lease that can be read"


@attrs.frozen(str=False)
class Outcome:
    """What ``stop_expired`` did with one running version.

    Attributes:
        seen: the version, as it was found.
        stopped: whether it was stopped.
        reason: why, or why not.
        error: why a stop that was due has failed; the version may go on billing.
    """

    seen: RunningVersion
    stopped: bool
    reason: str
    error: StopFailedError | None = None

    def __str__(self) -> str:
        what = "NOT STOPPED" if self.error else "stopped" if self.stopped else "left"
        return f"{what}: {self.seen.project}/{self.seen.version} ({self.reason})"


def running(aws: Aws, *, prices: PriceBook | None = None) -> tuple[RunningVersion, ...]:
    """Every model of the account and Region that starts, runs or stops.

    Calls DescribeProjects, DescribeProjectVersions for each project, and ListTagsForResource for
    each model that is found; free. A price is that of the units it was started with: whether AWS
    has scaled it up cannot be seen here.

    Args:
        aws: the AWS session.
        prices: the price book; by default the library's for the Region. Where it knows none,
            those of us-east-1, and each line says so.
    """
    return tuple(seen for _, seen in _running(aws, book_for(aws, prices)))


def stop_expired(
    aws: Aws,
    *,
    unleased: bool = False,
    prices: PriceBook | None = None,
    budget: float = BUDGET,
) -> tuple[Outcome, ...]:
    """Stops the models that dead processes have left: all their leases have expired.

    Run it on a schedule, from any machine. A process that is killed then costs at most what its
    model costs from its last renewal for ``LEASE_SECONDS`` + ``LEASE_MARGIN`` (17 minutes) and
    one interval of the schedule. All stops are asked for before any is waited for; one that fails
    does not keep the others from being tried. Calls what ``running`` does
    (DescribeProjects, DescribeProjectVersions, ListTagsForResource), StopProjectVersion and
    UntagResource; free.

    Args:
        aws: the AWS session.
        unleased: stops those, too, that nobody holds a lease on, or a lease that cannot be read.
            A model is never stopped while somebody has a live lease.
        prices: the price book for the costs that are shown, as in ``running``.
        budget: seconds to wait for each to rest.

    Returns:
        What was done with each model that starts or runs. Look at ``error``: such a model may
        still be billing.
    """
    found = [(v, s) for v, s in _running(aws, book_for(aws, prices)) if s.status in STOPPABLE]
    judged = [(version, seen, _due(seen, unleased=unleased)) for version, seen in found]
    due = [version for version, _, (stops, _) in judged if stops]
    asked = {version.arn: _request_stop(version, unleased=unleased) for version in due}
    return tuple(
        _outcome(version, seen, reason, budget)
        if stops and asked[version.arn]
        else _left(seen, reason)
        for version, seen, (stops, reason) in judged
    )


def _due(seen: RunningVersion, *, unleased: bool) -> tuple[bool, str]:
    if not seen.leases.readable:
        return False, "its leases may not be read: rekognition:ListTagsForResource"
    if seen.live:
        return False, f"needed by {', '.join(map(str, seen.live))}"
    if seen.expired:
        return True, "all its leases have expired"
    if unleased:
        return True, "nobody holds a lease on it"
    return False, "nobody holds a lease on it, and only unleased=True stops such models"


def _request_stop(version: VersionRef, *, unleased: bool) -> bool:
    """Asks for the stop where it is still due, having looked anew at this very moment."""
    try:
        found = read_leases(version.aws, version.arn)
        now = utc_now(version.aws.clock)
        needed = found.live(now, "runs", "joined") or not (found.running or unleased)
        if needed or not found.readable:
            return False
        look_and_stop(version)
    except AwsError as error:
        log.warning("the stop will be asked for again: %s", error.message)
    return True


def _outcome(version: VersionRef, seen: RunningVersion, reason: str, budget: float) -> Outcome:
    try:
        stop(version, per_hour=seen.per_hour, budget=budget)
    except StopFailedError as error:
        log.exception("a model that is left behind could not be stopped")
        return Outcome(seen, stopped=False, reason=reason, error=error)
    dead = (one for one in seen.leases.found if not one.live(seen.now))
    try:
        remove_leases(version.aws, version.arn, *dead)
    except AwsError as error:
        log.warning("expired leases could not be removed: %s", error.message)
    log.warning("%s is stopped: %s", version.arn, reason)
    return Outcome(seen, stopped=True, reason=reason)


def _left(seen: RunningVersion, reason: str) -> Outcome:
    return Outcome(seen, stopped=False, reason=reason)


def _running(aws: Aws, book: PriceBook) -> Iterator[tuple[VersionRef, RunningVersion]]:
    for project in project_arns(aws):
        for seen in _billing(aws, project):
            try:
                found = read_leases(aws, seen.arn)
            except NotFoundError:  # deleted meanwhile
                continue
            units = seen.units or 1
            yield (
                VersionRef(aws, seen.arn, project),
                RunningVersion(
                    seen.arn,
                    project,
                    seen.status,
                    units,
                    found,
                    book.per_hour(units),
                    book.currency,
                    utc_now(aws.clock),
                    book.region if book.region != aws.region else None,
                ),
            )


def _billing(aws: Aws, project: str) -> tuple[VersionDescription, ...]:
    try:
        return tuple(seen for seen in descriptions(aws, project) if seen.status in _BILLING)
    except NotFoundError:  # deleted meanwhile
        return ()

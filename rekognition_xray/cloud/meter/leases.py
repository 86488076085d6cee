"""Leases: tags on a version that say who needs it running, and until when if nothing is heard."""

from __future__ import annotations

import datetime as dt
import logging
import os
import re
import secrets
import socket
import time
from collections.abc import Mapping
from typing import Final, Literal, Protocol, runtime_checkable

import attrs

from rekognition_xray.cloud.aws import Aws, aws_errors
from rekognition_xray.cloud.tags import OURS, all_tags, remove_tags
from rekognition_xray.cloud.waiting import Clock
from rekognition_xray.errors import AccessDeniedError
from rekognition_xray.records import Record

log = logging.getLogger(__name__)

LEASE_PREFIX: Final = f"{OURS}lease."
"""How the keys of leases begin; the lease's id follows."""
LEASE_SECONDS: Final = 900.0
"""How long a lease holds after its last renewal."""
LEASE_RENEWAL: Final = 300.0
"""How often it is renewed while its user lives: two renewals may fail."""
LEASE_MARGIN: Final = 120.0
"""How much later than it says a lease counts as expired.

A lease that is renewed in time has at least LEASE_SECONDS - LEASE_RENEWAL = 600 s left. AWS refuses
requests whose clock is more than 5 minutes off, so two clocks that both get answers are less than
600 s apart. So neither a wrong clock nor one that jumps takes another user's model away, and
LEASE_MARGIN is to spare.
"""

Role = Literal["runs", "joined", "left"]
"""``runs``: the model runs for this user. ``joined``: somebody without a lease had started it.
``left``: this user is done, and stops the model if it was the last."""

_ID: Final = re.compile(r"[0-9a-f]{12}")
_STAMP: Final = "%Y-%m-%dT%H:%M:%SZ"
_TIME: Final = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ"
_VALUE: Final = re.compile(
    rf"v1 role=(?P<role>runs|joined|left) since=(?P<since>{_TIME}|unknown) "
    rf"start=(?P<start>{_TIME}) until=(?P<until>{_TIME}) by=(?P<owner>[A-Za-z0-9_.:@-]{{1,100}})",
    re.ASCII,
)


@runtime_checkable
class WallClock(Clock, Protocol):
    """A clock that also gives the time of day; give one to ``rx.Aws(clock=...)`` to set it."""

    def utc(self) -> float:
        """Seconds since the epoch."""
        raise NotImplementedError


def utc_now(clock: Clock) -> dt.datetime:
    """The time of day in UTC, whole seconds, by a clock or else by the machine."""
    seconds = clock.utc() if isinstance(clock, WallClock) else time.time()
    return dt.datetime.fromtimestamp(int(seconds), dt.UTC)


@attrs.frozen
class Lease(Record):
    """One user's claim on a running version, as it stands in a tag.

    Attributes:
        id: 12 hexadecimal digits.
        owner: host and process of the user.
        role: ``runs``, ``joined`` or ``left``.
        since: when the model was started, by the leases; None where no lease says.
        start: when this user came.
        until: when the lease expires unless it is renewed.
    """

    id: str
    owner: str
    role: Role
    since: dt.datetime | None
    start: dt.datetime
    until: dt.datetime

    @classmethod
    def new(cls, now: dt.datetime, role: Role, since: dt.datetime | None) -> Lease:
        """A lease of this process."""
        host = re.sub(r"[^A-Za-z0-9_.-]", "-", socket.gethostname())[:80] or "unknown"
        until = now + dt.timedelta(seconds=LEASE_SECONDS)
        return cls(secrets.token_hex(6), f"{host}:{os.getpid()}", role, since, now, until)

    @property
    def key(self) -> str:
        """The tag's key."""
        return LEASE_PREFIX + self.id

    @property
    def value(self) -> str:
        """The tag's value: no JSON, which AWS does not take there."""
        since = f"{self.since:{_STAMP}}" if self.since else "unknown"
        return (
            f"v1 role={self.role} since={since} start={self.start:{_STAMP}} "
            f"until={self.until:{_STAMP}} by={self.owner}"
        )

    def live(self, now: dt.datetime) -> bool:
        """Whether its user may still be there."""
        return self.role != "left" and now < self.until + dt.timedelta(seconds=LEASE_MARGIN)

    def __str__(self) -> str:
        return f"{self.owner} ({self.role}) until {self.until:%Y-%m-%d %H:%M:%S} UTC"


@attrs.frozen
class Leases(Record):
    """The leases on one version, and the tags that look like leases and are none.

    Attributes:
        found: leases that could be read.
        damaged: keys of the others; they are left as they are and protect nothing.
        readable: False where this identity may not read tags; the rest is empty then.
    """

    found: tuple[Lease, ...] = ()
    damaged: tuple[str, ...] = ()
    readable: bool = True

    def without(self, own: str) -> Leases:
        """Those of others."""
        return attrs.evolve(self, found=tuple(one for one in self.found if one.id != own))

    def live(self, now: dt.datetime, *roles: Role) -> tuple[Lease, ...]:
        """Those whose users may still be there, of these roles."""
        return tuple(one for one in self.found if one.role in roles and one.live(now))

    @property
    def running(self) -> tuple[Lease, ...]:
        """Those that the model was started or taken over under, expired or not."""
        return tuple(one for one in self.found if one.role != "joined")

    @property
    def since(self) -> dt.datetime | None:
        """When the model was started, by these leases."""
        return min((one.since for one in self.found if one.since), default=None)


def parse_leases(tags: Mapping[str, str]) -> Leases:
    """Reads the leases among a version's tags; strict, and never fails."""
    found, damaged = [], []
    for key, value in sorted(tags.items()):
        if key.startswith(LEASE_PREFIX):
            lease = _lease(key.removeprefix(LEASE_PREFIX), value)
            if lease:
                found.append(lease)
            else:
                damaged.append(key)
    return Leases(tuple(found), tuple(damaged))


def _lease(name: str, value: str) -> Lease | None:
    fields = _VALUE.fullmatch(value)
    if not _ID.fullmatch(name) or not fields:
        return None
    try:
        since = None if fields["since"] == "unknown" else _moment(fields["since"])
        start, until = _moment(fields["start"]), _moment(fields["until"])
    except ValueError:  # the 31st of February
        return None
    role: Role = fields["role"]  # type: ignore[assignment]  # the pattern lets no other through
    return Lease(name, fields["owner"], role, since, start, until)


def _moment(text: str) -> dt.datetime:
    found = dt.datetime.strptime(text, _STAMP).replace(tzinfo=dt.UTC)
    if not 2000 <= found.year <= 9000:  # room to add the margin
        raise ValueError(text)
    return found


def read_leases(aws: Aws, arn: str) -> Leases:
    """The leases on a version. Calls ListTagsForResource; free.

    Raises:
        NotFoundError: the version does not exist.
    """
    try:
        leases = parse_leases(all_tags(aws, arn))
    except AccessDeniedError:
        return Leases(readable=False)
    if leases.damaged:
        log.warning("%s bears tags that are no leases: %s", arn, ", ".join(leases.damaged))
    return leases


def write_lease(aws: Aws, arn: str, lease: Lease) -> None:
    """Writes a lease, or writes it anew. Calls TagResource; free.

    Raises:
        AccessDeniedError: tags may not be written. QuotaError: the version has too many.
    """
    with aws_errors(arn):
        aws.rekognition.tag_resource(ResourceArn=arn, Tags={lease.key: lease.value})


def remove_leases(aws: Aws, arn: str, *leases: Lease) -> None:
    """Removes leases; one that is gone is no error. Calls UntagResource; free."""
    if leases:
        remove_tags(aws, arn, [lease.key for lease in leases])

"""One user's use of a running version: its price, its lease, its watchdog and its end."""

from __future__ import annotations

import datetime as dt
import logging
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from decimal import Decimal
from typing import Final

import attrs

from rekognition_xray.cloud.meter.leases import (
    LEASE_RENEWAL,
    LEASE_SECONDS,
    Lease,
    Leases,
    Role,
    read_leases,
    remove_leases,
    utc_now,
    write_lease,
)
from rekognition_xray.cloud.meter.stopping import stop
from rekognition_xray.cloud.version_description import VersionRef
from rekognition_xray.errors import (
    AccessDeniedError,
    AwsError,
    NotReadyError,
    QuotaError,
    StopFailedError,
    UnreachableStateError,
)

log = logging.getLogger(__name__)

SETTLE: Final = 5.0
"""Seconds after which what another process was about to do has been done.

A tag and a status cannot be read in one call, nor changed on a condition. So whoever comes writes
its lease before it looks, whoever goes marks its lease before it looks, and whoever then sees the
other one looks again after so long. It only has to be longer than two calls take.
"""
_LONGEST_NAP: Final = 30.0
_SHORTEST_NAP: Final = 0.05


@attrs.define(eq=False)
class Run:
    """What keeps a version running for one user, and ends it; ``model.run`` inside the block.

    Attributes:
        version: the version.
        per_hour: price of an hour while it runs, at the most units that it may scale to.
        currency: of that price.
        seconds: the longest use, which cap and hours give.
        idle_stop: seconds without a detection after which the use ends.
        role: ``runs`` where leaving has to stop the version, ``joined`` where somebody without a
            lease had started it; None before either is known.
        lease: this user's lease as last written; None where none could be.
    """

    version: VersionRef
    per_hour: Decimal
    currency: str
    seconds: float | None = None
    idle_stop: float | None = None
    role: Role | None = None
    lease: Lease | None = None
    _may_tag: bool = True
    _began: float = attrs.field(init=False)
    _entered: dt.datetime = attrs.field(init=False)
    _renewed: float = attrs.field(init=False)
    _last: float | None = attrs.field(default=None, init=False)
    _detections: int = attrs.field(default=0, init=False)
    _closed: bool = attrs.field(default=False, init=False)
    _over: threading.Event = attrs.field(factory=threading.Event, init=False)
    # Who holds it may call AWS: lease, start and end must not overtake each other.
    _acting: threading.RLock = attrs.field(factory=threading.RLock, init=False)
    _counting: threading.Lock = attrs.field(factory=threading.Lock, init=False)

    def __attrs_post_init__(self) -> None:
        clock = self.version.aws.clock
        self._began = self._renewed = clock.now()
        self._entered = utc_now(clock)

    def others(self) -> Leases:
        """The leases of others. Calls ListTagsForResource."""
        return read_leases(self.version.aws, self.version.arn).without(
            self.lease.id if self.lease else ""
        )

    def claim(self, role: Role, since: dt.datetime | None) -> Leases:
        """Writes this user's lease, and only then looks at those of others.

        Raises:
            UnreachableStateError: the cap has ended the use meanwhile.
        """
        with self._acting:
            self._check_open()
            made = Lease.new(utc_now(self.version.aws.clock), role, since)
            if self.lease:
                made = attrs.evolve(made, id=self.lease.id)
            self.role = role
            if self._may_tag:
                self._put(made)
        return self.others()

    def start(self, call: Callable[[], None]) -> None:
        """Makes the call that starts the version, unless the use has ended meanwhile."""
        with self._acting:
            self._check_open()
            call()

    def leave(self) -> None:
        """Ends the use; stops the version if nobody else with a live lease needs it.

        First the lease is marked as left, then those of others are looked at: of two that leave at
        once, the one that marks last sees that nobody is left; both may ask for the stop, and AWS
        grants one. The lease goes when the stop is verified, so that ``stop_expired`` finds what a
        stop that failed, or a process that died here, has left. Calling it again does no harm.

        Raises:
            StopFailedError: it could not be stopped.
        """
        with self._counting:
            self._closed = True
        with self._acting:
            if not self._over.is_set():
                self._leave()
                self._over.set()

    def _leave(self) -> None:
        dead: tuple[Lease, ...] = ()
        if self.role == "joined":
            log.warning("%s was running before and is left running", self.version.arn)
        elif self.role == "runs":
            self._mark_left()
            others = self._needed_by()
            needed = others.live(self._now(), "runs")
            if needed:
                log.info("%s is left to %s", self.version.arn, ", ".join(map(str, needed)))
            else:
                stop(self.version, per_hour=self.per_hour)
                dead = tuple(one for one in others.found if not one.live(self._now()))
        self.forget(*([self.lease] if self.lease else []), *dead)

    def _needed_by(self) -> Leases:
        others = self._seen_others()
        if others.live(self._now(), "runs"):
            # It may be leaving, too, and the tags read here may be a moment old.
            self.version.aws.clock.sleep(SETTLE)
            others = self._seen_others()
        return others

    def _seen_others(self) -> Leases:
        try:
            return self.others()
        except AwsError as error:
            log.warning("the leases on %s cannot be read: %s", self.version.arn, error.message)
            return Leases(readable=False)

    def _mark_left(self) -> None:
        if self.lease:
            try:
                self._put(attrs.evolve(self.lease, role="left", until=self._now()))
            except AwsError as error:
                log.warning("the lease could not be marked as left: %s", error.message)

    def forget(self, *gone: Lease) -> None:
        """Removes leases that nobody needs any more; never fails."""
        try:
            remove_leases(self.version.aws, self.version.arn, *gone)
        except AwsError as error:
            log.warning("leases on %s could not be removed: %s", self.version.arn, error.message)

    def _put(self, lease: Lease) -> None:
        try:
            write_lease(self.version.aws, self.version.arn, lease)
        except (AccessDeniedError, QuotaError) as error:
            if self.lease:
                raise
            self._may_tag = False
            log.warning(
                "no lease protects %s: if this process is killed, nothing will stop the model (%s)",
                self.version.arn,
                error.message,
            )
        else:
            self.lease = lease

    def arm(self) -> None:
        """From now on it counts as idle while there is no detection."""
        with self._counting:
            self._last = self.version.aws.clock.now()

    @contextmanager
    def detection(self) -> Iterator[None]:
        """Around each detection.

        Raises:
            NotReadyError: the block was left, its cap was reached, or it was idle for too long.
        """
        with self._counting:
            if self._closed:
                raise NotReadyError(
                    f"The running() block of {self.version.arn} has ended: it was left, its cap "
                    "was reached, or it was idle for too long.",
                    hint="Open another running() block, with a larger cap if that ended this one.",
                    arn=self.version.arn,
                )
            self._detections += 1
        try:
            yield
        finally:
            with self._counting:
                self._detections -= 1
                self._last = self.version.aws.clock.now()

    def look(self) -> bool:
        """What the watchdog does when it wakes: ends the use in time, else renews the lease.

        Returns:
            False where a stop failed, which is then tried again at the next look.
        """
        now = self.version.aws.clock.now()
        if why := self._reason(now):
            log.warning("%s; leaving %s", why, self.version.arn)
            try:
                self.leave()
            except StopFailedError:
                log.exception("the stop failed and will be tried again")
                return False
        elif self.lease and now >= self._renewed + LEASE_RENEWAL:
            self._renew(now)
        return True

    def _reason(self, now: float) -> str:
        if self.seconds is not None and now >= self._began + self.seconds:
            return "the cap is reached"
        with self._counting:
            idle = self._last is not None and not self._detections and not self._over.is_set()
            if idle and self.idle_stop is not None and now >= (self._last or 0) + self.idle_stop:
                return f"there was no detection for {self.idle_stop:g} s"
        return ""

    def _renew(self, now: float) -> None:
        with self._acting:
            if self._closed or self.lease is None:
                return
            until = self._now() + dt.timedelta(seconds=LEASE_SECONDS)
            try:
                self._put(attrs.evolve(self.lease, until=until))
            except AwsError as error:
                log.warning("the lease could not be renewed: %s", error.message)
                now -= LEASE_RENEWAL - _LONGEST_NAP
            self._renewed = now

    def _now(self) -> dt.datetime:
        """The time of day; not set back by a clock that is."""
        clock = self.version.aws.clock
        passed = dt.timedelta(seconds=int(clock.now() - self._began))
        return max(utc_now(clock), self._entered + passed)

    def _check_open(self) -> None:
        if self._closed:
            raise UnreachableStateError(
                f"{self.version.arn} was given up before it ran: the cap was reached.",
                hint="Raise the cap: a start takes minutes, sometimes half an hour.",
            )

    def dismiss(self) -> None:
        """Sends the watchdog away."""
        self._over.set()

    def watch(self) -> None:
        """Looks again and again until the use ends; the watchdog's thread."""
        fine = True
        while not self._over.wait(self._nap() if fine else _LONGEST_NAP):
            try:
                fine = self.look()
            except Exception:  # a watchdog must not die of one look
                log.exception("the watchdog of %s will look again", self.version.arn)
                fine = False

    def _nap(self) -> float:
        due = [self._renewed + LEASE_RENEWAL] if self.lease else []
        if self.seconds is not None:
            due.append(self._began + self.seconds)
        if self.idle_stop is not None and self._last is not None and not self._detections:
            due.append(self._last + self.idle_stop)
        left = min(due, default=float("inf")) - self.version.aws.clock.now()
        longest = min(_LONGEST_NAP, self.idle_stop or _LONGEST_NAP)
        return min(longest, max(_SHORTEST_NAP, left))


@contextmanager
def keep_watchdog_awake(run: Run) -> Iterator[None]:
    """Keeps a watchdog awake while the block is running."""
    thread = threading.Thread(target=run.watch, name="rxray watchdog", daemon=True)
    thread.start()
    try:
        yield
    finally:
        run.dismiss()

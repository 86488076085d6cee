"""Versions that run: started, stopped, and charged meanwhile."""

from __future__ import annotations

from collections.abc import Callable

import attrs

from rekognition_xray.local.bill import Charge
from rekognition_xray.local.failures import ServiceError, invalid_parameter
from rekognition_xray.local.faults import Fault, Hang
from rekognition_xray.local.rules.lookup import version_of
from rekognition_xray.local.state import Caller, Members, Stopped, Version, World

STARTING, RUNNING, STOPPING, STOPPED = "STARTING", "RUNNING", "STOPPING", "STOPPED"


def start_project_version(world: World, caller: Caller, asked: Members) -> Members:
    """StartProjectVersion."""
    least, most = asked["MinInferenceUnits"], asked.get("MaxInferenceUnits")
    if most is not None and most < least:
        raise invalid_parameter("MaxInferenceUnits is below MinInferenceUnits.")
    with world.store.transaction():
        version = version_of(world, caller, asked["ProjectVersionArn"])
        if version.status not in world.assumptions.startable:
            raise ServiceError(_start_refusal(world, version), _state(version))
        _check_room(world, caller, max(least, most or 0))
        version = attrs.evolve(
            version,
            status=STARTING,
            message="The model is starting.",
            min_units=least,
            max_units=most,
        )
        world.store.versions.put(version)
        if world.assumptions.charged == "STARTING to STOPPED":
            _open_charge(world, version)
    start = _Start(world, version)
    world.jobs.start([version.arn], "starting", start.work, start.failed)
    return {"Status": STARTING}


def stop_project_version(world: World, caller: Caller, asked: Members) -> Members:
    """StopProjectVersion."""
    with world.store.transaction():
        version = version_of(world, caller, asked["ProjectVersionArn"])
        if version.status not in world.assumptions.stoppable:
            raise ServiceError(world.assumptions.unstoppable_version, _state(version))
        world.store.versions.put(
            attrs.evolve(version, status=STOPPING, message="The model is stopping.")
        )
        if world.assumptions.charged == RUNNING:
            _close_charges(world, version)

    def finish() -> None:
        world.models.unload(version.arn)
        with world.store.transaction():
            _close_charges(world, version)
            _settle(world, version, STOPPED, "The model is stopped.")

    def go_on() -> None:
        world.jobs.start([version.arn], "stopping", lambda _stopped: finish, _ignore)

    hanging = world.faults.on_stop()
    if hanging is None:
        go_on()
    else:
        _hang(world, hanging, go_on)
    return {"Status": STOPPING}


def _hang(world: World, hanging: Fault, go_on: Callable[[], None]) -> None:
    """Nobody is busy meanwhile, so that no Describe waits for the end."""
    hanging.hold(go_on)
    if isinstance(hanging.effect, Hang) and hanging.effect.seconds is not None:
        due = world.clock.now() + hanging.effect.seconds
        world.jobs.start([], "stopping", lambda _stopped: hanging.release, _ignore, due=due)


def _ignore(_error: Exception) -> None:
    """Does nothing: the version remains as it is."""


@attrs.frozen(eq=False)
class _Start:
    """One start of a version. It changes nothing once a later start has begun."""

    world: World
    version: Version

    def __attrs_post_init__(self) -> None:
        self.world.starts[self.version.arn] = self

    def work(self, _stopped: Stopped) -> Callable[[], None]:
        if self.world.faults.on_start():
            return lambda: self.failed(None)
        self.world.models.get(self.version.arn)
        return self._finish

    def failed(self, _error: Exception | None) -> None:
        with self.world.store.transaction():
            if self._lasts():
                _fail(self.world, self.version)

    def _finish(self) -> None:
        world, version = self.world, self.version
        with world.store.transaction():
            if self._lasts():
                if world.assumptions.charged == RUNNING:
                    _open_charge(world, version)
                _settle(world, version, RUNNING, "The model is running.")
            elif world.starts.get(version.arn) is self:  # stopped meanwhile
                world.models.unload(version.arn)

    def _lasts(self) -> bool:
        """Whether the version is starting still, and by this very start."""
        current = self.world.store.versions.get(self.version.arn)
        starting = current is not None and current.status == STARTING
        return starting and self.world.starts.get(self.version.arn) is self


def _fail(world: World, version: Version) -> None:
    _close_charges(world, version)
    _settle(world, version, "FAILED", "The model failed to start.")


def _settle(world: World, version: Version, status: str, message: str) -> None:
    world.store.versions.put(attrs.evolve(version, status=status, message=message))


def _start_refusal(world: World, version: Version) -> str:
    if version.status == "TRAINING_FAILED":
        return world.assumptions.failed_version_start
    return world.assumptions.unstartable_version


def _state(version: Version) -> str:
    return f"The model is {version.status}."


def _check_room(world: World, caller: Caller, units: int) -> None:
    most = world.limits.units_per_version
    if most is not None and units > most:
        raise ServiceError(
            "LimitExceededException", f"A model may have {most} inference units, not {units}."
        )
    running = world.store.versions.find(
        account=caller.account, region=caller.region, status=(STARTING, RUNNING, STOPPING)
    )
    places = world.limits.running_versions
    if places is not None and len(running) >= places:
        raise ServiceError("LimitExceededException", f"{len(running)} models are running already.")


def _open_charge(world: World, version: Version) -> None:
    now = world.clock.now()
    world.store.charges.put(
        Charge(
            id=f"running {version.arn} {world.clock.stamp()}",
            kind="running",
            version_arn=version.arn,
            started=now,
            ended=None,
            units=version.min_units or 1,
        )
    )


def _close_charges(world: World, version: Version) -> None:
    for charge in world.store.charges.find(version_arn=version.arn, kind="running"):
        if charge.ended is None:
            world.store.charges.put(attrs.evolve(charge, ended=world.clock.now()))

"""pytest plugin: a local cloud for each test, faults that must occur, waits that take no time.

Installed with the package and active in every pytest run; heavy modules are imported only when
a fixture needs them. Needs the extra ``local``.
"""

from __future__ import annotations

import os
from collections.abc import Generator, Iterator, Mapping
from typing import TYPE_CHECKING

import attrs
import pytest

from rekognition_xray.errors import MissingExtraError

if TYPE_CHECKING:
    from rekognition_xray.local import LocalCloud

__all__ = ["NoWaitClock", "local_cloud", "local_cloud_options", "no_wait"]

_CLOUD: pytest.StashKey[LocalCloud] = pytest.StashKey()


@attrs.define
class NoWaitClock:
    """A clock that only pauses move: every pause ends at once.

    It can be given to ``rx.Aws(clock=...)``; the fixture `no_wait` gives it to every ``Aws``.

    Attributes:
        time: seconds, as `now` returns them.
        slept: the pauses so far, in seconds.
    """

    time: float = 0.0
    slept: list[float] = attrs.field(factory=list)

    def now(self) -> float:
        """Seconds on this clock."""
        return self.time

    def sleep(self, seconds: float) -> None:
        """Moves the clock by so many seconds."""
        self.slept.append(seconds)
        self.time += seconds


@pytest.fixture(scope="session")
def local_cloud_options() -> Mapping[str, object]:
    """Arguments of ``LocalCloud`` for the fixture `local_cloud`; override it in your conftest.

    For example ``{"buckets": ["clinic-xrays"]}``. Replies are checked against AWS's model unless
    ``"check": False`` is among them. Tests with equal options share one cloud.
    """
    return {}


@pytest.fixture
def local_cloud(
    request: pytest.FixtureRequest,
    local_cloud_options: Mapping[str, object],
    _local_clouds: _Clouds,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[LocalCloud]:
    """A running ``LocalCloud``: started once a session, and reset after every test.

    While the test runs, the ``AWS_*`` variables send every boto3 session to it and none to AWS. If
    a fault that the test planned does not occur, the test fails.

    Raises:
        MissingExtraError: the extra ``local`` is not installed.
    """
    cloud = _local_clouds.cloud(local_cloud_options)
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    for name, value in cloud.environment().items():
        monkeypatch.setenv(name, value)
    for name in ("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"):
        monkeypatch.setenv(name, os.devnull)
    monkeypatch.setattr("boto3.DEFAULT_SESSION", None)
    request.node.stash[_CLOUD] = cloud
    yield cloud
    cloud.reset()


@pytest.fixture
def no_wait(monkeypatch: pytest.MonkeyPatch) -> NoWaitClock:
    """Makes the waits of the library, and the pauses between botocore's retries, take no time.

    A wait that would use up its budget does so at once. So use it with a cloud that finishes its
    work at once (pace ``instant``), or to test what happens when a budget is used up.
    """
    import botocore.endpoint  # noqa: PLC0415 (slow; only for this fixture)

    from rekognition_xray.cloud.waiting import SystemClock  # noqa: PLC0415

    clock = NoWaitClock()
    monkeypatch.setattr(SystemClock, "now", lambda _self: clock.now())
    monkeypatch.setattr(SystemClock, "sleep", lambda _self, seconds: clock.sleep(seconds))
    monkeypatch.setattr(botocore.endpoint, "time", _Sleepless(), raising=False)
    return clock


@pytest.fixture(scope="session", name="_local_clouds")
def _local_clouds() -> Iterator[_Clouds]:
    clouds = _Clouds()
    yield clouds
    clouds.close()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None, object, object]:
    """Fails a test that passed although a fault that it planned did not occur."""
    result = yield
    cloud = item.stash.get(_CLOUD, None)
    unmet = cloud.faults.unmet() if cloud else ()
    if unmet:
        listed = "\n".join(f"  {fault}" for fault in unmet)
        pytest.fail(f"faults that were planned and did not occur:\n{listed}", pytrace=False)
    return result


class _Clouds:
    """The local clouds of a session, one for each set of options."""

    def __init__(self) -> None:
        self._started: list[tuple[dict[str, object], LocalCloud]] = []

    def cloud(self, options: Mapping[str, object]) -> LocalCloud:
        """The cloud with these options; starts it if there is none yet."""
        wanted = {"check": True, **options}
        for known, cloud in self._started:
            if known == wanted:
                return cloud
        cloud = _local_cloud_class()(**wanted)  # type: ignore[arg-type]
        cloud.start()
        self._started.append((wanted, cloud))
        return cloud

    def close(self) -> None:
        """Stops them all."""
        while self._started:
            self._started.pop()[1].close()


class _Sleepless:
    """The module ``time`` with a ``sleep`` that takes no time."""

    def __getattr__(self, name: str) -> object:
        import time  # noqa: PLC0415

        return getattr(time, name)

    def sleep(self, seconds: float) -> None:
        """Does nothing."""


def _local_cloud_class() -> type[LocalCloud]:
    try:
        from rekognition_xray.local import LocalCloud  # noqa: PLC0415 (moto, flask, waitress)
    except ImportError as error:
        if (error.name or "").startswith("rekognition_xray"):
            raise
        raise MissingExtraError("local", needed_for="The fixture local_cloud") from error
    return LocalCloud

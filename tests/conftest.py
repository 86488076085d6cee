"""What all tests share: where the real images lie, and a world without AWS around it."""

from __future__ import annotations

import gc
import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

# How fast a machine is, is no property of the code. Fewer examples than usual: the suite runs
# often, draws others each time, and has to stay quick. HYPOTHESIS_EXAMPLES=1000 looks harder.
settings.register_profile(
    "untimed",
    deadline=None,
    max_examples=int(os.environ.get("HYPOTHESIS_EXAMPLES", "40")),
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("untimed")

# Tests run side by side already: two workers whose numerics take both cores each only get in
# each other's way. Read when numpy is loaded, so it is set before any test module is.
for _variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ.setdefault(_variable, "1")

_REAL_IMAGES = Path(os.environ.get("XRAYS", Path(__file__).parents[2] / "shared" / "xrays"))


@pytest.fixture(scope="session")
def xrays() -> Path:
    """The folder of real images; tests that need it are skipped by name where it is absent."""
    if not (_REAL_IMAGES / "chest_xray").is_dir():
        pytest.skip(f"real images are not at {_REAL_IMAGES} (set XRAYS)")
    return _REAL_IMAGES


def pytest_collection_finish() -> None:
    """What was imported by now stays: the collector of garbage need not look at it again."""
    gc.freeze()


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Tells how many checks of the local cloud against botocore's model were made."""
    passed = terminalreporter.getreports("passed")
    checks = sum("local/conformance/" in report.nodeid for report in passed)
    if checks:
        terminalreporter.write_line(f"conformance: {checks} checks")


@pytest.fixture(autouse=True)
def no_aws_around(monkeypatch: pytest.MonkeyPatch) -> None:
    """No test may find the credentials, profiles or endpoints of whoever runs it."""
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_CONFIG_FILE", "/nowhere/aws/config")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", "/nowhere/aws/credentials")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("REKOGNITION_XRAY_KEY", "a key for tests only")

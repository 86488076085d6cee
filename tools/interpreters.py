"""Runs the quick tests on every other Python from 3.11 to 3.14 that is found on this machine.

With the argument ``newest``, as ``make test`` calls it: on the newest of them alone, with the
oldest boto3 that the package accepts, the tests of the SDK's side of AWS and of the doors. The main
interpreter has run the same tests on the newest boto3. ``make others`` runs all the quick ones.

Looks on PATH and among pyenv's versions. Each interpreter gets an environment of its own, made
once. What takes long (marker ``heavy``), what Pillow, numpy and scikit-learn compute, pages,
command, examples and the tests of the local cloud run on the main interpreter alone: the tests of
the SDK drive the local cloud on each all the same.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[1]
COMPUTED = ("report", "fitting", "folds", "near", "phantoms", "shortcuts")
QUICK = [
    *(f"--ignore-glob=*/test_{name}.py" for name in COMPUTED),
    "--ignore=tests/local",
    "--ignore=tests/test_docs.py",
    "--ignore=tests/cli",
    "--ignore=tests/test_examples.py",
]
LIGHT = ["-m", "not heavy and not soak and not browser"]
AT_THE_FLOOR = [
    "tests/cloud",
    "tests/test_surface.py",
    "tests/test_moved.py",
    "tests/test_layout.py",
]
SUPPORTED = [(3, minor) for minor in (11, 12, 13, 14)]


def version_of(python: Path) -> tuple[int, int] | None:
    """Major and minor version of a Python that works; None for a shim that leads nowhere."""
    ask = "import sys; print(*sys.version_info[:2])"
    try:
        done = subprocess.run([python, "-c", ask], capture_output=True, text=True, check=True)
        major, minor = done.stdout.split()
    except (OSError, subprocess.CalledProcessError, ValueError):
        return None
    return int(major), int(minor)


def candidates() -> list[Path]:
    """Places where a Python may be: by name on PATH, then pyenv's versions."""
    named = [shutil.which(f"python{major}.{minor}") for major, minor in SUPPORTED]
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv"))
    return [Path(name) for name in named if name] + sorted(pyenv.glob("versions/3.*/bin/python"))


def others() -> dict[tuple[int, int], Path]:
    """One interpreter for each supported version but the one that runs this."""
    found: dict[tuple[int, int], Path] = {}
    for python in candidates():
        version = version_of(python)
        if version in SUPPORTED and version != sys.version_info[:2]:
            found.setdefault(version, python)
    return found


def install(python: Path, venv: Path, *pins: str) -> None:
    """Makes the environment: by uv where the variable UV names it, else or if that fails by pip."""
    wanted = ["--group", "test", "-e", ".[local,report]", *pins]
    subprocess.run([python, "-m", "venv", "--without-pip", venv], check=True)
    inside = venv / "bin" / "python"
    if uv := os.environ.get("UV"):
        fast = [uv, "pip", "install", "--quiet", "--compile-bytecode", "--python", inside, *wanted]
        if subprocess.run(fast, check=False, cwd=ROOT, stderr=subprocess.DEVNULL).returncode == 0:
            return
    pip = [inside, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    subprocess.run([inside, "-m", "ensurepip"], check=True, stdout=subprocess.DEVNULL)
    subprocess.run([*pip, "pip>=25.1"], check=True)
    subprocess.run([*pip, *wanted], check=True, cwd=ROOT)


def run_tests(python: Path, venv: Path, tests: list[str], *pins: str) -> None:
    """Makes the environment where it is missing or older than its recipe, and runs the tests."""
    ready = venv / "ready"
    if not ready.exists() or ready.stat().st_mtime < (ROOT / "pyproject.toml").stat().st_mtime:
        install(python, venv, *pins)
        ready.touch()
    pytest = [venv / "bin" / "python", "-m", "pytest", "-n", "auto", "--dist", "worksteal", "-q"]
    fewer = {**os.environ, "HYPOTHESIS_EXAMPLES": "10"}  # the main interpreter draws more
    subprocess.run([*pytest, *tests], check=True, cwd=ROOT, env=fewer)


def oldest_boto3() -> str:
    """The requirement of the oldest boto3 that pyproject.toml accepts, such as boto3==1.40.0."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    (accepted,) = (name for name in project["project"]["dependencies"] if name.startswith("boto3"))
    return f"{accepted.replace('>=', '==')}.0"


def main() -> None:
    """Runs them one after the other; the first failure ends it."""
    found = others()
    missing = [f"{a}.{b}" for a, b in SUPPORTED if (a, b) not in found]
    print(f"Python {sys.version.split()[0]} ran everything; not found: {', '.join(missing[1:])}")
    if sys.argv[1:] == ["newest"]:
        # Where there is no other Python, this one meets the oldest boto3.
        version = max(found, default=sys.version_info[:2])
        python, boto3 = found.get(version, Path(sys.executable)), oldest_boto3()
        print("Python {}.{} with {}: the tests of AWS".format(*version, boto3), flush=True)
        run_tests(python, ROOT / ".venv-oldest-boto3", [*AT_THE_FLOOR, *LIGHT], boto3)
        return
    for version, python in sorted(found.items()):
        print("Python {}.{}: the quick tests".format(*version), flush=True)
        run_tests(python, ROOT / ".venv-{}.{}".format(*version), [*QUICK, *LIGHT])


if __name__ == "__main__":
    main()

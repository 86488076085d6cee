"""Builds sdist and wheel, and uses them as a stranger would, far from the source.

* The wheel in a fresh environment passes the quick tests, which come out of the sdist; the sdist
  installs the same files.
* The core alone, without numpy, writes manifests, uploads, trains and diagnoses, against a local
  cloud that another environment serves.
* Each extra alone does what it is for. ``pretrained`` has a target of its own,
  ``make test-pretrained``.

Run it by ``make packages``; names of extras (or ``core``, ``tests``) as arguments choose some.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
import time
import venv
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import rekognition_xray as rx
from rekognition_xray.data.phantoms import make_phantoms
from rekognition_xray.local import LocalCloud

ROOT = Path(__file__).parents[1]
BUILDER = ROOT / ".venv-packages" / "bin" / "python"
PYPROJECT = ROOT / "pyproject.toml"
SCRIPTS = ROOT / "tests" / "packaged"
EXTRAS = (
    "science",
    "local",
    "onnx",
    "report",
    "dicom",
    "node",
    "kaggle",
    "frames",
    "cli",
    "scale",
)
QUICK = "not heavy and not soak and not browser and not pretrained"


def outside() -> dict[str, str]:
    """The variables of this process, without what could lead a child back to the source."""
    return {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}


def run(*command: str | Path, cwd: Path, env: dict[str, str] | None = None) -> None:
    """Runs a command outside the source."""
    subprocess.run(command, check=True, cwd=cwd, env=outside() | (env or {}))


class Environment:
    """A fresh environment with one package of ours in it."""

    def __init__(self, folder: Path, *wanted: str) -> None:
        self.folder = folder
        venv.create(folder, with_pip=True, symlinks=True)
        self.python = folder / "bin" / "python"
        if "--group" in wanted:
            self.install("pip>=25.1")
        self.install(*wanted)

    def install(self, *wanted: str) -> None:
        """Installs these requirements with pip."""
        quiet = ("--quiet", "--disable-pip-version-check", "--no-warn-script-location")
        run(self.python, "-m", "pip", "install", *quiet, *wanted, cwd=self.folder)

    def script(self, name: str, cwd: Path, env: dict[str, str] | None = None) -> None:
        """Runs one of the scripts; ``-I`` leaves the script's folder and PYTHON* variables out."""
        run(self.python, "-I", "-W", "error", SCRIPTS / f"{name}.py", cwd=cwd, env=env)

    def files(self) -> dict[str, str]:
        """Installed files of ours with their hashes, by pip's record."""
        (record,) = self.folder.glob("lib/*/site-packages/rekognition_xray-*.dist-info/RECORD")
        rows = (line.rsplit(",", 2) for line in record.read_text("utf-8").splitlines())
        return {
            name: digest for name, digest, _ in rows if re.match(r"rekognition_xray/.*[^c]$", name)
        }


def built(into: Path) -> tuple[Path, Path]:
    """Sdist and wheel; the wheel is built from the sdist."""
    run(BUILDER, "-m", "build", "--no-isolation", "--outdir", into, ROOT, cwd=into)
    (sdist,), (wheel,) = into.glob("*.tar.gz"), into.glob("*.whl")
    return sdist, wheel


def check_tests(folder: Path, sdist: Path, wheel: Path) -> None:
    """The quick tests of the sdist pass on the wheel, and both install the same."""
    with tarfile.open(sdist) as archive:
        archive.extractall(folder / "unpacked", filter="data")
    (unpacked,) = (folder / "unpacked").iterdir()
    shutil.rmtree(unpacked / "rekognition_xray")
    env = Environment(folder / "tests", f"{wheel}[local,report]", "--group", f"{PYPROJECT}:test")
    quick = ("-q", "-n", "2", "-m", QUICK, "--ignore=tests/local", "-p", "no:cacheprovider")
    run(env.python, "-m", "pytest", *quick, cwd=unpacked)
    same = Environment(folder / "sdist", "--no-deps", str(sdist))
    if same.files() != env.files():
        raise SystemExit("sdist and wheel do not install the same files")
    print(f"sdist and wheel install the same {len(same.files())} files")


@contextmanager
def surroundings(folder: Path) -> Iterator[dict[str, str]]:
    """Images in ``chest_xray``, and a cloud with a trained version that runs; its variables."""
    make_phantoms(folder / "chest_xray", patients=150, heights=(80, 120))
    train, test = rx.XrayDataset.from_folder(folder / "chest_xray").split(test=0.5, seed=7)
    key = "a key for tests only"
    with LocalCloud(buckets=["clinic-xrays"]) as cloud:
        aws = rx.Aws(session=cloud.session())
        project = rx.CustomLabelsProject.get_or_create("chest", aws=aws)
        project.put_datasets(train=train, test=test, store="s3://clinic-xrays/chest", key=key)
        version = project.train("v1", output="s3://clinic-xrays/models")
        version.wait_until_trained()
        with version.running():
            yield cloud.environment() | {"VERSION_ARN": version.arn, "REKOGNITION_XRAY_KEY": key}


def check_alone(what: str, folder: Path, wheel: Path) -> None:
    """The core or one extra alone does what it is for."""
    wanted = str(wheel) if what == "core" else f"{wheel}[{what}]"
    with surroundings(folder) as env:
        try:
            Environment(folder / what, wanted).script(what, folder, env)
        finally:
            shutil.rmtree(folder / "chest_xray")


def main(chosen: list[str]) -> None:
    """Everything, or what is named."""
    with tempfile.TemporaryDirectory(prefix="rekognition-xray-") as name:
        folder = Path(name)
        sdist, wheel = built(folder)
        failed = []
        for what in chosen or ("core", *EXTRAS, "tests"):
            began = time.monotonic()
            try:
                if what == "tests":
                    check_tests(folder, sdist, wheel)
                else:
                    check_alone(what, folder, wheel)
            except subprocess.CalledProcessError:
                failed.append(what)
            print(f"{what}: {time.monotonic() - began:.0f} s", flush=True)
            shutil.rmtree(folder / what, ignore_errors=True)
    if failed:
        sys.exit(f"failed: {', '.join(failed)}")


if __name__ == "__main__":
    main(sys.argv[1:])

"""A local cloud on which a version is trained, and the command invoked in its folder."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeAlias

import attrs
import pytest
from click.testing import CliRunner, Result

import rekognition_xray as rx
from rekognition_xray.cli import commands
from rekognition_xray.cloud import meter
from rekognition_xray.data.phantoms import make_phantoms
from rekognition_xray.local import LocalCloud
from rekognition_xray.testing import NoWaitClock

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "reference" / "cli.md").read_text("utf-8")
BUCKET = "s3://clinic-xrays"
TRAIN = (
    *("train", "lungs/v1", "chest_xray", "--test", "0.5"),
    *("--store", f"{BUCKET}/kermany", "--output", f"{BUCKET}/models"),
)
OTHER = ("train", "other/v1", "few", "--store", f"{BUCKET}/few", "--output", f"{BUCKET}/models")
Run: TypeAlias = Callable[..., Result]


@attrs.frozen
class World:
    """A local cloud on which v1 is trained, and the folder in which that was done."""

    cloud: LocalCloud
    folder: Path
    said: Result

    @property
    def version(self) -> rx.ModelVersion:
        aws = rx.Aws(self.cloud.session())
        version = rx.CustomLabelsProject.find("lungs", aws=aws).version("v1")
        assert version is not None
        return version

    @property
    def status(self) -> str:
        return self.version.describe().status

    def start(self) -> None:
        self.version.aws.rekognition.start_project_version(
            ProjectVersionArn=self.version.arn, MinInferenceUnits=1
        )
        assert self.status == "RUNNING"  # held until it is


def invoke(*words: str, **settings: object) -> Result:
    return CliRunner().invoke(commands, [str(word) for word in words], **settings)


@pytest.fixture(scope="session")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    folder = tmp_path_factory.mktemp("cli")
    make_phantoms(
        folder / "chest_xray", patients=60, images_per_patient=(1, 1), seed=3, heights=(80, 90)
    )
    with LocalCloud(buckets=["clinic-xrays"]) as cloud, pytest.MonkeyPatch.context() as patch:
        patch.setenv("REKOGNITION_XRAY_KEY", "a key for tests only")
        patch.chdir(folder)
        for name, value in cloud.environment().items():
            patch.setenv(name, value)
        said = invoke(*TRAIN, "--yes")
        assert said.exit_code == 0, said.output
        patch.undo()
        yield World(cloud, folder, said)


@pytest.fixture
def run(world: World, monkeypatch: pytest.MonkeyPatch, no_wait: NoWaitClock) -> Iterator[Run]:
    """Invokes the command in the world's folder and cloud; no model is left running."""
    monkeypatch.chdir(world.folder)
    for name, value in world.cloud.environment().items():
        monkeypatch.setenv(name, value)
    yield invoke
    world.cloud.faults.clear()
    meter.stop(world.version)


@pytest.fixture(scope="session")
def few(world: World) -> Path:
    """Six images of six patients, two of each label."""
    return make_phantoms(
        world.folder / "few", patients=6, images_per_patient=(1, 1), seed=1, heights=(70, 80)
    )


@pytest.fixture
def image(world: World) -> str:
    return str(next((world.folder / "chest_xray").rglob("person*.jpeg")))


def bad_folder(folder: Path, source: Path) -> Path:
    shutil.copytree(source / "train", folder / "train", dirs_exist_ok=True)
    (folder / "train" / "NORMAL" / "IM-9999-0001.jpeg").write_text("no image")
    return folder

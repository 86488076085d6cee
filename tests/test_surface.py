"""The public surface: what is exported is there, and importing it is cheap."""

from __future__ import annotations

import subprocess
import sys

import pytest

import rekognition_xray as rx


@pytest.mark.parametrize("name", rx.__all__)
def test_every_exported_name_is_there_and_described(name: str) -> None:
    value = getattr(rx, name)
    assert value.__doc__


def test_all_is_sorted_and_complete() -> None:
    assert rx.__all__ == sorted(rx.__all__, key=lambda name: (not name.isupper(), name))
    lazy = {name for names in rx._HOMES.values() for name in names}
    assert set(rx.__all__) == lazy
    assert set(rx.__all__) <= set(dir(rx))


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="nothing_like_this"):
        rx.nothing_like_this  # noqa: B018


@pytest.mark.parametrize("module", ["boto3", "botocore", "click", "numpy", "PIL", "sklearn", "moto"])
def test_importing_the_package_does_not_import(module: str) -> None:
    code = f"import sys, rekognition_xray; sys.exit({module!r} in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@pytest.mark.parametrize(
    ("use", "package", "extra"),
    [
        ("from rekognition_xray.local import LocalCloud", "moto", "local"),
        ("import rekognition_xray.local.__main__", "regex", "local"),
        ("import rekognition_xray.data.phantoms", "numpy", "local"),
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

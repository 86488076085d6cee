"""The house keeps its own rules: map, make, versions, hooks, templates, and nothing large in it."""

from __future__ import annotations

import re
import runpy
import shutil
import subprocess
import tomllib
from pathlib import Path

import pytest
import yaml

import rekognition_xray as rx

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "rekognition_xray"
MAKEFILE = (ROOT / "Makefile").read_text("utf-8")
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))

pytestmark = pytest.mark.skipif(not (ROOT / ".github").is_dir(), reason="no whole checkout")


def test_every_target_of_make_is_told_of_by_make_help() -> None:
    phony = re.search(r"^\.PHONY: (.*)$", MAKEFILE, re.MULTILINE)[1].split()
    told = re.findall(r"^([a-z-]+):.*## \S", MAKEFILE, re.MULTILINE)
    assert sorted(told) == sorted(phony)


def test_what_the_pages_for_helpers_tell_to_make_can_be_made() -> None:
    pages = ["CONTRIBUTING.md", "RELEASING.md", ".github/PULL_REQUEST_TEMPLATE.md"]
    pages += [".pre-commit-config.yaml", ".github/workflows/test.yml"]
    for page in pages:
        text = (ROOT / page).read_text("utf-8")
        asked = set(re.findall(r"(?:`|\$ |run: |entry: )make (?:--quiet )?([a-z][a-z-]+)", text))
        assert asked <= set(re.findall(r"^([a-z-]+):", MAKEFILE, re.MULTILINE)), page
        assert asked


def _rooms() -> set[tuple[str, str]]:
    """Wing and room, as the map of CONTRIBUTING names them; ``x_*``: all that begin so."""
    named, wing = set(), ""
    for row in (ROOT / "CONTRIBUTING.md").read_text("utf-8").splitlines():
        if not row.startswith("| "):
            continue
        first, _, rooms = row.strip("|").split("|")
        wing = first.split("`")[1].rstrip("/") if "`" in first else wing
        for room in re.findall(r"`(\w+\*?)`", rooms):
            found = list((PACKAGE / wing).glob(f"{room}.py"))
            assert found, f"{wing}: {room} is not there"
            named |= {(wing, path.stem) for path in found}
    return named


def test_every_front_door_stands_on_the_map_and_nothing_else_does() -> None:
    named = _rooms()
    homes = {tuple(home.split(".")) for home in rx._HOMES if "." in home}
    assert sorted(homes - named) == []
    public = {(path.parent.name, path.stem) for path in PACKAGE.glob("*/*.py")}
    for wing in ("data", "cloud"):
        there = {room for home, room in public if home == wing and not room.startswith("_")}
        assert sorted(there - {room for home, room in named if home == wing} - MINOR) == []


MINOR = {"dataset_limits", "notice", "duplicates", "evidence"}
"""Rooms too small for the map."""


def test_the_version_is_the_same_wherever_it_stands() -> None:
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text("utf-8"))
    assert rx.__version__ == PYPROJECT["project"]["version"] == citation["version"]
    assert citation["license"] == PYPROJECT["project"]["license"]
    (data,) = citation["references"]
    assert (data["doi"], data["license"]) == ("10.17632/rscbjbr9sj.2", "CC-BY-4.0")
    assert data["doi"] in (ROOT / "README.md").read_text("utf-8")


def test_hooks_are_local_and_templates_are_forms() -> None:
    hooks = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text("utf-8"))
    assert [repo["repo"] for repo in hooks["repos"]] == ["local"]
    for hook in hooks["repos"][0]["hooks"]:
        words = hook["entry"].split()
        assert words[0] in {"make", ".venv/bin/ruff", ".venv/bin/python"}
        assert words[0] != ".venv/bin/python" or (ROOT / words[1]).exists()
    for template in (ROOT / ".github" / "ISSUE_TEMPLATE").glob("*.yml"):
        form = yaml.safe_load(template.read_text("utf-8"))
        assert form["name"]
        assert [item["type"] for item in form["body"]]
    assert yaml.safe_load((ROOT / ".github" / "workflows" / "test.yml").read_text("utf-8"))["jobs"]


def test_what_make_needs_in_the_sdist_is_in_it() -> None:
    included = PYPROJECT["tool"]["hatch"]["build"]["targets"]["sdist"]["include"]
    assert [name for name in included if not (ROOT / name).exists()] == []
    assert {"CITATION.cff", "SECURITY.md", "CONTRIBUTING.md", "tests"} <= set(included)


@pytest.fixture
def fault() -> object:
    return runpy.run_path(str(ROOT / "tools" / "no_images.py"))["fault"]


@pytest.mark.parametrize(
    ("name", "data", "why"),
    [
        ("big.txt", b"x" * 200_001, "bytes"),
        ("image.dcm", b"\0" * 128 + b"DICM", "DICOM"),
        ("image.txt", b"\xff\xd8\xff\xe0", "picture"),
        ("docs/picture.png", b"\x89PNG", None),
        ("code.py", b"print()", None),
    ],
)
def test_images_and_large_files_are_refused(fault, tmp_path: Path, name, data, why) -> None:
    path = tmp_path / name
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(data)
    assert (why is None) == (fault(path) is None)
    assert why is None or why in fault(path)


def test_nothing_in_the_repository_is_a_image_or_large(fault) -> None:
    git = shutil.which("git")
    if git is None or not (ROOT / ".git").exists():
        pytest.skip("no repository")
    listed = subprocess.run([git, "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True)
    paths = [ROOT / name for name in listed.stdout.decode().split("\0") if name]
    told = {str(path.relative_to(ROOT)): fault(path) for path in paths if path.is_file()}
    assert {name: why for name, why in told.items() if why} == {}

"""The layout: parts behind doors without circles; the build files agree; nothing large in git."""

from __future__ import annotations

import importlib
import re
import runpy
import shutil
import subprocess
import tomllib
from collections import Counter
from pathlib import Path

import pytest
import yaml

import rekognition_xray as rx

from .support import layout

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "rekognition_xray"
MAKEFILE = (ROOT / "Makefile").read_text("utf-8")
EVERYWHERE = (*layout.GROUPS, "cli", "contract", "testing", "demo")
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))

pytestmark = pytest.mark.skipif(not (ROOT / ".github").is_dir(), reason="no whole checkout")


def test_make_help_lists_every_target() -> None:
    phony = re.search(r"^\.PHONY: (.*)$", MAKEFILE, re.MULTILINE)[1].split()
    listed = re.findall(r"^([a-z-]+):.*## \S", MAKEFILE, re.MULTILINE)
    assert sorted(listed) == sorted(phony)


def test_what_the_pages_for_contributors_make_can_be_made() -> None:
    pages = ["CONTRIBUTING.md", "RELEASING.md", ".github/PULL_REQUEST_TEMPLATE.md"]
    pages += [".pre-commit-config.yaml", ".github/workflows/test.yml"]
    for page in pages:
        text = (ROOT / page).read_text("utf-8")
        asked = set(re.findall(r"(?:`|\$ |run: |entry: )make (?:--quiet )?([a-z][a-z-]+)", text))
        assert asked <= set(re.findall(r"^([a-z-]+):", MAKEFILE, re.MULTILINE)), page
        assert asked


def inside(group: str) -> list[layout.Import]:
    """What the modules of a group import, or a single module."""
    return [
        one
        for one in layout.imports()
        if f"{one.importer}.".startswith(f"rekognition_xray.{group}.")
    ]


@pytest.mark.parametrize("group", EVERYWHERE)
def test_a_part_is_imported_by_its_door_alone(group: str) -> None:
    wrong = [
        str(one)
        for one in inside(group)
        if (there := layout.part(one.target)) not in {None, layout.part(one.importer), one.target}
        if there is not None
    ]
    assert "\n".join(wrong) == ""


def test_the_package_takes_its_names_from_doors() -> None:
    homes = [f"rekognition_xray.{home}" for home in rx._HOMES]
    assert [home for home in homes if layout.part(home) != home] == []


@pytest.mark.parametrize("group", EVERYWHERE)
def test_inside_a_part_nothing_imports_its_own_door(group: str) -> None:
    wrong = [
        str(one)
        for one in inside(group)
        if one.target == layout.part(one.importer) and one.importer != one.target
    ]
    assert "\n".join(wrong) == ""


def test_no_part_of_a_group_imports_the_groups_own_names() -> None:
    """They are imported from the part: a group, and the package, would load everything."""
    groups = {"rekognition_xray", *(f"rekognition_xray.{group}" for group in layout.GROUPS)}
    own = [one for group in layout.GROUPS for one in inside(group)]
    programs = {"rekognition_xray.local.__main__"}
    wrong = [one for one in own if one.target in groups and one.importer not in programs]
    assert "\n".join(map(str, wrong)) == ""


@pytest.mark.parametrize("group", layout.GROUPS)
def test_no_parts_import_each_other_in_a_circle(group: str) -> None:
    assert layout.circles(layout.edges(f"rekognition_xray.{group}.")) == []


def test_no_groups_import_each_other_in_a_circle() -> None:
    graph: dict[str, set[str]] = {}
    for one in layout.imports():
        ends = [module.split(".")[1] for module in (one.importer, one.target) if "." in module]
        if len(ends) == 2 and ends[0] != ends[1]:
            graph.setdefault(ends[0], set()).add(ends[1])
    assert layout.circles(graph) == []


def test_circles_are_found() -> None:
    assert layout.circles({"a": {"b"}, "b": {"c"}, "c": {"b"}, "d": {"d"}}) == [["b", "c"], ["d"]]
    assert layout.circles({"a": {"b", "c"}, "b": {"c"}}) == []


def test_at_most_a_dozen_modules_lie_side_by_side() -> None:
    folders = Counter(path.parent for path in layout.modules().values() if path.stem != "__init__")
    assert {str(folder): count for folder, count in folders.items() if count > 12} == {}


@pytest.mark.parametrize("door", [door for door in layout.doors() if layout.exported(door)])
def test_the_names_of_a_door_are_sorted_there_and_no_names_of_modules(door: str) -> None:
    names = layout.exported(door)
    assert names == sorted(set(names), key=lambda name: (not name.isupper(), name))
    assert [name for name in names if f"{door}.{name}" in layout.modules()] == []
    module = importlib.import_module(door)
    for name in names:
        try:
            getattr(module, name)
        except rx.XrayError as missing:
            pytest.skip(missing.message)


@pytest.mark.parametrize("group", layout.GROUPS)
def test_contributing_names_the_parts_that_are_there(group: str) -> None:
    """In one line for each group, whose first name in code is that of the group."""
    lines = (ROOT / "CONTRIBUTING.md").read_text("utf-8").splitlines()
    (line,) = [line for line in lines if re.match(rf"(?:\| |[-*] )`{group}/`", line)]
    named = {name.rstrip("/") for name in re.findall(r"`([\w./]+)`", line)} - {group}
    there = {path.name for path in (PACKAGE / group).iterdir() if _is_part(path)}
    files = {name for name in named if name.endswith(".py")}
    assert named - files == there
    assert [name for name in files if not (PACKAGE / group / name).exists()] == []


def _is_part(path: Path) -> bool:
    return path.is_dir() and (path / "__init__.py").exists()


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


def test_nothing_in_the_repository_is_an_image_or_large(fault) -> None:
    git = shutil.which("git")
    if git is None or not (ROOT / ".git").exists():
        pytest.skip("no repository")
    listed = subprocess.run([git, "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True)
    paths = [ROOT / name for name in listed.stdout.decode().split("\0") if name]
    faults = {str(path.relative_to(ROOT)): fault(path) for path in paths if path.is_file()}
    assert {name: why for name, why in faults.items() if why} == {}

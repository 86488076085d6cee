"""The tree of commands and its page: complete, true, and its examples run."""

from __future__ import annotations

import doctest
import re
import shlex
import shutil
import tomllib

import pytest

from rekognition_xray.cli import commands
from rekognition_xray.cli.errors import ALARM, EPILOG
from rekognition_xray.local.__main__ import parse

from ..support.tools import load
from .conftest import PAGE, ROOT, Run, World, invoke

tool = load("cli_page")


LEAVES = dict(tool.leaves())


def test_there_is_a_command_to_each_verb_in_the_order_of_use():
    assert list(commands.commands) == [
        *("audit", "gate", "prepare", "estimate", "train", "evaluate"),
        *(
            "diagnose",
            "monitor",
            "review",
            "node",
            "running",
            "stop",
            "export",
            "import",
            "doctor",
            "serve",
            "verify-aws",
        ),
    ]
    assert [*commands.commands["estimate"].commands] == [
        *("training", "running", "batch", "month", "upload"),
    ]


@pytest.mark.parametrize("path", LEAVES)
def test_every_command_has_help_json_and_exit_codes(path: str):
    done = invoke(*path.split()[1:], "-h")
    assert done.exit_code == 0
    assert "--json" in done.output
    assert "Exit codes:" in done.output
    assert "130 interrupted" in EPILOG
    first = done.output.splitlines()[2].strip()
    assert first.endswith(".")
    assert "..." not in first


def test_no_key_can_be_given_on_the_command_line():
    options = {
        word for leaf in LEAVES.values() for each in leaf.command.params for word in each.opts
    }
    assert "--key" not in options
    assert "--key-file" in options


def test_the_entry_point_is_the_module():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    assert project["scripts"] == {"rekognition-xray": "rekognition_xray.__main__:main"}


def test_serve_takes_what_the_local_cloud_takes():
    ours = {
        word for each in LEAVES["rekognition-xray serve"].command.params for word in each.opts
    } - {"-v", "--debug"}
    asked = vars(parse(["serve"]))
    assert ours == {f"--{name.replace(chr(95), chr(45))}" for name in asked}
    defaults = {each.name: each.default for each in LEAVES["rekognition-xray serve"].command.params}
    for name in ("port", "host", "region", "pace", "seed", "learner"):
        assert defaults[name] == asked[name]
    for each in LEAVES["rekognition-xray serve"].command.params:
        for choice in getattr(each.type, "choices", ()):
            assert vars(parse(["serve", each.opts[0], choice]))[each.name] == choice


_UNTIL_CTRL_C = {
    "rekognition-xray serve --bucket clinic-xrays",
    "rekognition-xray node pneumonia/v1 --folder node --caller WARD --policy policy.json",
}


def examples() -> list[tuple[str, str]]:
    """Every line of the page that begins with a prompt, with the output below it."""
    found = []
    for block in re.findall(r"^```console\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE):
        for part in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
            line, _, shown = part.partition("\n")
            found.append((line, shown))
    return found


def test_synopsis_and_options_on_the_page_are_the_commands():
    assert tool.page(PAGE) == PAGE, "run: python tools/cli_page.py"
    marked = set(re.findall(r"<!-- ([a-z -]+) -->", PAGE)) - {"end", "shared options", "exit codes"}
    assert {f"rekognition-xray {what}" for what in marked} == set(LEAVES)


def test_every_command_has_an_example():
    lines = [line for line, _ in examples()]
    assert [path for path in LEAVES if not any(line.startswith(path) for line in lines)] == []


@pytest.mark.heavy
def test_the_examples_run_as_the_page_shows_them(run: Run, world: World):
    images = sorted((world.folder / "chest_xray" / "train" / "NORMAL").iterdir())[:3]
    (world.folder / "by_table").mkdir()
    for image in images:
        shutil.copy(image, world.folder / "by_table")
    rows = "".join(f"{image.name},normal\n" for image in images)
    (world.folder / "labels.csv").write_text(f"file,finding\n{rows}")
    for line, shown in examples():
        name, *words = shlex.split(line)
        if name != "rekognition-xray" or line in _UNTIL_CTRL_C:
            continue  # run by tests of their own
        done = run(*words)
        expected = ALARM if shown.startswith("ALARM") else 0
        assert done.exit_code == expected, f"{line}\n{done.output}"
        if shown:
            options = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
            got = re.sub(r"(?m)^\.\.\.", "…", done.output)
            assert doctest.OutputChecker().check_output(shown, got, options), f"{line}\n{got}"

"""Runs the tests that a change can touch: what ``make quick`` does after lint and types.

Changed is what differs from the branch ``main``, or on ``main`` from the commit before; files that
git does not know count too. A changed test file is run itself. For a changed module run all tests
in the folder that mirrors its part, and all test files that import from its door. Slow tests
(markers ``heavy``, ``soak``, ``browser``, ``pretrained``) and the tests of pages and examples are
left to ``make test``.
"""

from __future__ import annotations

import ast
import os
import subprocess
import sys
from pathlib import Path, PurePosixPath

ROOT = Path(__file__).parents[1]
PACKAGE = "rekognition_xray"
GROUPS = {"data", "cloud", "clinic", "local"}
SLOW = "not heavy and not soak and not browser and not pretrained"
WHOLE = ("tests/test_docs.py", "tests/test_examples.py", "tests/test_every_name_has_an_example.py")
ALWAYS = ("tests/test_layout.py",)


def git(*words: str) -> list[str]:
    """The lines that git prints."""
    done = subprocess.run(["git", *words], cwd=ROOT, capture_output=True, text=True, check=True)
    return done.stdout.splitlines()


def base() -> str:
    """The commit to compare with."""
    found = subprocess.run(
        ["git", "merge-base", "HEAD", "main"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    common = found.stdout.strip()
    return common if common and [common] != git("rev-parse", "HEAD") else "HEAD~1"


def changed() -> list[str]:
    """Paths that differ from `base`, or that git does not know."""
    return [*git("diff", "--name-only", base()), *git("ls-files", "--others", "--exclude-standard")]


def door(path: str) -> str:
    """The door of the part that holds a module of the package."""
    words = PurePosixPath(path).with_suffix("").parts
    depth = 3 if len(words) > 2 and words[1] in GROUPS else 2
    return ".".join(words[:depth]).removesuffix(".__init__")


def imports(test: Path) -> set[str]:
    """The modules that a test file imports, and each name as if it were a module."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(test.read_text("utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module:
            found |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
        elif isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
    return found


def touched(paths: list[str]) -> list[str]:
    """Test files and folders that the changed files can touch, relative to the repository."""
    chosen = set(ALWAYS)
    doors = {door(path) for path in paths if path.startswith(f"{PACKAGE}/") and path[-3:] == ".py"}
    for path in paths:
        if path.startswith("tests/") and path.endswith(".py") and (ROOT / path).exists():
            name = PurePosixPath(path)
            itself = name.name.startswith("test_")
            in_a_part = len(name.parts) > 2 and "support" not in name.parts
            chosen |= {path} if itself else {str(name.parent)} if in_a_part else set()
    for one in doors:
        words = one.split(".")[1:]
        mirror = Path("tests", *words)
        single = Path("tests", *words[:-1], f"test_{words[-1]}.py") if words else mirror
        chosen |= {str(found) for found in (mirror, single) if words and (ROOT / found).exists()}
    for test in (ROOT / "tests").rglob("test_*.py"):
        asked = imports(test)
        if any(name == one or name.startswith(f"{one}.") for one in doors for name in asked):
            chosen.add(str(test.relative_to(ROOT)))
    return sorted(chosen - set(WHOLE))


def main() -> int:
    """Runs pytest; its exit code, 0 also where every chosen test is slow."""
    tests = touched(changed())
    print(f"{len(tests)} test files or folders", flush=True)
    command = [sys.executable, "-m", "pytest", "-q", "-n", "auto", "--dist", "worksteal"]
    fewer = {**os.environ, "HYPOTHESIS_EXAMPLES": "10"}
    done = subprocess.run([*command, "-m", SLOW, *tests], cwd=ROOT, env=fewer, check=False)
    return 0 if done.returncode == 5 else done.returncode


if __name__ == "__main__":
    sys.exit(main())

"""The pages of README and docs, taken apart: fences, links, headings, and what is shown as output.

A page's Python fences are one program, run in order. A fence with a title (```` ```toml
title="prices.toml" ````) is a file that the reader has. A ``text`` fence after Python is what that
prints, with ``...`` for anything. ``<!-- not run: reason -->`` before a fence leaves it out.
"""

from __future__ import annotations

import contextlib
import doctest
import io
import re
import textwrap
from collections.abc import Iterator
from pathlib import Path

import attrs

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
PAGES = (ROOT / "README.md", *sorted(DOCS.rglob("*.md")))

_FENCE = re.compile(
    r"^(?P<indent> *)```(?P<language>\w+)?(?P<info>[^\n`]*)\n(?P<body>.*?)^(?P=indent)```[ ]*$",
    re.DOTALL | re.MULTILINE,
)
_LEFT_OUT = re.compile(r"<!-- not run: (?P<reason>[^>]*?) -->\s*\Z")
_FIGURE = re.compile(r"\b\d\.\d{3}\b")
_MATCHES = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE


@attrs.frozen
class Fence:
    """One fenced block; `line` is that of its first line of content."""

    language: str
    title: str | None
    body: str
    line: int
    left_out: str | None


def name(page: Path) -> str:
    """What tests call a page, such as ``how-to/see-why.md``."""
    return str(page.relative_to(DOCS if page.is_relative_to(DOCS) else ROOT))


def fences(page: Path) -> list[Fence]:
    """All fenced blocks of a page, in order."""
    text = page.read_text("utf-8")
    return [_fence(text, match) for match in _FENCE.finditer(text)]


def _fence(text: str, match: re.Match[str]) -> Fence:
    title = re.search(r'title="([^"]+)"', match["info"])
    left_out = _LEFT_OUT.search(text, endpos=match.start())
    return Fence(
        match["language"] or "",
        title and title[1],
        textwrap.dedent(match["body"]),
        text.count("\n", 0, match.start("body")) + 1,
        left_out and left_out["reason"].strip(),
    )


def program(page: Path) -> list[Fence]:
    """What of a page is run, shown as output, or written as a file."""
    taken = [fence for fence in fences(page) if not fence.left_out]
    return [fence for fence in taken if fence.title or fence.language in {"python", "text"}]


def run(page: Path, names: dict[str, object]) -> str:
    """Runs a page in the current folder and gives what it printed.

    Lines in tracebacks are those of the page.
    """
    output, last = "", None
    for fence in program(page):
        if fence.title:
            Path(fence.title).write_text(fence.body, encoding="utf-8")
        elif fence.language == "python":
            last = io.StringIO()
            code = compile("\n" * (fence.line - 1) + fence.body, str(page), "exec")
            with contextlib.redirect_stdout(last):
                exec(code, names)
            output += last.getvalue()
        elif last is not None:
            check_output(f"{page}:{fence.line}", fence.body, last.getvalue())
    return output


def check_output(where: str, shown: str, printed: str) -> None:
    """Fails where a page shows another output than its program has.

    Figures of a learner, with three digits behind the point, may differ by 0.1: another machine
    adds in another order.
    """
    forms = [_FIGURE.sub("#", text) for text in (shown, printed)]
    figures = [[float(found) for found in _FIGURE.findall(text)] for text in (shown, printed)]
    same = doctest.OutputChecker().check_output(*forms, _MATCHES)
    if same and len(figures[0]) == len(figures[1]):
        same = all(abs(one - other) <= 0.1 for one, other in zip(*figures, strict=True))
    if not same:
        raise AssertionError(f"{where} shows:\n{shown}\nbut the fence before it prints:\n{printed}")


def commands(fence: Fence) -> list[str]:
    """The commands of a shell fence; in ``console`` those after ``$``."""
    text = fence.body.replace("\\\n", " ")
    if fence.language == "console":
        return re.findall(r"^\$ (.+)$", text, re.MULTILINE)
    return [line for line in text.splitlines() if line.strip() and not line.startswith("#")]


def _without_fences(page: Path) -> str:
    return _FENCE.sub("", page.read_text("utf-8"))


def links(page: Path) -> Iterator[str]:
    """Targets of a page's links and pictures, without those to other hosts."""
    text = re.sub(r"`[^`\n]*`", "", _without_fences(page))
    for target in re.findall(r"\]\(<?([^)>\s]+)>?[^)]*\)", text):
        if not re.match(r"[a-z]+:", target):
            yield target


def anchors(page: Path) -> set[str]:
    """What a link into a page may name: its headings, and the names that it documents."""
    found = set(documented(page))
    for heading in re.findall(r"^#+ (.+)$", _without_fences(page), re.MULTILINE):
        slug = re.sub(r"[^\w\s-]", "", heading.replace("`", "")).strip().lower()
        found.add(re.sub(r"[-\s]+", "-", slug))
    return found


def documented(page: Path) -> list[str]:
    """Full names that a page takes from docstrings; of a module those of its `members`."""
    found = re.findall(
        r"^::: (\S+)\n(?: +options:\n(?: +.*\n)*? +members: \[(.+)\])?",
        page.read_text("utf-8"),
        re.MULTILINE,
    )
    return [
        full
        for module, members in found
        for full in [module, *(f"{module}.{name}" for name in members.split(", ") if name)]
    ]

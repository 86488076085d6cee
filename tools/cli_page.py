"""Writes synopsis and options of every command into docs/reference/cli.md, between its marks.

Usage: python tools/cli_page.py

The words between are the page's own. Needs the extra ``cli``.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from pathlib import Path

import click

from rekognition_xray.cli import commands
from rekognition_xray.cli.errors import MEANINGS

PAGE = Path(__file__).parents[1] / "docs" / "reference" / "cli.md"
NAME = "rekognition-xray"
SHARED = ("as_json", "verbose", "debug", "profile", "endpoint_url")
_MARKED = re.compile(r"(<!-- (?P<what>[a-z -]+) -->\n).*?(<!-- end -->)", re.DOTALL)


def leaves(
    group: click.Group = commands, name: str = NAME, parent: click.Context | None = None
) -> Iterator[tuple[str, click.Context]]:
    """Every command that does something, as it is written, with its context."""
    context = click.Context(group, info_name=name, parent=parent, **group.context_settings)
    for called, command in group.commands.items():
        if isinstance(command, click.Group):
            yield from leaves(command, called, context)
        else:
            leaf = click.Context(command, info_name=called, parent=context)
            yield leaf.command_path, leaf


def described(context: click.Context, *, shared: bool = False) -> str:
    """Synopsis and options of a command."""
    pieces = context.command.collect_usage_pieces(context)
    rows = "\n".join(_rows(context, shared=shared))
    return f"\n```text\n{' '.join([context.command_path, *pieces])}\n```\n\n{_table(rows)}\n\n"


def page(text: str) -> str:
    """The page with everything between marks replaced."""
    found = dict(leaves())

    def fill(match: re.Match[str]) -> str:
        what = match["what"]
        if what == "exit codes":
            rows = "\n".join(f"| {code} | {meaning} |" for code, meaning in MEANINGS.items())
            made = f"\n| Code | Meaning |\n|---|---|\n{rows}\n\n"
        elif what == "shared options":
            rows = "\n".join(_rows(found[f"{NAME} train"], only=SHARED))
            made = f"\n{_table(rows)}\n\n"
        else:
            made = described(found[f"{NAME} {what}"])
        return match[1] + made + match[3]

    return _MARKED.sub(fill, text)


def _rows(
    context: click.Context, *, shared: bool = False, only: tuple[str, ...] = ()
) -> Iterator[str]:
    for parameter in context.command.params:
        name = parameter.name or ""
        wanted = name in only if only else shared or name not in SHARED
        record = parameter.get_help_record(context) if isinstance(parameter, click.Option) else None
        if record and wanted:
            meaning = " ".join(record[1].replace("|", "\\|").split())
            option = record[0].replace("|", " or ")  # a bar would end the cell
            yield f"| `{option}` | {meaning} |"


def _table(rows: str) -> str:
    return f"| Option | Meaning |\n|---|---|\n{rows}" if rows else "No options of its own."


def main() -> int:
    """Rewrites the page."""
    PAGE.write_text(page(PAGE.read_text("utf-8")), "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())

"""The README's tables say what pyproject, prices and folders say; pictures tell what they are."""

from __future__ import annotations

import re
import runpy
import tomllib
from decimal import Decimal
from pathlib import Path

import pytest
from PIL import Image

import rekognition_xray as rx
from rekognition_xray.costs import article_month

from .support import pages

ROOT = pages.ROOT
README = (ROOT / "README.md").read_text("utf-8")
EXAMPLES = (pages.DOCS / "examples.md").read_text("utf-8")
PICTURES = sorted((pages.DOCS / "pictures").iterdir())
SHOWN = [
    (pages.name(page), *shown)
    for page in pages.PAGES
    for shown in re.findall(r"!\[([^]]*)\]\((\S+)\)\n\n\*([^*]*)\*", page.read_text("utf-8"))
]


def rows(heading: str) -> list[list[str]]:
    """The cells of the table under a heading, without its head."""
    section = re.split(r"^#+ ", README, flags=re.MULTILINE)
    (found,) = (part for part in section if part.startswith(heading))
    lines = [line for line in found.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[2:]]


def test_every_extra_has_its_row() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    named = [cells[0].strip("`") for cells in rows("Install")]
    assert sorted(named[1:]) == sorted(project["optional-dependencies"])
    assert named[0] == "(none)"


def test_prices_are_those_of_the_price_book() -> None:
    book = rx.PriceBook()
    training, running, month, forgotten = (
        Decimal(cells[1].replace(",", "")) for cells in rows("What it costs")
    )
    assert training == book.prices["training-hour"].amount
    assert running == book.prices["inference-unit-hour"].amount
    assert month == article_month().total
    assert forgotten == book.inference(30 * 24).total
    assert str(book.prices["inference-unit-hour"].as_of) in README
    assert book.region in README


def test_every_example_has_its_row_and_its_place_on_the_site() -> None:
    output = {cells[0]: cells[1] for cells in rows("Examples")}
    files = [path.name for path in (ROOT / "examples").glob("[!_]*.*")]
    assert sorted(output) == sorted(f"[{name}](examples/{name})" for name in files)
    for name in files:
        if name.endswith(".py"):
            assert f'"{name}: {output[f"[{name}](examples/{name})"]}"' in EXAMPLES
            assert f'--8<-- "examples/{name}"' in EXAMPLES


def test_the_readme_leads_to_every_page() -> None:
    there = {f"docs/{pages.name(page)}" for page in pages.PAGES[1:]} - {"docs/index.md"}
    linked = {link.partition("#")[0] for link in pages.links(ROOT / "README.md")}
    assert there - linked == set()


def test_the_comparison_says_of_each_way_something_or_a_dash() -> None:
    compared = rows("Beside other ways")
    assert {len(cells) for cells in compared} == {7}
    assert all(all(cells) for cells in compared)
    assert "no" in {cells[1] for cells in compared}
    assert "November 2026" in README


@pytest.mark.parametrize("page", ["README.md", "how-to/test-your-app.md"])
def test_from_install_to_a_test_of_ones_own_app_is_under_15_lines(page: str) -> None:
    """The page's own run, in test_docs, shows that the test passes."""
    (path,) = (each for each in pages.PAGES if pages.name(each) == page)
    fences = pages.fences(path)
    first = next(fence for fence in fences if (fence.title or "").startswith("test_"))
    assert "local_cloud" in first.body
    lines = [line for line in first.body.splitlines() if line.strip()]
    commands = [command for fence in fences for command in pages.commands(fence)]
    needed = [each for each in commands if each.startswith(("pip install", "pytest"))]
    assert len(lines) + len(needed) < 15


def test_pictures_are_shown_small_and_alone() -> None:
    assert {Path(target).name for _, _, target, _ in SHOWN} == {path.name for path in PICTURES}
    for path in PICTURES:
        with Image.open(path) as picture:
            assert max(picture.size) <= 1280
            assert not picture.getexif()


@pytest.mark.parametrize(("page", "words", "target", "caption"), SHOWN)
def test_a_picture_says_that_it_is_of_phantoms(page, words, target, caption) -> None:
    for text in (words, caption):
        assert "phantoms, local learner" in " ".join(text.split()).lower()


def test_drawing_pictures_without_a_browser_tells_what_is_missing(monkeypatch, capsys) -> None:
    monkeypatch.setenv("CHROMIUM", "no-such-browser")
    tool = runpy.run_path(str(ROOT / "tools" / "pictures.py"))
    assert tool["main"]([]) == 1
    assert "no-such-browser" in capsys.readouterr().out

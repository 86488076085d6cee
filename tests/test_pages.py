"""What takes the pages apart sees what is wrong with them."""

from __future__ import annotations

from pathlib import Path

import pytest

from .support import pages


@pytest.fixture
def page(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path / "page.md"


def write(page: Path, text: str) -> Path:
    page.write_text(text.replace("'''", "```"), encoding="utf-8")
    return page


def test_fences_of_a_page_share_their_names_and_files(page: Path) -> None:
    write(
        page,
        """
'''toml title="x.toml"
a = 1
'''
'''python
from pathlib import Path
a = Path("x.toml").read_text()
'''
'''python
print(a)
'''
'''text
a = ...
'''
""",
    )
    assert pages.run(page, {}) == "a = 1\n\n"


def test_another_output_than_the_one_shown_is_reported(page: Path) -> None:
    write(page, "'''python\nprint('one')\n'''\n'''text\ntwo\n'''\n")
    with pytest.raises(AssertionError, match=r"page\.md:5 shows:\ntwo"):
        pages.run(page, {})


@pytest.mark.parametrize(("printed", "same"), [("0.841", True), ("0.650", False), ("0.8", False)])
def test_a_learners_figures_may_differ_a_little(printed: str, same: bool) -> None:
    try:
        pages.check_output("here", "sensitivity 0.854", f"sensitivity {printed}")
    except AssertionError:
        assert not same
    else:
        assert same


def test_an_error_names_the_line_of_the_page(page: Path) -> None:
    write(page, "# Title\n\n'''python\n1 / 0\n'''\n")
    with pytest.raises(ZeroDivisionError) as output:
        pages.run(page, {})
    assert output.traceback[-1].lineno == 3  # counted from 0


def test_what_is_left_out_is_not_run_and_keeps_its_reason(page: Path) -> None:
    write(page, "<!-- not run: takes an hour on AWS -->\n'''python\n1 / 0\n'''\n")
    assert pages.run(page, {}) == ""
    assert [fence.left_out for fence in pages.fences(page)] == ["takes an hour on AWS"]


def test_a_fence_in_a_list_is_seen(page: Path) -> None:
    write(page, "- item\n\n    '''python\n    print(1)\n    '''\n")
    assert pages.run(page, {}) == "1\n"


def test_links_commands_and_anchors_are_read(page: Path) -> None:
    write(
        page,
        "# `Two` words, and more\n\n[a](b.md#c) [web](https://example.org) `[no](no.md)`\n\n"
        "'''console\n$ make docs\nsite\n'''\n\n::: a.b\n    options:\n      members: [C, d]\n",
    )
    assert list(pages.links(page)) == ["b.md#c"]
    assert pages.anchors(page) == {"two-words-and-more", "a.b", "a.b.C", "a.b.d"}
    assert [pages.commands(fence) for fence in pages.fences(page)] == [["make docs"]]

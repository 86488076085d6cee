"""The page of published figures is what the generator makes of its data; nothing is typed twice."""

from __future__ import annotations

import json
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest

from rekognition_xray import demo

from .support.tools import load

tool = load("published")
PUBLISHED, OURS = tool.load(tool.PUBLISHED), tool.load(tool.OURS)
ROWS = PUBLISHED["rows"]
named = pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row['who']} {row['classes']}")


@pytest.fixture(scope="module")
def page():
    return tool.PAGE.read_text("utf-8")


def line_of(row, page):
    (line,) = {line for line in page.splitlines() if line == f"| {' | '.join(tool._row(row))} |"}
    return line


def test_the_page_is_what_the_generator_makes(page):
    assert page == tool.page(PUBLISHED, OURS), "run: make published"


@named
def test_every_row_names_source_split_task_and_patients(row):
    assert row["who"].strip()
    assert row["source"].strip()
    assert row["patients"].strip()
    assert row["split"].rstrip("?") in {*PUBLISHED["splits"], ""}
    assert row["classes"] in PUBLISHED["classes"]
    assert set(row.get("not_checked", ())) <= {"split", "accuracy", "figures"}


@named
def test_what_was_not_looked_up_is_marked(row, page):
    assert line_of(row, page).count("**not checked**") == len(row.get("not_checked", ()))


@named
def test_an_accuracy_has_an_interval_or_says_that_none_is_given(row, page):
    cell = line_of(row, page).split(" | ")[4]
    if "accuracy" not in row:
        assert cell == "not given"
    elif "test_images" in row:
        low, high = map(float, re.search(r"\(([\d.]+)–([\d.]+), ", cell).groups())
        assert low < row["accuracy"] < high
    else:
        assert "no interval given" in cell


@given(st.integers(1, 5000).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_intervals_of_others_are_wilsons(counted):
    right, images = counted
    expected = binomtest(right, images).proportion_ci(method="wilson")
    assert tool.wilson(right / images, images) == pytest.approx(expected, abs=1e-9)


def test_a_stated_count_of_right_images_fits_the_printed_accuracy():
    counted = [row for row in ROWS if "right" in row]
    assert counted
    for row in counted:
        assert round(100 * row["right"] / row["test_images"], 2) == row["accuracy"]


def test_our_figures_have_intervals_and_say_what_they_were_measured_with(page):
    names = {(figure["of"], figure["name"]) for figure in OURS["figures"]}
    assert names == {(of, name) for of, shown in tool.SHOWN.items() for name in shown}
    for figure in OURS["figures"]:
        assert figure["low"] <= figure["value"] <= figure["high"]
        assert f"{figure['value']:.3f} ({figure['low']:.3f}–{figure['high']:.3f})" in page
    for output in ("fingerprint", "library", "measured_on"):
        assert OURS[output] in page


@pytest.mark.parametrize(
    "output", ["not AWS's", r"comes\s+out too good", "medical device", "CC BY 4.0", "read reliably"]
)
def test_the_page_says_how_to_read_it(page, output):
    assert re.search(output, page)


def test_a_card_of_drawn_images_is_refused(tmp_path, capsys):
    card = tmp_path / "card.json"
    card.write_text(json.dumps({"facts": {"data": {"source": "images drawn by this program"}}}))
    assert tool.main(["--card", str(card)]) == 1
    assert "not of the public images" in capsys.readouterr().err


@pytest.mark.soak
def test_measuring_anew_gives_our_figures(xrays, tmp_path):
    assert demo.main([str(xrays / "chest_xray"), "--output", str(tmp_path)]) == 0
    found = tool.taken(json.loads((tmp_path / "card.json").read_text("utf-8")))
    assert (found["fingerprint"], found["counts"]) == (OURS["fingerprint"], OURS["counts"])
    for measured, kept in zip(found["figures"], OURS["figures"], strict=True):
        assert measured["value"] == pytest.approx(kept["value"], abs=0.01)

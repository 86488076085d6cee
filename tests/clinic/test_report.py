from __future__ import annotations

import re
from html.parser import HTMLParser

import pytest

from rekognition_xray.clinic.report import render_page

_VOID = {"meta", "link"}


class _Nesting(HTMLParser):
    def __init__(self):
        super().__init__()
        self.open, self.wrong = [], []

    def handle_starttag(self, tag, attributes):
        if tag not in _VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attributes):
        pass

    def handle_endtag(self, tag):
        if not self.open or self.open.pop() != tag:
            self.wrong.append(tag)


@pytest.fixture(scope="module")
def evaluation(draw, write):
    films = write(draw(patients=60))
    return films.evaluation(name="v1", made_by="a scripted learner", split="7f3a (seed 7)")


@pytest.fixture(scope="module")
def page(evaluation, tmp_path_factory):
    path = tmp_path_factory.mktemp("page") / "deep" / "evaluation.html"
    assert evaluation.to_html(path) == path
    return path.read_text("utf-8")


def test_the_page_tells_its_intended_use_origin_and_split(page):
    for part in (
        "Not a medical device",
        "choosing antibiotics",
        "children",
        "one centre",
        "a scripted learner",
        "7f3a (seed 7)",
    ):
        assert part in page


def test_the_page_holds_every_figure_with_its_interval(page, evaluation):
    assert str(evaluation.accuracy) in page
    assert str(evaluation.two_class.sensitivity) in page
    assert all(str(row.auroc) in page for row in evaluation.by_label.values())


def test_the_page_asks_the_network_for_nothing(page):
    outside = re.findall(r"""(?:src|href|url)\s*[=(]\s*["']?(?!data:|#)([^"')\s>]+)""", page)
    assert outside == []
    assert "<script" not in page
    assert "default-src 'none'" in page


def test_the_page_is_well_nested(page):
    parser = _Nesting()
    parser.feed(page)
    assert (parser.wrong, parser.open) == ([], [])


def test_misread_films_come_first(page, evaluation):
    wrong = [film for film in evaluation.films if film.truth != film.predicted]
    rows = re.findall(r'<bdi>([^<]+)</bdi>.*?(class="wrong")?>(\w+)</td><td data-name="conf', page)
    assert len(rows) == len(evaluation.films)
    assert [source for source, _, _ in rows[: len(wrong)]] == [film.source_ref for film in wrong]


def test_the_curve_runs_from_corner_to_corner(page):
    points = re.search(r'<polyline class="curve" points="([^"]+)"', page)[1].split()
    assert points[0] == "0.0,300.0"
    assert points[-1] == "300.0,0.0"


def test_what_comes_from_files_is_escaped(draw, write):
    films = draw(patients=12)
    files = write(
        [
            films[0].__class__("s3://b/<script>alert(1)</script>", "normal", films[0].confidences),
            *films[1:],
        ]
    )
    page = render_page(files.evaluation(name="<img src=x>"))
    assert "<script>" not in page
    assert "<img" not in page


def test_a_long_list_of_films_is_cut_and_says_so(draw, write, tmp_path):
    evaluation = write(draw(patients=300)).evaluation(resamples=100)
    page = evaluation.to_html(tmp_path / "page.html").read_text("utf-8")
    assert page.count("<bdi>") == 400
    assert f"400 of {len(evaluation.films)} shown" in page


def test_a_label_without_films_shows_not_estimable_instead_of_a_number(draw, write, tmp_path):
    films = [film for film in draw(patients=30) if film.truth != "viral"]
    page = write(films).evaluation().to_html(tmp_path / "page.html").read_text("utf-8")
    assert "not estimable" in page
    assert "no test film" in page


def test_writing_again_replaces_the_page_and_leaves_nothing_else(evaluation, tmp_path):
    path = tmp_path / "page.html"
    path.write_text("old")
    evaluation.to_html(path)
    evaluation.to_html(str(path))
    assert path.read_text("utf-8")[:3] != "old"
    assert list(tmp_path.iterdir()) == [path]

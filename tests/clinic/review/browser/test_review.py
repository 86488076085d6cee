"""The review page as readers use it, in a real browser: run by ``make test-browser``."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from rekognition_xray.clinic.review import ServedReview, review_page, serve_review
from rekognition_xray.data.correcting import Reading, read_readings

from ....support.pages_in_browser import BUTTONS, CONTRAST

pytestmark = pytest.mark.browser


@pytest.fixture
def open_page(browser):
    """Opens a page in one look; afterwards nothing may have gone wrong or out."""
    tabs = []

    def opened(at: Path | str, **look):
        tabs.append(browser.tab(at, **look))
        return tabs[-1]

    yield opened
    for tab in tabs:
        # The browser itself notes the picture that cannot be decoded.
        assert [each for each in tab.errors if "/image/" not in each] == []
        allowed = ("file:", "data:", "blob:", "http://127.0.0.1:")
        assert all(each.startswith(allowed) for each in tab.requested)
        tab.close()


@pytest.fixture
def served(journal: Path, tmp_path: Path):
    with serve_review(journal, tmp_path / "readings.jsonl", random=2) as server:
        yield server


def name(tab, reader: str = "r1") -> None:
    """Types a name as a reader would, and leaves the field."""
    tab.js('document.getElementById("reader").focus()')
    tab.send("Input.insertText", text=reader)
    tab.press("Enter")


def shown(tab, part: str) -> str:
    return tab.js(f'document.getElementById("{part}").innerText')


def saved(server: ServedReview, count: int) -> tuple[Reading, ...]:
    """The readings in the file, once there are so many."""
    end = time.monotonic() + 20
    while len(found := read_readings(server.readings)) < count:
        assert time.monotonic() < end, f"{len(found)} readings of {count} arrived"
    return found


def test_images_are_read_by_keyboard_and_each_reading_is_kept(open_page, served) -> None:
    tab = open_page(served.url)
    name(tab)
    for key in ("1", "ArrowRight", "2", "ArrowRight", "u", "ArrowRight", "x"):
        tab.press(key)
    readings = saved(served, 4)
    sources = [one.answer.source for one in served.images]
    assert [one.source for one in readings] == sources[:4]
    assert [one.label for one in readings] == ["normal", "viral", None, None]
    assert [one.verdict for one in readings[2:]] == ["unsure", "unreadable"]
    for listed, reading in zip(served.images, readings[:2], strict=False):
        assert reading.verdict == ("agree" if reading.label == listed.finding else "correct")
        assert (reading.reader, reading.finding, reading.blind) == ("r1", listed.finding, True)


def test_a_blind_reader_sees_the_finding_after_the_answer(open_page, served) -> None:
    tab = open_page(served.url)
    name(tab)
    assert shown(tab, "model") == ""
    tab.press("a")  # nothing to agree with yet
    tab.press("1")
    assert f"Model: {served.images[0].finding}" in shown(tab, "model")
    tab.press("2")
    first, second = saved(served, 2)
    assert (first.blind, second.blind) == (True, False)
    assert (first.label, second.label) == ("normal", "viral")


def test_nothing_is_read_without_a_name(open_page, served) -> None:
    tab = open_page(served.url)
    tab.js("document.activeElement.blur()")
    tab.press("1")
    assert read_readings(served.readings) == ()
    assert tab.js("document.activeElement.id") == "reader"
    assert "Enter your name" in shown(tab, "saved")


def test_a_page_that_is_opened_again_goes_on(open_page, served) -> None:
    tab = open_page(served.url)
    name(tab)
    tab.press("1")
    saved(served, 1)
    again = open_page(served.url)
    assert "1 of 6 read" in shown(again, "saved")
    assert again.js('document.querySelector("[data-label=normal]").ariaPressed') == "true"


def test_a_reading_that_could_not_be_saved_is_sent_with_the_next(open_page, served) -> None:
    tab = open_page(served.url)
    name(tab)
    tab.js("""(() => {
        window.real = window.fetch;
        window.fetch = () => Promise.reject(new Error("no network"));
    })()""")
    tab.press("1")
    tab.js("new Promise((done) => setTimeout(done, 50))")
    assert "the server does not answer" in shown(tab, "failed")
    assert "1 not saved yet" in shown(tab, "saved")
    tab.js("(() => { window.fetch = window.real; })()")
    tab.press("ArrowRight")
    tab.press("2")
    assert [one.label for one in saved(served, 2)] == ["normal", "viral"]
    tab.js("new Promise((done) => setTimeout(done, 50))")
    assert shown(tab, "failed") == ""


def test_a_file_offers_its_readings_as_a_file(open_page, journal: Path, tmp_path: Path) -> None:
    tab = open_page(review_page(journal, tmp_path / "page.html", blind=False))
    folder = tmp_path / "downloads"
    tab.send("Page.setDownloadBehavior", behavior="allow", downloadPath=str(folder))
    name(tab)
    tab.press("a")  # the first image is referred: there is no label to agree with
    for key in ("ArrowRight", "ArrowRight", "a"):
        tab.press(key)
    tab.press("s")
    file, end = folder / "readings.jsonl", time.monotonic() + 20
    while not (file.exists() and file.read_bytes().endswith(b"\n")):
        assert time.monotonic() < end
    (reading,) = read_readings(file)
    assert (Path(reading.source).name, reading.verdict, reading.blind) == ("2.png", "agree", False)


def test_a_page_shows_its_own_readings_and_those_of_no_other(
    open_page, journal: Path, tmp_path: Path
) -> None:
    seen = review_page(journal, tmp_path / "seen.html", blind=False)
    blind = review_page(journal, tmp_path / "blind.html", blind=True)
    tab = open_page(seen)
    name(tab)
    tab.press("1")
    assert "1 of 6 read" in shown(open_page(seen), "saved")
    other = open_page(blind)
    assert other.js('document.getElementById("reader").value') == ""
    name(other)
    assert "0 of 6 read" in shown(other, "saved")
    assert shown(other, "model") == ""


def test_an_image_that_cannot_be_shown_says_why(open_page, journal: Path, tmp_path: Path) -> None:
    tab = open_page(review_page(journal, tmp_path / "page.html", blind=False))
    for _ in range(3):
        tab.press("ArrowRight")
    tab.js("document.activeElement.blur()")
    for _ in range(3):
        tab.press("ArrowRight")
    assert "The image cannot be shown" in shown(tab, "no-picture")


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [360, 1280])
def test_it_fits_and_can_be_read_in_every_look(
    open_page, served, tmp_path: Path, width: int, scheme: str
) -> None:
    tab = open_page(served.url, width=width, scheme=scheme)
    name(tab)
    tab.press("1")
    saved(served, 1)
    assert tab.js("document.documentElement.scrollWidth") <= width
    seen = tab.js(CONTRAST)
    assert seen["seen"] > 10
    assert seen["bad"] == []
    small = tab.js(BUTTONS)
    assert small == []
    tab.screenshot(tmp_path / f"review-{width}-{scheme}.png")

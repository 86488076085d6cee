"""The page as people use it, in a real browser: run by ``make test-browser``."""

from __future__ import annotations

import json

import pytest
from PIL import Image, ImageDraw

from ....support.pages_in_browser import CONTRAST

pytestmark = pytest.mark.browser

_SIZES = (360, 1280)
_HOSTILE = "</script><b>" + "W" * 60
_STOPS = """[...document.querySelectorAll(
  "a[href], button, select, input, summary, [tabindex='0']")]
  .filter((each) => each.checkVisibility()
    && !(each.type === "radio" && !each.checked)
    && !each.closest("details:not([open]) > :not(summary)"))
  .map((each) => each.outerHTML.slice(0, 80))"""
_ON_THE_WAY = """(() => {
  const at = document.activeElement;
  const style = getComputedStyle(at);
  const seen = at.matches(".pill input") ? getComputedStyle(at.nextElementSibling) : style;
  return { at: at.outerHTML.slice(0, 80), ring: seen.outlineStyle !== "none" };
})()"""


@pytest.fixture(scope="session")
def evaluation(draw, write):
    return write(draw(patients=90)).evaluation(name="v1", split="7f3a", resamples=200)


@pytest.fixture(scope="session")
def path(evaluation, tmp_path_factory):
    folder = tmp_path_factory.mktemp("page")
    images = {}
    for place, image in enumerate(evaluation.images):
        picture = Image.linear_gradient("L").resize((320, 240))
        ImageDraw.Draw(picture).ellipse((60, 40, 60 + place % 150, 200), fill=200)
        images[image.source_ref] = folder / f"{place}.png"
        picture.save(images[image.source_ref])
    policy = evaluation.policy(sensitivity=0.8)
    return evaluation.to_html(folder / "page.html", images=images, policy=policy, prevalence=0.1)


@pytest.fixture
def open_page(browser, path):
    """Opens a page in one look; afterwards nothing may have gone wrong or out."""
    tabs = []

    def opened(at=path, **look):
        tabs.append(browser.tab(at, **look))
        return tabs[-1]

    yield opened
    for tab in tabs:
        assert tab.errors == []
        assert all(each.startswith(("file:", "data:")) for each in tab.requested)
        tab.close()


def _kind(image, positive):
    right = (image.truth in positive) == (image.predicted in positive)
    return f"{'t' if right else 'f'}{'p' if image.predicted in positive else 'n'}"


def _shown(tab):
    return tab.js('document.querySelectorAll("#gallery .image:not([hidden])").length')


@pytest.mark.parametrize("outcome", ["tp", "fp", "fn", "tn"])
@pytest.mark.parametrize("positive", [("bacterial", "viral"), ("normal",), ("viral",)])
def test_images_are_filtered_by_outcome(open_page, evaluation, outcome, positive):
    tab = open_page()
    places = " ".join(str(evaluation.labels.index(label)) for label in positive)
    tab.choose("subject", places)
    tab.choose("outcome", outcome)
    wanted = sum(_kind(image, positive) == outcome for image in evaluation.images)
    assert _shown(tab) == wanted
    output = tab.js('document.getElementById("count").textContent')
    assert output == f"{wanted} of {len(evaluation.images)} images"
    pill = f'document.querySelector("input[value={outcome}] + span .number").textContent'
    assert tab.js(pill) == str(wanted)


def test_images_are_filtered_by_true_and_called_label_and_all_come_back(open_page, evaluation):
    tab = open_page()
    tab.choose("truth", "2")
    viral = [image for image in evaluation.images if image.truth == "viral"]
    assert _shown(tab) == len(viral)
    tab.choose("called", "1")
    assert _shown(tab) == sum(image.predicted == "bacterial" for image in viral)
    tab.choose("outcome", "wrong")
    assert _shown(tab) == sum(image.predicted == "bacterial" for image in viral)
    tab.js('document.querySelector("button[type=reset]").click()')
    tab.js("new Promise((done) => setTimeout(done, 0))")
    assert _shown(tab) == len(evaluation.images)


def test_a_choice_without_images_says_so(open_page):
    tab = open_page()
    tab.choose("truth", "0")
    tab.choose("called", "0")
    tab.choose("outcome", "wrong")
    assert _shown(tab) == 0
    assert tab.js('document.getElementById("none").checkVisibility()')


@pytest.mark.parametrize("field", ["confidence", "pneumonia"])
def test_images_are_put_in_order_and_back(open_page, field):
    tab = open_page()
    order = f"""[...document.querySelectorAll("#gallery .image")]
        .map((image) => Number(image.dataset.{field}))"""
    given = tab.js(order)
    for direction in ("down", "up"):
        tab.choose("order", f"{field} {direction}")
        assert tab.js(order) == sorted(given, reverse=direction == "down")
    tab.choose("order", "given")
    assert tab.js(order) == given


def test_the_slider_shows_the_figures_of_its_threshold(open_page, evaluation):
    tab = open_page()
    points = evaluation.curves().sweep
    tab.js('document.querySelector("#sweep-0 input").focus()')
    tab.press("End")
    read = (
        """[...document.querySelectorAll("#sweep-0 [data-column]")].map((at) => at.textContent)"""
    )
    last = points[-1]
    assert tab.js(read)[1:] == [str(last.sensitivity), str(last.specificity), str(last.called)]
    tab.press("Home")
    tab.press("ArrowRight")
    assert tab.js(read)[1:] == [
        str(points[1].sensitivity),
        str(points[1].specificity),
        str(points[1].called),
    ]
    at = tab.js('Number(document.querySelector("#sweep-0 .cursor").getAttribute("x1"))')
    assert at == pytest.approx(300 * points[1].threshold, abs=0.06)
    assert "specificity" in tab.js('document.querySelector("#sweep-0 input").ariaValueText')


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", _SIZES)
def test_nothing_reaches_beyond_the_screen_and_all_text_can_be_read(
    open_page, tmp_path, width, scheme
):
    tab = open_page(width=width, scheme=scheme)
    tab.js('document.querySelectorAll("details").forEach((each) => { each.open = true; })')
    assert tab.js("document.documentElement.scrollWidth") <= width
    output = tab.js(CONTRAST)
    assert output["seen"] > 500
    assert output["bad"] == []
    taken = tab.screenshot(tmp_path / "page.png", height=1000)
    with Image.open(taken) as picture:
        corner = picture.convert("L").getpixel((2, 2))
    assert (corner < 60) is (scheme == "dark")


@pytest.mark.parametrize("width", _SIZES)
def test_long_hostile_labels_neither_run_nor_push_the_page_wide(
    open_page, draw, write, tmp_path, width
):
    labels = ("normal", "viral", _HOSTILE)
    files = write(draw(patients=40, labels=labels), labels=labels)
    page = files.evaluation(name="V" * 80, resamples=100).to_html(tmp_path / "page.html")
    tab = open_page(page, width=width)
    assert tab.js("document.documentElement.scrollWidth") <= width
    assert tab.js('document.querySelectorAll("script").length') == 1
    assert tab.js("document.querySelectorAll('b').length") == 0
    tab.choose("truth", "2")
    assert _shown(tab) > 0


def test_the_keyboard_reaches_every_control_and_shows_where_it_is(open_page):
    tab = open_page()
    wanted = tab.js(_STOPS)
    assert len(wanted) > 30
    reached = []
    for _ in range(len(wanted) + 5):
        tab.press("Tab")
        now = tab.js(_ON_THE_WAY)
        if now["at"].startswith("<body"):
            break
        reached.append(now["at"])
        assert now["ring"], now["at"]
    assert "skip" in reached[0]
    assert sorted(set(wanted)) == sorted(set(reached))


def test_outcomes_are_chosen_by_arrow_keys(open_page, evaluation):
    tab = open_page()
    tab.js('document.querySelector("input[name=outcome]").focus()')
    tab.press("ArrowRight")
    wrong = sum(image.truth != image.predicted for image in evaluation.images)
    assert _shown(tab) == wrong


def test_the_skip_link_leads_to_the_figures(open_page):
    tab = open_page()
    tab.press("Tab")
    tab.press("Enter")
    assert tab.js("document.activeElement.id") == "figures"


def test_without_script_everything_but_the_choosing_is_there(open_page, evaluation):
    tab = open_page(script=False)
    text = tab.text()
    assert "need JavaScript" in text
    assert "need JavaScript" not in open_page().text()
    assert "true positive" not in text
    assert tab.js('document.querySelectorAll("#gallery .image:not([hidden]) img").length') == len(
        evaluation.images
    )
    for each in (evaluation.accuracy, evaluation.two_class.auroc):
        assert f"{each.value:.3f}" in text


def test_on_paper_the_notice_stands_and_the_controls_do_not(open_page):
    tab = open_page(media="print", scheme="dark", width=700)
    assert tab.js("document.documentElement.scrollWidth") <= 700
    visible = (
        '[...document.querySelectorAll("nav, #filters, .slider")].some((x) => x.checkVisibility())'
    )
    assert not tab.js(visible)
    assert tab.js('document.querySelector(".note strong").checkVisibility()')
    assert tab.js("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    assert tab.pdf().startswith(b"%PDF")


def test_seven_hundred_images_answer_a_choice_within_a_second(open_page, draw, write, tmp_path):
    evaluation = write(draw(patients=350, images=(2, 2))).evaluation(resamples=100)
    tab = open_page(evaluation.to_html(tmp_path / "page.html"))
    took = f"""(() => {{
        const form = document.getElementById("filters");
        form.elements.namedItem("order").value = {json.dumps("confidence up")};
        const began = performance.now();
        form.dispatchEvent(new Event("input", {{ bubbles: true }}));
        document.body.getBoundingClientRect();
        return performance.now() - began;
    }})()"""
    assert tab.js(took) < 1000

from __future__ import annotations

import base64
import hashlib
import html
import io
import json
import re
from html.parser import HTMLParser
from pathlib import Path
from tempfile import TemporaryDirectory

import attrs
import pytest
from PIL import Image, PngImagePlugin

import rekognition_xray as rx
from rekognition_xray.clinic.notices import NOTICE
from rekognition_xray.errors import EvaluationError

_VOID = {"meta", "link", "img", "input", "wbr"}
_HOSTILE = ("normal", "</script><b>", "\"' onload=alert(1) x=", "<!--{{ 7 * 7 }}")


class _Elements(HTMLParser):
    """Tags with attributes in order, and what is not closed or closed wrongly."""

    def __init__(self, page):
        super().__init__()
        self.open, self.wrong, self.all = [], [], []
        self.feed(page)
        self.close()

    def handle_starttag(self, tag, attributes):
        self.all.append((tag, dict(attributes)))
        if tag not in _VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attributes):
        self.all.append((tag, dict(attributes)))

    def handle_endtag(self, tag):
        if not self.open or self.open.pop() != tag:
            self.wrong.append(tag)

    def named(self, tag):
        return [attributes for name, attributes in self.all if name == tag]

    def of(self, kind):
        return [each for _, each in self.all if kind in (each.get("class") or "").split()]


def render_page(evaluation, **settings):
    """The text of the page."""
    with TemporaryDirectory() as folder:
        return evaluation.to_html(Path(folder) / "page.html", **settings).read_text("utf-8")


@pytest.fixture(scope="module")
def evaluation(draw, write):
    images = write(draw(patients=60))
    return images.evaluation(name="v1", made_by="a scripted learner", split="7f3a (seed 7)")


@pytest.fixture(scope="module")
def policy(evaluation):
    return evaluation.policy(sensitivity=0.8)


@pytest.fixture(scope="module")
def pictures(evaluation, tmp_path_factory):
    """A picture of each image on disk, with a name and a comment that nobody may see."""
    folder = tmp_path_factory.mktemp("images")
    hidden = PngImagePlugin.PngInfo()
    hidden.add_text("Comment", "Jane Roentgen")
    made = {}
    for place, image in enumerate(evaluation.images):
        made[image.source_ref] = folder / f"patient-jane-roentgen-{place}.png"
        picture = Image.linear_gradient("L").resize((400, 300)).rotate(place)
        picture.save(made[image.source_ref], pnginfo=hidden)
    return made


@pytest.fixture(scope="module")
def page(evaluation, policy, pictures, tmp_path_factory):
    path = tmp_path_factory.mktemp("page") / "deep" / "evaluation.html"
    output = evaluation.to_html(path, images=pictures, policy=policy, prevalence=0.1)
    assert output == path
    return path.read_text("utf-8")


@pytest.fixture(scope="module")
def elements(page):
    return _Elements(page)


def test_the_page_tells_its_intended_use_origin_and_split(page):
    for part in (
        "Not a medical device",
        "choose antibiotics",
        "children",
        "one centre",
        "a scripted learner",
        "7f3a (seed 7)",
        f"rekognition-xray {rx.__version__}",
    ):
        assert part in page


def test_the_notice_stands_before_all_figures_and_on_every_printed_page(page):
    body = page[page.index("<body>") :]
    assert body.index(NOTICE) < body.index('id="figures"')
    assert f'@bottom-center {{ content: "{NOTICE}"' in page


def _shown(figure, *, bold=True):
    value, _, interval = str(figure).partition(" ")
    value = f'<span class="value">{value}</span>' if bold else value
    return f'{value} <span class="range-text">{interval}</span>'


def test_the_page_holds_every_figure_with_its_interval(page, evaluation, policy):
    figures = [evaluation.accuracy, evaluation.balanced_accuracy, evaluation.f1]
    figures += [evaluation.brier, evaluation.calibration_error]
    for each in (evaluation.two_class, *evaluation.by_label.values(), policy.reported):
        figures += each.by_name().values()
    at = evaluation.at_prevalence(0.1)
    for figure in [*figures, at.ppv, at.npv]:
        assert figure.value is not None
        assert _shown(figure) in page


def test_the_two_class_view_has_its_own_confusion_matrix(page, evaluation):
    found = sum(image.has_pneumonia and image.predicted != "normal" for image in evaluation.images)
    matrix = page[page.index('aria-label="Confusion: Pneumonia or not"') :]
    assert re.search(r'class="good s\d+">(\d+)<', matrix)[1] == str(found)


def test_the_policy_tells_on_what_it_was_chosen_and_reported(page, policy):
    assert "chosen on one half of the test patients, reported on the other" in page
    for part in (policy.chosen_on, policy.reported):
        assert f"{part.images} images of {part.patients} patients" in page


def test_the_page_holds_the_decision_curve_as_a_chart_and_a_table(page, evaluation):
    assert 'id="net-benefit"' in page
    for point in evaluation.net_benefit().points:
        for figure in point.by_name().values():
            assert _shown(figure, bold=False) in page


def test_the_page_says_what_the_policy_guarantees(page, evaluation):
    assert "nothing: a choice without guarantee" in page
    policy = evaluation.policy(sensitivity=0.7, specificity=0.7, confidence=0.8)
    guaranteed = html.unescape(render_page(evaluation, policy=policy))
    assert "a choice without guarantee" not in guaranteed
    for guarantee in policy.guarantees:
        assert str(guarantee) in guaranteed


def test_the_page_of_groups_is_well_formed_and_escapes_their_names(evaluation):
    facts = {
        image.source_ref: {"<b>sex": "<i>f" if int(image.group, 16) % 2 else "m"}
        for image in evaluation.images
    }
    policy = evaluation.policy(sensitivity=0.7, specificity=0.7, confidence=0.8)
    page = render_page(evaluation.with_groups(facts), policy=policy)
    elements = _Elements(page)
    assert elements.wrong == elements.open == []
    assert "<b>sex" not in page
    assert "<i>f" not in page
    assert "By &lt;b&gt;sex" in page


def test_the_policy_of_another_version_is_refused(evaluation, policy, tmp_path):
    other = attrs.evolve(policy, version_arn="arn:other")
    with pytest.raises(EvaluationError, match="arn:other"):
        evaluation.to_html(tmp_path / "page.html", policy=other)
    assert list(tmp_path.iterdir()) == []


def test_every_threshold_of_the_sweep_is_there_with_intervals(page, evaluation):
    points = evaluation.curves().sweep
    assert len(points) > 50
    for point in points:
        cells = (point.sensitivity, point.specificity, point.called)
        assert "".join(f"<td>{_shown(cell, bold=False)}</td>" for cell in cells) in page


def test_every_chart_has_a_title_a_description_and_a_table(elements, page):
    plots = elements.of("plot")
    assert (
        len(plots) == 2 + 4 + 4 + 1 + 2 + 1
    )  # ROC and precision; reliability; sweeps; risk; net benefit
    assert page.count("<title id=") == page.count("<desc id=") == len(plots)
    assert len(elements.named("details")) >= len(plots)
    ids = [each["id"] for _, each in elements.all if "id" in each]
    assert len(ids) == len(set(ids))
    for plot in plots:
        assert plot["role"] == "img"
        assert set(plot["aria-labelledby"].split()) <= set(ids)


def test_the_curve_of_pneumonia_runs_from_corner_to_corner(page):
    points = re.search(r'<polyline class="line k0" points="([^"]+)"', page)[1].split()
    assert points[0] == "0.0,300.0"
    assert points[-1] == "300.0,0.0"


def test_the_page_asks_the_network_for_nothing(page, elements):
    addresses = [
        value
        for _, attributes in elements.all
        for name, value in attributes.items()
        if name in {"src", "href", "srcset", "action", "poster", "data"}
    ]
    assert addresses
    assert all(address.startswith(("data:", "#")) for address in addresses)
    assert not re.search(r"@import|url\(|\w://", page)


def test_the_content_policy_allows_just_this_style_and_this_script(page, elements):
    output = next(each["content"] for each in elements.named("meta") if "http-equiv" in each)
    assert output.startswith("default-src 'none'; ")
    assert "unsafe" not in output
    for kind in ("style", "script"):
        (text,) = re.findall(rf"<{kind}>(.*?)</{kind}>", page, re.DOTALL)
        digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
        assert f"{kind}-src 'sha256-{digest}'" in output


def test_there_is_no_inline_style_and_no_inline_handler(elements):
    names = {name for _, attributes in elements.all for name in attributes}
    assert "style" not in names
    assert not any(name.startswith("on") for name in names)


def test_the_page_is_well_nested(elements):
    assert (elements.wrong, elements.open) == ([], [])


def test_each_image_has_truth_call_confidence_and_a_small_grey_picture(elements, evaluation, page):
    tiles, images = elements.of("image"), elements.named("img")
    assert len(tiles) == len(images) == len(evaluation.images)
    wrong = [image for image in evaluation.images if image.truth != image.predicted]
    assert wrong
    assert ["wrong" in tile["class"].split() for tile in tiles[: len(wrong) + 1]] == [
        *[True] * len(wrong),
        False,
    ]
    kind, data = images[0]["src"].split(",")
    assert kind == "data:image/jpeg;base64"
    with Image.open(io.BytesIO(base64.b64decode(data))) as picture:
        assert (picture.mode, max(picture.size)) == ("L", 128)
        assert set(picture.info) <= {"jfif", "jfif_version", "jfif_unit", "jfif_density"}


def test_neither_patients_nor_file_names_are_shown(page, evaluation):
    assert "jane" not in page.lower()
    assert "roentgen" not in page.lower()
    for image in evaluation.images:
        assert image.patient not in page
        assert image.source_ref not in page


def test_the_key_of_an_image_that_was_not_stored_by_us_is_not_shown(draw, write):
    page = render_page(write(draw(patients=40, keyed=False)).evaluation(resamples=100))
    assert "image-3" not in page
    assert "image 3" in page


def test_pictures_may_come_from_a_receipt_or_a_function(evaluation, pictures):
    images = {rx.Xray(path, "normal"): address for address, path in list(pictures.items())[:3]} | {
        rx.Xray("s3://clinic-xrays/there.png", "normal"): evaluation.images[5].source_ref
    }
    page = render_page(evaluation, images=images)
    assert page.count("<img") == 3
    assert f"{len(evaluation.images) - 3} images have no picture here" in page
    data = pictures[evaluation.images[0].source_ref].read_bytes()
    known = {evaluation.images[0].source_ref: data}
    assert render_page(evaluation, images=known.get).count("<img") == 1


def test_without_images_there_is_no_picture_and_the_page_says_so(evaluation):
    page = render_page(evaluation)
    assert "<img" not in page
    assert "made without pictures" in page


def test_pictures_that_cannot_be_read_are_named_together(evaluation, tmp_path):
    (tmp_path / "text.png").write_text("no image")
    first, second = (image.source_ref for image in evaluation.images[:2])
    images = {first: tmp_path / "text.png", second: str(tmp_path / "gone.png")}
    with pytest.raises(EvaluationError, match=r"2 pictures") as caught:
        evaluation.to_html(tmp_path / "page.html", images=images)
    assert "text.png" in str(caught.value)
    assert "gone.png" in str(caught.value)
    assert not (tmp_path / "page.html").exists()


@pytest.mark.heavy
def test_seven_hundred_images_with_pictures_stay_far_below_ten_megabytes(draw, write):
    evaluation = write(draw(patients=350, images=(2, 2))).evaluation(resamples=100)
    assert len(evaluation.images) == 700
    noise = Image.effect_noise((256, 200), 60)  # what JPEG can do least about
    stream = io.BytesIO()
    noise.save(stream, "JPEG")
    page = render_page(evaluation, images=lambda _: stream.getvalue())
    assert page.count("<img") == 700
    assert len(page.encode()) < 8e6


@pytest.mark.parametrize("label", _HOSTILE[1:])
def test_what_comes_from_files_is_escaped(draw, write, label):
    images = write(draw(patients=40, labels=_HOSTILE), labels=_HOSTILE)
    hostile = images.evaluation(name="<img src=x>", split="<script>", made_by="</title>")
    page = render_page(hostile)
    elements = _Elements(page)
    assert (elements.wrong, elements.open) == ([], [])
    assert len(elements.named("script")) == 1
    assert not elements.named("img")
    assert not elements.named("b")
    assert not any(name.startswith("on") for _, each in elements.all for name in each)
    assert label in {each.get("data-name") for each in elements.named("td")}


def test_labels_that_do_not_tell_pneumonia_have_a_page_as_well(draw, write):
    labels = ("clear", "nodule")
    files = write(draw(patients=40, labels=labels), labels=labels)
    page = render_page(files.evaluation(), prevalence=0.2)
    assert "Pneumonia or not, by the policy" not in page
    assert "pneumonia of any type" not in page
    assert "Reliability" in page
    assert "Where 20 % of images show it" in page


def test_more_images_than_a_page_holds_are_cut_and_it_says_so(draw, write):
    evaluation = write(draw(patients=900, images=(2, 2))).evaluation(resamples=100)
    page = render_page(evaluation)
    assert page.count('<li class="image') == 1500
    assert "1500 of 1800 test images: wrong calls first" in page


def test_a_label_without_images_shows_not_estimable_instead_of_a_number(draw, write):
    images = [image for image in draw(patients=30) if image.truth != "viral"]
    page = render_page(write(images).evaluation())
    assert '<span class="value">not estimable</span>' in page
    assert "no test image" in page


def test_images_of_one_side_alone_have_a_page_without_curves(draw, write):
    images = [image for image in draw(patients=30) if image.truth == "normal"]
    page = render_page(write(images).evaluation())
    assert 'href="#curves"' not in page
    assert "not estimable" in page


def test_the_same_evaluation_gives_the_same_bytes(evaluation, policy, pictures, page):
    again = render_page(evaluation, images=pictures, policy=policy, prevalence=0.1)
    assert again == page


def test_figures_of_the_page_are_those_of_the_json(page, evaluation):
    output = json.loads(evaluation.to_json())["two_class"]["auroc"]
    assert (
        f"pneumonia: AUROC {output['value']:.3f} ({output['low']:.3f}–{output['high']:.3f})" in page
    )


def test_writing_again_replaces_the_page_and_leaves_nothing_else(evaluation, tmp_path):
    path = tmp_path / "page.html"
    path.write_text("old")
    evaluation.to_html(path)
    evaluation.to_html(str(path))
    assert path.read_text("utf-8")[:3] != "old"
    assert list(tmp_path.iterdir()) == [path]

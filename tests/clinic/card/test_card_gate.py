"""Card and page say what the gate refuses, and what the version was never shown."""

from __future__ import annotations

from pathlib import Path

import attrs
import pytest

import rekognition_xray as rx
from rekognition_xray.data.gating import GateFigures, StrangeFigure
from rekognition_xray.data.images import ImageFacts

GATE = GateFigures(
    images=400,
    patients=300,
    share=0.01,
    refused=3,
    judged=300,
    low=0.002,
    high=0.029,
    strange=(StrangeFigure("inverted", 299, 300), StrangeFigure("noise", 300, 300)),
)


@pytest.fixture(scope="module")
def evaluation(draw, write) -> rx.Evaluation:
    return write(draw(patients=60, skill=2.0, seed=1)).evaluation(resamples=100)


def values(card: rx.ModelCard) -> dict[str, str | None]:
    (section,) = (one for one in card.sections if one.key == "gate")
    return {fact.name: fact.value for fact in section.rows}


def test_the_card_shows_the_gates_figures_for_each_kind_of_strange_image(evaluation):
    found = values(rx.ModelCard.of(evaluation, gate=GATE))
    assert found["Refused by the gate"].startswith("3 of 300 acceptable images of unseen patients")
    assert "95 % interval 0.2% to 2.9%" in found["Refused by the gate"]
    assert found["Refused, inverted"] == "299 of 300"


def test_without_a_gate_the_card_says_that_the_version_answers_to_anything(evaluation):
    assert values(rx.ModelCard.of(evaluation))["Gate"] == "none: the version answers to any image"


def test_the_card_says_what_the_files_tell_of_their_images(evaluation, tmp_path: Path):
    (tmp_path / "normal").mkdir()
    (tmp_path / "normal" / "a.png").write_bytes(b"\x89PNG")
    audit = rx.XrayDataset.from_folder(tmp_path, names=rx.FOLDERS).audit()
    facts = {"normal/a.png": ImageFacts(age_group="1-4", view="AP")}
    found = values(rx.ModelCard.of(evaluation, audit=attrs.evolve(audit, facts=facts)))
    assert "1 of 1 files say something" in found["Known of the images"]
    assert "ages: 1-4 1; views: AP 1; sexes: not stated 1" in found["Known of the images"]


def test_the_page_shows_the_gate_or_says_that_there_is_none(evaluation, tmp_path: Path):
    page = evaluation.to_html(tmp_path / "page.html", gate=GATE).read_text("utf-8")
    assert "it refused 3: 1.0" in page
    assert "299 of 300" in page
    bare = evaluation.to_html(tmp_path / "page.html").read_text("utf-8")
    assert "the model answers to any image" in bare


def test_pictures_of_the_page_are_read_as_the_training_images_were(evaluation, tmp_path: Path):
    np = pytest.importorskip("numpy")
    from PIL import Image

    path = tmp_path / "a.tiff"
    Image.fromarray(np.random.default_rng(1).random((90, 90)).astype("float32")).save(path)
    images = {evaluation.images[0].source_ref: path}
    with pytest.raises(rx.XrayError, match="black and white"):
        evaluation.to_html(tmp_path / "page.html", images=images)
    options = rx.ImageOptions(window=(0.0, 1.0))
    page = evaluation.to_html(tmp_path / "page.html", images=images, options=options)
    assert "data:image/jpeg" in page.read_text("utf-8")

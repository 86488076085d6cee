from __future__ import annotations

import pytest


@pytest.fixture(scope="module")
def evaluation(draw, write):
    images = write(draw(patients=30))
    return images.evaluation(name="v1", made_by="a scripted learner", split="7f3a (seed 7)")


@pytest.mark.parametrize("render", [str, lambda evaluation: evaluation.to_markdown()])
def test_figures_stand_beside_their_origin_split_and_warning(evaluation, render):
    text = render(evaluation)
    for part in ("Not a medical device", "a scripted learner", "7f3a (seed 7)", "30 patients"):
        assert part in text
    for column in ("Precision", "Recall", "F1", "Assumed threshold", "Sensitivity", "AUROC"):
        assert column in text
    assert str(evaluation.accuracy) in text


def test_markdown_tables_have_the_same_cells_in_every_row(evaluation):
    blocks = [part for part in evaluation.to_markdown().split("\n\n") if part.startswith("|")]
    assert len(blocks) == 5
    for block in blocks:
        assert len({line.count("|") for line in block.splitlines()}) == 1


def test_plain_columns_line_up(evaluation):
    block = str(evaluation).split("Each label against the others\n")[1].split("\n\n")[0]
    ends = {len(line) for line in block.splitlines()}
    assert len(ends) == 1


@pytest.mark.parametrize("render", [str, lambda evaluation: evaluation.to_markdown()])
def test_the_mix_is_called_no_prevalence_and_types_unreliable(evaluation, render):
    assert "not a prevalence" in render(evaluation)
    assert "antibiotics" in render(evaluation)


@pytest.mark.parametrize("render", [str, lambda evaluation: evaluation.to_markdown()])
def test_each_reason_for_missing_figures_is_stated_once(draw, write, render):
    images = [image for image in draw(patients=30) if image.truth != "viral"]
    text = render(write(images).evaluation(resamples=100))
    missing = [line for line in text.splitlines() if "Not estimable, viral" in line]
    assert len(missing) == 1
    assert "no test image shows viral" in missing[0]


def test_every_figure_of_the_two_class_view_stands_in_a_table(evaluation):
    for figure in evaluation.two_class.by_name().values():
        assert str(figure) in evaluation.to_markdown()

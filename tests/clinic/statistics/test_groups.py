from __future__ import annotations

import json
import math

import attrs
import numpy as np
import pytest

from rekognition_xray.clinic.card import ModelCard
from rekognition_xray.clinic.statistics import estimate, group_figures
from rekognition_xray.errors import EvaluationError
from rekognition_xray.labels import THREE_CLASSES

from ...support.clustered import Clustered


@pytest.fixture(scope="module")
def evaluation(draw, write):
    return write(draw(patients=240, skill=2.5, seed=5)).evaluation(resamples=200)


def _facts(evaluation, **variables):
    """Values of the images by functions of their patient's number."""
    return {
        image.source_ref: {name: value(int(image.group, 16)) for name, value in variables.items()}
        for image in evaluation.images
    }


@pytest.fixture(scope="module")
def grouped(evaluation):
    return evaluation.with_groups(
        _facts(
            evaluation,
            sex=lambda number: "female" if number % 2 else "male",
            age=lambda number: ("0-1", "2-4", "5-17")[number // 3 % 3],
        )
    )


# -- figures ---------------------------------------------------------------------------------------


def test_the_figures_of_a_group_are_those_of_its_images_alone(evaluation, grouped):
    sex, age = grouped.groups
    assert (sex.name, [group.value for group in sex.groups]) == ("sex", ["female", "male"])
    assert [group.value for group in age.groups] == ["0-1", "2-4", "5-17"]
    for group in sex.groups:
        kept = [
            image
            for image in evaluation.images
            if (int(image.group, 16) % 2 == 1) == (group.value == "female")
        ]
        alone = estimate(kept, THREE_CLASSES, resamples=100, seed=0).two_class
        assert (group.images, group.patients) == (len(kept), 120)
        for name, figure in alone.by_name().items():
            if name != "calibration_error":  # corrected for noise by the resamples
                assert group.figures.by_name()[name].value == pytest.approx(figure.value)


def test_intervals_of_a_group_are_as_wide_as_by_its_own_resamples(evaluation, grouped):
    group = grouped.groups[0].groups[0]
    kept = [image for image in evaluation.images if int(image.group, 16) % 2]
    alone = estimate(kept, THREE_CLASSES, resamples=1000, seed=1).two_class
    for name in ("sensitivity", "specificity", "auroc", "brier"):
        ours, wanted = group.figures.by_name()[name], alone.by_name()[name]
        assert ours.high - ours.low == pytest.approx(wanted.high - wanted.low, rel=0.25)


def test_one_group_of_all_images_has_the_figures_of_the_evaluation(evaluation):
    (variable,) = evaluation.with_groups(_facts(evaluation, source=lambda _: "here")).groups
    (group,) = variable.groups
    assert group.figures == evaluation.two_class
    assert group.differences == {}
    assert variable.shortcut.value == 0.5


# -- differences -----------------------------------------------------------------------------------


def test_a_difference_is_that_of_the_figures_and_has_one_test_for_two_groups(grouped):
    sex, age = grouped.groups
    female, male = sex.groups
    assert male.differences == {}
    for name, each in female.differences.items():
        wanted = female.figures.by_name()[name].value - male.figures.by_name()[name].value
        assert each.change.value == pytest.approx(wanted)
        assert each.change.low < each.change.value < each.change.high
        assert 0 < each.p_value <= 1
    assert [len(group.differences) for group in age.groups] == [3, 3, 3]


def _worse(evaluation, share=1.0):
    """The same answers, but images of odd patients with pneumonia are often missed."""
    rng, images = np.random.default_rng(3), []
    for image in evaluation.images:
        missed = image.has_pneumonia and int(image.group, 16) % 2 and rng.random() < share
        low = {"normal": 0.9, "bacterial": 0.05, "viral": 0.05}
        images.append(attrs.evolve(image, confidences=low, predicted="normal") if missed else image)
    return evaluation.with_images(images)


def test_a_group_in_which_images_are_missed_is_found(evaluation):
    worse = _worse(evaluation, 0.4)
    facts = _facts(worse, sex=lambda number: "female" if number % 2 else "male")
    female = worse.with_groups(facts).groups[0].groups[0]
    assert female.differences["sensitivity"].change.high < 0
    assert female.differences["sensitivity"].p_value < 0.001
    assert female.differences["specificity"].p_value > 0.05


def test_p_values_are_corrected_for_all_groups(evaluation):
    worse = _worse(evaluation, 0.12)
    sex = {"sex": lambda number: "female" if number % 2 else "male"}
    more = {f"chance {n}": (lambda number, n=n: str(hash((number, n)) % 3)) for n in range(4)}
    alone, among = (
        worse.with_groups(_facts(worse, **variables)).groups[0].groups[0].differences["sensitivity"]
        for variables in (sex, sex | more)
    )
    assert alone.change == among.change
    assert among.p_value > alone.p_value


def test_patients_of_two_groups_are_counted_and_narrow_a_difference(evaluation):
    """Each patient's images alternate, so what is peculiar to a patient cancels out."""
    numbered: dict[str, int] = {}
    facts = {}
    for image in evaluation.images:
        numbered[image.group] = numbered.get(image.group, 0) + 1
        facts[image.source_ref] = {"view": "AP" if numbered[image.group] % 2 else "PA"}
    (view,) = evaluation.with_groups(facts).groups
    assert view.divided_patients == sum(count > 1 for count in numbered.values())
    assert f"{view.divided_patients} patients are in several groups by view." in str(
        evaluation.with_groups(facts)
    )
    one, other = (group.figures.sensitivity for group in view.groups)
    change = view.groups[0].differences["sensitivity"].change
    apart = math.hypot(one.value - one.low, other.high - other.value)
    assert change.value - change.low < apart


# -- shortcuts -------------------------------------------------------------------------------------


def test_a_variable_that_tells_the_label_is_seen_and_one_that_does_not_is_not(evaluation):
    sick = {image.source_ref: image.has_pneumonia for image in evaluation.images}
    facts = {
        source: {"ward": "a" if shown else "b", "luck": str(number % 2)}
        for number, (source, shown) in enumerate(sick.items())
    }
    ward, luck = evaluation.with_groups(facts).groups
    assert ward.shortcut.value == 1
    assert luck.shortcut.low < 0.55


# -- what is not estimable, and bad input ----------------------------------------------------------


def test_groups_that_are_too_small_are_not_estimable_with_the_reason(evaluation):
    facts = _facts(evaluation, machine=lambda number: "new" if number < 9 else "old")
    (machine,) = evaluation.with_groups(facts).groups
    new = machine.groups[0]
    assert new.patients == 9
    for figure in new.figures.by_name().values():
        assert figure.value is None
        assert "10 are needed" in figure.reason
    assert new.differences["auroc"].p_value is None
    assert "10 are needed" in new.differences["auroc"].change.reason


def test_a_group_with_one_class_has_the_figures_of_that_class(evaluation):
    facts = {
        image.source_ref: {"ward": image.truth if image.truth == "normal" else "sick"}
        for image in evaluation.images
    }
    normal, sick = evaluation.with_groups(facts).groups[0].groups
    assert sick.figures.sensitivity.value is not None
    assert normal.figures.specificity.value is not None
    for group in (normal, sick):
        assert group.figures.auroc.value is None
        assert group.figures.auroc.reason


@pytest.mark.parametrize("empty", [math.nan, None, "", " ", np.nan, "NaN"])
def test_images_without_a_value_are_a_group_of_their_own_at_the_end(evaluation, empty):
    facts = _facts(evaluation, sex=lambda number: "z" if number % 3 else empty)
    (sex,) = evaluation.with_groups(facts).groups
    assert [group.value for group in sex.groups] == ["z", "not stated"]
    some = dict(list(facts.items())[:100])
    assert [group.value for group in evaluation.with_groups(some).groups[0].groups] == [
        "z",
        "not stated",
    ]


def test_a_variable_with_500_values_is_refused_with_all_others_like_it(evaluation):
    facts = _facts(evaluation, name=str, born=lambda number: number, sex=lambda _: "f")
    with pytest.raises(EvaluationError, match="too many groups") as raised:
        evaluation.with_groups(facts)
    assert "name: 240 values" in str(raised.value)
    assert "born: 240 values" in str(raised.value)
    assert "sex" not in str(raised.value).split("What to do")[0]


@pytest.mark.parametrize("facts", [{}, {"s3://other/key.png": {"sex": "f"}}])
def test_facts_of_other_images_are_refused(evaluation, facts):
    with pytest.raises(EvaluationError, match="no address agrees"):
        evaluation.with_groups(facts)


def test_labels_without_pneumonia_have_no_groups(draw, write):
    labels = ("bacterial", "viral")
    one_sided = write(draw(labels=labels), labels=labels).evaluation(resamples=100)
    with pytest.raises(EvaluationError, match="do not distinguish pneumonia"):
        one_sided.with_groups(_facts(one_sided, sex=lambda _: "f"))


def test_unusable_confidences_leave_sensitivity_and_specificity(evaluation):
    unusable = evaluation.with_images(
        [
            attrs.evolve(image, confidences=dict.fromkeys(THREE_CLASSES, math.nan))
            for image in evaluation.images
        ]
    )
    facts = _facts(unusable, sex=lambda number: str(number % 2))
    first = unusable.with_groups(facts).groups[0].groups[0]
    assert first.differences["sensitivity"].p_value is not None
    assert "no usable confidence" in first.differences["auroc"].change.reason


# -- where they are shown --------------------------------------------------------------------------


def test_groups_stand_in_text_json_frame_page_and_card(grouped, tmp_path):
    pytest.importorskip("pandas", reason="needs the extra frames")
    female = grouped.groups[0].groups[0]
    difference = female.differences["sensitivity"]
    assert "Pneumonia or not, by sex" in str(grouped)
    assert str(difference) in grouped.to_markdown()
    record = json.loads(grouped.to_json())["groups"][0]
    assert record["shortcut"] == grouped.groups[0].shortcut.to_dict()
    assert record["groups"][0]["differences"]["sensitivity"]["p_value"] == difference.p_value
    frame = grouped.to_frame().set_index(["view", "figure"])
    assert frame.loc["sex: female", "auroc"]["value"] == female.figures.auroc.value
    assert frame.loc["sex: female", "sensitivity_difference"]["p_value"] == difference.p_value
    assert frame.loc["by sex alone", "auroc"]["value"] == grouped.groups[0].shortcut.value
    page = grouped.to_html(tmp_path / "page.html").read_text("utf-8")
    assert 'id="groups"' in page
    assert str(grouped.groups[0].shortcut) in page
    card = ModelCard.of(grouped)
    of = {figure.of for figure in card.figures}
    assert {"sex: female", "age: 5-17", "by sex"} <= of


def test_other_answers_leave_the_groups_out(grouped):
    assert grouped.with_images(grouped.images).groups == ()


# -- how often a difference is found where there is none -------------------------------------------


def _found(*, tests: int) -> float:
    """Share of tests in which any of 8 groups by 3 variables seems to differ."""
    world, rng, found = Clustered(alike=0.5, mean_images=3, skill=1.0), np.random.default_rng(5), 0
    for number in range(tests):
        images = world.images(rng, 120)
        patients = sorted({image.group for image in images})
        drawn = {who: rng.integers(0, (2, 4, 2)) for who in patients}
        facts = {
            image.source_ref: dict(zip(("sex", "age", "view"), drawn[image.group], strict=True))
            for image in images
        }
        variables = group_figures(images, THREE_CLASSES, facts, resamples=200, seed=number)
        found += any(
            each.p_value is not None and each.p_value < 0.05
            for variable in variables
            for group in variable.groups
            for each in group.differences.values()
        )
    return found / tests


@pytest.mark.heavy
def test_differences_are_rarely_found_where_there_are_none():
    """The full size runs under ``make soak``."""
    assert _found(tests=30) <= 0.2


@pytest.mark.soak
def test_in_1000_tests_differences_are_found_in_about_5_of_100_where_there_are_none():
    assert _found(tests=1000) <= 0.05 + 3 * math.sqrt(0.05 * 0.95 / 1000)

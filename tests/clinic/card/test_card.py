"""The model card: what is known is on it, what is not says so, and nothing breaks its tables."""

from __future__ import annotations

import datetime
import json
import re
from collections import Counter

import attrs
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import rekognition_xray as rx
from rekognition_xray.clinic.card.checklists import checklists, fill_checklists
from rekognition_xray.clinic.card.markdown import escape_markdown
from rekognition_xray.clinic.statistics import Figure
from rekognition_xray.data.xrays import Labelling, Xray

DAY = datetime.date(2026, 11, 23)
TEXT = st.text(min_size=1, max_size=40).filter(str.strip)
NASTY = "a|b\\|c\n# d <script>alert(1)</script> **e** [f](javascript:g) `h`\u2028i"


@pytest.fixture(scope="module")
def evaluation(draw, write):
    return write(draw(patients=60)).evaluation(name="v1", made_by="a scripted learner")


@pytest.fixture(scope="module")
def split():
    images = [
        Xray(f"s3://b/{label}-{patient}-{image}.jpg", label, f"{label}-{patient}")
        for label in ("normal", "bacterial", "viral")
        for patient in range(5)
        for image in range(1 + patient % 2)
    ]
    labelling = Labelling("kermany", by="two readers", on=datetime.date(2018, 1, 6))
    return rx.XrayDataset(images, labelling=labelling).split(test=0.4, seed=7)


@pytest.fixture(scope="module")
def card(evaluation, split):
    return rx.ModelCard.of(evaluation, split=split, made_on=DAY)


def facts(card):
    return {
        f"{section.key}.{row.key}": row.text for section in card.sections for row in section.rows
    }


def cells(line):
    return re.split(r"(?<!\\)(?:\\\\)*\|", line)


def tables(markdown):
    """Each table of the text as the number of cells of each of its lines."""
    found = [[]]
    for line in markdown.splitlines():
        if line.startswith("|"):
            found[-1].append(len(cells(line)))
        elif found[-1]:
            found.append([])
    return [table for table in found if table]


def test_the_card_names_model_split_and_origin_of_the_labels(card, evaluation, split):
    known = facts(card)
    assert known["model.name"] == "v1"
    assert known["model.arn"] == evaluation.version_arn
    assert known["model.made_by"] == "a scripted learner"
    assert known["data.fingerprint"] == split.fingerprint
    assert known["data.seed"] == "7"
    assert known["labels.by"] == "two readers"
    assert known["labels.on"] == "2018-01-06"


def test_images_and_patients_are_counted_by_part_and_label(card, split):
    counts = {(count.part, count.label): (count.images, count.patients) for count in card.counts}
    for part, images in (("train", split.train), ("test", split.test)):
        for label in images.labels:
            assert counts[part, label] == (images.counts[label], images.patients[label])


def test_every_figure_has_an_interval_or_says_that_it_is_not_estimable(card):
    assert {figure.of for figure in card.figures} >= {"all labels", "pneumonia or not"}
    for figure in card.figures:
        assert re.search(r"\(-?\d\.\d+–-?\d+\.\d+\)", figure.text) or (
            figure.text.startswith("not estimable") and figure.figure.value is None
        )


def test_figures_are_the_evaluations_own(card, evaluation):
    named = {(figure.of, figure.name): figure.figure for figure in card.figures}
    assert named["all labels", "accuracy"] == evaluation.accuracy
    assert named["pneumonia or not", "AUROC"] == evaluation.two_class.auroc
    assert named["label: viral", "sensitivity"] == evaluation.by_label["viral"].sensitivity


def test_a_label_without_test_images_is_not_estimable_on_the_card(draw, write):
    images = [image for image in draw(patients=30) if image.truth != "viral"]
    card = rx.ModelCard.of(write(images).evaluation(name="v1"))
    shown = {(figure.of, figure.name): figure.text for figure in card.figures}
    assert shown["label: viral", "sensitivity"].startswith("not estimable (")
    assert "not estimable" in card.to_markdown()


def test_a_figure_without_interval_is_refused(evaluation):
    bare = attrs.evolve(evaluation, accuracy=Figure(0.9))
    with pytest.raises(rx.XrayError, match="accuracy of all labels has a value but no interval"):
        rx.ModelCard.of(bare)


def test_what_nobody_said_is_not_reported(evaluation):
    known = facts(rx.ModelCard.of(evaluation))
    for key in (
        "data.source",
        "data.licence",
        "data.population",
        "data.fingerprint",
        "data.shared",
        "data.audit",
        "labels.by",
        "labels.on",
        "labels.human",
        "model.created",
        "operating_point.policy",
    ):
        assert known[key] == "not reported", key


def test_images_with_the_public_sets_names_are_of_that_set_only_if_they_are(card):
    known = facts(card)
    assert "images named like those of Kermany" in known["data.source"]
    assert known["data.population"].startswith("if the images are of that set: children")
    assert any("0.54" in limit.text for limit in card.limits)


def test_another_source_takes_the_public_sets_facts_away(evaluation, split):
    card = rx.ModelCard.of(evaluation, split=split, source="drawn by a program")
    known = facts(card)
    assert known["data.source"] == "drawn by a program"
    assert known["data.population"] == known["data.licence"] == "not reported"
    assert not any("0.54" in limit.text for limit in card.limits)


def test_weights_that_a_training_began_with_stand_on_the_card_where_they_are_named(evaluation):
    origin = "EfficientNet-Lite0, ImageNet, Apache-2.0"
    assert f"| {origin} |" in rx.ModelCard.of(evaluation, weights=origin).to_markdown()
    assert "Weights it began with" not in rx.ModelCard.of(evaluation).to_markdown()


def test_a_dataset_alone_gives_counts_and_origin(evaluation, split):
    card = rx.ModelCard.of(evaluation, dataset=split.train)
    assert {count.part for count in card.counts} == {"all"}
    assert facts(card)["labels.rule"] == "kermany"


@pytest.mark.parametrize(
    "use", ["As a medical device", "To choose antibiotics", "On adults", "only reader"]
)
def test_what_the_model_must_not_be_used_for_stands_on_every_card(card, use):
    forbidden = card.to_markdown().split("## Forbidden use")[1].split("##")[0]
    assert use in forbidden


def test_every_outside_limit_names_its_source(card):
    named = [limit.source for limit in card.limits if limit.source]
    assert any("10.1007/s10140-021-01954-x" in source for source in named)
    assert any("1002683" in source for source in named)


def test_the_checklists_have_the_items_that_the_papers_have():
    tripod, claim = checklists()
    assert len(tripod.items) == 52
    assert [
        int(number)
        for number in dict.fromkeys(re.findall(r"^\d+", item.number)[0] for item in tripod.items)
    ] == list(range(1, 28))
    assert [item.number for item in claim.items] == [str(number) for number in range(1, 43)]


def test_every_item_of_a_checklist_appears_once(card):
    keys = [item.key for checklist in checklists() for item in checklist.items]
    assert max(Counter(keys).values()) == 1
    markdown = card.to_markdown()
    shown = re.findall(r"\| ((?:tripod|claim)-\w+) \|$", markdown, re.MULTILINE)
    assert shown == keys
    output = [item["key"] for part in card.to_dict()["checklists"] for item in part["items"]]
    assert output == keys


def test_own_answers_are_to_items_that_exist(card):
    answered_keys = {
        item.key for part in card.checklists for item in part.items if item.answer is not None
    }
    assert {"tripod-5a", "tripod-23a", "claim-14", "claim-29"} <= answered_keys
    assert {"tripod-17", "tripod-18a", "tripod-14", "claim-32", "claim-42"}.isdisjoint(
        answered_keys
    )


def test_no_own_answer_is_lost_for_a_mistyped_key(card, evaluation, split):
    from rekognition_xray.clinic.card.answers import answers
    from rekognition_xray.clinic.card.facts import CardSources

    sources = CardSources(
        evaluation=evaluation,
        split=split,
        dataset=None,
        audit=None,
        version=None,
        policy=None,
        source=None,
        licence=None,
        population=None,
    )
    keys = {item.key for checklist in checklists() for item in checklist.items}
    assert set(answers(sources, card.sections, card.figures)) <= keys


def test_items_that_nobody_answers_read_not_reported(card):
    line = next(line for line in card.to_markdown().splitlines() if "| tripod-17 |" in line)
    assert "| not reported |" in line
    items = {
        item["key"]: item["answer"]
        for part in card.to_dict()["checklists"]
        for item in part["items"]
    }
    assert items["tripod-17"] == "not reported"


def test_the_authors_answers_go_before_the_cards_own(evaluation):
    card = rx.ModelCard.of(
        evaluation, answers={"tripod-17": "board 12/3", "tripod-9b": "pixels and age"}
    )
    shown = {item.key: item.text for part in card.checklists for item in part.items}
    assert (shown["tripod-17"], shown["tripod-9b"]) == ("board 12/3", "pixels and age")


def test_an_answer_to_no_item_is_refused_and_the_near_ones_named(evaluation):
    with pytest.raises(rx.XrayError, match=r"items tripod5a\. Did you mean tripod-5a"):
        rx.ModelCard.of(evaluation, answers={"tripod5a": "here"})


def test_an_empty_answer_is_refused():
    with pytest.raises(rx.XrayError, match="answers to claim-42 are empty"):
        fill_checklists({}, {"claim-42": " \n"})


def test_a_card_of_another_split_is_refused(draw, write, split):
    other = write(draw(patients=20)).evaluation(name="v1", split="000000000000", resamples=100)
    with pytest.raises(rx.XrayError, match="is of the split '000000000000'"):
        rx.ModelCard.of(other, split=split)


def test_a_policy_of_another_version_is_refused(evaluation):
    policy = rx.Policy(threshold=0.5, version_arn="arn:aws:another")
    with pytest.raises(rx.XrayError, match="chosen for arn:aws:another"):
        rx.ModelCard.of(evaluation, policy=policy)


def test_the_policy_stands_on_the_card_with_its_reported_figures(draw, write):
    evaluation = write(draw(patients=240)).evaluation(name="v1")
    policy = evaluation.policy(sensitivity=0.9)
    card = rx.ModelCard.of(evaluation, policy=policy)
    assert f"pneumonia at {policy.threshold:.3f} or more" in facts(card)["operating_point.policy"]
    named = {figure.name: figure.figure for figure in card.figures if figure.of == "the policy"}
    assert named["sensitivity"] == policy.reported.sensitivity
    answers = {item.key: item.text for part in card.checklists for item in part.items}
    assert answers["tripod-12f"].endswith("calibrated: platt")


def test_a_leak_stands_on_the_card(evaluation):
    leaky = attrs.evolve(evaluation, warnings=("This test leaks: 3 of 9 test images.",))
    card = rx.ModelCard.of(leaky)
    assert facts(card)["data.shared"] == "This test leaks: 3 of 9 test images."
    assert "> This test leaks" in card.to_markdown()


def test_a_compared_test_that_shares_nothing_says_so(evaluation):
    compared = attrs.evolve(evaluation, warnings=())
    shown = facts(rx.ModelCard.of(compared))["data.shared"]
    assert shown == "none, as far as the S3 keys show"


def test_findings_of_the_audit_are_counted(evaluation, split):
    from rekognition_xray.data.auditing import Finding
    from rekognition_xray.data.dataset import Audit

    finding = Finding("duplicates", "warning", "same pixels", ("a", "b"), "look at them")
    card = rx.ModelCard.of(evaluation, audit=Audit((finding,), 22, dataset=rx.XrayDataset(())))
    assert facts(card)["data.audit"] == "22 images checked; found: duplicates (2 images)"


def test_json_turns_back_into_the_same_data(card):
    assert json.loads(card.to_json()) == card.to_dict()


def test_json_holds_every_figure_with_both_ends(card):
    for figure in json.loads(card.to_json())["figures"]:
        assert (figure["value"] is None) == (figure["low"] is None) == (figure["high"] is None)


def test_equal_input_gives_an_equal_card(card, evaluation, split):
    again = rx.ModelCard.of(evaluation, split=split, made_on=DAY)
    assert again == card
    assert again.to_markdown() == card.to_markdown()


def test_the_card_is_dated_today_by_default(evaluation):
    today = datetime.datetime.now(datetime.UTC).date()
    assert 0 <= (rx.ModelCard.of(evaluation).made_on - today).days <= 1


def test_the_software_that_made_the_card_is_named(card):
    software = card.to_dict()["facts"]["software"]
    assert software["rekognition-xray"] == rx.__version__
    assert {"python", "numpy", "scikit-learn"} <= set(software)


def test_the_tables_are_whole(card):
    for table in tables(card.to_markdown()):
        assert len(set(table)) == 1


def test_nasty_names_and_answers_break_nothing(evaluation):
    nasty = attrs.evolve(evaluation, name=NASTY, made_by=NASTY, warnings=(NASTY,), split=NASTY)
    card = rx.ModelCard.of(nasty, source=NASTY, answers={"tripod-17": NASTY})
    markdown = card.to_markdown()
    assert "<" not in markdown
    assert all(len(set(table)) == 1 for table in tables(markdown))
    assert markdown.count("\n# ") == 0
    assert not re.search(r"(?<!\\)\]\(", markdown)
    assert json.loads(card.to_json())["name"] == NASTY


@given(TEXT)
def test_escaped_text_stays_in_its_cell(text):
    shown = escape_markdown(text)
    assert len(shown.splitlines()) <= 1
    assert "<" not in shown
    assert len(cells(f"| {shown} |")) == 3


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(source=TEXT, answer=TEXT, key=st.sampled_from(["tripod-2", "tripod-23a", "claim-12"]))
def test_any_text_leaves_tables_whole_and_every_item_once(evaluation, source, answer, key):
    card = rx.ModelCard.of(evaluation, source=source, answers={key: answer})
    markdown = card.to_markdown()
    assert all(len(set(table)) == 1 for table in tables(markdown))
    assert len(re.findall(rf"\| {key} \|$", markdown, re.MULTILINE)) == 1
    assert json.loads(card.to_json()) == card.to_dict()

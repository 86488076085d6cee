from __future__ import annotations

import random
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import roc_auc_score

from rekognition_xray.data.auditing import shortcuts as module
from rekognition_xray.data.auditing.checks import Evidence
from rekognition_xray.data.auditing.checks import shortcuts as check
from rekognition_xray.data.auditing.looks import Look
from rekognition_xray.data.auditing.shortcuts import Shortcut, measure_shortcuts
from rekognition_xray.data.dataset import Audit, Xray, XrayDataset

LABELS = ("normal", "bacterial", "viral")


def looks(patients: int = 30, **output: object) -> dict[Xray, Look]:
    """Two images of each patient, all properties drawn at random but those that tell the label."""
    dice = random.Random(3)
    found = {}
    for number in range(2 * patients):
        label = LABELS[number // 2 % len(LABELS)]
        image = Xray(Path(f"{number}.png"), label, f"p{number // 2}")
        values: dict[str, object] = {
            "mode": dice.choice(["L", "RGB"]),
            "width": dice.randrange(500, 900),
            "height": dice.randrange(500, 900),
            "size": dice.randrange(10_000, 90_000),
            "border": tuple(dice.uniform(0, 255) for _ in range(8)),
        }
        values |= {
            name: value(label, dice) if callable(value) else value for name, value in output.items()
        }
        found[image] = Look(format="PNG", pixels=b"x", **values)  # type: ignore[arg-type]
    return found


def by_property(found: dict[Xray, Look]) -> dict[str, Shortcut]:
    return {row.property: row for row in measure_shortcuts(found)}


@pytest.fixture(scope="module")
def usual() -> tuple[Shortcut, ...]:
    """The table of ``looks()``."""
    return measure_shortcuts(looks())


def test_every_property_and_all_together_are_measured(usual: tuple[Shortcut, ...]) -> None:
    rows = {row.property: row for row in usual}
    assert list(rows) == ["size", "aspect", "colour", "file-size", "border", "all"]
    for row in rows.values():
        assert 0 <= row.low <= row.auroc <= row.high <= 1
        assert (row.images, row.patients) == (60, 30)


def test_what_is_drawn_at_random_tells_nothing() -> None:
    for row in by_property(looks(patients=300)).values():
        assert row.low < 0.6
        assert abs(row.auroc - 0.5) < 0.1


def shifted(label: str, dice: random.Random) -> int:
    return 500 + 300 * LABELS.index(label) + dice.randrange(60)


@pytest.fixture(scope="module")
def output() -> dict[str, Shortcut]:
    """The table of images of which every property gives the label away."""
    given_away = {
        "width": shifted,
        "height": 700,
        "mode": lambda label, _: {"normal": "L", "viral": "P"}.get(label, "RGB"),
        "size": shifted,
        "border": lambda label, dice: (0.0,) * 7 + (shifted(label, dice),),
    }
    return by_property(looks(**given_away))


@pytest.mark.parametrize("name", ["size", "aspect", "colour", "file-size", "border"])
def test_a_property_that_gives_the_label_away_is_found(
    name: str, output: dict[str, Shortcut]
) -> None:
    assert output[name].low > 0.9
    assert output[name].auroc > 0.95


def test_one_property_that_gives_the_label_away_is_found_among_all() -> None:
    row = by_property(looks(size=shifted))["all"]
    assert row.low > 0.9
    assert row.auroc > 0.95


def test_a_middle_that_differs_from_both_ends_is_found_too() -> None:
    output = {"size": lambda label, dice: {"normal": 5000}.get(label, dice.choice([10, 9000]))}
    assert by_property(looks(**output))["file-size"].auroc > 0.7


def test_a_property_that_is_the_same_everywhere_tells_exactly_nothing() -> None:
    row = by_property(looks(width=224, height=224))["size"]
    assert (row.auroc, row.low, row.high) == (0.5, 0.5, 0.5)


def test_what_only_tells_the_patient_is_no_shortcut() -> None:
    images = looks(patients=60)
    dice = random.Random(5)
    of_patient = {image.group: dice.randrange(1000) for image in images}
    output = {image: of_patient[image.group] for image in images}
    mixed = {image: Look(format="PNG", size=output[image], width=9, height=9, border=(0.0,))
             for image in images}  # fmt: skip
    assert by_property(mixed)["file-size"].auroc < 0.6


def test_labels_of_few_patients_are_left_out(usual: tuple[Shortcut, ...]) -> None:
    images = looks()
    rare = {
        Xray(Path(f"{count}-{number}.png"), f"of {count}", f"r{count}-{number % count}"): Look(
            format="PNG", width=9, height=9, border=(0.0,) * 8
        )
        for count in (1, 9)
        for number in range(3 * count)
    }
    assert measure_shortcuts(images | rare) == usual


def test_nothing_is_said_of_fewer_than_two_labels() -> None:
    one = {image: seen for image, seen in looks().items() if image.label == "normal"}
    assert measure_shortcuts(one) == ()
    assert measure_shortcuts({}) == ()


def test_images_that_cannot_be_decoded_do_not_count(usual: tuple[Shortcut, ...]) -> None:
    images = looks()
    broken = {Xray(Path("bad.png"), "viral", "bad"): Look(fault="truncated", reason="cut")}
    assert measure_shortcuts(images | broken) == usual


def test_the_same_images_give_the_same_figures(usual: tuple[Shortcut, ...]) -> None:
    assert measure_shortcuts(looks()) == usual


@settings(max_examples=50, deadline=None)
@given(st.data())
def test_auroc_is_that_of_scikit_learn_under_any_weights(data: st.DataObject) -> None:
    size = data.draw(st.integers(3, 25))
    labels = np.array([0, 1, 2, *data.draw(st.lists(st.integers(0, 2), min_size=size - 3,
                                                    max_size=size - 3))])  # fmt: skip
    scores = np.array(data.draw(st.lists(
        st.tuples(*[st.sampled_from([0.0, 0.1, 0.5, 0.9])] * 3), min_size=size, max_size=size
    )))  # fmt: skip
    weights = np.array(data.draw(st.lists(st.integers(1, 5), min_size=size, max_size=size)))
    ours = module._auroc(scores, labels, weights[None].astype(np.uint8))[0]
    theirs = np.mean([
        roc_auc_score(labels == label, scores[:, label], sample_weight=weights)
        for label in range(3)
    ])  # fmt: skip
    assert ours == pytest.approx(theirs)


def findings_of(*rows: tuple[str, float]) -> list[str]:
    table = tuple(Shortcut(name, low + 0.1, low, low + 0.2, 60, 30) for name, low in rows)
    evidence = Evidence(XrayDataset(()), {}, (), table)
    return [finding.message for finding in check(evidence)]


def test_a_finding_names_each_property_that_tells_the_label_with_its_figure() -> None:
    size, border = findings_of(("size", 0.66), ("aspect", 0.64), ("border", 0.7), ("all", 0.8))
    assert size.startswith("Width and height alone reveal")
    assert "0.76 (95 % interval 0.66 to 0.86)" in size
    assert border.startswith("The border alone")


def test_all_together_are_named_where_none_tells_it_alone() -> None:
    (message,) = findings_of(("size", 0.6), ("all", 0.66))
    assert "together" in message


def test_no_finding_where_nothing_tells_the_label() -> None:
    assert findings_of(("size", 0.65), ("all", 0.65)) == []


def test_an_audit_carries_the_whole_table(audited_originals: Audit) -> None:
    rows = {row.property: row for row in audited_originals.shortcuts}
    assert rows["file-size"].low > 0.7
    assert rows["size"].low > 0.65
    assert rows["all"].auroc > 0.8
    assert rows["all"].images == 173

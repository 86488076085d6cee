"""A dataset with the labels that people read: only labels change, and each reading is recorded."""

from __future__ import annotations

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rekognition_xray.data.correcting import Reading
from rekognition_xray.data.dataset import Split, Xray, XrayDataset
from rekognition_xray.errors import ReadingsError

from ...support.readings import read_as

LABELS = ("normal", "bacterial", "viral")
IMAGES = [
    Xray(f"s3://b/{label}-{patient}-{image}.png", label, f"{label} {patient}")
    for label in LABELS
    for patient in range(6)
    for image in range(2)
]


def dataset() -> XrayDataset:
    return XrayDataset(IMAGES)


def split() -> Split:
    return dataset().split(test=0.4, validation=0.3, seed=1)


def another(label: str) -> str:
    return LABELS[(LABELS.index(label) + 1) % 3]


def wrong(image: Xray, **said: object) -> Reading:
    return read_as(image.source, another(image.label), **said)


def labels(images: XrayDataset) -> dict[str, str]:
    return {image.name: image.label for image in images}


def test_a_label_that_was_read_otherwise_changes_and_nothing_else_does() -> None:
    before = dataset()
    image = before.images[3]
    after, record = before.corrected([wrong(image)])
    expected = [
        attrs.evolve(each, label=another(each.label)) if each == image else each for each in before
    ]
    assert list(after) == expected
    assert attrs.evolve(after, images=before.images) == before
    (correction,) = record.corrections
    assert (correction.old, correction.new) == (image.label, another(image.label))
    assert correction.outcome == "changed"
    assert correction.readings == (wrong(image),)


def test_readings_without_change_are_recorded() -> None:
    before = dataset()
    one, two, three, *_ = before
    after, record = before.corrected(
        [
            read_as(one.source, one.label, verdict="agree"),
            read_as(two.source, None),
            read_as(three.source, None, verdict="unreadable"),
        ]
    )
    assert after == before
    assert [each.outcome for each in record.corrections] == ["confirmed", "unsure", "unreadable"]
    assert record.to_dict()["counts"] == {
        "changed": 0,
        "confirmed": 1,
        "held": 0,
        "unsure": 1,
        "unreadable": 1,
    }


def test_the_last_reading_of_a_reader_counts_in_whatever_order_they_come() -> None:
    image = dataset().images[0]
    slip = read_as(image.source, another(image.label), minute=1)
    last = read_as(image.source, image.label, minute=2)
    for readings in ([slip, last], [last, slip]):
        after, record = dataset().corrected(readings)
        assert after == dataset()
        assert record.corrections[0].readings == (last,)


def test_a_reader_who_is_unsure_does_not_stand_against_one_who_is_not() -> None:
    image = dataset().images[0]
    after, record = dataset().corrected([wrong(image), read_as(image.source, None, reader="r2")])
    assert after.images[0].label == another(image.label)
    assert len(record.corrections[0].readings) == 2


def test_what_cannot_be_used_is_named_all_together_and_nothing_is_changed() -> None:
    one, two, *_ = dataset()
    readings = [
        wrong(one),
        read_as(one.source, one.label, reader="r2"),
        read_as("s3://b/gone.png", "normal"),
        read_as(two.source, "effusion"),
    ]
    with pytest.raises(ReadingsError) as caught:
        dataset().corrected(readings)
    for fault in (
        f"{one.source}: readers contradict each other",
        "s3://b/gone.png: the dataset has no such image",
        f"{two.source}: no image of the dataset has the label effusion",
    ):
        assert fault in str(caught.value)
    assert set(caught.value.paths) == {one.source, "s3://b/gone.png", two.source}


def test_an_image_is_found_by_path_by_relative_path_and_by_name(
    folder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(folder)
    there = XrayDataset.from_folder(folder)
    image = there.images[0]
    for source in (image.source, image.source.relative_to(folder), image.name):
        after, _ = there.corrected([read_as(source, "viral")])
        assert after.images[0].label == "viral"


@given(st.sets(st.integers(0, len(IMAGES) - 1)))
def test_in_a_split_every_image_stays_in_its_part_and_test_labels_stay(read: set[int]) -> None:
    before = split()
    after, record = before.corrected([wrong(IMAGES[place]) for place in read])
    test = {image.name for image in before.test}
    assert [[image.name for image in part] for part in after] == [
        [image.name for image in part] for part in before
    ]
    assert [(part.part, part.labelling) for part in after] == [
        (part.part, part.labelling) for part in before
    ]
    assert after.test == before.test
    assert {one.source for one in record.of("held")} == {
        IMAGES[place].source for place in read if IMAGES[place].name in test
    }
    assert len(record.of("changed")) + len(record.of("held")) == len(read)


def test_readings_that_were_held_are_reported() -> None:
    image = split().test.images[0]
    _, record = split().corrected([wrong(image)])
    assert "1 held" in str(record)
    assert f"{image.source}: {image.label}, read as {another(image.label)}" in str(record)


def test_labels_of_the_test_part_change_when_that_is_asked() -> None:
    image = split().test.images[0]
    after, record = split().corrected([wrong(image)], change_test=True)
    assert labels(after.test)[image.name] == another(image.label)
    assert [one.outcome for one in record.corrections] == ["changed"]


def test_a_test_part_alone_holds_its_labels_too() -> None:
    test = split().test
    held, record = test.corrected([wrong(test.images[0])])
    assert held == test
    assert len(record.of("held")) == 1
    changed, _ = test.corrected([wrong(test.images[0])], change_test=True)
    assert changed != test


def test_readings_of_other_parts_are_of_no_image_of_this_one() -> None:
    with pytest.raises(ReadingsError, match="no such image"):
        split().train.corrected([wrong(split().test.images[0])])


@pytest.mark.parametrize("readings", [["a.png"], [None], "readings.jsonl"])
def test_what_is_no_reading_is_refused(readings: object) -> None:
    for images in (dataset(), split()):
        with pytest.raises(ReadingsError, match="no readings but of type") as caught:
            images.corrected(readings)  # type: ignore[arg-type]
        assert "read_readings" in caught.value.hint

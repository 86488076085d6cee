from __future__ import annotations

import random
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import attrs
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from rekognition_xray.data.dataset import Rejected, Xray, XrayDataset
from rekognition_xray.data.dataset.dataset import Part
from rekognition_xray.data.reading import KERMANY
from rekognition_xray.errors import PatientLeakWarning, SplitError

from ...support.pictured import Audited, SamePicture


def image(name: str, label: str, patient: str | None = None) -> Xray:
    return Xray(Path("/somewhere") / name, label, patient, name=name)


@st.composite
def datasets(draw: st.DrawFn) -> XrayDataset:
    """Images of up to three labels; a patient may bear several labels, or be unknown."""
    patients = st.none() | st.integers(0, 30).map("person{}".format)
    rows = draw(st.lists(st.tuples(st.sampled_from("nbv"), patients), min_size=4, max_size=60))
    return XrayDataset(
        [image(f"{place}.png", label, patient) for place, (label, patient) in enumerate(rows)]
    )


def many(patients: int = 200, seed: int = 1) -> XrayDataset:
    dice = random.Random(seed)
    images = []
    for patient in range(patients):
        label = dice.choice(["normal", "normal", "bacterial", "bacterial", "bacterial", "viral"])
        images += [
            image(f"{patient}-{place}.png", label, f"person{patient}")
            for place in range(dice.choice([1, 1, 1, 2, 3, 5]))
        ]
    return XrayDataset(images)


@st.composite
def audited(draw: st.DrawFn) -> tuple[XrayDataset, Audited]:
    """A dataset, and an audit of it that found some pictures under several patients."""
    dataset = draw(datasets())
    pictures = st.lists(st.sampled_from(dataset.images), min_size=2, max_size=4, unique=True)
    found = draw(st.lists(pictures.map(tuple).map(SamePicture), max_size=6))
    return dataset, Audited(len(dataset), tuple(found))


seeds = st.integers(0, 10_000)
shares = st.sampled_from([0.1, 0.2, 0.35, 0.5, 0.8])
thirds = st.none() | st.sampled_from([0.1, 0.15])


@given(audited(), shares, thirds, seeds)
@settings(suppress_health_check=[HealthCheck.filter_too_much])
def test_no_patient_is_in_two_parts_and_no_image_is_lost(
    found: tuple[XrayDataset, Audited], share: float, third: float | None, seed: int
) -> None:
    dataset, audit = found
    try:
        parts = tuple(dataset.split(test=share, validation=third, seed=seed, audit=audit))
    except SplitError:
        assume(False)
    assert len(parts) == (2 if third is None else 3)
    for place, part in enumerate(parts):
        for other in parts[:place]:
            assert not {image.group for image in part} & {image.group for image in other}
    assert Counter(image for part in parts for image in part) == Counter(dataset)


@given(audited(), shares, thirds, seeds)
@settings(suppress_health_check=[HealthCheck.filter_too_much])
def test_images_that_show_one_picture_are_kept_together(
    found: tuple[XrayDataset, Audited], share: float, third: float | None, seed: int
) -> None:
    dataset, audit = found
    try:
        split = dataset.split(test=share, validation=third, seed=seed, audit=audit)
    except SplitError:
        assume(False)
    place = {image.group: part.part for part in split for image in part}
    for same in audit.duplicates:
        assert len({place[image.group] for image in same.images}) == 1


@given(datasets(), shares, thirds, seeds)
def test_every_label_is_in_every_part_or_the_split_is_refused(
    dataset: XrayDataset, share: float, third: float | None, seed: int
) -> None:
    parts = 2 if third is None else 3
    try:
        split = dataset.split(test=share, validation=third, seed=seed)
    except SplitError:
        assert any(alone(dataset, label) < parts for label in dataset.labels), (
            "refused without need"
        )
    else:
        assert all(part.labels == dataset.labels for part in split)


def alone(dataset: XrayDataset, label: str) -> int:
    """Patients who bear this label and no other."""
    borne: dict[str, set[str]] = {}
    for image in dataset:
        borne.setdefault(image.group, set()).add(image.label)
    return sum(labels == {label} for labels in borne.values())


@given(audited(), thirds, seeds, st.randoms(use_true_random=False))
@settings(suppress_health_check=[HealthCheck.filter_too_much])
def test_the_order_of_images_and_duplicates_does_not_matter(
    found: tuple[XrayDataset, Audited], third: float | None, seed: int, dice: random.Random
) -> None:
    dataset, audit = found

    def shuffled(items: Sequence[Xray | SamePicture]) -> list[Xray | SamePicture]:
        return dice.sample(items, len(items))

    try:
        split = dataset.split(validation=third, seed=seed, audit=audit)
    except SplitError:
        assume(False)
    turned = [SamePicture(tuple(shuffled(same.images))) for same in shuffled(audit.duplicates)]
    again = XrayDataset(shuffled(dataset.images)).split(
        validation=third, seed=seed, audit=attrs.evolve(audit, duplicates=tuple(turned))
    )
    assert again == split


def test_the_same_seed_gives_the_same_split() -> None:
    assert many().split(seed=7) == many().split(seed=7)


def test_a_split_stays_what_it_is_over_versions() -> None:
    images = [image(f"{n}.png", "nbv"[n % 3], f"person{n // 2}") for n in range(90)]
    assert XrayDataset(images).split(seed=7).fingerprint == "3b0c46a64d00"


def test_another_seed_gives_another_split() -> None:
    one, other = many().split(seed=7), many().split(seed=8)
    assert one.fingerprint != other.fingerprint
    assert one.test.images != other.test.images


@pytest.mark.parametrize("share", [0.1, 0.2, 0.3, 0.5, 0.75])
@pytest.mark.parametrize("seed", range(5))
def test_each_label_has_the_share_asked_for(share: float, seed: int) -> None:
    dataset = many(400)
    split = dataset.split(test=share, seed=seed)
    assert abs(len(split.test) / len(dataset) - share) < 0.02
    for label, count in dataset.counts.items():
        assert abs(split.test.counts[label] / count - share) < 0.02


def test_large_patients_are_not_kept_out_of_the_test_part() -> None:
    dataset = many(400)
    sizes = Counter(image.group for image in dataset)
    large = [
        sum(sizes[group] == 5 for group in {image.group for image in dataset.split(seed=seed).test})
        for seed in range(10)
    ]
    share = sum(large) / 10 / sum(size == 5 for size in sizes.values())
    assert 0.12 < share < 0.28


def test_three_parts_unpack_in_the_order_of_their_use() -> None:
    split = many().split(test=0.2, validation=0.1)
    train, validation, test = split
    assert (train, validation, test) == (split.train, split.validation, split.test)
    assert [part.part.name for part in split] == ["train", "validation", "test"]
    output = split.to_dict()
    assert list(output) == ["fingerprint", "seed", "train", "validation", "test"]
    assert output["test"] == test.tally()
    assert {part.part.fingerprint for part in split} == {split.fingerprint}


@pytest.mark.parametrize("seed", range(5))
def test_three_parts_have_the_shares_asked_for(seed: int) -> None:
    dataset = many(400)
    train, validation, test = dataset.split(test=0.2, validation=0.15, seed=seed)
    for part, share in ((train, 0.65), (validation, 0.15), (test, 0.2)):
        assert abs(len(part) / len(dataset) - share) < 0.02
        for label, count in dataset.counts.items():
            assert abs(part.counts[label] / count - share) < 0.02


def test_pictures_under_several_patients_join_them_over_any_number_of_steps() -> None:
    images = [image(f"{n:02}.png", "nb"[n % 2], f"person{n:02}") for n in range(40)]
    chain = [SamePicture((images[n], images[n + 2])) for n in range(0, 20, 2)]
    train, test = XrayDataset(images).split(test=0.5, audit=Audited(40, tuple(chain)))
    assert len({image in train.images for image in images[:21:2]}) == 1
    assert train.labels == test.labels == ("b", "n")


def test_duplicates_change_the_fingerprint_even_where_they_move_no_image() -> None:
    dataset = many()
    train = dataset.split().train
    pair = SamePicture((train.images[0], train.images[-1]))
    joined = dataset.split(audit=Audited(len(dataset), (pair,)))
    assert joined.fingerprint != dataset.split().fingerprint
    assert dataset.split(audit=Audited(len(dataset))) == dataset.split()


def test_an_audit_of_another_dataset_is_refused() -> None:
    dataset, other = many(), image("other.png", "viral", "someone")
    with pytest.raises(SplitError, match="another dataset"):
        dataset.split(audit=Audited(len(dataset) + 1))
    pair = SamePicture((dataset.images[0], other))
    with pytest.raises(SplitError, match="1 of the audit's duplicates") as caught:
        dataset.split(audit=Audited(len(dataset), (pair,)))
    assert caught.value.paths == (other.path,)


def test_labels_that_duplicates_tie_to_one_group_are_refused() -> None:
    viral = [image(f"v{n}.png", "viral", f"v{n}") for n in range(2)]
    dataset = XrayDataset([*(image for image in many() if image.label != "viral"), *viral])
    with pytest.raises(SplitError, match="viral: 1") as caught:
        dataset.split(audit=Audited(len(dataset), (SamePicture(tuple(viral)),)))
    assert set(caught.value.paths) == {image.path for image in viral}


def test_the_parts_carry_the_fingerprint_the_rule_and_the_rejected_files() -> None:
    rejected = (Rejected(Path("x.png"), "fits no pattern"),)
    dataset = attrs.evolve(many(), rejected=rejected, labelling=KERMANY.labelling)
    split = dataset.split()
    assert split.train.part == Part("train", split.fingerprint)
    assert split.test.part == Part("test", split.fingerprint)
    for part in split:
        assert (part.rejected, part.labelling) == (rejected, KERMANY.labelling)


def test_the_fingerprint_is_short_and_does_not_depend_on_where_the_images_lie() -> None:
    moved = XrayDataset(
        [attrs.evolve(image, source=Path("/elsewhere") / image.name) for image in many()]
    )
    split = many().split()
    assert moved.split().fingerprint == split.fingerprint
    assert len(split.fingerprint) == 12
    assert int(split.fingerprint, 16) >= 0


@pytest.mark.parametrize("change", [{"label": "viral"}, {"patient": "someone"}, {"name": "new"}])
def test_the_fingerprint_changes_with_label_patient_and_name(change: dict[str, str]) -> None:
    first, *rest = [image(f"{n}.png", "nb"[n % 2], f"person{n}") for n in range(40)]
    changed = [
        attrs.evolve(first, **change),
        *rest,
        image("v", "viral", "a"),
        image("w", "viral", "b"),
    ]
    same = [first, *rest, image("v", "viral", "a"), image("w", "viral", "b")]
    assert XrayDataset(same).split().fingerprint != XrayDataset(changed).split().fingerprint


@pytest.mark.parametrize("share", [0, 1, -0.2, 1.5, float("nan")])
def test_a_share_outside_0_and_1_is_refused(share: float) -> None:
    with pytest.raises(SplitError, match="between 0 and 1"):
        many().split(test=share)


@pytest.mark.parametrize("validation", [0, 0.8, 1, float("nan")])
def test_shares_that_leave_nothing_for_a_part_are_refused(validation: float) -> None:
    with pytest.raises(SplitError, match=r"between 0 and 1|nothing is left"):
        many().split(test=0.2, validation=validation)


def test_a_label_of_one_patient_is_refused_by_name() -> None:
    lonely = [image(f"v{n}.png", "viral", "person9999") for n in range(5)]
    others = [image for image in many() if image.label != "viral"]
    with pytest.raises(SplitError, match="viral") as caught:
        XrayDataset([*others, *lonely]).split()
    assert set(caught.value.paths) == {image.path for image in lonely}


def test_an_empty_dataset_is_refused() -> None:
    with pytest.raises(SplitError, match="no image"):
        XrayDataset([]).split()


def test_patients_who_all_bear_two_labels_can_still_be_split() -> None:
    images = [image(f"{n}{label}", label, f"person{n}") for n in range(10) for label in "bv"]
    train, test = XrayDataset(images).split(test=0.2)
    assert (len(train), len(test)) == (16, 4)


def test_the_smallest_possible_set_has_one_patient_on_each_side() -> None:
    images = [image(f"{n}{label}", label, f"{label}{n}") for n in range(2) for label in "nb"]
    train, test = XrayDataset(images).split(test=0.2)
    assert train.counts == test.counts == {"b": 1, "n": 1}


def test_images_without_a_patient_are_split_one_by_one() -> None:
    images = [image(f"{n}.png", "nb"[n % 2]) for n in range(100)]
    train, test = XrayDataset(images).split(test=0.2)
    assert (train.counts, test.counts) == ({"b": 40, "n": 40}, {"b": 10, "n": 10})


def test_images_in_s3_can_be_split_and_named() -> None:
    images = [Xray(f"s3://images/{n}.png", "nb"[n % 2], f"person{n}") for n in range(20)]
    assert len(XrayDataset(images).split(test=0.2).test) == 4
    lonely = Xray("s3://images/v.png", "viral", "person0")
    with pytest.raises(SplitError) as caught:
        XrayDataset([*images, lonely]).split()
    assert caught.value.paths == ("s3://images/v.png",)


@pytest.mark.parametrize("shares", [(0.1, None), (0.2, None), (0.5, None), (0.2, 0.1), (0.1, 0.1)])
@pytest.mark.parametrize("seed", range(3))
def test_the_real_set_is_split_within_two_points(
    xrays: Path, shares: tuple[float, float | None], seed: int
) -> None:
    dataset = XrayDataset.from_folder(xrays / "chest_xray")
    share, third = shares
    split = dataset.split(test=share, validation=third, seed=seed)
    wanted = {"train": 1 - share - (third or 0), "validation": third or 0, "test": share}
    for part in split:
        assert part.part
        assert abs(len(part) / len(dataset) - wanted[part.part.name]) < 0.02
        for label, count in dataset.counts.items():
            assert abs(part.counts[label] / count - wanted[part.part.name]) < 0.02
            assert abs(part.counts[label] / len(part) - count / len(dataset)) < 0.02
    assert sum(part.patient_count for part in split) == dataset.patient_count


# -- the official folders ----------------------------------------------------------------------


def official_images() -> list[Xray]:
    """One number is a bacterial patient in train and a viral one in test; val has one image."""
    rows = (
        ("train", "normal", "IM-0001"),
        ("train", "bacterial", "person1"),
        ("train", "viral", "person2"),
        ("val", "bacterial", "person3"),
        ("test", "normal", "IM-0002"),
        ("test", "viral", "person1"),
    )
    return [
        Xray(Path("/x") / folder / f"{patient}-{label}.jpeg", label, patient, folder)
        for folder, label, patient in rows
    ]


def by_type(images: list[Xray]) -> XrayDataset:
    return XrayDataset(
        [attrs.evolve(image, patient=f"{image.patient}-{image.label}") for image in images]
    )


def test_the_official_split_follows_the_folders_and_val_is_trained_on() -> None:
    split = by_type(official_images()).official()
    assert [image.split for image in split.train] == ["train", "train", "train", "val"]
    assert [image.split for image in split.test] == ["test", "test"]
    assert (split.seed, split.validation) == (None, None)
    assert split.train.part == Part("train", split.fingerprint)


def test_patients_who_cross_the_official_folders_are_reported() -> None:
    with pytest.warns(PatientLeakWarning, match="1 of 5 patients") as output:
        XrayDataset(official_images()).official()
    assert "by_type()" in str(output[0].message)
    assert output[0].filename == __file__


def test_images_outside_of_the_official_folders_are_refused_and_named() -> None:
    stray = image("stray.jpeg", "normal", "IM-0009")
    with pytest.raises(SplitError, match="1 of 7 images") as caught:
        XrayDataset([*official_images(), stray]).official()
    assert caught.value.paths == (stray.path,)


def test_a_set_without_its_official_test_folder_is_refused(xrays: Path) -> None:
    with pytest.raises(SplitError, match="official folder test"):
        XrayDataset.from_folder(xrays / "chest_xray").official()

from __future__ import annotations

import random
from collections import Counter
from pathlib import Path

import attrs
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from rekognition_xray.data.dataset import Part, Rejected, Xray, XrayDataset
from rekognition_xray.data.names import KERMANY
from rekognition_xray.errors import SplitError


def film(name: str, label: str, patient: str | None = None) -> Xray:
    return Xray(Path("/somewhere") / name, label, patient, name=name)


@st.composite
def datasets(draw: st.DrawFn) -> XrayDataset:
    """Films of up to three labels; a patient may bear several labels, or be unknown."""
    patients = st.none() | st.integers(0, 30).map("person{}".format)
    rows = draw(st.lists(st.tuples(st.sampled_from("nbv"), patients), min_size=4, max_size=60))
    return XrayDataset(
        [film(f"{place}.png", label, patient) for place, (label, patient) in enumerate(rows)]
    )


def many(patients: int = 200, seed: int = 1) -> XrayDataset:
    dice = random.Random(seed)
    films = []
    for patient in range(patients):
        label = dice.choice(["normal", "normal", "bacterial", "bacterial", "bacterial", "viral"])
        films += [
            film(f"{patient}-{place}.png", label, f"person{patient}")
            for place in range(dice.choice([1, 1, 1, 2, 3, 5]))
        ]
    return XrayDataset(films)


seeds = st.integers(0, 10_000)
shares = st.sampled_from([0.1, 0.2, 0.35, 0.5, 0.8])


@given(datasets(), shares, seeds)
@settings(max_examples=200, deadline=None)
def test_no_patient_is_on_both_sides_and_no_film_is_lost(
    dataset: XrayDataset, share: float, seed: int
) -> None:
    try:
        train, test = dataset.split(test=share, seed=seed)
    except SplitError:
        assume(False)
    assert not {film.group for film in train} & {film.group for film in test}
    assert Counter([*train, *test]) == Counter(dataset)


@given(datasets(), shares, seeds)
@settings(max_examples=200, deadline=None)
def test_every_label_is_on_both_sides_or_the_split_is_refused(
    dataset: XrayDataset, share: float, seed: int
) -> None:
    try:
        train, test = dataset.split(test=share, seed=seed)
    except SplitError:
        assert any(others_are_too_few(dataset, label) for label in dataset.labels), (
            "refused without need"
        )
    else:
        assert train.labels == test.labels == dataset.labels


def others_are_too_few(dataset: XrayDataset, label: str) -> bool:
    """Whether a label has one patient, or shares its only two with other labels."""
    return dataset.patients[label] <= 2


@given(datasets(), seeds, st.randoms(use_true_random=False))
@settings(max_examples=100, deadline=None)
def test_the_order_of_the_films_does_not_matter(
    dataset: XrayDataset, seed: int, dice: random.Random
) -> None:
    shuffled = list(dataset)
    dice.shuffle(shuffled)
    try:
        split = dataset.split(seed=seed)
    except SplitError:
        assume(False)
    assert attrs.evolve(dataset, films=shuffled).split(seed=seed) == split


def test_the_same_seed_gives_the_same_split() -> None:
    assert many().split(seed=7) == many().split(seed=7)


def test_a_split_stays_what_it_is_over_versions() -> None:
    films = [film(f"{n}.png", "nbv"[n % 3], f"person{n // 2}") for n in range(90)]
    assert XrayDataset(films).split(seed=7).fingerprint == "3b0c46a64d00"


def test_another_seed_gives_another_split() -> None:
    one, other = many().split(seed=7), many().split(seed=8)
    assert one.fingerprint != other.fingerprint
    assert one.test.films != other.test.films


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
    sizes = Counter(film.group for film in dataset)
    large = [
        sum(sizes[group] == 5 for group in {film.group for film in dataset.split(seed=seed).test})
        for seed in range(10)
    ]
    share = sum(large) / 10 / sum(size == 5 for size in sizes.values())
    assert 0.12 < share < 0.28


def test_the_parts_carry_the_fingerprint_the_rule_and_the_rejected_files() -> None:
    rejected = (Rejected(Path("x.png"), "fits no pattern"),)
    dataset = attrs.evolve(many(), rejected=rejected, labelling=KERMANY.labelling)
    split = dataset.split()
    assert split.train.part == Part("train", split.fingerprint)
    assert split.test.part == Part("test", split.fingerprint)
    for part in split:
        assert (part.rejected, part.labelling) == (rejected, KERMANY.labelling)


def test_the_fingerprint_is_short_and_does_not_depend_on_where_the_films_lie() -> None:
    moved = XrayDataset(
        [attrs.evolve(film, source=Path("/elsewhere") / film.name) for film in many()]
    )
    split = many().split()
    assert moved.split().fingerprint == split.fingerprint
    assert len(split.fingerprint) == 12
    assert int(split.fingerprint, 16) >= 0


@pytest.mark.parametrize("change", [{"label": "viral"}, {"patient": "someone"}, {"name": "new"}])
def test_the_fingerprint_changes_with_label_patient_and_name(change: dict[str, str]) -> None:
    first, *rest = [film(f"{n}.png", "nb"[n % 2], f"person{n}") for n in range(40)]
    changed = [
        attrs.evolve(first, **change),
        *rest,
        film("v", "viral", "a"),
        film("w", "viral", "b"),
    ]
    same = [first, *rest, film("v", "viral", "a"), film("w", "viral", "b")]
    assert XrayDataset(same).split().fingerprint != XrayDataset(changed).split().fingerprint


@pytest.mark.parametrize("share", [0, 1, -0.2, 1.5, float("nan")])
def test_a_share_outside_0_and_1_is_refused(share: float) -> None:
    with pytest.raises(SplitError, match="between 0 and 1"):
        many().split(test=share)


def test_a_label_of_one_patient_is_refused_by_name() -> None:
    lonely = [film(f"v{n}.png", "viral", "person9999") for n in range(5)]
    others = [film for film in many() if film.label != "viral"]
    with pytest.raises(SplitError, match="viral") as caught:
        XrayDataset([*others, *lonely]).split()
    assert set(caught.value.paths) == {film.path for film in lonely}


def test_an_empty_dataset_is_refused() -> None:
    with pytest.raises(SplitError, match="no film"):
        XrayDataset([]).split()


def test_patients_who_all_bear_two_labels_can_still_be_split() -> None:
    films = [film(f"{n}{label}", label, f"person{n}") for n in range(10) for label in "bv"]
    train, test = XrayDataset(films).split(test=0.2)
    assert (len(train), len(test)) == (16, 4)


def test_the_smallest_possible_set_has_one_patient_on_each_side() -> None:
    films = [film(f"{n}{label}", label, f"{label}{n}") for n in range(2) for label in "nb"]
    train, test = XrayDataset(films).split(test=0.2)
    assert train.counts == test.counts == {"b": 1, "n": 1}


def test_films_without_a_patient_are_split_one_by_one() -> None:
    films = [film(f"{n}.png", "nb"[n % 2]) for n in range(100)]
    train, test = XrayDataset(films).split(test=0.2)
    assert (train.counts, test.counts) == ({"b": 40, "n": 40}, {"b": 10, "n": 10})


@pytest.mark.parametrize("seed", range(3))
def test_the_real_set_is_split_within_two_points(xrays: Path, seed: int) -> None:
    dataset = XrayDataset.from_folder(xrays / "chest_xray")
    split = dataset.split(test=0.2, seed=seed)
    assert abs(len(split.test) / len(dataset) - 0.2) < 0.02
    for label, count in dataset.counts.items():
        assert abs(split.test.counts[label] / count - 0.2) < 0.02
    assert not {film.patient for film in split.train} & {film.patient for film in split.test}

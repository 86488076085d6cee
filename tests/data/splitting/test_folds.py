from __future__ import annotations

import random
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rekognition_xray.data.dataset import Xray, XrayDataset
from rekognition_xray.errors import SplitError

from ...support.pictured import Audited, SamePicture

MOST = 6


def image(place: int, label: str, patient: str | None) -> Xray:
    return Xray(Path(f"/somewhere/{place:03}.png"), label, patient, name=f"{place:03}.png")


@st.composite
def datasets(draw: st.DrawFn) -> XrayDataset:
    """Any images, beside as many patients of each label as there are folds at most."""
    patients = st.none() | st.integers(0, 30).map("person{}".format)
    rows = draw(st.lists(st.tuples(st.sampled_from("nbv"), patients), max_size=50))
    rows += [(label, f"{label}{number}") for label in "nbv" for number in range(MOST)]
    return XrayDataset(
        [image(place, *row) for place, row in enumerate(draw(st.permutations(rows)))]
    )


def many(patients: int = 300) -> XrayDataset:
    dice = random.Random(1)
    rows = [
        (label, f"person{patient}")
        for patient in range(patients)
        for label in [dice.choice("nnbbbv")] * dice.choice([1, 1, 1, 2, 3, 5])
    ]
    return XrayDataset([image(place, *row) for place, row in enumerate(rows)])


numbers = st.integers(2, MOST)
seeds = st.integers(0, 10_000)


@given(datasets(), numbers, seeds)
def test_each_image_is_tested_once_and_no_patient_is_on_both_sides(
    dataset: XrayDataset, k: int, seed: int
) -> None:
    folds = dataset.folds(k, seed=seed)
    assert len(folds) == k
    assert Counter(image for fold in folds for image in fold.test) == Counter(dataset)
    for fold in folds:
        assert not {image.group for image in fold.train} & {image.group for image in fold.test}
        assert Counter([*fold.train, *fold.test]) == Counter(dataset)
        assert fold.train.labels == fold.test.labels == dataset.labels


@given(datasets(), seeds, st.randoms(use_true_random=False))
def test_the_order_of_the_images_does_not_matter(
    dataset: XrayDataset, seed: int, dice: random.Random
) -> None:
    shuffled = dice.sample(dataset.images, len(dataset))
    assert XrayDataset(shuffled).folds(2, seed=seed) == dataset.folds(2, seed=seed)


def test_images_that_show_one_picture_are_tested_together() -> None:
    dataset = many()
    pairs = [
        SamePicture((dataset.images[place], dataset.images[-1 - place]))
        for place in range(0, 90, 3)
    ]
    folds = dataset.folds(5, audit=Audited(len(dataset), tuple(pairs)))
    tested = {image: number for number, fold in enumerate(folds) for image in fold.test}
    assert all(len({tested[image] for image in pair.images}) == 1 for pair in pairs)


@pytest.mark.parametrize("k", [2, 3, 5, 10])
@pytest.mark.parametrize("seed", range(3))
def test_folds_are_alike_in_size_and_labels(xrays: Path, k: int, seed: int) -> None:
    dataset = XrayDataset.from_folder(xrays / "chest_xray")
    for fold in dataset.folds(k, seed=seed):
        assert abs(len(fold.test) / len(dataset) - 1 / k) < 0.02
        for label, count in dataset.counts.items():
            assert abs(fold.test.counts[label] / count - 1 / k) < 0.02
            assert abs(fold.test.counts[label] / len(fold.test) - count / len(dataset)) < 0.02


def test_few_patients_of_a_label_are_shared_out_evenly() -> None:
    rows = [("n", f"n{place}") for place in range(50)] + [("v", f"v{place}") for place in range(7)]
    dataset = XrayDataset([image(place, *row) for place, row in enumerate(rows)])
    for seed in range(10):
        assert sorted(fold.test.counts["v"] for fold in dataset.folds(5, seed=seed)) in (
            [1, 1, 1, 2, 2],
            [1, 1, 1, 1, 3],
        )


def test_every_fold_has_a_fingerprint_of_its_own_that_its_parts_carry() -> None:
    folds = many().folds(4, seed=3)
    assert len({fold.fingerprint for fold in folds}) == 4
    for fold in folds:
        assert [(part.part.name, part.part.fingerprint) for part in fold] == [
            ("train", fold.fingerprint),
            ("test", fold.fingerprint),
        ]
    assert folds == many().folds(4, seed=3)
    assert folds != many().folds(4, seed=4)


@pytest.mark.parametrize("k", [-1, 0, 1])
def test_fewer_than_two_folds_are_refused(k: int) -> None:
    with pytest.raises(SplitError, match="2 or more"):
        many().folds(k)


def test_a_label_of_fewer_patients_than_folds_is_refused_by_name() -> None:
    dataset = XrayDataset(
        [*many(), *(image(900 + place, "rare", f"rare{place}") for place in range(4))]
    )
    with pytest.raises(SplitError, match="rare: 4") as caught:
        dataset.folds(5)
    assert len(caught.value.paths) == 4
    assert all("rare" in fold.test.labels for fold in dataset.folds(4))

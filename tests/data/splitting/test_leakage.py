from __future__ import annotations

from itertools import combinations
from pathlib import Path

import pytest

from rekognition_xray.data.dataset import Xray, XrayDataset
from rekognition_xray.errors import SplitError


def images_of(*patients: str | None) -> XrayDataset:
    return XrayDataset(
        [Xray(Path(f"{place:04}.png"), "normal", patient) for place, patient in enumerate(patients)]
    )


def test_one_image_to_a_patient_cannot_leak() -> None:
    found = images_of(*(f"person{n}" for n in range(50))).leakage()
    assert (found.patients_on_both, found.images_on_both, found.leaked) == (0, 0, 0)
    assert (found.patients_over.most, found.leaked_over.most) == (0, 0)
    assert found.share == 0


def test_images_without_a_patient_are_patients_of_their_own() -> None:
    found = images_of(*[None] * 30).leakage()
    assert (found.patients, found.patients_on_both) == (30, 0)


def test_one_patient_alone_is_always_on_both_sides() -> None:
    found = images_of(*["person1"] * 10).leakage(0.3)
    assert (found.patients_on_both, found.images_on_both, found.leaked) == (1, 10, 3)
    assert found.share == 1
    assert found.patients_over.least == found.patients_over.most == 1


def test_the_mean_is_what_counting_all_possible_splits_gives() -> None:
    patients = ["a", "a", "a", "b", "b", "c", "d", "d"]
    splits = [set(test) for test in combinations(range(8), 2)]
    crossing = [
        len({patients[n] for n in test} & {patients[n] for n in set(range(8)) - test})
        for test in splits
    ]
    exact = sum(crossing) / len(splits)
    found = images_of(*patients).leakage(0.25, repeats=20_000)
    assert found.patients_over.mean == pytest.approx(exact, abs=0.03)
    assert (found.patients_over.least, found.patients_over.most) == (min(crossing), max(crossing))


def test_counts_agree_with_each_other() -> None:
    found = images_of(*(f"person{n % 40}" for n in range(100))).leakage(0.2, seed=3)
    assert (found.images, found.patients, found.test_images) == (100, 40, 20)
    assert found.patients_on_both <= found.leaked <= found.test_images
    assert found.leaked < found.images_on_both
    assert found.patients_over.least <= found.patients_on_both <= found.patients_over.most
    assert found.leaked_over.least <= found.leaked_over.mean <= found.leaked_over.most


def test_the_seed_decides_and_draws_stay_what_they_are_over_versions() -> None:
    dataset = images_of(*(f"person{n % 40}" for n in range(100)))
    assert dataset.leakage(seed=1) == dataset.leakage(seed=1)
    output = [dataset.leakage(seed=seed, repeats=1).patients_on_both for seed in range(6)]
    assert output == [16, 14, 17, 20, 18, 15]


def test_printing_it_tells_the_story_in_a_few_lines() -> None:
    output = str(images_of(*(f"person{n % 40}" for n in range(100))).leakage(0.2, seed=1))
    assert "20 of 100 images" in output
    assert "of 40 patients on both sides" in output
    assert "Over 100 such splits" in output
    assert max(map(len, output.splitlines())) <= 100
    assert "Over" not in str(images_of(*["a"] * 9).leakage(repeats=1))


@pytest.mark.parametrize("fraction", [0, 1, -0.1, 1.2, 0.001, 0.999, float("nan")])
def test_a_share_that_draws_nothing_is_refused(fraction: float) -> None:
    with pytest.raises(SplitError, match="cannot be drawn"):
        images_of("a", "b", "c").leakage(fraction)


def test_no_repeat_at_all_is_refused() -> None:
    with pytest.raises(SplitError, match="0 repeats"):
        images_of("a", "b", "c").leakage(0.4, repeats=0)


def test_a_random_split_of_the_real_images_leaks_hundreds_of_patients(xrays: Path) -> None:
    found = XrayDataset.from_folder(xrays / "chest_xray").leakage(0.2)
    assert found.images == 4167
    assert 300 < found.patients_on_both < 450
    assert 0.5 < found.share < 0.7

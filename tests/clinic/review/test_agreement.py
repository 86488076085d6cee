"""Two readers' agreement beyond chance, with an interval over patients."""

from __future__ import annotations

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from sklearn.metrics import cohen_kappa_score

from rekognition_xray.clinic.review import reader_agreement
from rekognition_xray.errors import ReadingsError

from ...support.readings import read_as

LABELS = ("normal", "bacterial", "viral")


def both(pairs, **more):
    """Readings of two readers, image by image."""
    return [
        read_as(f"{place}.png", label, reader=reader, **more)
        for place, pair in enumerate(pairs)
        for reader, label in zip(("r1", "r2"), pair, strict=True)
    ]


pairs = st.lists(st.tuples(st.sampled_from(LABELS), st.sampled_from(LABELS)), min_size=2)


@given(pairs)
def test_kappa_is_that_of_scikit_learn_within_its_interval(given_labels) -> None:
    mine, theirs = zip(*given_labels, strict=True)
    assume(len({*mine, *theirs}) > 1)
    found = reader_agreement(both(given_labels), resamples=100)
    assert found.kappa.value == pytest.approx(cohen_kappa_score(mine, theirs))
    assert found.kappa.low <= found.kappa.value <= found.kappa.high
    assert found.agreement.value == pytest.approx(
        sum(one == other for one, other in given_labels) / len(given_labels)
    )


def test_the_example_of_cohen_1960() -> None:
    """200 cases in three categories: observed agreement 0.58, by chance 0.41, kappa 0.288."""
    table = {("a", "a"): 88, ("a", "b"): 14, ("a", "c"): 18, ("b", "a"): 10, ("b", "b"): 40}
    table |= {("b", "c"): 10, ("c", "a"): 2, ("c", "b"): 6, ("c", "c"): 12}
    found = reader_agreement(both([pair for pair, count in table.items() for _ in range(count)]))
    observed, chance = 140 / 200, (120 * 100 + 60 * 60 + 20 * 40) / 200**2
    assert found.kappa.value == pytest.approx((observed - chance) / (1 - chance))
    assert found.kappa.high - found.kappa.low == pytest.approx(
        2 * 1.96 * (observed * (1 - observed) / 200) ** 0.5 / (1 - chance), rel=0.1
    )


def test_images_of_few_patients_say_less_than_as_many_of_many() -> None:
    found = both(
        [("normal", "normal")] * 30 + [("normal", "viral")] * 10 + [("viral", "viral")] * 20
    )
    many = reader_agreement(found)
    few = reader_agreement(found, patient_of=lambda source: str(int(source[:-4]) // 10))
    assert few.kappa.value == many.kappa.value
    assert (few.kappa.patients, many.kappa.patients) == (6, 60)
    assert few.kappa.high - few.kappa.low > many.kappa.high - many.kappa.low


def test_full_agreement_on_a_few_images_is_not_certain() -> None:
    found = reader_agreement(both([("normal", "normal"), ("viral", "viral")] * 3))
    assert found.kappa.value == found.kappa.high == 1
    assert found.kappa.low < 0.5


def test_one_and_the_same_label_everywhere_gives_no_kappa() -> None:
    found = reader_agreement(both([("normal", "normal")] * 5))
    assert found.kappa.value is None
    assert "same label" in found.kappa.reason
    assert found.agreement.value == 1


def test_images_without_a_label_of_both_are_left_out_and_counted() -> None:
    found = both([("normal", "normal"), ("viral", "normal"), ("viral", None)])
    found.append(read_as("alone.png", "viral"))
    agreement = reader_agreement(found)
    assert (agreement.agreement.n, agreement.left_out) == (2, 1)
    assert "1 images left out" in str(agreement)
    assert agreement.to_dict()["readers"] == ["r1", "r2"]


def test_two_readers_are_needed_and_may_be_named() -> None:
    found = [*both([("normal", "viral")]), read_as("0.png", "viral", reader="r3")]
    with pytest.raises(ReadingsError, match="3 readers: r1, r2, r3"):
        reader_agreement(found)
    assert reader_agreement(found, readers=("r2", "r3")).agreement.value == 1
    with pytest.raises(ReadingsError, match="no image in common"):
        reader_agreement([read_as("a.png", "viral"), read_as("b.png", "viral", reader="r2")])


def test_a_reader_is_not_compared_with_himself() -> None:
    with pytest.raises(ReadingsError, match="r1 is one reader"):
        reader_agreement(both([("normal", "viral")]), readers=("r1", "r1"))

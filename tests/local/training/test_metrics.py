from __future__ import annotations

from collections.abc import Mapping, Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rekognition_xray.local.training.metrics import UNSEEN_THRESHOLD, Metrics, evaluate

Images = tuple[list[frozenset[str]], list[dict[str, float]]]


def one(label: str) -> frozenset[str]:
    return frozenset({label})


def pairs(*images: tuple[str, float]) -> Images:
    """Images of label a or b with the confidence of a; b has the rest."""
    return [one(label) for label, _ in images], [{"a": c, "b": 1 - c} for _, c in images]


def ab(*images: tuple[str, float]) -> Metrics:
    return evaluate(("a", "b"), *pairs(*images))


def shares(metrics: Metrics) -> dict[tuple[str, str], float]:
    return {(each.truth, each.predicted): each.share for each in metrics.confusion}


def test_images_that_are_distinguished_have_perfect_figures() -> None:
    metrics = ab(("a", 0.9), ("a", 0.8), ("b", 0.3), ("b", 0.1))
    assert (metrics.precision, metrics.recall, metrics.f1, metrics.test_images) == (1, 1, 1, 4)
    assert shares(metrics) == {("a", "a"): 1, ("a", "b"): 0, ("b", "a"): 0, ("b", "b"): 1}


def test_the_threshold_is_the_confidence_with_the_best_f1() -> None:
    """At 0.6: 2 right, 1 wrong, F1 0.8; at 0.9: 1 right of 2, F1 2/3."""
    a = ab(("a", 0.9), ("b", 0.7), ("a", 0.6), ("b", 0.2)).labels[0]
    assert a.threshold == 0.6
    assert (a.precision, a.recall, a.f1) == pytest.approx((2 / 3, 1.0, 0.8))


def test_of_equally_good_thresholds_the_highest_is_taken() -> None:
    """F1 is 2/3 at 0.9 (1 of 1, half of them) and at 0.2 (2 of 4, all of them)."""
    a = ab(("a", 0.9), ("b", 0.5), ("b", 0.4), ("a", 0.2)).labels[0]
    assert a.threshold == 0.9
    assert a.f1 == pytest.approx(2 / 3)


def test_the_aggregate_is_the_plain_mean_of_the_labels() -> None:
    metrics = ab(("a", 0.9), ("b", 0.95), ("a", 0.6), ("b", 0.2), ("b", 0.1))
    for name in ("precision", "recall", "f1"):
        values = [getattr(label, name) for label in metrics.labels]
        assert getattr(metrics, name) == pytest.approx(sum(values) / 2)


def test_confusion_goes_by_the_most_confident_label() -> None:
    metrics = ab(("a", 0.9), ("a", 0.4), ("a", 0.3), ("b", 0.2))
    assert shares(metrics)["a", "b"] == pytest.approx(2 / 3)
    assert shares(metrics)["b", "a"] == 0


def test_confusion_in_multi_label_data_goes_by_the_thresholds() -> None:
    truths = [frozenset("ab"), one("a"), one("b"), frozenset[str]()]
    found = [{"a": 0.9, "b": 0.8}, {"a": 0.7, "b": 0.1}, {"a": 0.2, "b": 0.9}, {"a": 0, "b": 0}]
    assert shares(evaluate(("a", "b"), truths, found)) == {
        ("a", "a"): 1.0, ("a", "b"): 0.5, ("b", "a"): 0.5, ("b", "b"): 1.0,
    }  # fmt: skip


def test_a_label_without_test_images_has_zeros_and_an_even_threshold() -> None:
    metrics = evaluate(("a", "b", "c"), [one("a"), one("b")], [dict.fromkeys("abc", 0.3)] * 2)
    c = metrics.labels[2]
    assert (c.precision, c.recall, c.f1, c.test_images) == (0, 0, 0, 0)
    assert c.threshold == UNSEEN_THRESHOLD
    assert not [each for each in metrics.confusion if each.truth == "c"]


def test_a_true_label_that_the_model_cannot_know_counts_for_none() -> None:
    metrics = evaluate(("a", "b"), [one("a"), one("z")], [{"a": 0.9, "b": 0.1}] * 2)
    assert [label.test_images for label in metrics.labels] == [1, 0]
    assert metrics.test_images == 2


def test_labels_keep_the_order_in_which_they_were_asked_for() -> None:
    metrics = evaluate(("b", "a"), *pairs(("a", 0.9), ("b", 0.1)))
    assert [label.label for label in metrics.labels] == ["b", "a"]


def test_a_threshold_can_be_looked_up() -> None:
    metrics = ab(("a", 0.9), ("b", 0.1))
    assert metrics.threshold("a") == 0.9
    with pytest.raises(KeyError):
        metrics.threshold("z")


@pytest.mark.parametrize(("truths", "found"), [([one("a")], []), ([], [{"a": 0.1}])])
def test_images_without_answers_are_refused(
    truths: Sequence[frozenset[str]], found: Sequence[Mapping[str, float]]
) -> None:
    with pytest.raises(ValueError, match="one answer per image"):
        evaluate(("a",), truths, found)


def test_no_labels_are_refused() -> None:
    with pytest.raises(ValueError, match="at least one label"):
        evaluate((), [], [])


def test_no_test_images_give_zeros() -> None:
    metrics = evaluate(("a", "b"), [], [])
    assert (metrics.f1, metrics.test_images, metrics.confusion) == (0, 0, ())


IMAGES = st.lists(st.tuples(st.sampled_from("ab"), st.floats(0, 1)), min_size=1, max_size=30)


@settings(max_examples=80, deadline=None)
@given(IMAGES)
def test_figures_are_those_counted_by_hand_at_the_threshold(
    images: list[tuple[str, float]],
) -> None:
    truths, found = pairs(*images)
    for label in evaluate(("a", "b"), truths, found).labels:
        reached = [image[label.label] >= label.threshold for image in found]
        borne = [label.label in image for image in truths]
        hits = sum(r and b for r, b in zip(reached, borne, strict=True))
        assert label.precision == pytest.approx(hits / sum(reached) if any(reached) else 0)
        assert label.recall == pytest.approx(hits / sum(borne) if any(borne) else 0)
        assert label.test_images == sum(borne)


@settings(max_examples=80, deadline=None)
@given(IMAGES)
def test_no_other_confidence_has_a_better_f1(images: list[tuple[str, float]]) -> None:
    truths, found = pairs(*images)
    for label in evaluate(("a", "b"), truths, found).labels:
        borne = [label.label in image for image in truths]
        for threshold in {image[label.label] for image in found} if any(borne) else ():
            reached = [image[label.label] >= threshold for image in found]
            hits = sum(r and b for r, b in zip(reached, borne, strict=True))
            assert 2 * hits / (sum(reached) + sum(borne)) <= label.f1 + 1e-9


@settings(max_examples=60, deadline=None)
@given(IMAGES)
def test_the_shares_of_one_true_label_sum_to_one(images: list[tuple[str, float]]) -> None:
    metrics = ab(*images)
    for label in {label for label, _ in images}:
        total = sum(each.share for each in metrics.confusion if each.truth == label)
        assert total == pytest.approx(1)

from __future__ import annotations

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from rekognition_xray.local.training import draw_test

sets = st.dictionaries(
    st.text(min_size=1, max_size=4),
    st.sampled_from([("a",), ("b",), ("c",), ("a", "b"), ()]),
    min_size=1,
    max_size=60,
)


def test_seventy_images_are_split_56_to_14():
    items = {str(number): ("ab"[number % 2],) for number in range(70)}
    assert len(draw_test(items, share=0.2, seed=0)) == 14


@given(sets, st.integers(0, 5))
def test_the_draw_depends_on_the_seed_and_not_on_the_order(items, seed):
    backwards = dict(reversed(items.items()))
    assert draw_test(items, share=0.2, seed=seed) == draw_test(backwards, share=0.2, seed=seed)


@given(sets)
def test_each_combination_of_labels_keeps_its_share_within_one_image(items):
    drawn = draw_test(items, share=0.2, seed=1)
    sizes = Counter(items.values())
    taken = Counter(items[name] for name in drawn)
    for labels, size in sizes.items():
        assert abs(taken[labels] - 0.2 * size) <= 1


@given(sets)
def test_where_there_are_two_images_both_sides_get_one(items):
    drawn = draw_test(items, share=0.2, seed=1)
    sizes = Counter(items.values())
    taken = Counter(items[name] for name in drawn)
    for labels, size in sizes.items():
        if size > 1:
            assert 1 <= taken[labels] < size


def test_another_seed_draws_others():
    items = {str(number): ("a",) for number in range(100)}
    assert draw_test(items, share=0.2, seed=1) != draw_test(items, share=0.2, seed=2)

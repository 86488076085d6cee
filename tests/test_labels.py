"""Confidences as they are shown."""

from __future__ import annotations

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rekognition_xray.labels import confidence_of, distinguish_pneumonia


def single(value: float) -> float:
    """The number as a service with single precision writes it."""
    return struct.unpack("f", struct.pack("f", value))[0]


@given(st.integers(0, 100_000))
def test_percents_and_shares_of_single_precision_come_out_alike(thousandth: int) -> None:
    percent, share = single(thousandth / 1000), single(thousandth / 100_000)
    assert confidence_of(percent / 100) == pytest.approx(confidence_of(share), abs=1e-7)
    assert 0 <= confidence_of(percent / 100) <= 1


@given(st.integers(0, 10**7))
def test_dividing_percents_adds_no_digits(tenth_of_a_millionth: int) -> None:
    share = tenth_of_a_millionth / 10**7
    assert confidence_of(round(share * 100, 5) / 100) == share


@pytest.mark.parametrize(
    ("labels", "distinguished"),
    [
        (("normal", "bacterial"), True),
        (("normal", "viral", "fracture"), True),
        (("bacterial", "viral"), False),
        (("normal", "fracture"), False),
        ((), False),
    ],
)
def test_labels_distinguish_pneumonia_only_with_both_sides(
    labels: tuple[str, ...], distinguished: bool
) -> None:
    assert distinguish_pneumonia(labels) is distinguished

"""The label vocabulary of the chest X-rays, and functions that all sub-packages share."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Final

NORMAL: Final = "normal"
BACTERIAL: Final = "bacterial"
VIRAL: Final = "viral"
PNEUMONIA: Final = "pneumonia"

THREE_CLASSES: Final = (NORMAL, BACTERIAL, VIRAL)
"""The three labels of the set, in the order in which tables show them."""

PNEUMONIA_LABELS: Final = frozenset({PNEUMONIA, BACTERIAL, VIRAL})
"""Labels that mean pneumonia in the two-class view."""


_PLACES: Final = 8


def confidence_of(share: float) -> float:
    """A confidence (0 to 1) that AWS sent, to 8 decimals.

    AWS's numbers have single precision, and percents are divided by 100: digits after the eighth
    are rounding noise. So percents of replies and shares in result files become equal.
    """
    return round(share, _PLACES)


def is_pneumonia(label: str) -> bool:
    """Whether a label means pneumonia, of whichever type."""
    return label in PNEUMONIA_LABELS


def distinguish_pneumonia(labels: Iterable[str]) -> bool:
    """Whether some of the labels mean pneumonia and others do not."""
    return len({is_pneumonia(label) for label in labels}) == 2


def in_order(labels: Iterable[str]) -> tuple[str, ...]:
    """The distinct labels: the three classes first and in their order, others by name."""
    return _in_order(frozenset(labels))


@lru_cache  # a program has the same few labels at each image
def _in_order(labels: frozenset[str]) -> tuple[str, ...]:
    rank = {label: place for place, label in enumerate(THREE_CLASSES)}
    return tuple(sorted(labels, key=lambda label: (rank.get(label, len(rank)), label)))


def pneumonia_confidence(confidences: Mapping[str, float]) -> float:
    """Confidence (0 to 1) that an image shows pneumonia: the sum over the labels that mean it.

    Sums are meaningful for single-label models, whose confidences add up to about 1. If a
    value is not a number, neither is the sum.
    """
    total = sum(value for label, value in confidences.items() if is_pneumonia(label))
    return 1.0 if total > 1 else total

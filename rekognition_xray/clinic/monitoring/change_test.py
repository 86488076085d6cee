"""``ChangeTest``: a sequential test of whether values still come as they did before.

Imports numpy: to be imported only when a journal is watched.
"""

from __future__ import annotations

import math
from bisect import bisect_left, bisect_right, insort
from collections.abc import Iterable
from typing import Final

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]

_SWITCH: Final = np.array([[0.001], [0.01]])  # shares of the capital that are dealt out anew
_STEEPNESS: Final = (1, 4, 16)  # of the bets on one end of the ranks
_BINS: Final = (10, 30)  # of the bets on late ranks
_KEPT: Final = 0.98  # of a histogram, from one rank to the next
_IDLE: Final = 0.5  # share of the capital that does not bet at the start
_LARGEST: Final = 690.0  # logarithm of the largest e-value that is told apart


class ChangeTest:
    """A conformal test martingale: its e-value grows while new values are unlike those before.

    Each value is ranked among all values before it, those of the reference included; its rank as a
    share, ties broken at random, is its conformal p-value. While values are exchangeable (any order
    is as likely as any other), these are independent and uniform, and a capital of 1 that is bet on
    them ever reaches c with probability at most 1 / c (Ville's inequality; Vovk, Gammerman and
    Shafer 2022, Algorithmic Learning in a Random World, chapter 8). The capital is the e-value.

    Six bets are on low or high ranks, and two on those that were frequent of late, a histogram as
    density (Fedorova et al. 2012, arXiv 1204.3251). A small share of the capital is dealt out anew
    after each value, so that a late change is found, too: the Simple Jumper of Vovk et al. (2021,
    arXiv 2102.10439), by the fixed share of Herbster and Warmuth (1998). Two such shares are
    averaged.

    Attributes:
        taken: values taken so far, those of the reference left out.
    """

    def __init__(self, reference: Iterable[float], *, seed: int) -> None:
        """Starts at an e-value of 1.

        Args:
            reference: values from before; may be empty, then the first values serve.
            seed: of the draws that break ties among equal values.
        """
        self._before = sorted(reference)
        self._random = np.random.default_rng(seed)
        self._capital = np.zeros(len(_SWITCH))  # logarithms, one for each rate
        self._shares = np.tile(_START, (len(_SWITCH), 1))
        self._log_highest = 0.0
        self._histograms = [_Histogram(bins) for bins in _BINS]
        self.taken = 0

    def take(self, value: float) -> None:
        """Ranks a value, bets, and remembers the value."""
        grown = self._shares * self._gains(self._p_value(value))
        total = grown.sum(axis=1, keepdims=True)
        self._capital += np.log(total[:, 0])
        self._shares = (1 - _SWITCH) * grown / total + _SWITCH * _START
        self._log_highest = max(self._log_highest, self._log_e_value)
        insort(self._before, value)
        self.taken += 1

    @property
    def e_value(self) -> float:
        """The e-value now: evidence of a change; about 1 or less if there is none."""
        return math.exp(min(self._log_e_value, _LARGEST))

    @property
    def highest(self) -> float:
        """The highest e-value so far."""
        return math.exp(min(self._log_highest, _LARGEST))

    @property
    def _log_e_value(self) -> float:
        return float(np.logaddexp.reduce(self._capital)) - math.log(len(self._capital))

    def _gains(self, p: float) -> Array:
        """What each bet makes of one unit, at least a half: none, low or high ranks, late ranks."""
        return np.array([1.0, *_one_sided(p), *(late.gain(p) for late in self._histograms)])

    def _p_value(self, value: float) -> float:
        """The share of values below this one; of equal ones, itself included, a random part."""
        below, upto = bisect_left(self._before, value), bisect_right(self._before, value)
        return (below + self._random.random() * (upto - below + 1)) / (len(self._before) + 1)


class _Histogram:
    """Bets that ranks go on to fall where late ones fell."""

    def __init__(self, bins: int) -> None:
        self._late = np.ones(bins)

    def gain(self, p: float) -> float:
        """What the bet makes of one unit; then remembers the rank."""
        late = self._late
        place = min(int(p * len(late)), len(late) - 1)
        gain = 0.5 + 0.5 * float(late[place] / late.sum()) * len(late)
        late *= _KEPT
        late += 1 - _KEPT
        late[place] += 1
        return gain


def _one_sided(p: float) -> list[float]:
    """What bets on low and on high ranks make of one unit: over uniform p the mean is 1."""
    return [0.5 + 0.5 * (1 + power) * side**power for power in _STEEPNESS for side in (p, 1 - p)]


_BETS: Final = 2 * len(_STEEPNESS) + len(_BINS)
_START: Final = np.array([_IDLE, *[(1 - _IDLE) / _BETS] * _BETS])

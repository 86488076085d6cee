"""The split of the service: one image in five to the test side, alike in labels, seeded."""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Mapping


def draw_test(items: Mapping[str, tuple[str, ...]], *, share: float, seed: int) -> set[str]:
    """Draws the names that go to the test side.

    `items` maps each name to its labels. Names with the same labels are drawn together, in number
    as near to `share` as whole images allow; where there are two or more of them both sides get
    one. The same items and seed give the same draw, in whatever order they come.
    """
    strata: defaultdict[tuple[str, ...], list[str]] = defaultdict(list)
    for name, labels in items.items():
        strata[tuple(sorted(labels))].append(name)
    counts = _counts({labels: len(names) for labels, names in strata.items()}, share)
    chance = random.Random(f"split {seed}")
    drawn: set[str] = set()
    for labels in sorted(strata):
        drawn.update(chance.sample(sorted(strata[labels]), counts[labels]))
    return drawn


def _counts(sizes: Mapping[tuple[str, ...], int], share: float) -> dict[tuple[str, ...], int]:
    exact = {labels: size * share for labels, size in sizes.items()}
    counts = {labels: int(value) for labels, value in exact.items()}
    left = round(sum(sizes.values()) * share) - sum(counts.values())
    by_remainder = sorted(exact, key=lambda labels: (counts[labels] - exact[labels], labels))
    for labels in by_remainder[:left]:
        counts[labels] += 1
    return {
        labels: max(count, 1) if sizes[labels] > 1 else count for labels, count in counts.items()
    }

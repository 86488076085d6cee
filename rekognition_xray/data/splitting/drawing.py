"""The drawing behind every split: whole groups of images are dealt to parts, seeded, by label."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Final, Protocol

from rekognition_xray.data.xrays import Xray

_TRIES: Final = 20
_NEAR_ENOUGH: Final = 0.01

Groups = Mapping[str, Counter[str]]
"""Images by label of each group."""


class SameImages(Protocol):
    """Images that show one picture and must not be parted; an audit finds them."""

    @property
    def images(self) -> tuple[Xray, ...]:
        """The images."""
        raise NotImplementedError


def join_groups(duplicates: Iterable[SameImages]) -> dict[str, str]:
    """Patients who share a picture stay together: from group to the name of the joined group.

    The name is the first of all names that are joined, whatever order the pairs come in; a group
    that is joined with no other is absent.
    """
    above: dict[str, str] = {}

    def top(group: str) -> str:
        while (up := above.get(group, group)) != group:
            above[group] = above.get(up, up)  # halves the way for the next one
            group = up
        return group

    for same in duplicates:
        groups = sorted({image.group for image in same.images})
        for group in groups[1:]:
            low, high = sorted((top(groups[0]), top(group)))
            if low != high:
                above[high] = low
    return {group: top(group) for group in above}


def count_labels(images: Iterable[Xray], names: Iterable[str]) -> dict[str, Counter[str]]:
    """Images by label of each group, the groups in the order of their first images."""
    groups: dict[str, Counter[str]] = {}
    for image, name in zip(images, names, strict=True):
        groups.setdefault(name, Counter())[image.label] += 1
    return groups


def deal(groups: Groups, shares: Sequence[float], seed: int) -> dict[str, int] | None:
    """Deals groups to parts so that every label has the shares asked for in every part.

    Groups come in an order drawn from the seed. The first part takes each group that brings its
    labels nearer to their share, the next part does so with what is left, the last gets the rest.
    Of up to 20 orders the first that comes within one point of every share, and of every label's
    proportion in each part, is taken, else the nearest. Takes time in proportion to n log n.

    Args:
        groups: images by label of each group.
        shares: what each part should have; they add up to 1.
        seed: another number, another deal.

    Returns:
        The part of each group, by its place in ``shares``; None where no deal was found that has
        every label in every part. Labels that stand alone in as many groups as there are parts
        never cause that.
    """
    totals: Counter[str] = Counter()
    for labels in groups.values():
        totals.update(labels)
    best, nearest = None, float("inf")
    for attempt in range(_TRIES):
        order = _order(groups, seed, attempt)
        parts = _dealt(groups, order, totals, shares)
        if not _spread(groups, order, parts, len(shares)):
            continue
        distance = _distance(groups, parts, totals, shares)
        if distance < nearest:
            best, nearest = parts, distance
        if nearest <= _NEAR_ENOUGH:
            break
    return best


def _order(groups: Iterable[str], seed: int, attempt: int) -> list[str]:
    """A shuffle that no version of Python changes, and that other images change little."""

    def place(group: str) -> bytes:
        text = f"{seed}/{attempt}/{group}"
        return hashlib.sha256(text.encode("utf-8", "surrogateescape")).digest()

    return sorted(groups, key=place)


def _dealt(
    groups: Groups, order: list[str], totals: Counter[str], shares: Sequence[float]
) -> dict[str, int]:
    parts = dict.fromkeys(order, len(shares) - 1)
    left = Counter(totals)
    for part, share in enumerate(shares[:-1]):
        chosen = _chosen(groups, order, left, share / sum(shares[part:]))
        for group in chosen:
            parts[group] = part
            left.subtract(groups[group])
        order = [group for group in order if group not in chosen]
    return parts


def _chosen(
    groups: Groups, order: Iterable[str], totals: Mapping[str, int], share: float
) -> set[str]:
    missing = {label: share * images for label, images in totals.items()}
    chosen: set[str] = set()
    for group in order:
        change = 0.0  # of the squared distance from the share, all labels together
        for label, images in groups[group].items():
            change += images * (images - 2 * missing[label]) / totals[label] ** 2
        if change < 0:
            chosen.add(group)
            for label, images in groups[group].items():
                missing[label] -= images
    return chosen


def _spread(groups: Groups, order: Iterable[str], parts: dict[str, int], count: int) -> bool:
    """Moves groups until every label stands in every part; says whether that worked."""
    bearers: dict[str, list[str]] = {}
    stands: list[Counter[str]] = [Counter() for _ in range(count)]
    for group in order:
        stands[parts[group]].update(groups[group].keys())
        for label in groups[group]:
            bearers.setdefault(label, []).append(group)
    for label in sorted(bearers):
        for part in range(count):
            if stands[part][label]:
                continue
            moved = _spare(groups, bearers[label], parts, stands)
            if moved is None:
                return False
            stands[parts[moved]].subtract(groups[moved].keys())
            stands[part].update(groups[moved].keys())
            parts[moved] = part
    return True


def _spare(
    groups: Groups,
    bearers: Iterable[str],
    parts: Mapping[str, int],
    stands: Sequence[Counter[str]],
) -> str | None:
    """The smallest of some groups whose part keeps all its labels without it."""
    movable = (
        group
        for group in bearers
        if all(stands[parts[group]][label] > 1 for label in groups[group])
    )
    return min(movable, key=lambda group: groups[group].total(), default=None)


def _distance(
    groups: Groups, parts: Mapping[str, int], totals: Counter[str], shares: Sequence[float]
) -> float:
    """The largest difference of a label's share, or of its proportion in a part, from the aim."""
    taken: list[Counter[str]] = [Counter() for _ in shares]
    for group, part in parts.items():
        taken[part].update(groups[group])
    images = totals.total()
    return max(
        max(abs(found[label] / total - share), abs(found[label] / found.total() - total / images))
        for found, share in zip(taken, shares, strict=True)
        for label, total in totals.items()
    )

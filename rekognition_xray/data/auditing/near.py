"""Near duplicates: a hash proposes pairs, aligned pixels decide, weak pairs are not chained."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Final

import attrs

from rekognition_xray.data.auditing.aligning import align_pairs
from rekognition_xray.data.auditing.hashing import propose_pairs

SAME: Final = 0.80
"""Correlation of aligned detail from which two images count as one picture; see
docs/explanation/near-duplicates.md for how it was validated."""


@attrs.frozen
class Pair:
    """Two images that were found to show one picture.

    Attributes:
        first, second: their indices, the lower one first.
        score: correlation of their fine detail when one is laid over the other.
    """

    first: int
    second: int
    score: float


@attrs.frozen
class Group:
    """An image and all that were verified against it, by index.

    Attributes:
        images: the image in the middle, then the others in order.
        score: the lowest of the pairs' scores.
    """

    images: tuple[int, ...]
    score: float


def near_pairs(thumbs: Sequence[bytes]) -> list[Pair]:
    """Every pair that the hash proposes and the pixels confirm.

    Found are new encodings (JPEG down to a quality of about 30), other sizes and aspects, changes
    of brightness, contrast and gamma, and crops of up to 8 % of each side. Not looked for are
    pictures that were mirrored, inverted or turned.

    Args:
        thumbs: SIDE x SIDE equalised grey pixels of each image; an empty one is left alone.
    """
    used = [index for index, thumb in enumerate(thumbs) if thumb]
    pictures = [thumbs[index] for index in used]
    proposals = propose_pairs(pictures)
    found = []
    for proposal, score in zip(proposals, align_pairs(pictures, proposals), strict=True):
        if score >= SAME:
            low, high = sorted((used[proposal.part], used[proposal.whole]))
            found.append(Pair(low, high, score))
    return sorted(found, key=lambda pair: (pair.first, pair.second))


def group_pairs(pairs: Iterable[Pair]) -> list[Group]:
    """Groups in which every image was verified against the first one, until no pair is left.

    Images are never joined through a third one: where A is like B, and B like C, but A not like C,
    the group is of B with A and C, by B. An image may so be in several groups, and each pair is in
    at least one.
    """
    left: dict[int, dict[int, float]] = defaultdict(dict)
    for pair in pairs:
        left[pair.first][pair.second] = left[pair.second][pair.first] = pair.score
    groups = []
    while left:
        middle = min(left, key=lambda image: (-len(left[image]), image))
        partners = left[middle]
        groups.append(Group((middle, *sorted(partners)), min(partners.values())))
        _take_out(left, {middle, *partners})
    return sorted(groups, key=lambda group: group.images)


def _take_out(left: dict[int, dict[int, float]], group: set[int]) -> None:
    """Forgets all pairs within a group."""
    for image in group:
        for other in group & left[image].keys():
            del left[image][other]
        if not left[image]:
            del left[image]

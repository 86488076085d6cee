"""``Duplicates``: films that show one picture, by their files, their pixels or nearly."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from pathlib import Path
from typing import Literal, TypeAlias

import attrs

from rekognition_xray.data.films import Xray
from rekognition_xray.data.looks import Looks
from rekognition_xray.data.near import grouped, near_pairs

Kind: TypeAlias = Literal["file", "pixels", "near"]


@attrs.frozen
class Duplicates:
    """Films that show one picture, and so belong on one side of a split.

    Attributes:
        films: two or more. Of near duplicates the first is the one that all others were verified
            against; of exact ones they come in the dataset's order.
        kind: ``file``, byte for byte; ``pixels``, the same pixels in different files; ``near``,
            one film laid over the other agrees in its detail.
        score: the lowest correlation with the first film; 1 for exact duplicates.
    """

    films: tuple[Xray, ...]
    kind: Kind
    score: float = 1.0

    @property
    def labels(self) -> frozenset[str]:
        """The labels that the films bear; more than one is a contradiction."""
        return frozenset(film.label for film in self.films)


def find_duplicates(looks: Looks) -> tuple[Duplicates, ...]:
    """All groups: exact ones first; near ones among what is left with one film of each picture.

    No film is in two exact groups; a film may be in several near ones, see ``near.grouped``.
    """
    pictures: dict[bytes, list[Xray]] = defaultdict(list)
    for film, seen in looks.items():
        if seen.pixels:
            pictures[seen.pixels].append(film)
    exact = [_exact(films) for films in pictures.values() if len(films) > 1]
    return (*exact, *_near([films[0] for films in pictures.values()], looks))


def _exact(films: list[Xray]) -> Duplicates:
    files = {_digest(film.path) for film in films}
    return Duplicates(tuple(films), "file" if len(files) == 1 else "pixels")


def _digest(path: Path) -> str:
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError:  # gone since it was decoded; its pixels are known, its bytes are not
        return str(path)


def _near(films: list[Xray], looks: Looks) -> list[Duplicates]:
    groups = grouped(near_pairs([looks[film].thumb for film in films]))
    return [
        Duplicates(tuple(films[index] for index in group.films), "near", group.score)
        for group in groups
    ]

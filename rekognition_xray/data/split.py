"""Train and test by whole patients: seeded, stratified by label, with a fingerprint."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import Final

import attrs

from rekognition_xray.data.dataset import Part, Xray, XrayDataset
from rekognition_xray.errors import SplitError, list_paths

_TRIES: Final = 20
_NEAR_ENOUGH: Final = 0.01
_DIGITS: Final = 12

_Groups = Mapping[str, Counter[str]]


@attrs.frozen
class Split:
    """Two datasets that share no patient; unpacks as ``train, test``.

    Attributes:
        train, test: the parts; each knows the fingerprint.
        seed: what the split was drawn with.
        fingerprint: 12 hex digits that depend on the seed and on each film's name, label,
            patient and part, and on nothing else.
    """

    train: XrayDataset
    test: XrayDataset
    seed: int
    fingerprint: str

    def __iter__(self) -> Iterator[XrayDataset]:
        return iter((self.train, self.test))


def split(dataset: XrayDataset, *, test: float = 0.2, seed: int = 0) -> Split:
    """Puts whole patients into train or test so that each label has the share asked for.

    Patients come in an order drawn from the seed; each goes to test while that brings the
    labels' shares nearer to the one asked for. Of up to 20 orders the first that comes within
    one point for every label is taken, else the nearest. Every label has films in both parts.
    scikit-learn's StratifiedGroupKFold is not used: it cuts equal folds only (1/2, 1/3, ...).

    Equal films and seeds give equal splits, in any order, on any machine and Python.

    Args:
        dataset: at least two patients for every label.
        test: share of the films for test, between 0 and 1, both excluded.
        seed: another number, another split.

    Raises:
        SplitError: a share outside (0, 1), a label of only one patient, or no way to have
            every label in both parts.
    """
    if not 0 < test < 1:
        raise SplitError(
            f"The share of the test part is {test}; it must lie between 0 and 1.",
            hint="Use test=0.2 for one film in five.",
        )
    groups = _groups(dataset)
    _require_two_patients(dataset)
    chosen = _best_draw(groups, Counter(film.label for film in dataset), test, seed)
    sides = {film: "test" if film.group in chosen else "train" for film in dataset}
    fingerprint = _fingerprint(sides, seed)
    train, held_out = (
        attrs.evolve(
            dataset,
            films=[film for film in dataset if sides[film] == name],
            part=Part(name, fingerprint),
        )
        for name in ("train", "test")
    )
    return Split(train, held_out, seed, fingerprint)


def _groups(dataset: XrayDataset) -> dict[str, Counter[str]]:
    groups: dict[str, Counter[str]] = {}
    for film in dataset:
        groups.setdefault(film.group, Counter())[film.label] += 1
    return groups


def _require_two_patients(dataset: XrayDataset) -> None:
    if not dataset.films:
        raise SplitError("The dataset holds no film.")
    lonely = [label for label, patients in dataset.patients.items() if patients < 2]
    if lonely:
        concerned = [film.path for film in dataset if film.label in lonely]
        raise SplitError(
            f"These labels have films of only one patient, who cannot be in train and in test:\n"
            f"{list_paths(lonely)}",
            paths=concerned,
            hint="Add films of other patients, or leave these labels out.",
        )


def _best_draw(groups: _Groups, totals: Counter[str], share: float, seed: int) -> set[str]:
    best: set[str] | None = None
    distance = float("inf")
    for attempt in range(_TRIES):
        order = _order(groups, seed, attempt)
        chosen = _draw(groups, order, totals, share)
        if not _has_every_label_twice(groups, order, chosen, totals):
            continue
        found = _distance(groups, chosen, totals, share)
        if found < distance:
            best, distance = chosen, found
        if distance <= _NEAR_ENOUGH:
            break
    if best is None:
        raise SplitError("No split by whole patients was found that has every label on both sides.")
    return best


def _order(groups: Iterable[str], seed: int, attempt: int) -> list[str]:
    """A shuffle that no version of Python changes, and that other films change little."""

    def place(group: str) -> bytes:
        text = f"{seed}/{attempt}/{group}"
        return hashlib.sha256(text.encode("utf-8", "surrogateescape")).digest()

    return sorted(groups, key=place)


def _draw(
    groups: _Groups, order: Iterable[str], totals: Mapping[str, int], share: float
) -> set[str]:
    taken = dict.fromkeys(totals, 0)
    chosen: set[str] = set()
    for group in order:
        change = 0.0
        for label, films in groups[group].items():
            missing = share * totals[label] - taken[label]
            change += films * (films - 2 * missing) / totals[label] ** 2  # of the squared distance
        if change < 0:
            chosen.add(group)
            for label, films in groups[group].items():
                taken[label] += films
    return chosen


def _has_every_label_twice(
    groups: _Groups, order: list[str], chosen: set[str], labels: Iterable[str]
) -> bool:
    """Moves a patient where a label is on one side only; says whether that worked throughout."""
    for label in labels:
        bearers = [group for group in order if label in groups[group]]
        inside = [group for group in bearers if group in chosen]
        if 0 < len(inside) < len(bearers):
            continue
        rest = [group for group in order if (group in chosen) == bool(inside)]
        movable = [group for group in bearers if _can_leave(groups, group, rest)]
        if not movable:
            return False
        chosen ^= {min(movable, key=lambda group: groups[group].total())}
    return True


def _can_leave(groups: _Groups, group: str, side: Iterable[str]) -> bool:
    others = {label for other in side if other != group for label in groups[other]}
    return set(groups[group]) <= others


def _distance(
    groups: _Groups, chosen: Iterable[str], totals: Mapping[str, int], share: float
) -> float:
    """The largest difference of a label's share from the one asked for."""
    taken: Counter[str] = Counter()
    for group in chosen:
        taken.update(groups[group])
    return max(abs(taken[label] / total - share) for label, total in totals.items())


def _fingerprint(sides: Mapping[Xray, str], seed: int) -> str:
    lines = sorted(
        json.dumps([film.name, film.label, film.group, side]) for film, side in sides.items()
    )
    text = "\n".join([f"seed {seed}", *lines])
    return hashlib.sha256(text.encode()).hexdigest()[:_DIGITS]

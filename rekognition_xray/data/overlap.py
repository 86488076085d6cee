"""What a train and a test part must not share: patients, films, pictures; and what a leak is."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping

import attrs

from rekognition_xray.data.dataset import Xray, XrayDataset


@attrs.frozen
class Leak:
    """One way in which the test part tells less than it seems to.

    Attributes:
        message: what is wrong, as a sentence without its full stop.
        films: all films that it concerns; none where it concerns the parts as wholes.
        hint: what to do about it.
    """

    message: str
    films: tuple[Xray, ...] = ()
    hint: str = "Split by XrayDataset.split(), which keeps patients whole."


def leaks(train: XrayDataset, test: XrayDataset) -> Iterator[Leak]:
    """What names and places tell, before any film is opened."""
    yield from _of_patients(train, test)
    yield from _of_films(train, test)
    yield from _of_splits(train, test)


def shared_pictures(
    train: XrayDataset, test: XrayDataset, digests: Mapping[Xray, str]
) -> Iterator[Leak]:
    """Films of different patients with equal pixels on both sides, as far as digests are known."""
    ours, theirs = (_by_digest(part, digests) for part in (train, test))
    same = [ours[digest] + theirs[digest] for digest in sorted(ours.keys() & theirs.keys())]
    same = [films for films in same if len({film.group for film in films}) > 1]
    if same:
        yield Leak(
            f"{_many(len(same), 'picture')} with equal pixels in train and in test",
            tuple(film for films in same for film in films),
            "Let an audit keep them together: dataset.split(audit=dataset.audit()).",
        )


def left_to_chance(train: XrayDataset) -> Iterator[Leak]:
    """What a random split by film of these films may tear apart."""
    films = Counter(film.patient for film in train if film.patient is not None)
    several = {patient for patient, count in films.items() if count > 1}
    if several:
        yield Leak(
            "There is no test part, and the service splits by film, not by patient: "
            f"{_many(len(several), 'patient')} with more than one film may stand in train and test",
            hint="Split by XrayDataset.split(), which keeps patients whole, and pass test=.",
        )


def _of_patients(train: XrayDataset, test: XrayDataset) -> Iterator[Leak]:
    shared = {film.patient for film in train} & {film.patient for film in test} - {None}
    films = tuple(film for film in test if film.patient in shared)
    if films:
        yield Leak(f"{_many(len(shared), 'patient')} in train and in test; their test films", films)


def _of_films(train: XrayDataset, test: XrayDataset) -> Iterator[Leak]:
    """Films of unknown patients: the same place, or the same name, which stands for the patient."""
    places = {film.source for film in train}
    names = {film.group for film in train if film.patient is None}
    films = tuple(
        film
        for film in test
        if film.patient is None and (film.source in places or film.group in names)
    )
    if films:
        yield Leak(
            f"{_many(len(films), 'film')} of unknown patients in train and test, by place or name",
            films,
            "Read both parts as one dataset, where every film has a name of its own, and split().",
        )


def _of_splits(train: XrayDataset, test: XrayDataset) -> Iterator[Leak]:
    one, other = train.part, test.part
    if one and other and one.fingerprint != other.fingerprint:
        yield Leak(
            f"The parts belong to different splits, {one.fingerprint} and {other.fingerprint}",
            hint="Take both parts from one split; split(validation=...) draws three at once.",
        )


def _by_digest(part: XrayDataset, digests: Mapping[Xray, str]) -> dict[str, list[Xray]]:
    found: dict[str, list[Xray]] = defaultdict(list)
    for film in part:
        if digest := digests.get(film):
            found[digest].append(film)
    return found


def _many(count: int, what: str) -> str:
    return f"{count:,} {what}{'' if count == 1 else 's'}"

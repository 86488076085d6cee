"""The checks of an audit on films that show one picture."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Final

from rekognition_xray.data.duplicates import Duplicates, Kind
from rekognition_xray.data.evidence import Evidence, error, many, warning
from rekognition_xray.data.films import Xray
from rekognition_xray.data.findings import Finding

_NAMED: Final = 3
_SAME: Final[dict[Kind, str]] = {
    "file": "same file as",
    "pixels": "same pixels as",
    "near": "nearly the same picture as",
}


def contradictory(evidence: Evidence) -> Iterator[Finding]:
    """Equal pixels under several labels."""
    clashing = _groups(evidence, "file", "pixels", agree=False)
    if clashing:
        yield error(
            "contradictory-labels",
            f"{_pictures(clashing)} with identical pixels and different labels.",
            _noted(clashing),
            "Keep the copy whose label is right; clean() leaves all of them out.",
        )


def nearly_contradictory(evidence: Evidence) -> Iterator[Finding]:
    """Near duplicates under several labels."""
    clashing = _groups(evidence, "near", agree=False)
    if clashing:
        yield warning(
            "contradictory-near-duplicates",
            f"{_pictures(clashing)} that are nearly the same and bear different labels.",
            _noted(clashing),
            "Look at them: one picture has one finding.",
        )


def exact(evidence: Evidence) -> Iterator[Finding]:
    """Copies under one label: of files, and of pixels in different files."""
    kinds: tuple[tuple[Kind, str], ...] = (("file", "files"), ("pixels", "pixels"))
    for kind, what in kinds:
        if groups := _groups(evidence, kind, agree=True):
            yield warning(
                f"duplicate-{what}",
                f"{_pictures(groups)} with identical {what} and the same label{_largest(groups)}.",
                _noted(groups),
                "Keep one copy of each, as clean() does.",
            )


def near(evidence: Evidence) -> Iterator[Finding]:
    """Pictures that differ by encoding, size, tone or a crop, under one label."""
    if groups := _groups(evidence, "near", agree=True):
        yield warning(
            "near-duplicates",
            f"{_pictures(groups)} that are nearly the same{_largest(groups)}.",
            _noted(groups),
            "Keep them on one side: dataset.split(audit=audit).",
        )


def across_official_splits(evidence: Evidence) -> Iterator[Finding]:
    """One picture in several of the official folders."""
    crossing = [found for found in evidence.duplicates if len(_splits(found.films)) > 1]
    if crossing:
        noted = [
            (path, f"in {film.split or 'no folder'}; {note}")
            for found in crossing
            for film, (path, note) in zip(found.films, _notes(found), strict=True)
        ]
        yield warning(
            "duplicates-across-official-splits",
            f"{_pictures(crossing)} in more than one official folder, exactly or nearly.",
            noted,
            "Use split(audit=audit), which keeps them together, rather than the official folders.",
        )


def _groups(evidence: Evidence, *kinds: Kind, agree: bool) -> list[Duplicates]:
    """Duplicates of these kinds whose films bear one label, or several."""
    found = (found for found in evidence.duplicates if found.kind in kinds)
    return [one for one in found if (len(one.labels) == 1) is agree]


def _splits(films: Iterable[Xray]) -> set[str]:
    return {film.split for film in films if film.split}


def _noted(groups: Iterable[Duplicates]) -> Iterator[tuple[Path, str]]:
    for found in groups:
        yield from _notes(found)


def _notes(found: Duplicates) -> Iterator[tuple[Path, str]]:
    """Each film with those it is a copy of; a near one with the film it was verified against."""
    first = found.films[0]
    for film in found.films:
        others = [other for other in found.films if other is not film]
        if found.kind == "near" and film is not first:
            others = [first]
        named = ", ".join(f"{other.path} ({other.label})" for other in others[:_NAMED])
        rest = f" and {len(others) - _NAMED:,} more" if len(others) > _NAMED else ""
        yield film.path, f"{film.label}; {_SAME[found.kind]} {named}{rest}"


def _largest(groups: Iterable[Duplicates]) -> str:
    return f"; the largest group has {max(len(found.films) for found in groups)} films"


def _pictures(groups: Sequence[Duplicates]) -> str:
    films = len({film for found in groups for film in found.films})
    return f"{many(groups, 'picture')} in {films:,} films"

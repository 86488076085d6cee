"""The checks of an audit on images that show one picture."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Final

from rekognition_xray.data.auditing.duplicates import Duplicates, Kind
from rekognition_xray.data.auditing.evidence import Evidence, error, many, warning
from rekognition_xray.data.auditing.findings import Finding
from rekognition_xray.data.xrays import Xray

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
    crossing = [found for found in evidence.duplicates if len(_splits(found.images)) > 1]
    if crossing:
        noted = [
            (path, f"in {image.split or 'no folder'}; {note}")
            for found in crossing
            for image, (path, note) in zip(found.images, _notes(found), strict=True)
        ]
        yield warning(
            "duplicates-across-official-splits",
            f"{_pictures(crossing)} in more than one official folder, exactly or nearly.",
            noted,
            "Use split(audit=audit), which keeps them together, rather than the official folders.",
        )


def _groups(evidence: Evidence, *kinds: Kind, agree: bool) -> list[Duplicates]:
    """Duplicates of these kinds whose images bear one label, or several."""
    found = (found for found in evidence.duplicates if found.kind in kinds)
    return [one for one in found if (len(one.labels) == 1) is agree]


def _splits(images: Iterable[Xray]) -> set[str]:
    return {image.split for image in images if image.split}


def _noted(groups: Iterable[Duplicates]) -> Iterator[tuple[Path, str]]:
    for found in groups:
        yield from _notes(found)


def _notes(found: Duplicates) -> Iterator[tuple[Path, str]]:
    """Each image with those it is a copy of; a near one with the image it was verified against."""
    first = found.images[0]
    for image in found.images:
        others = [other for other in found.images if other is not image]
        if found.kind == "near" and image is not first:
            others = [first]
        named = ", ".join(f"{other.path} ({other.label})" for other in others[:_NAMED])
        rest = f" and {len(others) - _NAMED:,} more" if len(others) > _NAMED else ""
        yield image.path, f"{image.label}; {_SAME[found.kind]} {named}{rest}"


def _largest(groups: Iterable[Duplicates]) -> str:
    return f"; the largest group has {max(len(found.images) for found in groups)} images"


def _pictures(groups: Sequence[Duplicates]) -> str:
    images = len({image for found in groups for image in found.images})
    return f"{many(groups, 'picture')} in {images:,} images"

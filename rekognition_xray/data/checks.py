"""The single checks of an audit: from a dataset and a look at each film to findings."""

from __future__ import annotations

import hashlib
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sized
from pathlib import Path
from typing import Final

import attrs

from rekognition_xray.data.dataset import Xray, XrayDataset
from rekognition_xray.data.findings import Finding
from rekognition_xray.data.images import decode
from rekognition_xray.errors import ImageError
from rekognition_xray.labels import in_order

FEW_FILMS: Final = 10
"""The service recommends at least this many images for each label."""
IMBALANCE: Final = 5
"""A label with this many times the films of another calls for a warning."""

_EXTENSIONS: Final = {"JPEG": {".jpg", ".jpeg", ".jpe", ".jfif"}, "PNG": {".png"}}
_GREY_MODES: Final = frozenset({"1", "L", "LA", "I", "F"})


@attrs.frozen
class Look:
    """What looking at one film told.

    Attributes:
        fault: the code of an ImageError; empty where the film could be decoded to the end.
        reason: the fault in words.
        format: ``JPEG`` or ``PNG``, by content.
        grey: whether the file is stored without colour.
        turned: whether EXIF asks for another orientation.
        pixels: digest of size and upright grey pixels.
    """

    fault: str = ""
    reason: str = ""
    format: str = ""
    grey: bool = True
    turned: bool = False
    pixels: bytes = attrs.field(default=b"", repr=False)


Looks = Mapping[Xray, Look]
Check = Callable[[XrayDataset, Looks], Iterable[Finding]]


def look(path: Path) -> Look:
    """Decodes one film to the end; a fault is an answer, not an error."""
    try:
        film = decode(path)
    except ImageError as error:
        return Look(fault=error.code, reason=error.reason)
    digest = hashlib.sha256(repr(film.grey.size).encode())
    digest.update(film.grey.tobytes())
    return Look(
        format=film.probe.format,
        grey=film.probe.mode.partition(";")[0] in _GREY_MODES,
        turned=film.turned,
        pixels=digest.digest(),
    )


_FAULTS: Final = {
    "missing": "cannot be found any more",
    "unreadable": "cannot be read",
    "zero-bytes": "of zero bytes",
    "not-an-image": "neither PNG nor JPEG, whatever the name says",
    "truncated": "cut off before the last pixel",
    "over-limits": "outside the limits of the service",
}


def unusable(_: XrayDataset, looks: Looks) -> Iterator[Finding]:
    """Films that cannot be decoded, or that the service would refuse."""
    faults: dict[str, list[tuple[Path, str]]] = defaultdict(list)
    for film, seen in looks.items():
        if seen.fault:
            faults[seen.fault].append((film.path, seen.reason))
    for code in sorted(faults, key=list(_FAULTS).index):
        advice = "Replace these files by sound ones, or leave them out."
        if code == "over-limits":
            advice = "Scale these films to 64 to 4096 px a side and 15 MB, or leave them out."
        yield _error(code, f"{_files(faults[code])} {_FAULTS[code]}.", faults[code], advice)


_REJECTED: Final = {
    "no-label": ("without a label", "Rename or remove these files, or use a rule that fits."),
    "contradictory-labels": (
        "whose name and folder contradict each other",
        "Move these files to the right folder, or correct their names.",
    ),
    "unreadable": ("that cannot be read", "Correct permissions and links."),
}


def rejected(dataset: XrayDataset, _: Looks) -> Iterator[Finding]:
    """What looked like a film and was not taken into the dataset."""
    for code, (what, advice) in _REJECTED.items():
        found = [(item.path, item.reason) for item in dataset.rejected if item.code == code]
        if found:
            yield _error(code, f"{_files(found)} {what}.", found, advice)


def same_pixels(_: XrayDataset, looks: Looks) -> Iterator[Finding]:
    """Films that show the very same picture, under one label or under several."""
    copies: dict[bytes, list[Xray]] = defaultdict(list)
    for film, seen in looks.items():
        if seen.pixels:
            copies[seen.pixels].append(film)
    sets = [films for films in copies.values() if len(films) > 1]
    clashing = [films for films in sets if len({film.label for film in films}) > 1]
    harmless = [films for films in sets if films not in clashing]
    if clashing:
        noted = [_copy_note(film, films) for films in clashing for film in films]
        message = f"{_pictures(clashing)} with identical pixels and different labels."
        yield _error("contradictory-labels", message, noted, "Keep the copy whose label is right.")
    if harmless:
        noted = [_copy_note(film, films) for films in harmless for film in films]
        message = f"{_pictures(harmless)} with identical pixels and the same label."
        yield _warning("duplicates", message, noted, "Keep one copy of each.")


def across_official_splits(dataset: XrayDataset, _: Looks) -> Iterator[Finding]:
    """Patients with films in more than one of the official folders."""
    splits: dict[str, set[str]] = defaultdict(set)
    for film in dataset:
        if film.split:
            splits[film.group].add(film.split)
    crossing = {group for group, found in splits.items() if len(found) > 1}
    noted = [
        (film.path, f"{film.group} is in {', '.join(sorted(splits[film.group]))}")
        for film in dataset
        if film.split and film.group in crossing
    ]
    if noted:
        yield _warning(
            "patients-across-official-splits",
            f"{len(crossing):,} {'patient' if len(crossing) == 1 else 'patients'} (by the rule "
            f"{dataset.labelling.rule!r}) in more than one official folder, with "
            f"{len(noted):,} films.",
            noted,
            "Use split(), which keeps patients whole, rather than the official folders.",
        )


def labels(dataset: XrayDataset, _: Looks) -> Iterator[Finding]:
    """Too few labels, labels of few films, and labels that are far from balanced."""
    counts = dataset.counts
    if len(counts) < 2:
        yield _warning(
            "too-few-labels",
            f"Only one label: {', '.join(counts) or 'none'}. A classification needs two or more.",
            (),
            "Add films of another label before training.",
        )
        return
    scarce = [label for label, films in counts.items() if films < FEW_FILMS]
    if scarce:
        yield _warning(
            "few-films",
            f"Labels of fewer than {FEW_FILMS} films: {', '.join(scarce)}.",
            [(film.path, film.label) for film in dataset if film.label in scarce],
            f"The service recommends at least {FEW_FILMS} images for each label.",
        )
    few, many = (pick(counts, key=lambda label: counts[label]) for pick in (min, max))
    if counts[many] > IMBALANCE * counts[few]:
        yield _warning(
            "imbalance",
            f"{many} has {counts[many]:,} films and {few} only {counts[few]:,}.",
            (),
            "Add films of the rarer label, and judge by figures per label, not by accuracy.",
        )


def colour(_: XrayDataset, looks: Looks) -> Iterator[Finding]:
    """Files stored in colour among grey ones."""
    sound = {film: seen.grey for film, seen in looks.items() if not seen.fault}
    coloured = [film for film, grey in sound.items() if not grey]
    if coloured and len(coloured) < len(sound):
        bearing = Counter(film.label for film in coloured)
        spread = ", ".join(f"{label} {bearing[label]:,}" for label in in_order(bearing))
        noted = [(film.path, film.label) for film in coloured]
        yield _warning(
            "rgb-among-grey",
            f"{_files(noted)} stored in colour among grey ones ({spread}); "
            "colour alone may give the label away.",
            noted,
            "Nothing to do: films are made grey before they are uploaded or judged.",
        )


def orientation(_: XrayDataset, looks: Looks) -> Iterator[Finding]:
    """Files whose EXIF block asks for another orientation than the stored one."""
    turned = [(film.path, film.label) for film, seen in looks.items() if seen.turned]
    if turned:
        yield _warning(
            "exif-orientation",
            f"{_files(turned)} that EXIF wants turned or mirrored.",
            turned,
            "Look at some of them: films are turned as EXIF says before they are uploaded.",
        )


def extensions(_: XrayDataset, looks: Looks) -> Iterator[Finding]:
    """Sound images whose extension names another format."""
    wrong = [
        (film.path, f"the content is {seen.format}")
        for film, seen in looks.items()
        if seen.format and film.path.suffix.lower() not in _EXTENSIONS[seen.format]
    ]
    if wrong:
        yield _warning(
            "wrong-extension",
            f"{_files(wrong)} with an extension that does not fit the content.",
            wrong,
            "Nothing to do for the service, which goes by content; rename them all the same.",
        )


CHECKS: Final[tuple[Check, ...]] = (
    unusable,
    rejected,
    same_pixels,
    across_official_splits,
    labels,
    colour,
    orientation,
    extensions,
)
"""All checks, in the order in which an audit reports."""

_Noted = Iterable[tuple[Path | str, str]]


def _error(code: str, message: str, noted: _Noted, advice: str) -> Finding:
    paths, notes = _columns(noted)
    return Finding(code, "error", message, paths, advice, notes)


def _warning(code: str, message: str, noted: _Noted, advice: str) -> Finding:
    paths, notes = _columns(noted)
    return Finding(code, "warning", message, paths, advice, notes)


def _columns(noted: _Noted) -> tuple[tuple[Path | str, ...], tuple[str, ...]]:
    pairs = list(noted)
    return tuple(path for path, _ in pairs), tuple(note for _, note in pairs)


def _copy_note(film: Xray, films: list[Xray]) -> tuple[Path, str]:
    others = ", ".join(f"{other.path} ({other.label})" for other in films if other is not film)
    return film.path, f"{film.label}; same pixels as {others}"


def _pictures(sets: list[list[Xray]]) -> str:
    films = sum(map(len, sets))
    return f"{len(sets):,} {'picture' if len(sets) == 1 else 'pictures'} in {films:,} films"


def _files(found: Sized) -> str:
    return "1 file" if len(found) == 1 else f"{len(found):,} files"

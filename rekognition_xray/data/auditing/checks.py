"""The checks of an audit on single images, on labels and on shortcuts."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Final, TypeAlias

import attrs

from rekognition_xray._text import quantity
from rekognition_xray.data.auditing.duplicates import Duplicates, Kind
from rekognition_xray.data.auditing.finding import Finding
from rekognition_xray.data.auditing.looks import Looks
from rekognition_xray.data.auditing.shortcuts import WARNED, Shortcut
from rekognition_xray.data.xrays import Xray, XrayCollection
from rekognition_xray.labels import (
    PNEUMONIA_LABELS,
    distinguish_pneumonia,
    in_order,
    is_pneumonia,
)


@attrs.frozen
class Evidence:
    """A dataset, a look at each of its images, and what they show together."""

    dataset: XrayCollection
    looks: Looks
    duplicates: tuple[Duplicates, ...]
    shortcuts: tuple[Shortcut, ...]


Check = Callable[[Evidence], Iterable[Finding]]
Noted: TypeAlias = Iterable[tuple[Path | str, str]]


def error(code: str, message: str, noted: Noted, advice: str) -> Finding:
    """A finding that has to be mended."""
    paths, notes = _columns(noted)
    return Finding(code, "error", message, paths, advice, notes)


def warning(code: str, message: str, noted: Noted, advice: str) -> Finding:
    """A finding that one should know of."""
    paths, notes = _columns(noted)
    return Finding(code, "warning", message, paths, advice, notes)


def _columns(noted: Noted) -> tuple[tuple[Path | str, ...], tuple[str, ...]]:
    pairs = list(noted)
    return tuple(path for path, _ in pairs), tuple(note for _, note in pairs)


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
            _note_groups(clashing),
            "Keep the copy whose label is right; clean() leaves all of them out.",
        )


def nearly_contradictory(evidence: Evidence) -> Iterator[Finding]:
    """Near duplicates under several labels."""
    clashing = _groups(evidence, "near", agree=False)
    if clashing:
        yield warning(
            "contradictory-near-duplicates",
            f"{_pictures(clashing)} that are nearly the same and bear different labels.",
            _note_groups(clashing),
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
                _note_groups(groups),
                "Keep one copy of each, as clean() does.",
            )


def near(evidence: Evidence) -> Iterator[Finding]:
    """Pictures that differ by encoding, size, tone or a crop, under one label."""
    if groups := _groups(evidence, "near", agree=True):
        yield warning(
            "near-duplicates",
            f"{_pictures(groups)} that are nearly the same{_largest(groups)}.",
            _note_groups(groups),
            "Keep them on one side: dataset.split(audit=audit).",
        )


def duplicates_across_official_splits(evidence: Evidence) -> Iterator[Finding]:
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


def _note_groups(groups: Iterable[Duplicates]) -> Iterator[tuple[Path, str]]:
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
    return f"{quantity(len(groups), 'picture')} in {images:,} images"


FEW_IMAGES: Final = 10
"""The service recommends at least this many images for each label."""
IMBALANCE: Final = 5
"""A label with this many times the images of another calls for a warning."""

_NUMBER: Final = re.compile(r"[+-]?\d+(\.\d+)?")
_NO_LABELS: Final = frozenset(
    {"image", "images", "img", "imgs", "mask", "masks", "data", "dicom", "png", "jpg", "jpeg"}
)
_MANY_LABELS: Final = 20
_EXTENSIONS: Final = {
    "JPEG": {".jpg", ".jpeg", ".jpe", ".jfif"},
    "PNG": {".png"},
    "DICOM": {".dcm", ".dicom"},
    "TIFF": {".tif", ".tiff"},
    "BMP": {".bmp"},
    "GIF": {".gif"},
    "WebP": {".webp"},
    "JPEG 2000": {".jp2", ".j2k", ".jpx"},
}
_KNOWN_EXTENSIONS: Final = frozenset().union(*_EXTENSIONS.values())
"""Of a name with another, or none, nobody expects a format."""
_FAULTS: Final = {
    "missing": "cannot be found any more",
    "unreadable": "cannot be read",
    "zero-bytes": "of zero bytes",
    "not-an-image": "of no format that is read, whatever the name says",
    "many-pictures": "animated, or of several pages",
    "truncated": "cut off before the last pixel",
    "over-limits": "outside the limits of the service, and no scaling can help",
    "burned-in": "of DICOM that may show a name in its pixels",
    "other-body-part": "of DICOM marked as another body part than the chest",
    "lateral-view": "of DICOM marked as a lateral view",
    "polarity": "of DICOM of which two tags contradict each other on what is white",
    "refused-by-gate": "that do not look like the images that the gate was fitted on",
    "no-window": "of floating-point pixels, which do not say what is black and white",
    "not-an-xray": "of DICOM that is no plain X-ray",
    "no-decoder": "of DICOM that nothing here can decode",
}
_ADVICE: Final = {
    "over-limits": "Leave these files out, or export them anew: 64 px a side and an aspect of "
    "20:1 at most.",
    "burned-in": "Look at them; ImageOptions(allow_burned_in=True) takes those that show no name.",
    "other-body-part": "Leave them out; ImageOptions(allow_other_views=True) takes them.",
    "lateral-view": "Leave them out; ImageOptions(allow_other_views=True) takes them.",
    "polarity": "Look at both, and say which is right: ImageOptions(polarity='photometric'), or "
    "'presentation'.",
    "refused-by-gate": "Have a person look at them; leave out what is no chest X-ray, or mend it.",
    "no-window": "Say which values are black and white: ImageOptions(window=(0.0, 1.0)).",
    "no-decoder": "Install the extra 'dicom', or export them in a common transfer syntax.",
}


def unusable(evidence: Evidence) -> Iterator[Finding]:
    """Images that cannot be decoded, or that the service would refuse."""
    faults: dict[str, list[tuple[Path, str]]] = defaultdict(list)
    for image, seen in evidence.looks.items():
        if seen.fault:
            faults[seen.fault].append((image.path, seen.reason))
    for code in [*_FAULTS, *sorted(faults.keys() - _FAULTS)]:
        if code in faults:
            what = _FAULTS.get(code, "that cannot be used")
            advice = _ADVICE.get(code, "Replace these files by sound ones, or leave them out.")
            yield error(
                code, f"{quantity(len(faults[code]), 'file')} {what}.", faults[code], advice
            )


def scaled(evidence: Evidence) -> Iterator[Finding]:
    """Files that break a limit of the service as they are, and keep it once they are prepared."""
    large = [(image.path, seen.excess) for image, seen in evidence.looks.items() if seen.excess]
    if large:
        yield warning(
            "over-limits",
            f"{quantity(len(large), 'file')} outside the limits of the service as they are.",
            large,
            "Nothing to do: images are scaled to 4096 px a side and 15 MB before the upload.",
        )


_REJECTED: Final = {
    "no-label": ("without a label", "Rename or remove these files, or use a rule that fits."),
    "contradictory-labels": (
        "whose name and folder contradict each other",
        "Move these files to the right folder, or correct their names.",
    ),
    "unreadable": ("that cannot be read", "Correct permissions and links."),
    "no-image": (
        "named by a row that leads to no image",
        "Correct these rows of the table, or add the images that they name.",
    ),
}


def rejected(evidence: Evidence) -> Iterator[Finding]:
    """What looked like an image and was not taken into the dataset."""
    for code, (what, advice) in _REJECTED.items():
        found = [
            (item.path, item.reason) for item in evidence.dataset.rejected if item.code == code
        ]
        if found:
            yield error(code, f"{quantity(len(found), 'file')} {what}.", found, advice)


def patients_across_official_splits(evidence: Evidence) -> Iterator[Finding]:
    """Patients with images in more than one of the official folders."""
    dataset = evidence.dataset
    splits: dict[str, set[str]] = defaultdict(set)
    for image in dataset:
        if image.split:
            splits[image.group].add(image.split)
    crossing = {group for group, found in splits.items() if len(found) > 1}
    noted = [
        (image.path, f"its patient is in {', '.join(sorted(splits[image.group]))}")
        for image in dataset
        if image.split and image.group in crossing
    ]
    if noted:
        yield warning(
            "patients-across-official-splits",
            f"{quantity(len(crossing), 'patient')} (by the rule "
            f"{dataset.labelling.rule!r}) in more than one official folder, with "
            f"{quantity(len(noted), 'image')}.",
            noted,
            "Use split(), which keeps patients whole, rather than the official folders.",
        )


def labels(evidence: Evidence) -> Iterator[Finding]:
    """Too few labels, labels of few images, and labels that are far from balanced."""
    counts = evidence.dataset.counts
    if len(counts) < 2:
        yield warning(
            "too-few-labels",
            f"Only one label: {', '.join(counts) or 'none'}. A classification needs two or more.",
            (),
            "Add images of another label before training.",
        )
        return
    scarce = [label for label, images in counts.items() if images < FEW_IMAGES]
    if scarce:
        yield warning(
            "few-images",
            f"Labels of fewer than {FEW_IMAGES} images: {', '.join(scarce)}.",
            [(image.path, image.label) for image in evidence.dataset if image.label in scarce],
            f"The service recommends at least {FEW_IMAGES} images for each label.",
        )
    fewest, most = (pick(counts, key=lambda label: counts[label]) for pick in (min, max))
    if counts[most] > IMBALANCE * counts[fewest]:
        yield warning(
            "imbalance",
            f"{most} has {counts[most]:,} images and {fewest} only {counts[fewest]:,}.",
            (),
            "Add images of the rarer label, and judge by figures per label, not by accuracy.",
        )


def odd_labels(evidence: Evidence) -> Iterator[Finding]:
    """Labels that are hardly meant to be labels, with the likely cause."""
    counts = evidence.dataset.counts
    rule = evidence.dataset.labelling.rule
    numbers = [label for label in counts if _NUMBER.fullmatch(label)]
    kinds = [label for label in counts if label.lower() in _NO_LABELS]
    crowded = len(counts) >= _MANY_LABELS and len(evidence.dataset) < FEW_IMAGES * len(counts)
    cases = (
        (
            numbers,
            "Labels look like numbers",
            'Say what they mean: from_csv(..., labels={"1": "pneumonia", "0": "normal"}).',
        ),
        (
            kinds,
            "Labels are names of folders that usually hold kinds of files",
            "If the label is the folder above: names=rx.FOLDERS.above(). Leave masks out.",
        ),
        (
            list(counts) if crowded else [],
            f"{len(counts):,} labels for {len(evidence.dataset):,} images",
            "Perhaps a patient or a file name was read as the label: use another rule or column.",
        ),
    )
    for found, what, advice in cases:
        if found:
            shown = ", ".join(found[:5]) + (", …" if len(found) > 5 else "")
            noted = [
                (image.path, image.label) for image in evidence.dataset if image.label in found
            ]
            yield warning("odd-labels", f"{what}, by the rule {rule!r}: {shown}.", noted, advice)


def two_classes(evidence: Evidence) -> Iterator[Finding]:
    """Labels of which none means pneumonia, or all do: then nothing tells it from the rest."""
    counts = evidence.dataset.counts
    if len(counts) < 2 or distinguish_pneumonia(counts):
        return
    lacking = "any other" if any(map(is_pneumonia, counts)) else "pneumonia"
    meaning = ", ".join(sorted(PNEUMONIA_LABELS))
    yield warning(
        "no-two-class-view",
        f"No label means {lacking}: an evaluation will have no figures of pneumonia or not, and "
        "no policy can choose a threshold.",
        (),
        f"Pneumonia is meant by {meaning}, in small letters, and by these alone. If another label "
        "means it, rename it before training: rx.FOLDERS.with_labels({'PNEUMONIA': 'pneumonia'}), "
        "or from_csv(..., labels=...).",
    )


def colour(evidence: Evidence) -> Iterator[Finding]:
    """Files stored in colour among grey ones."""
    sound = {image: seen.grey for image, seen in evidence.looks.items() if not seen.fault}
    coloured = [image for image, grey in sound.items() if not grey]
    if coloured and len(coloured) < len(sound):
        bearing = Counter(image.label for image in coloured)
        spread = ", ".join(f"{label} {bearing[label]:,}" for label in in_order(bearing))
        noted = [(image.path, image.label) for image in coloured]
        yield warning(
            "rgb-among-grey",
            f"{quantity(len(noted), 'file')} stored in colour among grey ones ({spread}); "
            "colour alone may give the label away.",
            noted,
            "Nothing to do: images are made grey before they are uploaded or judged.",
        )


def contrast(evidence: Evidence) -> Iterator[Finding]:
    """Images of which the grey has hardly any contrast once it has 8 bits."""
    poor = [(image.path, seen.contrast) for image, seen in evidence.looks.items() if seen.contrast]
    if poor:
        yield warning(
            "poor-contrast",
            f"{quantity(len(poor), 'image')} with hardly any contrast as the service sees them.",
            poor,
            "Look at them. Often an export had a wrong window, or wrote fewer bits than it says: "
            "export them again, use the values there are by ImageOptions(stretch=True), or leave "
            "them out.",
        )


def orientation(evidence: Evidence) -> Iterator[Finding]:
    """Files whose EXIF block asks for another orientation than the stored one."""
    turned = [(image.path, image.label) for image, seen in evidence.looks.items() if seen.turned]
    if turned:
        yield warning(
            "exif-orientation",
            f"{quantity(len(turned), 'file')} that EXIF wants turned or mirrored.",
            turned,
            "Look at some of them: images are turned as EXIF says before they are uploaded.",
        )


def extensions(evidence: Evidence) -> Iterator[Finding]:
    """Sound images whose extension names another format."""
    wrong = [
        (image.path, f"the content is {seen.format}")
        for image, seen in evidence.looks.items()
        if (suffix := image.path.suffix.lower()) in _KNOWN_EXTENSIONS
        and suffix not in _EXTENSIONS.get(seen.format, _KNOWN_EXTENSIONS)
    ]
    if wrong:
        yield warning(
            "wrong-extension",
            f"{quantity(len(wrong), 'file')} with an extension that does not fit the content.",
            wrong,
            "Nothing to do for the service, which goes by content; rename them all the same.",
        )


def shortcuts(evidence: Evidence) -> Iterator[Finding]:
    """Properties that predict the label without the picture, far better than chance."""
    alone = [found for found in evidence.shortcuts if found.property != "all"]
    telling = [found for found in alone if found.low > WARNED]
    together = [found for found in evidence.shortcuts if found.property == "all"]
    for found in telling or [found for found in together if found.low > WARNED]:
        name = _SHORTCUTS[found.property]
        yield warning(
            "shortcut",
            f"{name} the label with an AUROC of {found.auroc:.2f} "
            f"(95 % interval {found.low:.2f} to {found.high:.2f}) on unseen patients.",
            (),
            "A model may learn this instead of the finding. Crop and scale all images alike, and "
            "judge the model on images of another source.",
        )


_SHORTCUTS: Final = {
    "size": "Width and height alone reveal",
    "aspect": "The aspect alone reveals",
    "colour": "The colour mode alone reveals",
    "file-size": "The size of the file alone reveals",
    "border": "The border alone (the outer 3 % of the picture) reveals",
    "all": "Size, aspect, colour, file size and border together reveal",
}

CHECKS: Final[tuple[Check, ...]] = (
    unusable,
    rejected,
    contradictory,
    scaled,
    exact,
    near,
    nearly_contradictory,
    duplicates_across_official_splits,
    patients_across_official_splits,
    labels,
    odd_labels,
    two_classes,
    colour,
    contrast,
    orientation,
    extensions,
    shortcuts,
)
"""All checks, in the order in which an audit reports."""

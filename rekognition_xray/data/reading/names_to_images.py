"""From names to images: what a rule says of each, so that everything ends as image or rejected."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Final

import attrs

from rekognition_xray.data.manifests import is_unicode
from rekognition_xray.data.pseudonyms import pseudonym_in
from rekognition_xray.data.reading.names import ImageName, ListedRule, NamingRule
from rekognition_xray.data.xrays import Labelling, Rejected, Xray
from rekognition_xray.errors import LabelsError, NoLabelError

if TYPE_CHECKING:
    from rekognition_xray.data.manifests import Entry

logger = logging.getLogger(__name__)

IMAGE_EXTENSIONS: Final = frozenset(
    {
        *(".jpg", ".jpeg", ".jpe", ".jfif", ".png"),
        *(".gif", ".bmp", ".tif", ".tiff", ".webp", ".jp2", ".heic", ".dcm", ".dicom"),
    }
)
"""Extensions of files that count as images, wanted or not; others are no concern of a dataset."""

Place = Callable[[str], Path | str]
"""From a name within a dataset to where the image lies: a path, or an address in S3."""


def looks_like_image(name: str) -> bool:
    """Whether a file's extension is one of an image, whatever its case."""
    stem, dot, extension = name.rpartition(".")
    return bool(stem) and f"{dot}{extension.lower()}" in IMAGE_EXTENSIONS


def stated(labelling: Labelling | None, rule: NamingRule) -> Labelling:
    """Where labels come from: as the user says, else as the rule does; its name is the rule's."""
    if labelling is None:
        return rule.labelling
    return attrs.evolve(labelling, rule=labelling.rule or rule.labelling.rule)


def sort_out(
    names: Sequence[str], rule: NamingRule, place: Place
) -> tuple[list[Xray], list[Rejected]]:
    """Asks the rule about every name; what it lists and nobody found is rejected too.

    Args:
        names: names within the dataset, with ``/``.
        rule: what reads them.
        place: where an image of that name lies.
    """
    images: list[Xray] = []
    rejected: list[Rejected] = []
    if isinstance(rule, ListedRule):
        rule, missed = rule.among(names)
        rejected += [Rejected(place(name), reason, "no-image") for name, reason in missed]
    for name in names:
        read = _ask(rule, name, place)
        if isinstance(read, Rejected):
            rejected.append(read)
        else:
            images.append(Xray(place(name), read.label, read.patient, read.split, name))
    return images, rejected


def _ask(rule: NamingRule, name: str, place: Place) -> ImageName | Rejected:
    try:
        read = rule.read(PurePosixPath(name))
    except NoLabelError as error:
        return Rejected(place(name), error.message)
    except LabelsError as error:
        return Rejected(place(name), error.message, "contradictory-labels")
    except Exception as error:
        error.add_note(f"The rule {rule.labelling.rule!r} raised this for {place(name)}")
        raise
    if read is None or not read.label.strip():
        return Rejected(place(name), f"the name fits no pattern of the rule {_called(rule)}")
    if not is_unicode(read.label):
        return Rejected(place(name), f"the label {read.label!r} is no valid Unicode")
    return read


def _called(rule: NamingRule) -> str:
    return repr(rule.labelling.rule)


def of_entries(
    entries: Iterable[Entry], rule: NamingRule | None
) -> tuple[list[Xray], list[Rejected]]:
    """Images of a manifest's entries, which lie in S3.

    The patient is the pseudonym in the key. With a rule it is what the rule reads from the key,
    the official split too, and an entry whose label the rule does not confirm is rejected.
    """
    labels = {entry.source_ref: entry.label for entry in entries}
    if rule is None:
        images = [Xray(ref, label, pseudonym_in(ref)) for ref, label in labels.items()]
        _tell_of_strangers(images)
        return images, []
    places = {ref.split("/", 3)[-1]: ref for ref in labels}  # the entries share one bucket
    read, rejected = sort_out(list(places), rule, lambda key: places.get(key, key))
    images = []
    for image in read:
        ref = str(image.source)
        if image.label == labels[ref]:
            images.append(attrs.evolve(image, name=ref))
        else:
            reason = f"{labels[ref]} in the manifest, but {image.label} by the rule {_called(rule)}"
            rejected.append(Rejected(ref, reason, "contradictory-labels"))
    return images, rejected


def _tell_of_strangers(images: Sequence[Xray]) -> None:
    strangers = sum(image.patient is None for image in images)
    if strangers:
        logger.warning(
            "%d of %d images bear no pseudonym, so each counts as a patient of its own; "
            "pass names=... if their keys tell the patient",
            strangers,
            len(images),
        )

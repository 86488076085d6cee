"""What a train and a test part must not share: patients, images, pictures; and what a leak is."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping

import attrs

from rekognition_xray._text import quantity
from rekognition_xray.data.xrays import Xray, XrayCollection


@attrs.frozen
class Leak:
    """One way in which the test part gives figures that are too good.

    Attributes:
        message: what is wrong, as a sentence without its full stop.
        images: all images that it concerns; none where it concerns the parts as wholes.
        hint: what to do about it.
    """

    message: str
    images: tuple[Xray, ...] = ()
    hint: str = "Split by XrayDataset.split(), which keeps patients whole."


def find_leaks(train: XrayCollection, test: XrayCollection) -> Iterator[Leak]:
    """Leaks that names and places show, before any image is opened."""
    yield from _of_patients(train, test)
    yield from _of_images(train, test)
    yield from _of_splits(train, test)


def shared_pictures(
    train: XrayCollection, test: XrayCollection, digests: Mapping[Xray, str]
) -> Iterator[Leak]:
    """Images of different patients with equal pixels on both sides, as far as digests are known."""
    ours, theirs = (_by_digest(part, digests) for part in (train, test))
    same = [ours[digest] + theirs[digest] for digest in sorted(ours.keys() & theirs.keys())]
    same = [images for images in same if len({image.group for image in images}) > 1]
    if same:
        yield Leak(
            f"{quantity(len(same), 'picture')} with equal pixels in train and in test",
            tuple(image for images in same for image in images),
            "Let an audit keep them together: dataset.split(audit=dataset.audit()).",
        )


def split_risks(train: XrayCollection) -> Iterator[Leak]:
    """What a random split by image of these images may tear apart."""
    images = Counter(image.patient for image in train if image.patient is not None)
    several = {patient for patient, count in images.items() if count > 1}
    if several:
        yield Leak(
            "There is no test part, and the service splits by image, not by patient: "
            f"{quantity(len(several), 'patient')} with more than one image may stand in train "
            "and test",
            hint="Split by XrayDataset.split(), which keeps patients whole, and pass test=.",
        )


def _of_patients(train: XrayCollection, test: XrayCollection) -> Iterator[Leak]:
    shared = {image.patient for image in train} & {image.patient for image in test} - {None}
    images = tuple(image for image in test if image.patient in shared)
    if images:
        yield Leak(
            f"{quantity(len(shared), 'patient')} in train and in test; their test images", images
        )


def _of_images(train: XrayCollection, test: XrayCollection) -> Iterator[Leak]:
    """Images of unknown patients that share a place or a name, which stands for the patient."""
    places = {image.source for image in train}
    names = {image.group for image in train if image.patient is None}
    images = tuple(
        image
        for image in test
        if image.patient is None and (image.source in places or image.group in names)
    )
    if images:
        yield Leak(
            f"{quantity(len(images), 'image')} of unknown patients in train and test, "
            "by place or name",
            images,
            "Read both parts as one dataset, where every image has a name of its own, and split().",
        )


def _of_splits(train: XrayCollection, test: XrayCollection) -> Iterator[Leak]:
    one, other = train.part, test.part
    if one and other and one.fingerprint != other.fingerprint:
        yield Leak(
            f"The parts belong to different splits, {one.fingerprint} and {other.fingerprint}",
            hint="Take both parts from one split; split(validation=...) draws three at once.",
        )


def _by_digest(part: XrayCollection, digests: Mapping[Xray, str]) -> dict[str, list[Xray]]:
    found: dict[str, list[Xray]] = defaultdict(list)
    for image in part:
        if digest := digests.get(image):
            found[digest].append(image)
    return found

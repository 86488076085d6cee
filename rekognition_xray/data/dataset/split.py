"""Parts of a dataset that share no patient: drawn by a seed, or as the official folders say."""

from __future__ import annotations

import hashlib
import json
import warnings
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Final, Protocol

import attrs

from rekognition_xray.data.dataset.correction import CorrectedSplit, correct_split
from rekognition_xray.data.splitting import SameImages, count_labels, deal, join_groups
from rekognition_xray.data.xrays import Part, Xray
from rekognition_xray.errors import PatientLeakWarning, SplitError, list_paths

if TYPE_CHECKING:
    from rekognition_xray.data.correcting import Reading
    from rekognition_xray.data.dataset.dataset import XrayDataset


_DIGITS: Final = 12
_OFFICIAL: Final = {"train": "train", "val": "train", "test": "test"}


class Audited(Protocol):
    """What a split needs of an audit."""

    @property
    def images(self) -> int:
        """How many images were looked at."""
        raise NotImplementedError

    @property
    def duplicates(self) -> Sequence[SameImages]:
        """Images that show one picture."""
        raise NotImplementedError


@attrs.frozen
class Split:
    """Datasets that share no patient; unpacks as ``train, test`` or ``train, validation, test``.

    Attributes:
        train, test: the parts; each knows the fingerprint.
        seed: what the split was drawn with; None for the official one.
        fingerprint: 12 hex digits that depend on the seed and on each image's name, label, group
            and part, and on nothing else.
        validation: the third part, where one was asked for.
    """

    train: XrayDataset
    test: XrayDataset
    seed: int | None
    fingerprint: str
    validation: XrayDataset | None = None

    def __iter__(self) -> Iterator[XrayDataset]:
        parts = (self.train, self.validation, self.test)
        return iter([part for part in parts if part is not None])

    def corrected(
        self, readings: Iterable[Reading], *, change_test: bool = False
    ) -> CorrectedSplit:
        """The split with the labels that people read, and a record of each reading.

        Every patient stays in the part where they were, and the fingerprint stays: it names the
        split as it was drawn.

        Args:
            readings: of images of any part; see ``XrayDataset.corrected``.
            change_test: changes labels of the test part, too; by default they are ``held``.

        Raises:
            ReadingsError: see ``XrayDataset.corrected``.
        """
        return correct_split(self, readings, change_test=change_test)

    def to_dict(self) -> dict[str, object]:
        """Fingerprint, seed, images and patients of each part, as plain data ready for JSON."""
        parts = {"train": self.train, "validation": self.validation, "test": self.test}
        tallies = {name: part.tally() for name, part in parts.items() if part is not None}
        return {"fingerprint": self.fingerprint, "seed": self.seed, **tallies}


def draw_split(
    dataset: XrayDataset,
    *,
    test: float = 0.2,
    validation: float | None = None,
    seed: int = 0,
    audit: Audited | None = None,
) -> Split:
    """See ``XrayDataset.split``, which documents arguments and errors."""
    shares = {"test": test} if validation is None else {"test": test, "validation": validation}
    _check_shares(shares)
    shares["train"] = 1 - sum(shares.values())
    groups = groups_of(dataset, audit)
    parts = tuple(shares)
    sides = [parts[side] for side in dealt(dataset, groups, tuple(shares.values()), seed)]
    return put_apart(dataset, sides, groups, seed=seed)


def official_split(dataset: XrayDataset) -> Split:
    """See ``XrayDataset.official``, which documents arguments and errors."""
    strays = [image.source for image in dataset if image.split not in _OFFICIAL]
    if strays:
        raise SplitError(
            f"{len(strays)} of {len(dataset)} images lie in no official folder (train, val, "
            f"test):\n{list_paths(strays)}",
            paths=strays,
            hint="Read the folder that holds train and test, or draw a split of your own: split().",
        )
    sides = [_OFFICIAL[str(image.split)] for image in dataset]
    empty = [side for side in ("train", "test") if side not in sides]
    if empty:
        raise SplitError(
            f"No image lies in the official folder {' or '.join(empty)}.",
            hint="Get the whole set, or draw a split of your own: split().",
        )
    groups = [image.group for image in dataset]
    _warn_of_crossing(dataset, sides)
    return put_apart(dataset, sides, groups, seed=None)


def groups_of(dataset: XrayDataset, audit: Audited | None) -> list[str]:
    """The group of each image: its patient, joined with those who share a picture with it."""
    if audit is None:
        return [image.group for image in dataset]
    _check_audit(dataset, audit)
    together = join_groups(audit.duplicates)
    return [together.get(image.group, image.group) for image in dataset]


def dealt(
    dataset: XrayDataset, groups: Sequence[str], shares: Sequence[float], seed: int
) -> list[int]:
    """The part of each image, by its place in ``shares``.

    Raises:
        SplitError: no image, a label of too few groups, or no way to have every label everywhere.
    """
    found = count_labels(dataset, groups)
    _require_enough(dataset, found.values(), len(shares))
    parts = deal(found, shares, seed)
    if parts is None:
        raise SplitError("No split by whole patients was found that has every label in every part.")
    return [parts[group] for group in groups]


def put_apart(
    dataset: XrayDataset, sides: Sequence[str], groups: Sequence[str], *, seed: int | None
) -> Split:
    """The split with each image on its side: ``train``, ``test`` or ``validation``."""
    fingerprint = _fingerprint(dataset, sides, groups, seed)
    images: dict[str, list[Xray]] = {side: [] for side in sorted(set(sides))}
    for image, side in zip(dataset, sides, strict=True):
        images[side].append(image)
    parts = {
        side: attrs.evolve(dataset, images=found, part=Part(side, fingerprint))
        for side, found in images.items()
    }
    return Split(parts["train"], parts["test"], seed, fingerprint, parts.get("validation"))


def _check_shares(shares: dict[str, float]) -> None:
    for part, share in shares.items():
        if not 0 < share < 1:
            raise SplitError(
                f"The share of the {part} part is {share}; it must lie between 0 and 1.",
                hint="Use test=0.2 for one image in five.",
            )
    if not sum(shares.values()) < 1:
        shares_text = " and ".join(f"{part}={share}" for part, share in shares.items())
        raise SplitError(
            f"With {shares_text} nothing is left to train on.", hint="Ask for less of them."
        )


def _require_enough(dataset: XrayDataset, groups: Iterable[Iterable[str]], parts: int) -> None:
    if not dataset.images:
        raise SplitError("The dataset holds no image.")
    bearers = dict.fromkeys(dataset.labels, 0)
    for labels in groups:
        for label in labels:
            bearers[label] += 1
    few = {label: count for label, count in bearers.items() if count < parts}
    if few:
        raise SplitError(
            f"A patient is not divided, so each of the {parts} parts needs one of every label. "
            "These labels have fewer patients, or fewer who share no picture:\n"
            + list_paths(f"{label}: {count}" for label, count in few.items()),
            paths=[image.source for image in dataset if image.label in few],
            hint="Add images of other patients, or leave these labels out.",
        )


def _check_audit(dataset: XrayDataset, audit: Audited) -> None:
    known = set(dataset.images)
    strays = [
        image.source for same in audit.duplicates for image in same.images if image not in known
    ]
    if strays or audit.images != len(dataset):
        raise SplitError(
            f"The audit is of another dataset: it looked at {audit.images} images, and this one "
            f"holds {len(dataset)}, {len(strays)} of the audit's duplicates not among them.",
            paths=strays,
            hint="Audit the dataset that is to be split: dataset.split(audit=dataset.audit()).",
        )


def _warn_of_crossing(dataset: XrayDataset, sides: Sequence[str]) -> None:
    found: dict[str, set[str]] = {}
    for image, side in zip(dataset, sides, strict=True):
        found.setdefault(image.group, set()).add(side)
    crossing = sum(len(seen) > 1 for seen in found.values())
    if crossing:
        warnings.warn(
            f"By the rule {dataset.labelling.rule!r} {crossing} of {len(found)} patients have "
            "images in the official train and test. KERMANY.by_type(), which counts a "
            "bacterial and a viral patient of one number as two, should find none.",
            PatientLeakWarning,
            stacklevel=4,
        )


def _fingerprint(
    images: Iterable[Xray], sides: Iterable[str], groups: Iterable[str], seed: int | None
) -> str:
    lines = sorted(
        json.dumps([image.name, image.label, group, side])
        for image, side, group in zip(images, sides, groups, strict=True)
    )
    text = "\n".join(["official" if seed is None else f"seed {seed}", *lines])
    return hashlib.sha256(text.encode()).hexdigest()[:_DIGITS]


def draw_folds(
    dataset: XrayDataset, *, k: int = 5, seed: int = 0, audit: Audited | None = None
) -> tuple[Split, ...]:
    """See ``XrayDataset.folds``, which documents arguments and errors."""
    if k < 2:
        raise SplitError(f"{k} folds cannot be cut.", hint="Ask for 2 or more; 5 is the default.")
    groups = groups_of(dataset, audit)
    parts = dealt(dataset, groups, [1 / k] * k, seed)
    return tuple(
        put_apart(
            dataset, ["test" if part == fold else "train" for part in parts], groups, seed=seed
        )
        for fold in range(k)
    )

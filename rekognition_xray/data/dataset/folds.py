"""Folds for cross-validation: as many splits, each image in exactly one test part."""

from __future__ import annotations

from rekognition_xray.data.dataset.dataset import XrayDataset
from rekognition_xray.data.dataset.split import Audited, Split, dealt, groups_of, put_apart
from rekognition_xray.errors import SplitError


def folds(
    dataset: XrayDataset, *, k: int = 5, seed: int = 0, audit: Audited | None = None
) -> tuple[Split, ...]:
    """Cuts the images into k parts of whole patients; each is the test part of one split.

    The parts are dealt like those of ``split``: as equal in size and labels as whole patients
    allow, with every label in every one of them, and no extra package. Each fold has a
    fingerprint of its own.

    Args:
        dataset: every label has at least k patients.
        k: number of folds, 2 or more.
        seed: another number, other folds.
        audit: an audit of this very dataset; patients who share a picture by it stay together.

    Raises:
        SplitError: k below 2, a label of fewer than k patients, no way to have every label in
            every fold, or an audit of another dataset.
    """
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

"""How large the datasets of a project may be; pure rules, checked before anything is sent."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from rekognition_xray.cloud.datasets.dataset_calls import DatasetType
from rekognition_xray.data.manifests import MAX_ENTRIES, MAX_LABELS
from rekognition_xray.errors import ManifestError, ManifestFault

_SMALL: Final[Mapping[DatasetType, int]] = {"TRAIN": 28_000, "TEST": 7_000}
REGIONAL_LIMITS: Final[Mapping[str, Mapping[DatasetType, int]]] = {
    "ap-south-1": _SMALL,
    "eu-west-2": _SMALL,
}
"""Regions where a dataset holds fewer entries than the 250,000 of all others."""
_MAX_TESTED: Final = 1_000


def check_limits(
    counts: Mapping[str, int], kind: DatasetType, *, region: str, total: int | None = None
) -> None:
    """Refuses a dataset that is larger than the service's guide allows; makes no call.

    Args:
        counts: images by label.
        kind: which of a project's two datasets.
        region: the project's Region; two have smaller datasets.
        total: entries, where that is not the sum of the images by label.

    Raises:
        ManifestError: no images, more than 250,000 (or the Region's limit), more than 250 labels,
            or more than 1,000 test images of a label.
    """
    total = sum(counts.values()) if total is None else total
    limit = REGIONAL_LIMITS.get(region, {}).get(kind, MAX_ENTRIES)
    crowded = sorted(label for label, count in counts.items() if count > _MAX_TESTED)
    many = f"more than {_MAX_TESTED:,} images of {', '.join(crowded)}"
    labels = f"{len(counts)} labels, where {MAX_LABELS} are taken"
    images = f"{total:,} images, where {region} takes {limit:,}"
    rules = (
        (total == 0, "empty-manifest", "no images"),
        (total > limit, "ERROR_MANIFEST_ROWS_EXCEEDS_MAXIMUM", images),
        (len(counts) > MAX_LABELS, "ERROR_MANIFEST_TOO_MANY_LABELS", labels),
        (kind == "TEST" and bool(crowded), "too-many-test-images", many),
    )
    faults = [ManifestFault(None, code, reason) for broken, code, reason in rules if broken]
    if faults:
        raise ManifestError(
            f"The {kind} dataset would be outside the service's limits",
            faults=faults,
            hint="Take another share for the test part, or fewer images.",
        )

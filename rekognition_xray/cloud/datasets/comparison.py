"""What was sent to a dataset, compared with what the service kept: it drops lines silently."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

import attrs

from rekognition_xray.cloud.datasets.calls import DatasetType
from rekognition_xray.cloud.datasets.entries import DatasetEntry
from rekognition_xray.data.manifests import Manifest
from rekognition_xray.errors import DatasetFailedError, list_paths


@attrs.frozen(str=False)
class DatasetComparison:
    """A comparison of a manifest with a dataset.

    Attributes:
        kind: which dataset.
        sent: entries of the manifest.
        kept: entries of the dataset.
        missing: source-refs that were sent and are not there.
        changed: source-ref to the label that was sent and the labels that are there.
        extra: source-refs that are there and were not sent.
        flagged: the service's code of a fault to the source-refs that it flags.
    """

    kind: DatasetType
    sent: int
    kept: int
    missing: tuple[str, ...]
    changed: Mapping[str, tuple[str, tuple[str, ...]]] = attrs.field(hash=False)
    extra: tuple[str, ...]
    flagged: Mapping[str, tuple[str, ...]] = attrs.field(hash=False)

    @property
    def complete(self) -> bool:
        """Whether the dataset holds just what was sent, and the service finds no fault with it."""
        return not (self.missing or self.changed or self.extra or self.flagged)

    def raise_for_errors(self) -> None:
        """Raises DatasetFailedError, with every entry that is concerned, unless it is complete."""
        if not self.complete:
            raise DatasetFailedError(
                str(self),
                hint="Mend what is flagged and put it again; put_datasets(replace=True) takes "
                "entries away.",
            )

    def __str__(self) -> str:
        text = f"{self.kind}: {self.sent:,} entries were sent, {self.kept:,} are there"
        return "\n".join([text, *self._parts()])

    def _parts(self) -> Iterator[str]:
        changed = [
            f"{image}: {sent}, there: {', '.join(there) or 'no label'}"
            for image, (sent, there) in self.changed.items()
        ]
        parts = {
            "not there": self.missing,
            "labelled otherwise": changed,
            "there and not sent": self.extra,
            **{f"flagged {code}": images for code, images in self.flagged.items()},
        }
        for what, rows in parts.items():
            if rows:
                yield f"{what} ({len(rows):,}):\n{list_paths(rows)}"


def compare_entries(
    kind: DatasetType, sent: Manifest, there: Iterable[DatasetEntry]
) -> DatasetComparison:
    """Compares a manifest with the entries of a dataset, which are read once."""
    wanted = {entry.source_ref: entry.label for entry in sent}
    changed: dict[str, tuple[str, tuple[str, ...]]] = {}
    flagged: dict[str, list[str]] = {}
    seen: set[str] = set()
    kept = 0
    for entry in there:
        kept += 1
        image = entry.source_ref
        seen.add(image)
        for fault in entry.faults:
            flagged.setdefault(fault.code, []).append(image)
        if image in wanted and entry.labels != (wanted[image],):
            changed[image] = (wanted[image], entry.labels)
    return DatasetComparison(
        kind=kind,
        sent=len(sent),
        kept=kept,
        missing=tuple(sorted(wanted.keys() - seen)),
        changed={image: changed[image] for image in sorted(changed)},
        extra=tuple(sorted(seen - wanted.keys())),
        flagged={code: tuple(flagged[code]) for code in sorted(flagged)},
    )

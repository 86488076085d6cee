"""An entry: a manifest line in the form that a dataset stores."""

from __future__ import annotations

import attrs

from rekognition_xray.local.manifests.lines import Line


@attrs.frozen
class Entry:
    """One line of a dataset. `labels` pairs each label's name with whether it has a box."""

    source_ref: str
    line: str
    labels: tuple[tuple[str, bool], ...]
    labelled: bool
    faulty: bool


def as_entry(line: Line, source_ref: str) -> Entry:
    """A line as a dataset remembers it."""
    labels = {label.name: label.boxed for label in line.labels}
    return Entry(
        source_ref=source_ref,
        line=line.text,
        labels=tuple(labels.items()),
        labelled=line.annotated,
        faulty=bool(line.errors),
    )

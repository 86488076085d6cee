"""An entry: a manifest line in the form that a dataset stores."""

from __future__ import annotations

from typing import Final

import attrs

from rekognition_xray.local.manifests.lines import Line

HEAD: Final = '{"source-ref":"'
"""How nearly all lines begin: the source-ref follows, as it is."""


@attrs.frozen
class Entry:
    """One line of a dataset. `labels` pairs each label's name with whether it has a box.

    Of a line that begins with `HEAD` and its source-ref, only the rest may be kept: it is one text
    for all lines of a label.
    """

    source_ref: str
    _text: str
    labels: tuple[tuple[str, bool], ...]
    labelled: bool
    faulty: bool
    _only_rest: bool = False

    @property
    def line(self) -> str:
        """The whole line."""
        return f"{HEAD}{self.source_ref}{self._text}" if self._only_rest else self._text


def as_entry(line: Line, source_ref: str) -> Entry:
    """A line as a dataset remembers it."""
    labels = {label.name: label.boxed for label in line.labels}
    return Entry(
        source_ref=source_ref,
        text=line.text,
        labels=tuple(labels.items()),
        labelled=line.annotated,
        faulty=bool(line.errors),
    )

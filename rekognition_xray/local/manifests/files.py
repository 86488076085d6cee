"""Whole manifests for a dataset: which lines it keeps, and when it refuses the file."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

import attrs

from rekognition_xray.local.assumptions import Assumptions, Limits
from rekognition_xray.local.manifests.attributes import LineRules
from rekognition_xray.local.manifests.defects import (
    FILE_TOO_LARGE,
    MESSAGES,
    TOO_MANY_ROWS,
    UNREADABLE_FILE,
)
from rekognition_xray.local.manifests.entry import Entry, as_entry
from rekognition_xray.local.manifests.lines import Line, read_line


class ManifestRefused(Exception):  # noqa: N818 (an answer of the service)
    """A manifest that fails as a whole; the text is its StatusMessage."""


@attrs.frozen
class ManifestReader:
    """Reads manifests by the limits and assumptions of one local cloud."""

    limits: Limits
    assumptions: Assumptions

    @property
    def rules(self) -> LineRules:
        """The rules for one line."""
        return LineRules.of(self.limits, self.assumptions)

    def texts(self, data: bytes) -> list[str]:
        """The lines of a file; a blank one counts. Raises `ManifestRefused`."""
        if len(data) > self.limits.manifest_bytes:
            raise ManifestRefused(FILE_TOO_LARGE)
        try:
            text = data.decode("utf-8-sig")
        except UnicodeDecodeError as error:
            raise ManifestRefused(UNREADABLE_FILE) from error
        rows = [row.removesuffix("\r") for row in text.split("\n")]
        if rows[-1] == "":
            rows.pop()
        if len(rows) > self.limits.rows:
            raise ManifestRefused(TOO_MANY_ROWS)
        return rows

    def read(self, texts: Iterable[str]) -> list[Line]:
        """All lines, checked."""
        rules = self.rules
        return [read_line(text, rules) for text in texts]

    def entries(self, data: bytes, keep: Literal["first", "last"]) -> list[Entry]:
        """The entries for a dataset: no line with terminal errors, no second source-ref.

        Raises `ManifestRefused` where too many lines are dropped.
        """
        lines = self.read(self.texts(data))
        kept: dict[str, Entry] = {}
        dropped = 0
        for line in lines:
            if line.terminal or line.source_ref is None:
                dropped += 1
            elif keep == "last" or line.source_ref not in kept:
                kept[line.source_ref] = as_entry(line, line.source_ref)
        if dropped > self.assumptions.terminal_error_share * len(lines):
            raise ManifestRefused(MESSAGES["ERROR_TOO_MANY_RECORDS_IN_ERROR"])
        return list(kept.values())

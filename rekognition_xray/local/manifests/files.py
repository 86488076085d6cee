"""Whole manifests for a dataset: which lines it keeps, and when it refuses the file."""

from __future__ import annotations

import io
from collections.abc import Iterable, Iterator
from functools import cached_property
from typing import Literal

import attrs

from rekognition_xray.local.assumptions import Assumptions, Limits
from rekognition_xray.local.manifests.alike import read_entry
from rekognition_xray.local.manifests.attributes import LineRules
from rekognition_xray.local.manifests.defects import (
    FILE_TOO_LARGE,
    MESSAGES,
    TOO_MANY_ROWS,
    UNREADABLE_FILE,
)
from rekognition_xray.local.manifests.entry import Entry
from rekognition_xray.local.manifests.lines import Line, read_line


class ManifestRefused(Exception):  # noqa: N818 (an answer of the service)
    """A manifest that fails as a whole; the text is its StatusMessage."""


@attrs.frozen
class ManifestReader:
    """Reads manifests by the limits and assumptions of one local cloud."""

    limits: Limits
    assumptions: Assumptions

    @cached_property
    def rules(self) -> LineRules:
        """The rules for one line."""
        return LineRules.of(self.limits, self.assumptions)

    def texts(self, data: bytes) -> list[str]:
        """The lines of a file; a blank one counts. Raises `ManifestRefused`."""
        return list(self._stream(data))

    def _stream(self, data: bytes) -> Iterator[str]:
        if len(data) > self.limits.manifest_bytes:
            raise ManifestRefused(FILE_TOO_LARGE)
        rows = data.count(b"\n") + (not data.endswith(b"\n"))
        if data and rows > self.limits.rows:
            raise ManifestRefused(TOO_MANY_ROWS)
        try:
            for row in io.TextIOWrapper(io.BytesIO(data), encoding="utf-8-sig", newline="\n"):
                yield row.removesuffix("\n").removesuffix("\r")
        except UnicodeDecodeError as error:
            raise ManifestRefused(UNREADABLE_FILE) from error

    def read(self, texts: Iterable[str]) -> list[Line]:
        """All lines, checked."""
        rules = self.rules
        return [read_line(text, rules) for text in texts]

    def entries(self, data: bytes, keep: Literal["first", "last"]) -> list[Entry]:
        """The entries for a dataset: no line with terminal errors, no second source-ref.

        Raises `ManifestRefused` where too many lines are dropped.
        """
        rules = self.rules
        kept: dict[str, Entry] = {}
        lines = dropped = 0
        for text in self._stream(data):
            lines += 1
            entry = read_entry(text, rules)
            if entry is None:
                dropped += 1
            elif keep == "last" or entry.source_ref not in kept:
                kept[entry.source_ref] = entry
        if dropped > self.assumptions.terminal_error_share * lines:
            raise ManifestRefused(MESSAGES["ERROR_TOO_MANY_RECORDS_IN_ERROR"])
        return list(kept.values())

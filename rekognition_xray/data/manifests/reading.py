"""Manifests read line by line: entries, where the labels come from, and every bad line."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final

import attrs

from rekognition_xray.data.manifests.checks import MAX_KEY, count_fault, entry_fault, quote
from rekognition_xray.data.manifests.lines import (
    MAX_LINE,
    STRICT,
    Entry,
    LineFaultError,
    LineRule,
    Origin,
    read_line,
)
from rekognition_xray.errors import ManifestFault

_LONGEST: Final = 4 * MAX_LINE + 2  # bytes of the longest line that can be sound, with its end
# A source-ref of plain characters, and what follows from its closing quote on.
_PLAIN: Final = re.compile(rb'\{"source-ref": ?"([ !#-\[\]-~]+)(".*)', re.DOTALL)
_TAILS: Final = 1000  # at most: one for each label, where a manifest's lines are alike


@attrs.define
class Reading:
    """What was found in the lines so far.

    Attributes:
        rule: what is taken from a line.
        faults: what is wrong with lines.
        origin: where the labels come from.
        without_confidence: lines that have no confidence, and were read all the same.
    """

    rule: LineRule = STRICT
    faults: list[ManifestFault] = attrs.field(factory=list)
    origin: Origin = attrs.field(factory=Origin)
    without_confidence: int = 0
    _labels: dict[str, str] = attrs.field(factory=dict)
    _known: dict[str, str] = attrs.field(factory=dict)
    _bucket: str = ""
    _start: str = ""
    _tails: dict[bytes, str] = attrs.field(factory=dict)

    @property
    def entries(self) -> Iterator[Entry]:
        """The sound entries."""
        return (Entry(source_ref, label) for source_ref, label in self._labels.items())

    @classmethod
    def of(cls, lines: bytes | Iterable[str | bytes], rule: LineRule = STRICT) -> Reading:
        """Reads lines with or without their ends; an empty last one is the end of a text.

        Reading ends at the first line beyond the service's limit.
        """
        reading = cls(rule)
        empty = 0
        for number, line in enumerate(_apart(lines), 1):
            if empty:
                reading._fault(empty, "ERROR_INVALID_JSON_LINE", "a blank line")
                empty = 0
            if not line:
                empty = number
                continue
            if fault := count_fault(number):
                reading.faults.append(fault)
                break
            reading._take(number, line)
        return reading

    def _take(self, number: int, line: str | bytes) -> None:
        """Takes a line: by its source-ref alone, where the rest was sound in a line before."""
        data = line if isinstance(line, bytes) else line.encode("utf-8", "surrogatepass")
        found = _PLAIN.fullmatch(data)
        if found is None:
            self._take_any(number, line)
            return
        source_ref, tail = found[1].decode("ascii"), found[2]
        label = self._tails.get(tail)
        if (
            label is not None
            and source_ref.startswith(self._start)
            and 0 < len(source_ref) - len(self._start) <= MAX_KEY
            and source_ref not in self._labels
        ):
            self._labels[source_ref] = label
        else:
            self._take_any(number, line, tail)

    def _take_any(self, number: int, line: str | bytes, tail: bytes = b"") -> None:
        try:
            entry, metadata = read_line(line, self.rule)
        except LineFaultError as error:
            self._fault(number, error.code, error.reason)
            return
        fault = entry_fault(entry) or self._clash(entry)
        if fault:
            self._fault(number, *fault)
            return
        # One text for a label, not one for each line: a quarter of a million lines stay small.
        label = self._known.setdefault(entry.label, entry.label)
        self._labels[entry.source_ref] = label
        self.origin.take(metadata)
        counted = "confidence" not in metadata and "objects" not in metadata
        self.without_confidence += counted
        if not counted and _can_repeat(tail) and len(self._tails) < _TAILS:
            self._tails[tail] = label

    def _fault(self, number: int, code: str, reason: str) -> None:
        self.faults.append(ManifestFault(number, code, reason))

    def _clash(self, entry: Entry) -> tuple[str, str] | None:
        before = self._labels.get(entry.source_ref)
        if before is not None and before != entry.label:
            labels = f"{quote(entry.label)} and before {quote(before)}"
            return "contradictory-labels", f"{quote(entry.source_ref)} is labelled {labels}"
        if before is not None:
            reason = f"{quote(entry.source_ref)} was there before; the service drops such a line"
            return "repeated-source-ref", reason
        bucket = entry.source_ref.split("/", 3)[2]
        if not self._bucket:
            self._bucket, self._start = bucket, f"s3://{bucket}/"
        if bucket != self._bucket:
            return "ERROR_IMAGES_IN_MULTIPLE_S3_BUCKETS", f"{bucket} besides {self._bucket}"
        return None


def _apart(lines: bytes | Iterable[str | bytes]) -> Iterable[str | bytes]:
    """Cuts whole texts into lines; at the line feed alone, for JSON may hold other separators."""
    if isinstance(lines, str):
        return lines.split("\n")
    if isinstance(lines, bytes):
        return lines.split(b"\n")
    return lines


def _can_repeat(tail: bytes) -> bool:
    """Whether what follows a sound line's source-ref is as sound behind any other plain one.

    Not where a second source-ref hides in it, nor where a longer one could break the limit.
    """
    return (
        bool(tail)
        and b"source-ref" not in tail
        and b"\\" not in tail
        and len(tail) < MAX_LINE - 2 * MAX_KEY
    )


def file_lines(path: Path) -> Iterator[bytes]:
    """The lines of a file; of one that is far too long only the beginning.

    Raises:
        OSError: the file cannot be read.
    """
    with path.open("rb") as file:
        while line := file.readline(_LONGEST):
            yield line
            while len(line) == _LONGEST and not line.endswith(b"\n"):
                line = file.readline(_LONGEST)

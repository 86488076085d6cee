"""What has to hold across the entries of a manifest; limits of the service, all in one pass."""

from __future__ import annotations

import operator
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Final

import attrs

from rekognition_xray.data.manifests.lines import MAX_LINE, Entry, is_unicode, write_line
from rekognition_xray.errors import ManifestFault

MAX_ENTRIES: Final = 500_000
"""Lines that AWS takes at most, and only on request; an account's own quota is checked later."""
"""Most entries of a dataset."""
MAX_LABELS: Final = 250
"""Most labels of a dataset."""
MAX_LABEL: Final = 255
"""Most characters of a label."""
MAX_BYTES: Final = 1_000_000_000
"""Largest manifest: "1 GB", read as the smaller of the two."""
MAX_KEY: Final = 1024
"""Most characters of an object's key."""

_SOURCE_REF: Final = re.compile(r"s3://([0-9A-Za-z.\-_]{3,255})/.{1,1024}", re.DOTALL)
_WIDEST: Final = 6  # characters of JSON for one of ASCII, such as \u0001
_FRAME: Final = len('{"source-ref":"')
_BATCH: Final = 512


@attrs.frozen
class Overview:
    """What a few quick looks at all entries together show.

    Attributes:
        labels: the labels that occur.
        ascending: whether each source-ref comes after the one before, so that none stands twice.
        ascii: whether all source-refs are ASCII.
        longest: most characters of a source-ref.
        size: characters of all source-refs.
    """

    labels: frozenset[str]
    ascending: bool
    ascii: bool
    longest: int
    size: int

    @classmethod
    def of(cls, entries: Sequence[Entry]) -> Overview:
        """Looks at some hundred entries at a time, while they are in the processor's cache."""
        labels: set[str] = set()
        ascending = is_ascii = True
        longest = size = 0
        before = ""
        for start in range(0, len(entries), _BATCH):
            batch = entries[start : start + _BATCH]
            refs = [entry.source_ref for entry in batch]
            text = "".join(refs)
            labels.update([entry.label for entry in batch])
            ascending = ascending and not any(map(operator.ge, [before, *refs], refs))
            is_ascii = is_ascii and text.isascii()
            longest, size, before = max(longest, *map(len, refs)), size + len(text), refs[-1]
        return cls(frozenset(labels), ascending, is_ascii, longest, size)


def faults(
    entries: Sequence[Entry], overview: Overview, tails: Mapping[str, str]
) -> tuple[ManifestFault, ...]:
    """Everything that the service would refuse, with line numbers in the order given.

    Args:
        entries: ordered by source-ref; what stands twice is found side by side.
        overview: of these entries.
        tails: what each label's lines end in.
    """
    if is_plainly_sound(entries, overview, tails):
        return ()
    return (*_faults_of_lines(entries, tails), *_faults_of_all(entries, tails))


def is_plainly_sound(
    entries: Sequence[Entry], overview: Overview, tails: Mapping[str, str]
) -> bool:
    """Whether an overview shows that nothing is wrong.

    What begins alike at both ends of an ordered list begins alike in all of it, so one bucket is
    seen from the first and the last entry. False only means that every line has to be looked at.
    """
    if not entries:
        return True
    found = _SOURCE_REF.fullmatch(entries[0].source_ref)
    if found is None or any(_label_fault(label) for label in tails):
        return False
    start = f"s3://{found[1]}/"
    longest_tail = max(map(len, tails.values()))
    return (
        len(entries) <= MAX_ENTRIES
        and len(tails) <= MAX_LABELS
        and entries[-1].source_ref.startswith(start)
        and overview.ascii
        and overview.ascending
        and overview.longest <= len(start) + MAX_KEY
        and _FRAME + _WIDEST * overview.longest + longest_tail <= MAX_LINE
        and (_FRAME + longest_tail + 1) * len(entries) + _WIDEST * overview.size <= MAX_BYTES
    )


def _faults_of_lines(entries: Sequence[Entry], tails: Mapping[str, str]) -> Iterator[ManifestFault]:
    first: str | None = None
    before: Entry | None = None
    for number, entry in enumerate(entries, 1):
        fault = entry_fault(entry) or _clash(entry, before)
        before = entry
        if fault is None:
            bucket = entry.source_ref.split("/", 3)[2]
            first = first or bucket
            fault = _other_bucket(bucket, first) or _long_line(entry, tails)
        if fault is not None:
            yield ManifestFault(number, *fault)


def _faults_of_all(entries: Sequence[Entry], tails: Mapping[str, str]) -> Iterator[ManifestFault]:
    if fault := count_fault(len(entries)):
        yield fault
    if len(tails) > MAX_LABELS:
        reason = f"{len(tails):,} labels, where the service takes {MAX_LABELS}"
        yield ManifestFault(None, "ERROR_MANIFEST_TOO_MANY_LABELS", reason)
    size = sum(len(write_line(entry, tails)) + 1 for entry in entries)
    if size > MAX_BYTES:
        reason = f"{size:,} bytes, where the service takes 1 GB"
        yield ManifestFault(None, "ERROR_MANIFEST_SIZE_TOO_LARGE", reason)


def count_fault(count: int) -> ManifestFault | None:
    """The fault of a manifest that is too long."""
    if count <= MAX_ENTRIES:
        return None
    reason = f"more than {MAX_ENTRIES:,} lines"
    return ManifestFault(None, "ERROR_MANIFEST_ROWS_EXCEEDS_MAXIMUM", reason)


def entry_fault(entry: Entry) -> tuple[str, str] | None:
    """Code and reason of what is wrong with an entry by itself."""
    if not _SOURCE_REF.fullmatch(entry.source_ref) or not is_unicode(entry.source_ref):
        reason = f"{quote(entry.source_ref)} is not s3://bucket/key"
        return "ERROR_INVALID_SOURCE_REF_FORMAT", reason
    return _label_fault(entry.label)


def _label_fault(label: str) -> tuple[str, str] | None:
    if not 1 <= len(label) <= MAX_LABEL:
        return "ERROR_INVALID_LABEL_NAME_LENGTH", f"a label of {len(label)} characters"
    if not is_unicode(label):
        return "not-unicode", f"the label {quote(label)} is no Unicode text"
    return None


def _clash(entry: Entry, before: Entry | None) -> tuple[str, str] | None:
    if before is None or before.source_ref != entry.source_ref:
        return None
    labels = f"{quote(entry.label)} and {quote(before.label)}"
    return "contradictory-labels", f"{quote(entry.source_ref)} is labelled {labels}"


def _other_bucket(bucket: str, first: str) -> tuple[str, str] | None:
    if bucket == first:
        return None
    return "ERROR_IMAGES_IN_MULTIPLE_S3_BUCKETS", f"{bucket} besides {first}"


def _long_line(entry: Entry, tails: Mapping[str, str]) -> tuple[str, str] | None:
    if len(write_line(entry, tails)) <= MAX_LINE:
        return None
    return "line-too-long", f"the line would have more than {MAX_LINE:,} characters"


def quote(text: str) -> str:
    """Text as a message shows it: in quotes, and cut where it is long."""
    return repr(text) if len(text) <= 200 else f"{text[:200]!r}…"

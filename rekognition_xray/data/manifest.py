"""Custom Labels manifests for classification: render and parse, pure text in and out."""

from __future__ import annotations

import datetime
import json
import re
from collections.abc import Iterable, Iterator
from typing import Final

import attrs

from rekognition_xray.errors import ManifestError, list_paths

LABEL_ATTRIBUTE: Final = "label"
"""Name of the label attribute in rendered lines; the service takes any name."""
TYPE: Final = "groundtruth/image-classification"
"""The annotation type of image-level labels."""
MAX_LINE: Final = 100_000
"""Most characters of a line."""
MAX_LABEL: Final = 255
"""Most characters of a label."""

_SOURCE_REF: Final = re.compile(r"s3://([0-9A-Za-z.\-_]{3,255})/.{1,1024}", re.DOTALL)
_SUFFIX: Final = "-metadata"
_REMARKS: Final = frozenset({"cl-metadata", "cl-errors", "errors", "warnings"})
_DATE: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}(?:[T ][0-9:.]+)?(?:Z|[+-][0-9:]+)?")


@attrs.frozen
class Entry:
    """One line of a manifest: a film in S3 with its label.

    Attributes:
        source_ref: ``s3://bucket/key``, the key as it is stored (not URL-encoded).
        label: 1 to 255 characters.
    """

    source_ref: str
    label: str


def render(
    entries: Iterable[Entry],
    *,
    job_name: str,
    created: datetime.date,
    human_annotated: bool = True,
) -> Iterator[str]:
    """Renders entries as JSON lines, without line ends, in the order given.

    Equal input gives equal text, in plain ASCII. An entry given twice is written once, since the
    service keeps one line per image. Faults are collected and raised together after the last
    entry, so a file that is being written from this must be thrown away when it raises.

    Args:
        entries: films of one bucket.
        job_name: free text that says where the labels come from.
        created: when the labels were made; a time with a zone is turned into UTC, one without
            counts as UTC.
        human_annotated: whether people made the labels.

    Raises:
        ManifestError: malformed source-refs, labels that are empty or too long, one image with
            two labels, films of several buckets, lines over 100,000 characters.
    """
    checks = _Checks()
    tails: dict[str, str] = {}
    for number, entry in enumerate(entries, 1):
        if not checks.admit(number, entry, repeats_are_faults=False):
            continue
        if entry.label not in tails:
            tails[entry.label] = _tail(
                entry.label, job_name, created, human_annotated=human_annotated
            )
        line = f'{{"source-ref":{json.dumps(entry.source_ref)},{tails[entry.label]}'
        if len(line) > MAX_LINE:
            checks.fault(number, f"the line would have more than {MAX_LINE:,} characters")
        else:
            yield line
    checks.raise_for_faults("The manifest cannot be written, because of these entries")


def parse(lines: Iterable[str]) -> tuple[Entry, ...]:
    """Reads the lines of a manifest in which each image has one image-level label.

    Line ends are ignored, and so are the remarks that the service adds to listed entries.

    Raises:
        ManifestError: lists every bad line by its number (from 1), with the service's code for
            the fault where it has one.
    """
    checks = _Checks()
    entries: list[Entry] = []
    blanks: list[int] = []
    for number, line in enumerate(lines, 1):
        if not line.strip():
            blanks.append(number)
            continue
        _report(checks, blanks)
        try:
            entry = _read(line)
        except _LineError as fault:
            checks.fault(number, str(fault))
            continue
        if checks.admit(number, entry, repeats_are_faults=True):
            entries.append(entry)
    _report(checks, blanks[:-1])  # an empty last line is the end of a text file
    checks.raise_for_faults("The manifest has bad lines")
    return tuple(entries)


class _LineError(Exception):
    """What is wrong with one line."""


@attrs.define
class _Checks:
    """What has to hold across entries, and the faults found so far."""

    faults: list[str] = attrs.field(factory=list)
    labels: dict[str, str] = attrs.field(factory=dict)
    bucket: str = ""

    def fault(self, number: int, reason: str) -> None:
        self.faults.append(f"line {number}: {reason}")

    def admit(self, number: int, entry: Entry, *, repeats_are_faults: bool) -> bool:
        """Whether an entry is sound and new; a fault is noted."""
        reason = _entry_fault(entry) or self._clash(entry)
        repeated = entry.source_ref in self.labels
        if repeated and not reason and repeats_are_faults:
            reason = f"{entry.source_ref} was there before; the service drops such a line"
        if reason:
            self.fault(number, reason)
            return False
        self.labels[entry.source_ref] = entry.label
        return not repeated

    def _clash(self, entry: Entry) -> str | None:
        known = self.labels.get(entry.source_ref, entry.label)
        if known != entry.label:
            return f"{entry.source_ref} is labelled {entry.label!r} and before {known!r}"
        bucket = entry.source_ref.split("/", 3)[2]
        self.bucket = self.bucket or bucket
        if bucket != self.bucket:
            return f"ERROR_IMAGES_IN_MULTIPLE_S3_BUCKETS: {bucket} besides {self.bucket}"
        return None

    def raise_for_faults(self, what: str) -> None:
        if self.faults:
            raise ManifestError(
                f"{what}:\n{list_paths(self.faults)}", hint="Correct the lines that are named."
            )


def _entry_fault(entry: Entry) -> str | None:
    if not _SOURCE_REF.fullmatch(entry.source_ref):
        return f"ERROR_INVALID_SOURCE_REF_FORMAT: {entry.source_ref!r} is not s3://bucket/key"
    if not 1 <= len(entry.label) <= MAX_LABEL:
        return f"ERROR_INVALID_LABEL_NAME_LENGTH: a label of {len(entry.label)} characters"
    return None


def _tail(label: str, job_name: str, created: datetime.date, *, human_annotated: bool) -> str:
    """All of a line behind its source-ref; equal for all films of a label."""
    metadata = {
        "confidence": 1,  # required by the service and unused
        "job-name": job_name,
        "class-name": label,
        "human-annotated": "yes" if human_annotated else "no",
        "creation-date": _utc(created),
        "type": TYPE,
    }
    attribute = {LABEL_ATTRIBUTE: 1, f"{LABEL_ATTRIBUTE}{_SUFFIX}": metadata}
    return json.dumps(attribute, separators=(",", ":"))[1:]


def _utc(created: datetime.date) -> str:
    if not isinstance(created, datetime.datetime):
        created = datetime.datetime.combine(created, datetime.time(), datetime.UTC)
    if created.tzinfo:
        created = created.astimezone(datetime.UTC)
    return created.replace(tzinfo=None).isoformat(timespec="milliseconds") + "Z"


def _report(checks: _Checks, blanks: list[int]) -> None:
    for number in blanks:
        checks.fault(number, "ERROR_INVALID_JSON_LINE: a blank line")
    blanks.clear()


def _read(line: str) -> Entry:
    if len(line.rstrip("\r\n")) > MAX_LINE:
        raise _LineError(f"more than {MAX_LINE:,} characters")
    try:
        content = json.loads(line)
    except json.JSONDecodeError as error:
        place = f"{error.msg}, at character {error.pos + 1}"
        raise _LineError(f"ERROR_INVALID_JSON_LINE: {place}") from error
    except (ValueError, RecursionError) as error:  # a number too long, brackets too deep
        raise _LineError(f"ERROR_INVALID_JSON_LINE: {error}") from error
    if not isinstance(content, dict):
        raise _LineError("ERROR_INVALID_JSON_LINE: not a JSON object")
    source_ref = content.pop("source-ref", None)
    if source_ref is None:
        raise _LineError("ERROR_MISSING_SOURCE_REF: the source-ref is missing")
    if not isinstance(source_ref, str):
        raise _LineError("ERROR_INVALID_SOURCE_REF_FORMAT: the source-ref is not text")
    return Entry(source_ref, _label(content))


def _label(content: dict[str, object]) -> str:
    names = [name for name in content if f"{name}{_SUFFIX}" in content and name not in _REMARKS]
    if not names:
        raise _LineError("ERROR_NO_LABEL_ATTRIBUTES: no attribute with its -metadata")
    if len(names) > 1:
        raise _LineError(f"several labels ({', '.join(names)}), where one is expected")
    value, metadata = content[names[0]], content[f"{names[0]}{_SUFFIX}"]
    if isinstance(metadata, dict) and metadata.get("type", TYPE) != TYPE:
        raise _LineError(f"ERROR_UNSUPPORTED_USE_CASE_TYPE: {metadata['type']!r} is not {TYPE}")
    if not isinstance(value, int) or isinstance(value, bool):
        raise _LineError(f"ERROR_INVALID_LABEL_ATTRIBUTE_FORMAT: {names[0]} is not an integer")
    return _class_name(metadata)


def _class_name(metadata: object) -> str:
    fields = metadata if isinstance(metadata, dict) else {}
    label, confidence = fields.get("class-name"), fields.get("confidence")
    date = fields.get("creation-date")
    sound = {
        "class-name": isinstance(label, str),
        "confidence": isinstance(confidence, int | float) and 0 <= confidence <= 1,
        "type": "type" in fields,
        "human-annotated": fields.get("human-annotated") in ("yes", "no"),
        "creation-date": isinstance(date, str) and bool(_DATE.fullmatch(date)),
    }
    bad = ", ".join(name for name, fine in sound.items() if not fine)
    if bad:
        raise _LineError(f"ERROR_INVALID_LABEL_ATTRIBUTE_METADATA_FORMAT: {bad}")
    return str(label)

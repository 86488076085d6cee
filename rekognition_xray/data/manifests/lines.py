"""One manifest line: an ``Entry`` written as the service documents it, and read with care."""

from __future__ import annotations

import datetime
import json
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from typing import Final
from urllib.parse import parse_qsl, urlencode

import attrs

from rekognition_xray.data.xrays import Labelling, Part

JOB: Final = "rekognition-xray"
"""How the job names of this library begin."""
UNKNOWN_DATE: Final = "1970-01-01T00:00:00.000Z"
"""Means "unknown": the service requires a date, and none is invented."""

_EPOCH: Final = datetime.datetime(1970, 1, 1, tzinfo=datetime.UTC)
_LONGEST_RULE: Final = 1000


def job_name(labelling: Labelling, part: Part | None) -> str:
    """Says which rule, whose labels and which part of which split, as in a URL's query.

    For example ``rekognition-xray?rule=kermany&part=train&split=0123456789ab``; ``read_job_name``
    is the way back. The service takes any text and does not look at it.

    Raises:
        UnicodeEncodeError: lone surrogates.
    """
    fields = {name: text for name, text in (("rule", labelling.rule), ("by", labelling.by)) if text}
    if part is not None:
        fields |= {"part": part.name, "split": part.fingerprint}
    return f"{JOB}?{urlencode(fields)}" if fields else JOB


def read_job_name(text: str) -> tuple[str, str, Part | None]:
    """Rule, author and part of a job name; another author's job name stands for its rule."""
    if text != JOB and not text.startswith(f"{JOB}?"):
        return (text if len(text) <= _LONGEST_RULE else ""), "", None
    fields = dict(parse_qsl(text.removeprefix(JOB)[1:], keep_blank_values=True))
    part = Part(fields["part"], fields.get("split", "")) if "part" in fields else None
    return fields.get("rule", ""), fields.get("by", ""), part


def write_date(on: datetime.date | None) -> str:
    """The date as the service wants it: UTC with milliseconds; UNKNOWN_DATE for None."""
    if on is None:
        return UNKNOWN_DATE
    moment = _moment(on).replace(tzinfo=None)
    return f"{moment.isoformat(timespec='milliseconds')}Z"


@lru_cache(maxsize=256)  # most manifests have one date, or one for each label
def read_date(text: str) -> datetime.datetime:
    """A creation date with its time; without a zone it counts as UTC.

    Raises:
        ValueError: no date and time in ISO 8601, or one outside the years 1 to 9999.
    """
    if "T" not in text:
        raise ValueError("a date without a time")
    try:
        return _moment(datetime.datetime.fromisoformat(text))
    except OverflowError as error:
        raise ValueError(str(error)) from error


def settled(labelling: Labelling) -> Labelling:
    """A labelling as a line can carry it, so that what is written is what is read.

    A time is turned into UTC with whole milliseconds, midnight into its day, and the epoch, which
    means "unknown", into None.
    """
    return attrs.evolve(labelling, on=None if labelling.on is None else _day(_moment(labelling.on)))


def _moment(on: datetime.date) -> datetime.datetime:
    if not isinstance(on, datetime.datetime):
        return datetime.datetime.combine(on, datetime.time(), datetime.UTC)
    zoned = on if on.tzinfo else on.replace(tzinfo=datetime.UTC)
    utc = zoned.astimezone(datetime.UTC)
    return utc.replace(microsecond=utc.microsecond // 1000 * 1000)


def _day(moment: datetime.datetime) -> datetime.date | None:
    if moment == _EPOCH:
        return None
    return moment if moment.time() != datetime.time() else moment.date()


@attrs.define
class Origin:
    """Where the labels of many lines come from, gathered line by line.

    What all lines agree on is kept; where they differ the rule, its author and the part are
    unknown. The latest date is the one by which all labels were made; it is unknown as soon as
    that of one line is. ``human`` needs every line to say so.
    """

    _rules: set[str] = attrs.field(factory=set)
    _authors: set[str] = attrs.field(factory=set)
    _parts: set[Part | None] = attrs.field(factory=set)
    _jobs: set[str] = attrs.field(factory=set)
    _date: str = ""
    _latest: datetime.datetime | None = None
    _dated: bool = True
    _human: bool = True

    def take(self, metadata: Mapping[str, object]) -> None:
        """Takes the notes of one line; its metadata are sound."""
        job = metadata.get("job-name")
        self._take_job(job if isinstance(job, str) else "")
        self._take_date(str(metadata["creation-date"]))
        self._human = self._human and metadata["human-annotated"] == "yes"

    def _take_job(self, job: str) -> None:
        if job in self._jobs:
            return
        rule, author, part = read_job_name(job)
        for seen, value in ((self._rules, rule), (self._authors, author)):
            if len(seen) < 2:
                seen.add(value)
        if len(self._parts) < 2:
            self._parts.add(part)
        if len(self._jobs) < 250:  # one for each label, in manifests of the console
            self._jobs.add(job)

    def _take_date(self, date: str) -> None:
        if date == self._date:
            return
        self._date, moment = date, read_date(date)
        self._dated = self._dated and moment != _EPOCH
        self._latest = moment if self._latest is None else max(self._latest, moment)

    @property
    def labelling(self) -> Labelling:
        """What all lines agree on."""
        on = _day(self._latest) if self._latest is not None and self._dated else None
        return Labelling(_common(self._rules), _common(self._authors), on, self._human)

    @property
    def part(self) -> Part | None:
        """The part that all lines name."""
        return next(iter(self._parts)) if len(self._parts) == 1 else None


def _common(values: set[str]) -> str:
    return next(iter(values)) if len(values) == 1 else ""


LABEL_ATTRIBUTE: Final = "label"
"""Name of the label attribute in lines that we write; the service takes any name."""
TYPE: Final = "groundtruth/image-classification"
"""The annotation type of image-level labels."""
MAX_LINE: Final = 100_000
"""Most characters of a line."""

_HEAD: Final = '{"source-ref":"'
_BOXES: Final = "groundtruth/object-detection"
_PLAIN: Final = bytes(set(range(0x20, 0x7F)) - set(b'"\\'))
_BATCH: Final = 512
_SUFFIX: Final = "-metadata"
_REMARKS: Final = frozenset({"cl-metadata", "cl-errors", "errors", "warnings"})
_MOST_BYTES: Final = 4 * MAX_LINE
_METADATA: Final = "ERROR_INVALID_LABEL_ATTRIBUTE_METADATA_FORMAT"
_NOT_JSON: Final = "ERROR_INVALID_JSON_LINE"


@attrs.frozen(weakref_slot=False)
class Entry:
    """One line of a manifest: an image in S3 with its label.

    Attributes:
        source_ref: ``s3://bucket/key``, the key as it is stored (not URL-encoded).
        label: 1 to 255 characters.
    """

    source_ref: str
    label: str


class LineFaultError(Exception):
    """What is wrong with one line: the code and the reason."""

    def __init__(self, code: str, reason: str) -> None:
        self.code, self.reason = code, reason
        super().__init__(code, reason)


@attrs.frozen
class LineRule:
    """What is taken from a line.

    Attributes:
        attribute: the label attribute, where a line may have several; None for the only one.
        without_boxes: the label of an image without boxes; with it, boxes are read, and the class
            of an image's boxes is its label. None refuses boxes.
        needs_confidence: whether the metadata need a confidence, as the service does.
    """

    attribute: str | None = None
    without_boxes: str | None = None
    needs_confidence: bool = True


STRICT: Final = LineRule()
"""Lines that the service takes, of one image-level label."""


def tail(label: str, *, job_name: str, created: str, human: bool) -> str:
    """All of a line behind its source-ref, from the quote on; equal for all images of a label."""
    metadata = {
        "confidence": 1,  # the service requires the field and does not use it: nobody's confidence
        "job-name": job_name,
        "class-name": label,
        "human-annotated": "yes" if human else "no",
        "creation-date": created,
        "type": TYPE,
    }
    attribute = {LABEL_ATTRIBUTE: 1, f"{LABEL_ATTRIBUTE}{_SUFFIX}": metadata}
    return f'",{json.dumps(attribute, separators=(",", ":"))[1:]}'


def render(entries: Sequence[Entry], tails: Mapping[str, str]) -> Iterator[str]:
    """Renders entries as JSON lines in ASCII, each with its end, some hundred lines to a text.

    What follows the source-ref is equal for all images of a label, so a text is joined from pieces
    that are there already.

    Args:
        entries: sound ones.
        tails: what ``tail`` gives for each label.
    """
    ends = {label: f"{end}\n" for label, end in tails.items()}
    for start in range(0, len(entries), _BATCH):
        batch = entries[start : start + _BATCH]
        refs = [entry.source_ref for entry in batch]
        if not _is_plain("".join(refs)):
            refs = [json.dumps(ref)[1:-1] for ref in refs]
        pieces = [_HEAD] * (3 * len(batch))
        pieces[1::3] = refs
        pieces[2::3] = [ends[entry.label] for entry in batch]
        yield "".join(pieces)


def write_line(entry: Entry, tails: Mapping[str, str]) -> str:
    """One line, without its end."""
    return f"{_HEAD}{json.dumps(entry.source_ref)[1:-1]}{tails[entry.label]}"


def _is_plain(text: str) -> bool:
    """Whether JSON writes the text as it is: nothing is left when the plain bytes are deleted."""
    return text.isascii() and not text.encode("ascii").translate(None, _PLAIN)


def read_line(line: str | bytes, rule: LineRule = STRICT) -> tuple[Entry, Mapping[str, object]]:
    """Reads a line that gives one image one label.

    Remarks that the service adds to listed entries and validation manifests are ignored. Neither
    source-ref nor label is checked here.

    Returns:
        The entry and its metadata, in which the date and who labelled are sound.

    Raises:
        LineFaultError: anything else.
    """
    content = _object(_text(line))
    source_ref = content.get("source-ref")
    if source_ref is None:
        raise LineFaultError("ERROR_MISSING_SOURCE_REF", "the source-ref is missing")
    if not isinstance(source_ref, str):
        raise LineFaultError("ERROR_INVALID_SOURCE_REF_FORMAT", "the source-ref is not text")
    name = _attribute(content, rule)
    label, metadata = _label(name, content[name], content[f"{name}{_SUFFIX}"], rule)
    return Entry(source_ref, label), metadata


def _text(line: str | bytes) -> str:
    if isinstance(line, bytes):
        if len(line) > _MOST_BYTES:  # no UTF-8 character has more than four
            raise _too_long()
        try:
            line = line.decode()
        except UnicodeDecodeError as error:
            raise LineFaultError(_NOT_JSON, f"not UTF-8, at byte {error.start + 1}") from error
    line = line.rstrip("\r\n")
    if len(line) > MAX_LINE:
        raise _too_long()
    if line.startswith("\ufeff"):
        raise LineFaultError(_NOT_JSON, "a byte order mark; save it as UTF-8 without one")
    if not line.strip():
        raise LineFaultError(_NOT_JSON, "a blank line")
    return line


def _too_long() -> LineFaultError:
    return LineFaultError("line-too-long", f"more than {MAX_LINE:,} characters; it is dropped")


def _no_constant(name: str) -> float:
    raise ValueError(f"{name} is not JSON")


_DECODER: Final = json.JSONDecoder(parse_constant=_no_constant)


def _object(line: str) -> dict[str, object]:
    try:
        content = _DECODER.decode(line)
    except json.JSONDecodeError as error:
        reason = f"{error.msg}, at character {error.pos + 1}"
        raise LineFaultError(_NOT_JSON, reason) from error
    except ValueError as error:  # no number of JSON, or one of too many digits
        raise LineFaultError(_NOT_JSON, str(error)) from error
    except RecursionError as error:
        raise LineFaultError(_NOT_JSON, "nested too deeply") from error
    if not isinstance(content, dict):
        raise LineFaultError(_NOT_JSON, "not a JSON object")
    return content


def _attribute(content: Mapping[str, object], rule: LineRule) -> str:
    names = [name for name in content if name != "source-ref" and name not in _REMARKS]
    labels = [name for name in names if f"{name}{_SUFFIX}" in content]
    if rule.attribute is not None:
        if rule.attribute in labels:
            return rule.attribute
        reason = f"no attribute {rule.attribute[:60]!r} with its {_SUFFIX}; there are "
        raise LineFaultError("ERROR_NO_LABEL_ATTRIBUTES", reason + (_quote_all(labels) or "none"))
    if not names:
        reason = "no label; the service keeps such an image and does not learn from it"
        raise LineFaultError("WARNING_UNANNOTATED_RECORD", reason)
    if not labels:
        reason = f"no attribute with its {_SUFFIX} among {_quote_all(names)}"
        raise LineFaultError("ERROR_NO_LABEL_ATTRIBUTES", reason)
    if len(labels) > 1:
        reason = f"{_quote_all(labels)}; the service takes several labels for an image, we take "
        reason += "one; from_manifest(attribute=...) chooses it"
        raise LineFaultError("several-labels", reason)
    return labels[0]


def _quote_all(names: Sequence[str]) -> str:
    shown = ", ".join(repr(name[:60]) for name in names[:5])
    return shown + (f" and {len(names) - 5} more" if len(names) > 5 else "")


def _label(
    name: str, value: object, metadata: object, rule: LineRule
) -> tuple[str, Mapping[str, object]]:
    if not isinstance(metadata, dict):
        raise LineFaultError(_METADATA, f"{name[:60]!r}{_SUFFIX} is not an object")
    if "failure-reason" in metadata:  # as Ground Truth marks what nobody could label
        raise LineFaultError("failed-label", "the labelling of this image failed; it has no label")
    kind = metadata.get("type")
    if kind == _BOXES:
        return _label_of_boxes(name, value, metadata, rule), metadata
    if isinstance(kind, str) and kind != TYPE:
        reason = f"{kind[:100]!r} is not {TYPE}"
        raise LineFaultError("ERROR_UNSUPPORTED_USE_CASE_TYPE", reason)
    fields = _fields(metadata)
    if not rule.needs_confidence and "confidence" not in metadata:
        fields["confidence"] = True
    _refuse(fields)
    if not isinstance(value, int) or isinstance(value, bool):
        reason = f"{name[:60]!r} is not an integer"
        raise LineFaultError("ERROR_INVALID_LABEL_ATTRIBUTE_FORMAT", reason)
    return str(metadata["class-name"]), metadata


def _refuse(fields: Mapping[str, bool]) -> None:
    """Raises a fault that names the fields which are not sound."""
    bad = [field for field, fine in fields.items() if not fine]
    if bad:
        raise LineFaultError(_METADATA, ", ".join(bad))


def _label_of_boxes(
    name: str, value: object, metadata: Mapping[str, object], rule: LineRule
) -> str:
    """The class of an image's boxes, or the label of an image without boxes."""
    if rule.without_boxes is None:
        reason = "the service takes boxes, we take labels of images; "
        raise LineFaultError(
            "bounding-boxes", reason + "from_manifest(without_boxes=...) makes them labels"
        )
    classes = metadata.get("class-map")
    boxes = value.get("annotations") if isinstance(value, dict) else None
    if not isinstance(boxes, list) or not isinstance(classes, dict):
        reason = f"{name[:60]!r} has no list of annotations, or no class-map"
        raise LineFaultError("ERROR_INVALID_BOUNDING_BOX", reason)
    fields = _fields(metadata)
    _refuse({field: fields[field] for field in ("human-annotated", "creation-date")})
    ids = {str(box.get("class_id")) if isinstance(box, dict) else "" for box in boxes}
    named = [classes.get(number) for number in ids]
    labels = {label for label in named if isinstance(label, str)}
    if len(labels) < len(set(ids)) and not all(isinstance(label, str) for label in named):
        reason = "a box is of a class that the class-map does not name"
        raise LineFaultError("ERROR_INVALID_BOUNDING_BOX", reason)
    if len(labels) > 1:
        raise LineFaultError("several-labels", f"boxes of {_quote_all(sorted(labels))}")
    return labels.pop() if labels else rule.without_boxes


def _fields(metadata: Mapping[str, object]) -> dict[str, bool]:
    confidence = metadata.get("confidence")
    number = isinstance(confidence, int | float) and not isinstance(confidence, bool)
    return {
        "class-name": isinstance(metadata.get("class-name"), str),
        "confidence": number and 0 <= confidence <= 1,  # type: ignore[operator]
        "type": isinstance(metadata.get("type"), str),
        "human-annotated": metadata.get("human-annotated") in ("yes", "no"),
        "creation-date": _is_date(metadata.get("creation-date")),
    }


def _is_date(value: object) -> bool:
    try:
        return isinstance(value, str) and bool(read_date(value))
    except ValueError:
        return False


def is_unicode(text: str) -> bool:
    """False for what stands for broken bytes in a file's name; no manifest can hold that."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True

"""One manifest line: an ``Entry`` written as the service documents it, and read with care."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Final

import attrs

from rekognition_xray.data.manifests.notes import read_date

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


def read_line(line: str | bytes) -> tuple[Entry, Mapping[str, object]]:
    """Reads a line that gives one image one image-level label.

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
    name = _attribute(content)
    label, metadata = _label(name, content[name], content[f"{name}{_SUFFIX}"])
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


def _attribute(content: Mapping[str, object]) -> str:
    names = [name for name in content if name != "source-ref" and name not in _REMARKS]
    labels = [name for name in names if f"{name}{_SUFFIX}" in content]
    if not names:
        reason = "no label; the service keeps such an image and does not learn from it"
        raise LineFaultError("WARNING_UNANNOTATED_RECORD", reason)
    if not labels:
        reason = f"no attribute with its {_SUFFIX} among {_shown(names)}"
        raise LineFaultError("ERROR_NO_LABEL_ATTRIBUTES", reason)
    if len(labels) > 1:
        reason = f"{_shown(labels)}; the service takes several labels for an image, we take one"
        raise LineFaultError("several-labels", reason)
    return labels[0]


def _shown(names: Sequence[str]) -> str:
    shown = ", ".join(repr(name[:60]) for name in names[:5])
    return shown + (f" and {len(names) - 5} more" if len(names) > 5 else "")


def _label(name: str, value: object, metadata: object) -> tuple[str, Mapping[str, object]]:
    if not isinstance(metadata, dict):
        raise LineFaultError(_METADATA, f"{name[:60]!r}{_SUFFIX} is not an object")
    kind = metadata.get("type")
    if kind == _BOXES:
        raise LineFaultError("bounding-boxes", "the service takes boxes, we take labels of images")
    if isinstance(kind, str) and kind != TYPE:
        reason = f"{kind[:100]!r} is not {TYPE}"
        raise LineFaultError("ERROR_UNSUPPORTED_USE_CASE_TYPE", reason)
    bad = [field for field, fine in _fields(metadata).items() if not fine]
    if bad:
        raise LineFaultError(_METADATA, ", ".join(bad))
    if not isinstance(value, int) or isinstance(value, bool):
        reason = f"{name[:60]!r} is not an integer"
        raise LineFaultError("ERROR_INVALID_LABEL_ATTRIBUTE_FORMAT", reason)
    return str(metadata["class-name"]), metadata


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

"""``Reading``: what a person saw on an image; readings are kept as JSON Lines."""

from __future__ import annotations

import datetime as dt
import json
import logging
import os
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Final, Literal, TypeAlias, get_args

import attrs
from attrs import validators

from rekognition_xray.errors import ReadingsError, list_paths
from rekognition_xray.records import Record

log = logging.getLogger(__name__)

Verdict: TypeAlias = Literal["agree", "correct", "unsure", "unreadable"]

_FORMAT: Final = 1
_WITH_LABEL: Final = ("agree", "correct")

_text = validators.and_(validators.instance_of(str), validators.min_len(1))


def _time(value: dt.datetime | str) -> dt.datetime:
    return dt.datetime.fromisoformat(value) if isinstance(value, str) else value


def _check_label(reading: Reading, _: object, label: str | None) -> None:
    if (label is not None) != (reading.verdict in _WITH_LABEL):
        needed = "needs a label" if label is None else "has no label"
        raise ValueError(f"a reading with the verdict {reading.verdict!r} {needed}")


def _check_time(_: object, __: object, time: dt.datetime) -> None:
    if time.tzinfo is None:
        raise ValueError("the time of a reading needs a time zone")


@attrs.frozen
class Reading(Record):
    """What one person saw on one image.

    Attributes:
        source: the image, as the journal names it: a path or ``s3://bucket/key``.
        verdict: ``agree`` or ``correct`` (the label is the model's finding, or another one),
            ``unsure``, or ``unreadable``: the image cannot be read.
        label: what the image shows; None if unsure or unreadable.
        reader: who read it: a name or number that your site can resolve.
        time: when, with its time zone; ISO 8601 in files.
        finding: what the model had found; None where there was no diagnosis.
        blind: whether the reader answered before the finding was shown.

    Raises:
        ValueError: a label that does not fit the verdict, an empty name, a time without zone.
    """

    source: str = attrs.field(validator=_text)
    verdict: Verdict = attrs.field(validator=validators.in_(get_args(Verdict)))
    label: str | None = attrs.field(validator=[validators.optional(_text), _check_label])
    reader: str = attrs.field(validator=_text)
    time: dt.datetime = attrs.field(converter=_time, validator=_check_time)
    finding: str | None = attrs.field(default=None, validator=validators.optional(_text))
    blind: bool = attrs.field(default=False, validator=validators.instance_of(bool))


def read_readings(path: str | Path) -> tuple[Reading, ...]:
    """Reads a file of readings, in its order.

    A last line that was cut off, as a killed process leaves it, is left out with a warning in the
    log.

    Args:
        path: JSON Lines, as ``append_readings`` and the review page write them.

    Raises:
        ReadingsError: the file cannot be read, or has bad lines; all are named.
    """
    path = Path(path)
    try:
        *lines, tail = path.read_bytes().split(b"\n")
    except OSError as error:
        raise _file_error(path, "read", error) from error
    if tail and _is_json(tail):
        lines.append(tail)
    elif tail:
        log.warning("%s: the last line was cut off and is left out", path)
    found = list(_parse_lines(lines))
    bad = [each for each in found if isinstance(each, str)]
    if bad:
        raise ReadingsError(f"{path} has bad lines:\n{list_paths(bad)}", paths=[path])
    return tuple(each for each in found if isinstance(each, Reading))


def append_readings(path: str | Path, readings: Iterable[Reading]) -> None:
    """Appends readings to a file, which is made if there is none; they are on the disk at return.

    Args:
        path: the file. A last line that was cut off is removed first.
        readings: in one write.

    Raises:
        ReadingsError: the file cannot be written, for lack of space for example.
    """
    path = Path(path)
    lines = (json.dumps({"rxray_reading": _FORMAT, **one.to_dict()}) for one in readings)
    data = "".join(f"{line}\n" for line in lines).encode("ascii")
    try:
        with path.open("a+b", buffering=0) as stream:
            _end_last_line(stream.fileno(), path)
            written = stream.write(data)
            if written != len(data):  # writing the rest raises the reason
                stream.write(data[written:])
            os.fsync(stream.fileno())
    except OSError as error:
        raise _file_error(path, "written", error) from error


def parse_reading(data: object) -> Reading:
    """A reading from what a line holds, as plain data; unknown keys are ignored.

    Raises:
        ValueError: what is missing or wrong, in words.
    """
    if not isinstance(data, Mapping):
        raise ValueError("no JSON object")  # noqa: TRY004 - bad data, not a bad call
    if data.get("rxray_reading", _FORMAT) != _FORMAT:
        raise ValueError(f"no reading of format {_FORMAT}")
    names = [field.name for field in attrs.fields(Reading)]
    try:
        return Reading(**{name: data[name] for name in names if name in data})
    except (TypeError, AttributeError, ValueError) as error:
        raise ValueError(_reason(error, data, names)) from error


def _reason(error: Exception, data: Mapping[object, object], names: list[str]) -> str:
    missing = [name for name in names[:5] if name not in data]
    if missing:
        return f"without {', '.join(missing)}"
    return str(error.args[0]) if error.args else "not understood"


def _parse_lines(lines: Iterable[bytes]) -> Iterator[Reading | str]:
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            yield parse_reading(json.loads(line))
        except ValueError as error:
            reason = "no JSON" if isinstance(error, json.JSONDecodeError) else error
            yield f"line {number}: {reason}"


def _end_last_line(descriptor: int, path: Path) -> None:
    """Removes a last line that was cut off; ends one that only lacks its line end."""
    content = path.read_bytes()
    tail = content.rpartition(b"\n")[2]
    if not tail:
        return
    if _is_json(tail):
        os.write(descriptor, b"\n")
    else:
        log.warning("%s: the last line was cut off and is removed", path)
        os.ftruncate(descriptor, len(content) - len(tail))


def _is_json(line: bytes) -> bool:
    try:
        json.loads(line)
    except ValueError:
        return False
    return True


def _file_error(path: Path, what: str, error: OSError) -> ReadingsError:
    return ReadingsError(
        f"The readings {path} cannot be {what}: {error.strerror or error}.",
        paths=[path],
        hint="Check the path, the permissions and the free space.",
    )

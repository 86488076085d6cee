"""``Reading``: what a person saw on an image; readings are kept as JSON Lines."""

from __future__ import annotations

import datetime as dt
import json
import logging
import os
import sys
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import BinaryIO, Final, Literal, TypeAlias, get_args

import attrs
from attrs import validators

from rekognition_xray._files import sync_folder
from rekognition_xray.errors import ReadingsError, list_paths
from rekognition_xray.records import Record

log = logging.getLogger(__name__)

Verdict: TypeAlias = Literal["agree", "correct", "unsure", "unreadable"]

_FORMAT: Final = 1
_START: Final = b'{"rxray_reading":'  # begins every line that this library or its page writes
_WITH_LABEL: Final = ("agree", "correct")
_TIME: Final = "Give a datetime with its time zone, or its text in ISO 8601."
_BLOCK: Final = 65536  # bytes: the end of a file that is looked at before it is appended to

_text = validators.and_(validators.instance_of(str), validators.min_len(1))


def _time(value: dt.datetime | str) -> dt.datetime:
    try:
        return dt.datetime.fromisoformat(value) if isinstance(value, str) else value
    except ValueError as error:
        raise ReadingsError(f"{value!r} is no time of a reading.", hint=_TIME) from error


def _stripped(value: str) -> str:
    return value.strip() if isinstance(value, str) else value


def _check_label(reading: Reading, _: object, label: str | None) -> None:
    if (label is not None) != (reading.verdict in _WITH_LABEL):
        needed = "needs a label" if label is None else "has no label"
        raise ReadingsError(
            f"A reading with the verdict {reading.verdict!r} {needed}.",
            hint="Give a label with agree and correct, and none with unsure and unreadable.",
        )


def _check_finding(reading: Reading, _: object, finding: str | None) -> None:
    if finding is None or reading.label is None:
        return
    expected = "agree" if reading.label == finding else "correct"
    if reading.verdict != expected:
        raise ReadingsError(
            f"The verdict {reading.verdict!r} does not fit the label {reading.label!r} where the "
            f"model found {finding!r}.",
            hint=f"Use the verdict {expected!r}, or another label.",
        )


def _check_time(_: object, __: object, time: dt.datetime) -> None:
    if not isinstance(time, dt.datetime):
        raise ReadingsError(f"The time of a reading is a datetime, not {time!r}.", hint=_TIME)
    if time.tzinfo is None:
        raise ReadingsError("The time of a reading needs a time zone.", hint=_TIME)


@attrs.frozen
class Reading(Record):
    """What one person saw on one image.

    Attributes:
        source: the image, as the journal names it: a path or ``s3://bucket/key``.
        verdict: ``agree`` or ``correct`` (the label is the model's finding, or another one),
            ``unsure``, or ``unreadable``: the image cannot be read.
        label: what the image shows; None if unsure or unreadable.
        reader: who read it: a name or number that your site can resolve; without space around it.
        time: when, with its time zone; ISO 8601 in files.
        finding: what the model had found; None where there was no diagnosis.
        blind: whether the reader answered before the finding was shown.

    Raises:
        ValueError: a label that does not fit the verdict, a verdict that does not fit label and
            finding, an empty name, a time without zone. A ``ReadingsError`` says what to do.
    """

    source: str = attrs.field(validator=_text)
    verdict: Verdict = attrs.field(validator=validators.in_(get_args(Verdict)))
    label: str | None = attrs.field(validator=[validators.optional(_text), _check_label])
    reader: str = attrs.field(converter=_stripped, validator=_text)
    time: dt.datetime = attrs.field(converter=_time, validator=_check_time)
    finding: str | None = attrs.field(
        default=None, validator=[validators.optional(_text), _check_finding]
    )
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
        lines = path.read_bytes().split(b"\n")
    except OSError as error:
        raise _file_error(path, "read", error) from error
    if _is_torn(lines[-1]):
        lines.pop()
        log.warning("%s: the last line was cut off and is left out", path)
    found = list(_parse_lines(lines))
    bad = [each for each in found if isinstance(each, str)]
    if bad:
        raise ReadingsError(f"{path} has bad lines:\n{list_paths(bad)}", paths=[path])
    return tuple(each for each in found if isinstance(each, Reading))


def append_readings(path: str | Path, readings: Iterable[Reading]) -> None:
    """Appends readings to a file, which is made if there is none; they are on the disk at return.

    Several processes may append to one file: each waits for the others, except on Windows, where
    one process at a time may append. The first and the last line are checked, so that the cost
    does not grow with the file.

    Args:
        path: the file. A last line that was cut off is removed first.
        readings: in one write.

    Raises:
        ReadingsError: not readings, a file whose first or last line is no reading, which stays as
            it is, or one that cannot be written, for lack of space for example.
    """
    path = Path(path)
    lines = (
        json.dumps({"rxray_reading": _FORMAT, **one.to_dict()}) for one in check_readings(readings)
    )
    data = "".join(f"{line}\n" for line in lines).encode("ascii")
    try:
        with path.open("a+b") as stream:
            _lock(stream)
            _check_first_line(stream, path)
            _end_last_line(stream, path)
            _write(stream, data)
    except OSError as error:
        raise _file_error(path, "written", error) from error


def check_readings(readings: Iterable[Reading]) -> tuple[Reading, ...]:
    """The readings, once each of them is one.

    Raises:
        ReadingsError: something else is among them.
    """
    found = tuple(readings)
    strange = sorted({type(one).__name__ for one in found if not isinstance(one, Reading)})
    if strange:
        raise ReadingsError(
            f"These are no readings but of type {', '.join(strange)}.",
            hint="Pass Reading objects; read_readings reads those of a file.",
        )
    return found


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
    except (TypeError, AttributeError, ValueError, RecursionError) as error:
        raise ValueError(_reason(error, data, names)) from error


def _reason(error: Exception, data: Mapping[object, object], names: list[str]) -> str:
    missing = [name for name in names[:5] if name not in data]
    if missing:
        return f"without {', '.join(missing)}"
    if isinstance(error, ReadingsError):
        return f"{error.message} {error.hint}"
    return str(error.args[0]) if error.args else "not understood"


def _parse_lines(lines: Iterable[bytes]) -> Iterator[Reading | str]:
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            yield _parse_line(line)
        except ValueError as error:
            yield f"line {number}: {error}"


def _parse_line(line: bytes) -> Reading:
    try:
        data = json.loads(line)
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise ValueError("no JSON") from error
    except RecursionError as error:
        raise ValueError("JSON nested too deeply") from error
    return parse_reading(data)


def _lock(stream: BinaryIO) -> None:
    """Waits until no other process appends; closing the file ends the lock.

    Windows has no such lock: there, let one process at a time append to a file.
    """
    if sys.platform != "win32":
        import fcntl  # noqa: PLC0415 - not on every platform

        fcntl.flock(stream.fileno(), fcntl.LOCK_EX)


def _check_first_line(stream: BinaryIO, path: Path) -> None:
    stream.seek(0)
    line = stream.readline()
    if line.endswith(b"\n"):
        _check_line(line, "first", path)


def _end_last_line(stream: BinaryIO, path: Path) -> None:
    """Removes a last line that was cut off; ends one that only lacks its line end."""
    last = _last_line(stream)
    if _is_torn(last):
        log.warning("%s: the last line was cut off and is removed", path)
        stream.truncate(stream.seek(0, os.SEEK_END) - len(last))
        return
    _check_line(last, "last", path)
    if last.strip() and b"\n" not in last:
        os.write(stream.fileno(), b"\n")


def _last_line(stream: BinaryIO) -> bytes:
    """The last line that is not blank, with all that follows it."""
    size, block = stream.seek(0, os.SEEK_END), _BLOCK
    while True:
        start = stream.seek(max(0, size - block))
        content = stream.read()
        at = content.rstrip().rfind(b"\n")
        if at >= 0 or start == 0:
            return content[at + 1 :]
        block *= 2


def _check_line(line: bytes, which: str, path: Path) -> None:
    if not line.strip():
        return
    try:
        _parse_line(line)
    except ValueError as error:
        raise ReadingsError(
            f"{path} has bad lines: its {which} line is no reading: {error}; nothing was changed.",
            paths=[path],
            hint="Name a file of readings or a new one, or correct that line.",
        ) from error


def _is_torn(line: bytes) -> bool:
    """Whether a last line begins as this library writes it, and was cut off."""
    rest = line.rstrip(b"\0")  # a power cut can leave such bytes
    ours = rest.startswith(_START) or _START.startswith(rest)
    return bool(line) and b"\n" not in line and ours and not _is_json(line)


def _is_json(line: bytes) -> bool:
    try:
        json.loads(line)
    except RecursionError:
        return True
    except ValueError:
        return False
    return True


def _write(stream: BinaryIO, data: bytes) -> None:
    descriptor = stream.fileno()
    while data:  # once; where only a part fitted, writing the rest raises the reason
        data = data[os.write(descriptor, data) :]
    os.fsync(descriptor)
    sync_folder(Path(stream.name).parent)


def _file_error(path: Path, what: str, error: OSError) -> ReadingsError:
    return ReadingsError(
        f"The readings {path} cannot be {what}: {error.strerror or error}.",
        paths=[path],
        hint="Check the path, the permissions and the free space.",
    )

"""The ledger of a folder of prepared images: what was done to each image, when and by what."""

from __future__ import annotations

import datetime
import json
import logging
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Final, Literal

import attrs
from attrs import validators

from rekognition_xray.data.images import ImageOptions
from rekognition_xray.errors import DataError

log = logging.getLogger(__name__)

LEDGER: Final = "ledger.jsonl"
"""Name of the ledger within a folder of prepared images."""
_FORMAT: Final = 2

_text = validators.instance_of(str)
_whole = validators.instance_of(int)
_digest = validators.matches_re("[0-9a-f]{64}")


def _texts(values: Iterable[str]) -> tuple[str, ...]:
    return tuple(str(value) for value in values)


@attrs.frozen
class LedgerEntry:
    """How one image was prepared.

    Attributes:
        time: when, in UTC.
        image: the image's name within its dataset.
        path: where the source lay on this machine.
        source_sha256: hex digest of the source file.
        source_size: bytes of the source file.
        source_mtime_ns: when the source file was last changed, nanoseconds since 1970.
        sha256: hex digest of the result.
        extension: ``jpg`` or ``png``.
        size: bytes of the result.
        width, height: pixels of the result.
        steps: what was done to the pixels, in order; kinds of steps, never a value of a tag that
            could name somebody.
        software: what did it, each with its version.
        options: how the image was to be read.
        gate: fingerprint of the gate that admitted the image; empty where none was asked.
    """

    time: datetime.datetime
    image: str = attrs.field(validator=_text)
    path: str = attrs.field(validator=_text)
    source_sha256: str = attrs.field(validator=_digest)
    source_size: int = attrs.field(validator=_whole)
    source_mtime_ns: int = attrs.field(validator=_whole)
    sha256: str = attrs.field(validator=_digest)
    extension: Literal["jpg", "png"] = attrs.field(validator=validators.in_(("jpg", "png")))
    size: int = attrs.field(validator=_whole)
    width: int = attrs.field(validator=_whole)
    height: int = attrs.field(validator=_whole)
    steps: tuple[str, ...] = attrs.field(converter=_texts)
    software: tuple[str, ...] = attrs.field(converter=_texts)
    options: ImageOptions = attrs.field(validator=validators.instance_of(ImageOptions))
    gate: str = attrs.field(default="", validator=_text)

    def file(self, folder: Path) -> Path:
        """Where the result lies in a folder of prepared images."""
        return place(folder, self.sha256, self.extension)


def place(folder: Path, sha256: str, extension: str) -> Path:
    """Where a result lies in a folder of prepared images: under its content."""
    return folder / sha256[:2] / f"{sha256}.{extension}"


def read_ledger(path: str | Path) -> tuple[LedgerEntry, ...]:
    """Reads a ledger, oldest entry first.

    The ledger is the audit trail of what was made ready to leave: it shows later
    from which file, by which steps and which software an object in S3 was made (the object's key
    ends in the entry's ``sha256``). It names local paths, which may name patients, so it stays on
    this machine; nothing in this library sends it. It holds no tag's value. It is only appended
    to. `prepare` also finds in it which images need not be prepared again; without it every image
    is prepared anew.

    Args:
        path: the ledger, or the folder it lies in.

    Returns:
        Its entries; none where there is no file. A last line that was cut off, as a killed
        process leaves it, is left out.

    Raises:
        DataError: unreadable, or damaged before its end.
    """
    file = Path(path).expanduser()
    return Ledger.open(file / LEDGER if file.is_dir() else file).entries


@attrs.define
class Ledger:
    """A ledger as it was read, and a way to append to it; several processes may.

    Attributes:
        path: the file.
        entries: what was read, oldest first.
    """

    path: Path
    entries: tuple[LedgerEntry, ...]
    _size: int
    _cut: int  # bytes after the last whole line

    @classmethod
    def open(cls, path: Path) -> Ledger:
        """Reads what is there and changes nothing; see `read_ledger`."""
        try:
            data = path.read_bytes() if path.exists() else b""
        except OSError as error:
            raise _error(path, f"cannot be read: {error.strerror or error}") from error
        *lines, tail = data.split(b"\n")
        return cls(path, tuple(_entries(lines, path)), len(data), len(tail))

    def latest(self) -> Mapping[str, LedgerEntry]:
        """The newest entry for each path of a source."""
        return {entry.path: entry for entry in self.entries}

    def append(self, entries: Iterable[LedgerEntry]) -> None:
        """Appends entries in one write, which survives the end of this process.

        Writes of several processes to one file on this machine follow each other whole.

        Raises:
            OSError: the file cannot be written.
        """
        data = b"".join(_line(entry) for entry in entries)
        with self.path.open("ab", buffering=0) as stream:
            if self._cut and stream.seek(0, 2) == self._size:
                log.warning("%s: the last line was cut off; its image is prepared again", self.path)
                stream.truncate(self._size - self._cut)
            self._cut = 0
            written = stream.write(data)
            if written != len(data):  # writing the rest raises the reason
                stream.write(data[written:])


def _entries(lines: Iterable[bytes], path: Path) -> Iterator[LedgerEntry]:
    for number, line in enumerate(lines, start=1):
        try:
            yield _entry(line)
        except (ValueError, TypeError, KeyError) as error:
            raise _error(path, f"is damaged in line {number}") from error


def _error(path: Path, what: str) -> DataError:
    return DataError(
        f"The ledger {path} {what}.",
        paths=(path,),
        hint="Mend or move the file; without it images are only prepared once more.",
    )


_NAMES: Final = tuple(field.name for field in attrs.fields(LedgerEntry) if field.name != "time")


def _line(entry: LedgerEntry) -> bytes:
    fields = {"rxray_ledger": _FORMAT, "time": entry.time.isoformat()}
    fields |= {name: getattr(entry, name) for name in _NAMES}
    fields["options"] = attrs.asdict(entry.options)
    return json.dumps(fields).encode("ascii") + b"\n"


def _entry(line: bytes) -> LedgerEntry:
    fields = json.loads(line)
    if fields["rxray_ledger"] == 1:  # up to November 2026, with one option only
        fields |= {"options": {"allow_burned_in": fields["allow_burned_in"]}, "gate": ""}
    elif fields["rxray_ledger"] != _FORMAT:
        raise ValueError("another format")
    fields["options"] = ImageOptions(**fields["options"])
    time = datetime.datetime.fromisoformat(fields["time"])
    return LedgerEntry(time, **{name: fields[name] for name in _NAMES})

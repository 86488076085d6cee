"""The journal of a bulk run: one JSON line to each answer, written before it is given out."""

from __future__ import annotations

import datetime as dt
import hashlib
import heapq
import json
import logging
import os
import sqlite3
import weakref
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from itertools import groupby
from operator import itemgetter
from pathlib import Path
from typing import BinaryIO, Final

import attrs

from rekognition_xray._files import sync_folder
from rekognition_xray.clinic import json_fields as fields
from rekognition_xray.clinic.diagnosis.diagnosis import Answer, Diagnosis, FailedDiagnosis
from rekognition_xray.clinic.diagnosis.journal_index import JournalIndex, index_path, write_index
from rekognition_xray.clinic.diagnosis.journal_lines import decode_line
from rekognition_xray.clinic.json_fields import FieldError, Json
from rekognition_xray.data.images import DEFAULT_OPTIONS, ImageOptions
from rekognition_xray.errors import JournalError

log = logging.getLogger(__name__)

_FORMAT: Final = 1
_START: Final = b'{"rxray_journal": '  # begins every line; what begins otherwise is not ours
_CACHE: Final = 32 * 1024  # KiB of the places; with less, long journals wait for the disk
UNINDEXED: Final = 20_000
"""From so many lines on that an index does not cover, it is written: they are read in 0.1 s."""
_REMEMBER: Final = "INSERT OR REPLACE INTO line VALUES (?, ?)"


File = tuple[int, int]
"""Size and time of change (nanoseconds) of an image's file."""


@attrs.frozen
class Entry:
    """What a journal holds on an image.

    Attributes:
        answer: the last diagnosis or failure under this path.
        file: size and time of the image's file as it then was; None where there was none.
        options: how the image was read, as ``options_text`` writes it.
    """

    answer: Diagnosis | FailedDiagnosis
    file: File | None
    options: str = ""


class Journal:
    """The answers of a version in earlier runs; the answers of this run are added.

    Making one reads the file and changes nothing. A last line that was cut off, as a killed
    process leaves it, is dropped on opening for writing; that image is then sent again. Lines are
    handed to the operating system at ``flush``, so that they survive the process, and to the disk
    at ``sync``, so that they survive a power cut. One process at a time may write a journal.

    Memory stays flat: a temporary database says where each image's last line is, for lines that
    the index beside a long journal does not cover. Writing writes that index when it begins and
    when it ends, if some ten thousand lines are not in it. What the index says is looked up in the
    journal; where that shows something else, the whole journal is read again without it.
    """

    def __init__(
        self, path: Path, *, version_arn: str | None, options: str = "", indexed: bool = True
    ) -> None:
        """Reads what is there; a missing file is an empty journal.

        Args:
            path: the file.
            version_arn: the version that it must be of; None for that of its first line.
            options: how images are read whose answers are added, by ``options_text``.
            indexed: whether an index beside the file is used and written.

        Raises:
            JournalError: unreadable, of another version or format, or damaged.
        """
        self.path = path
        self._wanted_arn = version_arn
        self.options = options
        self._indexed = indexed
        # An unnamed database of SQLite's own: small in memory, the rest in a temporary file.
        self._places = sqlite3.connect("", check_same_thread=False, isolation_level=None)
        self._places.execute(f"PRAGMA cache_size = -{_CACHE}")
        self._places.execute("CREATE TABLE line (image BLOB PRIMARY KEY, at INTEGER) WITHOUT ROWID")
        weakref.finalize(self, self._places.close)
        self._stream: BinaryIO | None = None
        self._lines: BinaryIO | None = None  # for reading single lines again
        self._dirty = False
        self._load(JournalIndex.read(path) if indexed else None)

    def _load(self, index: JournalIndex | None) -> None:
        """Reads the lines that an index does not cover; without one, all."""
        if index is not None and self._wanted_arn not in {None, index.version_arn}:
            index = None  # reading the first line finds the words for it
        self._index = index
        self._arn = self._wanted_arn if index is None else index.version_arn
        self._entries = 0 if index is None else index.answers
        self._number = 0 if index is None else index.lines  # of the last line that was read
        self._covered = self._number  # lines that the index on the disk covers
        self._size = 0 if index is None else index.size  # bytes that were read
        self._sound = self._size  # bytes of it that can stay
        self._digest = hashlib.sha256() if index is None else index.digest.copy()  # of those
        self._open_end = False  # whether the last sound line lacks its line end
        self._places.execute("BEGIN")
        self._places.execute("DELETE FROM line")
        self._places.executemany(_REMEMBER, self._read())
        self._places.execute("COMMIT")

    def __len__(self) -> int:
        """How many answers the journal holds."""
        return self._entries

    def last(self, source: str) -> Entry | None:
        """The last answer for the image under this path."""
        at = self._place(source)
        if at is None:
            return None
        self.flush()
        entry = self._entry_at(at)
        if entry is not None and entry.answer.source == source:
            return entry
        if self._index is not None:
            log.warning("%s is wrong; the whole journal is read", index_path(self.path))
            self._load(None)
            return self.last(source)
        if entry is None:
            raise JournalError(f"The journal {self.path} was changed while in use.")
        return None

    def _place(self, source: str) -> int | None:
        """Where the last line of an image begins."""
        key = _key(source)
        row = self._places.execute("SELECT at FROM line WHERE image = ?", (key,)).fetchone()
        if row is not None:
            return int(row[0])
        return None if self._index is None else self._index.find(key)

    def _entry_at(self, at: int) -> Entry | None:
        """What a line of the version holds; None where there is none."""
        if at >= self._size:
            return None
        with self._disk("read"):
            line = self._line(at)
        try:
            entry = _entry_of(line)
        except (ValueError, FieldError):
            return None
        return entry if entry.answer.version_arn == self._arn else None

    def answers(self) -> Iterator[Answer]:
        """The last answer for each image, in the order of their lines."""
        for (at,) in self._places.execute("SELECT at FROM line ORDER BY at"):
            yield _entry_of(self._line(at)).answer

    def _line(self, at: int) -> bytes:
        if self._stream is None:
            with self.path.open("rb") as stream:
                stream.seek(at)
                return stream.readline()
        if self._lines is None:
            self._lines = self.path.open("rb")
        self._lines.seek(at)
        return self._lines.readline()

    def known(self, source: str, image_sha256: str) -> Diagnosis | None:
        """The last diagnosis of the image under this path, if it was of these pixels."""
        entry = self.last(source)
        if entry is None or not isinstance(entry.answer, Diagnosis):
            return None
        return entry.answer if entry.answer.image_sha256 == image_sha256 else None

    @contextmanager
    def writing(self) -> Iterator[None]:
        """Holds the file open for ``add``; a cut-off last line is dropped first.

        Raises:
            JournalError: the file cannot be written, or was changed since it was read.
        """
        with self._disk("opened"):
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self._stream = self.path.open("ab")
        try:
            self._mend(self._stream)
            self._keep_index()
            yield
            self.sync()
            self._keep_index()
        finally:
            self._stream.close()
            self._stream = None
            if self._lines is not None:
                self._lines.close()
                self._lines = None

    def add(self, answer: Diagnosis | FailedDiagnosis, file: File | None = None) -> None:
        """Writes an answer, unless it equals the last one for its image."""
        entry = Entry(answer, file, self.options)
        if self.last(answer.source) == entry:
            return
        data = {
            "rxray_journal": _FORMAT,
            "kind": "diagnosis" if isinstance(answer, Diagnosis) else "failure",
            "written_at": dt.datetime.now(dt.UTC).isoformat(timespec="seconds"),
            "file": file,
            **({"options": self.options} if self.options else {}),
            **answer.to_dict(),
        }
        at = self._size
        self._write(json.dumps(data).encode("ascii") + b"\n")
        self._number += 1
        self._remember(answer.source, at)

    def flush(self) -> None:
        """Hands what was written to the operating system."""
        if self._stream is not None and self._dirty:
            with self._disk("written"):
                self._stream.flush()

    def sync(self) -> None:
        """Makes sure that what was written is on the disk."""
        if self._stream is not None and self._dirty:
            self.flush()
            with self._disk("written"):
                os.fsync(self._stream.fileno())
            self._dirty = False

    def _remember(self, source: str, at: int) -> None:
        self._entries += 1
        self._places.execute(_REMEMBER, (_key(source), at))

    def _keep_index(self) -> None:
        """Writes the index, if many lines are not in it."""
        if self._indexed and self._arn is not None and self._number - self._covered >= UNINDEXED:
            write_index(
                self.path,
                self._rows(),
                version_arn=self._arn,
                size=self._size,
                lines=self._number,
                answers=self._entries,
                digest=self._digest,
            )
            self._covered = self._number

    def _rows(self) -> Iterator[tuple[bytes, int]]:
        """Key and place of each image's last line, in the order of the keys."""
        new = self._places.execute("SELECT image, at FROM line ORDER BY image")
        merged = heapq.merge(new, self._index or (), key=itemgetter(0))
        for _, rows in groupby(merged, key=itemgetter(0)):
            yield next(rows)  # the new one comes first

    def _write(self, line: bytes) -> None:
        if self._stream is None:
            raise JournalError(f"The journal {self.path} is not open for writing.")
        with self._disk("written"):
            self._stream.write(line)
        self._size += len(line)
        self._digest.update(line)
        self._dirty = True

    def _mend(self, stream: BinaryIO) -> None:
        with self._disk("opened"):
            if self.path.stat().st_size != self._size:
                raise JournalError(
                    f"The journal {self.path} was changed since it was read.",
                    hint="Let one run at a time write a journal.",
                )
            if self._sound < self._size:
                log.warning("%s: the last line was cut off; its image is sent again", self.path)
                stream.truncate(self._sound)
                self._size = self._sound
        if self._open_end:
            self._write(b"\n")
            self._open_end = False
        with self._disk("opened"):
            sync_folder(self.path.parent)

    def _read(self) -> Iterator[tuple[bytes, int]]:
        """Key and place of each line that holds an answer."""
        with self._disk("read"):
            if not self.path.exists():
                return
        with self._disk("read"), self.path.open("rb") as stream:
            stream.seek(self._size)
            for number, line in enumerate(stream, start=self._number + 1):
                at, self._size = self._size, self._size + len(line)
                source = self._source_in(line, number)
                if source is not None:
                    self._entries += 1
                    yield _key(source), at
                elif line.strip():
                    return  # cut off
                self._sound, self._number = self._size, number
                self._digest.update(line)
                self._open_end = not line.endswith(b"\n")

    def _source_in(self, line: bytes, number: int) -> str | None:
        """The source of a whole line's answer, else None; raises where it is whole and not ours."""
        try:
            found = decode_line(line)
        except ValueError:  # no line as we write it: find out what it is
            return self._source_in_any(line, number) if line.strip() else None
        self._check_version(found.version_arn, number)
        self._check_time(found.written_at, number)
        return found.source

    def _source_in_any(self, line: bytes, number: int) -> str | None:
        try:
            data = _line_of(line)
            return None if data is None else self._source_of(data, number)
        except (ValueError, FieldError) as error:
            raise self._error(number, str(error)) from error

    def _source_of(self, data: Json, number: int) -> str:
        self._check_version(fields.string_in(data.get("version_arn"), "version_arn"), number)
        _time_in(data, "written_at")
        return _entry(data).answer.source

    def _check_time(self, written_at: str | None, number: int) -> None:
        try:
            _time_in({"written_at": written_at}, "written_at")
        except FieldError as error:
            raise self._error(number, str(error)) from error

    def _check_version(self, arn: str, number: int) -> None:
        self._arn = self._arn or arn
        if arn != self._arn:
            raise JournalError(
                f"The journal {self.path} belongs to another version (line {number}): {arn}, "
                f"not {self._arn}.",
                hint="Name another journal file: answers of two versions do not mix.",
            )

    def _error(self, number: int, what: str) -> JournalError:
        return JournalError(f"The journal {self.path} cannot be continued: line {number}: {what}.")

    def _disk(self, what: str) -> AbstractContextManager[None]:
        return _disk(self.path, what)


def read_journal(path: str | Path) -> tuple[Answer, ...]:
    """Reads the journal of a bulk run: the last answer for each image, in the order of its lines.

    Raises:
        JournalError: not there, unreadable, of several versions, or damaged.
    """
    path = Path(path)
    if not path.is_file():
        raise JournalError(f"There is no journal {path}.", hint="Check the path.")
    return tuple(Journal(path, version_arn=None, indexed=False).answers())


def options_text(options: ImageOptions) -> str:
    """The options that differ from the defaults, as JSON; empty where none does."""
    plain, usual = attrs.asdict(options), attrs.asdict(DEFAULT_OPTIONS)
    differing = {name: value for name, value in plain.items() if value != usual[name]}
    return json.dumps(differing, sort_keys=True) if differing else ""


@attrs.frozen
class JournalLine:
    """A line of a journal, for those who follow it.

    Attributes:
        answer: the diagnosis or failure.
        written_at: when it was written, in UTC; None in journals of before December 2026.
        end: the byte after it.
    """

    answer: Diagnosis | FailedDiagnosis
    written_at: dt.datetime | None
    end: int


def follow_journal(path: Path, *, start: int = 0) -> Iterator[JournalLine]:
    """The lines of a journal, one by one, from a byte on.

    A last line that is not whole, as it is while a run writes it, is left for later.

    Args:
        path: of the journal.
        start: the ``end`` of the last line that was read before; by default all lines are read.

    Raises:
        JournalError: unreadable, of another format, damaged, or shorter than before.
    """
    end = start
    with _disk(path, "read"), path.open("rb") as stream:
        if stream.seek(0, os.SEEK_END) < start:
            raise JournalError(
                f"The journal {path} is shorter than it was when it was last read.",
                hint="Journals only grow: name a new one by another path.",
            )
        stream.seek(start)
        for line in stream:
            try:
                entry = _line_of(line) if line.strip() else {}
                if entry is None:
                    return
                found = _journal_line(entry, end + len(line)) if entry else None
            except (ValueError, FieldError) as error:
                raise _unreadable(path, end, str(error)) from error
            if found is not None:
                yield found
            end += len(line)


def _unreadable(path: Path, at: int, what: str) -> JournalError:
    with path.open("rb") as stream:
        number = stream.read(at).count(b"\n") + 1
    return JournalError(f"The journal {path} cannot be read: line {number}: {what}.")


@contextmanager
def _disk(path: Path, what: str) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise JournalError(
            f"The journal {path} cannot be {what}: {error.strerror or error}.",
            hint="Check the path, the permissions and the free space.",
        ) from error


def _line_of(line: bytes) -> Json | None:
    """The content of a line; None if it was cut off: then it lacks its end."""
    try:
        entry = fields.object_in(json.loads(line))
    except RecursionError as error:
        raise FieldError("JSON nested too deeply") from error
    except (ValueError, FieldError) as error:
        torn = line.rstrip(b"\0\r\n")
        if not (torn.startswith(_START) or _START.startswith(torn)):
            raise FieldError("no line of a journal") from error
        if line.endswith(b"\n"):
            raise FieldError("damaged") from error
        return None
    if entry.get("rxray_journal") != _FORMAT:
        raise FieldError(f"no line of a journal of format {_FORMAT}")
    return entry


def _journal_line(data: Json, end: int) -> JournalLine:
    return JournalLine(_entry(data).answer, _time_in(data, "written_at"), end)


def _time_in(data: Json, key: str) -> dt.datetime | None:
    if data.get(key) is None:
        return None
    try:
        found = dt.datetime.fromisoformat(fields.string_in(data[key], key))
        if found.tzinfo is None:
            raise FieldError(f"{key} has no time zone")
        return found.astimezone(dt.UTC)
    except (ValueError, OverflowError) as error:  # overflow: next to the year 1 or 9999
        raise FieldError(f"{key} is no time in ISO 8601") from error


def _key(source: str) -> bytes:
    return hashlib.blake2b(source.encode("utf-8", "surrogatepass"), digest_size=16).digest()


def _entry_of(line: bytes) -> Entry:
    try:
        found = decode_line(line)
    except ValueError:
        return _entry(json.loads(line))
    return Entry(found.answer(), found.file, found.options)


def _entry(data: Json) -> Entry:
    kind, file = fields.string_in(data.get("kind"), "kind"), _file(data.get("file"))
    options = fields.string_in(data.get("options", ""), "options")
    if kind == "diagnosis":
        return Entry(Diagnosis.from_dict(data), file, options)
    if kind == "failure":
        return Entry(FailedDiagnosis.from_dict(data), file, options)
    raise FieldError(f"{kind!r} is no kind of line")


def _file(data: object) -> File | None:
    if data is None:
        return None
    if isinstance(data, list) and len(data) == 2 and all(isinstance(one, int) for one in data):
        return data[0], data[1]
    raise FieldError("file is neither null nor two numbers")

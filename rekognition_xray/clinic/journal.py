"""The journal of a bulk run: one JSON line to each answer, written before it is given out."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, Final

from rekognition_xray.clinic import fields
from rekognition_xray.clinic.answers import Diagnosis, FailedDiagnosis
from rekognition_xray.clinic.fields import FieldError, Json
from rekognition_xray.errors import JournalError

log = logging.getLogger(__name__)

_FORMAT: Final = 1
_START: Final = b'{"rxray_journal": '  # begins every line; what begins otherwise is not ours


class Journal:
    """What a version said in earlier runs, and a place for what it says in this one.

    Making one reads the file and changes nothing. A last line that was cut off, as a killed
    process leaves it, is dropped on opening for writing; that film is then asked again. Lines are
    handed to the operating system one by one: they survive the process, though not a power cut.
    One process at a time may write a journal.
    """

    def __init__(self, path: Path, *, version_arn: str) -> None:
        """Reads what is there; a missing file is an empty journal.

        Raises:
            JournalError: unreadable, of another version or format, or damaged before its end.
        """
        self.path = path
        self._arn = version_arn
        self._known: dict[tuple[str, str], Diagnosis] = {}
        self._size = 0  # bytes that were read
        self._sound = 0  # bytes of it that can stay
        self._open_end = False  # whether the last sound line lacks its line end
        self._stream: BinaryIO | None = None
        self._read()

    def known(self, source: str, image_sha256: str) -> Diagnosis | None:
        """The diagnosis of the film under this path with these pixels, if there is one."""
        return self._known.get((source, image_sha256))

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
            yield
        finally:
            self._stream.close()
            self._stream = None

    def add(self, answer: Diagnosis | FailedDiagnosis) -> None:
        """Writes an answer, unless just this one stands there already."""
        kind = "failure"
        if isinstance(answer, Diagnosis):
            if self.known(answer.source, answer.image_sha256) == answer:
                return
            self._remember(answer)
            kind = "diagnosis"
        line = json.dumps({"rxray_journal": _FORMAT, "kind": kind, **answer.to_dict()})
        self._write(line.encode("ascii") + b"\n")

    def _remember(self, diagnosis: Diagnosis) -> None:
        self._known[diagnosis.source, diagnosis.image_sha256] = diagnosis

    def _write(self, line: bytes) -> None:
        if self._stream is None:
            raise JournalError(f"The journal {self.path} is not open for writing.")
        with self._disk("written"):
            self._stream.write(line)
            self._stream.flush()

    def _mend(self, stream: BinaryIO) -> None:
        with self._disk("opened"):
            if self.path.stat().st_size != self._size:
                raise JournalError(
                    f"The journal {self.path} was changed since it was read.",
                    hint="Let one run at a time write a journal.",
                )
            if self._sound < self._size:
                log.warning("%s: the last line was cut off; its film is asked again", self.path)
                stream.truncate(self._sound)
        if self._open_end:
            self._write(b"\n")

    def _read(self) -> None:
        if not self.path.exists():
            return
        with self._disk("read"), self.path.open("rb") as stream:
            for number, line in enumerate(stream, start=1):
                if self._sound < self._size:  # the line before was damaged, and is not the last
                    raise self._error(number - 1, "damaged")
                self._size += len(line)
                if self._take(line, number):
                    self._sound = self._size
                    self._open_end = not line.endswith(b"\n")

    def _take(self, line: bytes, number: int) -> bool:
        """Whether the line is whole; raises where it is whole and not ours."""
        if not line.strip():
            return True
        try:
            entry = fields.object_in(json.loads(line))
        except (ValueError, FieldError) as error:
            torn = line.rstrip(b"\0\r\n")
            if torn.startswith(_START) or _START.startswith(torn):
                return False
            raise self._error(number, "no line of a journal") from error
        try:
            self._enter(entry, number)
        except (ValueError, FieldError) as error:
            raise self._error(number, str(error)) from error
        return True

    def _enter(self, entry: Json, number: int) -> None:
        if entry.get("rxray_journal") != _FORMAT:
            raise FieldError(f"no line of a journal of format {_FORMAT}")
        arn = fields.string_in(entry.get("version_arn"), "version_arn")
        if arn != self._arn:
            raise JournalError(
                f"The journal {self.path} belongs to another version (line {number}): {arn}, "
                f"not {self._arn}.",
                hint="Name another journal file: answers of two versions do not mix.",
            )
        if entry.get("kind") == "diagnosis":
            self._remember(Diagnosis.from_dict(entry))

    def _error(self, number: int, what: str) -> JournalError:
        return JournalError(f"The journal {self.path} cannot be continued: line {number}: {what}.")

    @contextmanager
    def _disk(self, what: str) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise JournalError(
                f"The journal {self.path} cannot be {what}: {error.strerror or error}.",
                hint="Check the path, the permissions and the free space.",
            ) from error

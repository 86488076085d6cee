"""The index beside a long journal: where the last line of each image is, to open it quickly.

It is a copy of what the journal says, and the journal alone counts. So an index is used only where
the journal begins with the very bytes that it was made of, and thrown away otherwise. It holds
digests of paths, no paths, and may be deleted at any time.

The file is one line of JSON, then 24 bytes for each image in the order of their keys: the key, and
the place of the line as a big-endian number.
"""

from __future__ import annotations

import hashlib
import logging
from bisect import bisect_left
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final, Literal

import attrs
import msgspec

from rekognition_xray._files import atomic_write

if TYPE_CHECKING:
    from hashlib import _Hash

log = logging.getLogger(__name__)

KEY: Final = 16
"""Bytes of an image's key."""
_ROW: Final = KEY + 8
_LONGEST_HEAD: Final = 4096
_CHUNK: Final = 1 << 20

_Count = Annotated[int, msgspec.Meta(ge=1)]


class _Head(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    rxray_journal_index: Literal[1] = 1
    version_arn: str
    size: _Count
    lines: _Count
    answers: _Count
    images: _Count
    journal_sha256: str
    rows_sha256: str


@attrs.frozen
class JournalIndex:
    """What the index of a journal says.

    Attributes:
        version_arn: the version that the journal is of.
        size: how many bytes of the journal it covers; they end with a line's end.
        lines: lines in them.
        answers: answers in them.
        digest: the SHA-256 of them, to go on with.
    """

    version_arn: str
    size: int
    lines: int
    answers: int
    digest: _Hash
    _rows: bytes

    @classmethod
    def read(cls, journal: Path) -> JournalIndex | None:
        """The index of a journal; None where there is none, or none that fits."""
        try:
            return cls._read(journal) if index_path(journal).is_file() else None
        except (OSError, ValueError, RecursionError, msgspec.MsgspecError) as error:
            log.info("%s is not used: %s", index_path(journal), error)
            return None

    @classmethod
    def _read(cls, journal: Path) -> JournalIndex:
        with index_path(journal).open("rb") as stream:
            head = msgspec.json.decode(stream.readline(_LONGEST_HEAD), type=_Head)
            # A line is longer than its row: no index makes us read more than the journal has.
            if not head.images * _ROW < head.size <= journal.stat().st_size:
                raise ValueError("it was made of a longer journal")
            if not head.images <= head.answers <= head.lines <= head.size:
                raise ValueError("its counts contradict each other")
            rows = stream.read(head.images * _ROW + 1)
        if len(rows) != head.images * _ROW or _sha256(rows) != head.rows_sha256:
            raise ValueError("it is damaged")
        digest = _digest(journal, head.size)
        if digest.hexdigest() != head.journal_sha256:
            raise ValueError("it was made of another journal")
        return cls(head.version_arn, head.size, head.lines, head.answers, digest, rows)

    def find(self, key: bytes) -> int | None:
        """Where the last line of an image begins."""
        rows = self._rows
        row = bisect_left(
            range(len(rows) // _ROW), key, key=lambda row: rows[row * _ROW : row * _ROW + KEY]
        )
        start = row * _ROW
        if rows[start : start + KEY] != key:
            return None
        return int.from_bytes(rows[start + KEY : start + _ROW], "big")

    def __iter__(self) -> Iterator[tuple[bytes, int]]:
        """Keys and places, in the order of the keys."""
        rows = self._rows
        for start in range(0, len(rows), _ROW):
            end = start + _ROW
            yield rows[start : start + KEY], int.from_bytes(rows[start + KEY : end], "big")


def write_index(
    journal: Path,
    rows: Iterable[tuple[bytes, int]],
    *,
    version_arn: str,
    size: int,
    lines: int,
    answers: int,
    digest: _Hash,
) -> None:
    """Writes the index of a journal; one that cannot be written is done without.

    Args:
        journal: the journal.
        rows: key and place of each image's last line, in the order of the keys.
        version_arn: the version that the journal is of.
        size: bytes of the journal that were read.
        lines: lines in them.
        answers: answers in them.
        digest: the SHA-256 of them.
    """
    content = bytearray()
    for key, at in rows:
        content += key
        content += at.to_bytes(8, "big")
    head = _Head(
        version_arn=version_arn,
        size=size,
        lines=lines,
        answers=answers,
        images=len(content) // _ROW,
        journal_sha256=digest.hexdigest(),
        rows_sha256=_sha256(content),
    )
    try:
        with atomic_write(index_path(journal)) as stream:
            stream.write(msgspec.json.encode(head) + b"\n")
            stream.write(content)
    except OSError as error:
        log.info("%s has no index: %s", journal, error)


def _sha256(content: bytes | bytearray) -> str:
    return hashlib.sha256(content).hexdigest()


def index_path(journal: Path) -> Path:
    """Where the index of a journal lies."""
    return journal.with_name(f"{journal.name}.rxray-index")


def _digest(journal: Path, size: int) -> _Hash:
    """The SHA-256 of the first bytes of a file."""
    digest = hashlib.sha256()
    with journal.open("rb") as stream:
        while size > 0 and (part := stream.read(min(size, _CHUNK))):
            digest.update(part)
            size -= len(part)
    return digest

"""What a node has received and not yet answered, and what it has not yet sent: folders on disk."""

from __future__ import annotations

import os
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from typing import BinaryIO, Final, TypeAlias

import attrs
from pydicom.dataset import Dataset

from rekognition_xray._files import atomic_write
from rekognition_xray.errors import DataError, InvalidRequestError

_END: Final = ".dcm"

FileState: TypeAlias = tuple[int, int, int]
"""Inode, size and time of change (nanoseconds) of a file: another one under its name differs."""


@attrs.frozen
class Queue:
    """The folders of a node. A file is complete as soon as it has its name.

    Attributes:
        folder: of the node.
    """

    folder: Path
    _renaming: threading.Lock = attrs.field(
        factory=threading.Lock, init=False, eq=False, repr=False
    )

    @classmethod
    def open(cls, folder: Path) -> Queue:
        """Makes the folders that are missing.

        Raises:
            DataError: they cannot be made.
        """
        made = cls(folder)
        try:
            for each in (made.inbox, made.answers, made.refused):
                each.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise DataError(
                f"The node's folder {folder} cannot be made: {error.strerror or error}.",
                paths=[folder],
                hint="Check the path, the permissions and the free space.",
            ) from error
        return made

    @contextmanager
    def in_use(self) -> Iterator[None]:
        """Keeps other nodes from the folder while the block runs; a kill ends that too.

        Raises:
            InvalidRequestError: another node uses it.
        """
        with closing(self._lock()):
            for each in (self.inbox, self.answers):
                for left in each.glob(".*.tmp"):  # of a node that was killed while it wrote
                    left.unlink()
            yield

    def _lock(self) -> sqlite3.Connection:
        """An open transaction, which is the same on every system and ends with the process."""
        try:
            lock = sqlite3.connect(
                self.folder / "lock", timeout=0, isolation_level=None, check_same_thread=False
            )
            with ExitStack() as failed:
                failed.callback(lock.close)
                lock.execute("BEGIN EXCLUSIVE")
                failed.pop_all()
        except sqlite3.Error as error:
            raise InvalidRequestError(
                f"The node's folder {self.folder} cannot be locked: {error}.",
                hint="Let one node at a time use a folder; give each its own.",
            ) from error
        return lock

    @property
    def inbox(self) -> Path:
        """Images that were received and not answered."""
        return self.folder / "inbox"

    @property
    def answers(self) -> Path:
        """Reports and captures; with a peer, those that it has not taken yet."""
        return self.folder / "answers"

    @property
    def refused(self) -> Path:
        """Images that got no answer, each beside a text file that says why."""
        return self.folder / "refused"

    @property
    def journal(self) -> Path:
        """The journal of all diagnoses."""
        return self.folder / "journal.jsonl"

    def waiting(self) -> list[Path]:
        """Images to answer, by name."""
        return sorted(self.inbox.glob(f"*{_END}"))

    def unsent(self) -> list[Path]:
        """Answers that lie here, by name."""
        return sorted(self.answers.glob(f"*{_END}"))

    def receive(self, uid: str, content: bytes) -> None:
        """Keeps an image; it is on the disk when this returns.

        Raises:
            OSError: it cannot be written, for lack of space for example.
        """
        with self._durable(self.inbox / f"{uid}{_END}") as stream:
            stream.write(content)

    def state(self, path: Path) -> FileState:
        """What tells this file from a later one of the same name.

        Raises:
            OSError: it is not there.
        """
        found = path.stat()
        return found.st_ino, found.st_size, found.st_mtime_ns

    def answer(self, objects: list[Dataset], image: Path, state: FileState) -> None:
        """Keeps the answers to an image, and only then lets go of the image.

        An image that came in its place since ``state`` stays.

        Raises:
            OSError: they cannot be written; the image stays.
        """
        for made in objects:
            with self._durable(self.answers / f"{made.SOPInstanceUID}{_END}") as stream:
                made.save_as(stream, enforce_file_format=True)
        with self._renaming:
            if self.state(image) == state:
                image.unlink()

    def refuse(self, path: Path, why: str, state: FileState) -> None:
        """Puts a file aside, with the reason in a text file beside it.

        A file that came in its place since ``state`` stays where it is.

        Raises:
            OSError: it cannot be moved, or the reason cannot be written.
        """
        if self.state(path) != state:
            return
        with self._durable((self.refused / path.name).with_suffix(".txt")) as stream:
            stream.write(f"{why}\n".encode(errors="replace"))
        with self._renaming:
            if self.state(path) == state:
                path.replace(self.refused / path.name)

    @contextmanager
    def _durable(self, path: Path) -> Iterator[BinaryIO]:
        """A stream to a file that has its name once its content is on the disk."""
        with ExitStack() as renaming, atomic_write(path, private=True) as stream:
            yield stream
            stream.flush()
            os.fsync(stream.fileno())
            renaming.enter_context(self._renaming)

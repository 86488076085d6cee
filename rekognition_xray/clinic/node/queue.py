"""What a node has received and not yet answered, and what it has not yet sent: folders on disk."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, Final

import attrs
from pydicom.dataset import Dataset

from rekognition_xray._files import atomic_write
from rekognition_xray.errors import DataError

_END: Final = ".dcm"


@attrs.frozen
class Queue:
    """The folders of a node. A file is complete as soon as it has its name.

    Attributes:
        folder: of the node.
    """

    folder: Path

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
        for each in (made.inbox, made.answers):
            for left in each.glob(".*.tmp"):  # of a node that was killed while it wrote
                left.unlink()
        return made

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
        """Images that got no answer; the journal says why."""
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
        with _durable(self.inbox / f"{uid}{_END}") as stream:
            stream.write(content)

    def answer(self, objects: list[Dataset], image: Path) -> None:
        """Keeps the answers to an image, and only then lets go of the image.

        Raises:
            OSError: they cannot be written; the image stays.
        """
        for made in objects:
            with _durable(self.answers / f"{made.SOPInstanceUID}{_END}") as stream:
                made.save_as(stream, enforce_file_format=True)
        image.unlink()

    def refuse(self, image: Path) -> None:
        """Puts an image aside that gets no answer."""
        image.replace(self.refused / image.name)


@contextmanager
def _durable(path: Path) -> Iterator[BinaryIO]:
    """A stream to a file that has its name once its content is on the disk."""
    with atomic_write(path, private=True) as stream:
        yield stream
        stream.flush()
        os.fsync(stream.fileno())

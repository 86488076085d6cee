"""Writing files that are never incomplete."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO


@contextmanager
def atomic_write(path: Path, *, private: bool = False) -> Iterator[BinaryIO]:
    """A stream to a temporary file beside ``path`` that replaces it when the block ends.

    After an exception in the block, ``path`` is as it was before.

    Args:
        path: of the file, in a folder that exists.
        private: only the user may read it, at any time; by default everybody may at the end.

    Yields:
        The stream, for bytes.
    """
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}-", suffix=".tmp")
    temporary = Path(name)
    try:
        with os.fdopen(descriptor, "wb") as stream:
            yield stream
        if not private:  # mkstemp makes mode 0600
            temporary.chmod(0o644)
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def sync_folder(folder: Path) -> None:
    """Makes sure that the names of a folder's files are on the disk, where the system can."""
    if os.name == "posix":  # else a new file's name may be lost in a power cut
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)

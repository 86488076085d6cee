"""Refuses files that must not be committed: images by content, and anything over 200 KB.

Pictures belong into ``docs/``, and none of them is an image. Names of files are the arguments.
"""

from __future__ import annotations

import sys
from pathlib import Path

LARGEST = 200_000  # bytes
PICTURES = (b"\x89PNG", b"\xff\xd8\xff", b"GIF8", b"II*\0", b"MM\0*")


def fault(path: Path) -> str | None:
    """Why this file must not be committed; None where it may be."""
    data = path.read_bytes()
    if len(data) > LARGEST:
        return f"{len(data):,} bytes; at most {LARGEST:,}"
    if data[128:132] == b"DICM":
        return "a DICOM file"
    if data.startswith(PICTURES) and "docs" not in path.parts:
        return "a picture outside docs/"
    return None


def main(names: list[str]) -> int:
    """Reports every such file."""
    faults = [(name, why) for name in names if (why := fault(Path(name)))]
    for name, why in faults:
        print(f"{name}: {why}")
    return bool(faults)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

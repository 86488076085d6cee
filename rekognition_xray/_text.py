"""Words that messages share."""

from __future__ import annotations


def quantity(count: int, noun: str) -> str:
    """``1 file``, ``2 files``, ``5,856 files``."""
    return f"{count:,} {noun}{'' if count == 1 else 's'}"

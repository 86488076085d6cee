"""``Evidence``: all that the checks of an audit judge by, and the small words they share."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sized
from pathlib import Path
from typing import TypeAlias

import attrs

from rekognition_xray.data.auditing.duplicates import Duplicates
from rekognition_xray.data.auditing.findings import Finding
from rekognition_xray.data.auditing.looks import Looks
from rekognition_xray.data.auditing.shortcuts import Shortcut
from rekognition_xray.data.dataset import XrayDataset


@attrs.frozen
class Evidence:
    """A dataset, a look at each of its images, and what the looks tell together."""

    dataset: XrayDataset
    looks: Looks
    duplicates: tuple[Duplicates, ...]
    shortcuts: tuple[Shortcut, ...]


Check = Callable[[Evidence], Iterable[Finding]]
Noted: TypeAlias = Iterable[tuple[Path | str, str]]


def error(code: str, message: str, noted: Noted, advice: str) -> Finding:
    """A finding that has to be mended."""
    paths, notes = _columns(noted)
    return Finding(code, "error", message, paths, advice, notes)


def warning(code: str, message: str, noted: Noted, advice: str) -> Finding:
    """A finding that one should know of."""
    paths, notes = _columns(noted)
    return Finding(code, "warning", message, paths, advice, notes)


def _columns(noted: Noted) -> tuple[tuple[Path | str, ...], tuple[str, ...]]:
    pairs = list(noted)
    return tuple(path for path, _ in pairs), tuple(note for _, note in pairs)


def many(found: Sized | int, what: str) -> str:
    """``1 file``, ``2 files``."""
    count = found if isinstance(found, int) else len(found)
    return f"{count:,} {what}{'' if count == 1 else 's'}"

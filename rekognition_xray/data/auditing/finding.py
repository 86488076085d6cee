"""``Finding`` and ``Unusable``: what an audit reports, as values."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import attrs

from rekognition_xray.data.xrays import Xray
from rekognition_xray.records import Record


@attrs.frozen
class Finding(Record):
    """One kind of fault, with every file that has it.

    Attributes:
        code: such as ``truncated``; stable, for programs.
        severity: ``error`` where the service or a sound training would refuse the images.
        message: what was found, as a sentence.
        paths: all files concerned; none where it concerns the dataset as a whole.
        advice: what to do.
        notes: one for each path, on what exactly is wrong with it; or none at all.
    """

    code: str
    severity: Literal["error", "warning"]
    message: str
    paths: tuple[Path | str, ...]
    advice: str
    notes: tuple[str, ...] = ()

    @property
    def lines(self) -> tuple[str, ...]:
        """The paths, each with its note."""
        return tuple(f"{path}: {note}" if note else str(path) for path, note in path_notes(self))


def path_notes(finding: Finding) -> tuple[tuple[Path | str, str], ...]:
    """The paths of a finding, each with its note or an empty text."""
    notes = finding.notes or ("",) * len(finding.paths)
    return tuple(zip(finding.paths, notes, strict=True))


@attrs.frozen
class Unusable:
    """An image that cannot be decoded, or that the service would refuse.

    Attributes:
        image: the image.
        code: the code of the finding that names it.
        reason: why.
    """

    image: Xray
    code: str
    reason: str

"""The values a dataset is made of: ``Xray``, ``Rejected`` and ``Part``."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import attrs


@attrs.frozen
class Xray:
    """One film on disk.

    Attributes:
        path: where the file lies.
        label: such as ``normal``.
        patient: equal for all films of one patient; None where nobody knows.
        split: the official folder ``train``, ``test`` or ``val``, where there is one.
        name: the path within the dataset, with ``/``; the same on every machine.
    """

    path: Path
    label: str
    patient: str | None = None
    split: str | None = None
    name: str = attrs.field(
        default=attrs.Factory(lambda self: self.path.as_posix(), takes_self=True)
    )

    @property
    def group(self) -> str:
        """What must stay together: the patient, or for an unknown one the film by itself."""
        return f"film:{self.name}" if self.patient is None else self.patient


@attrs.frozen
class Rejected:
    """A file that looks like a film and did not become one.

    Attributes:
        path: where the file lies.
        reason: why, as part of a sentence.
        code: ``no-label``, ``contradictory-labels`` or ``unreadable``.
    """

    path: Path
    reason: str
    code: Literal["no-label", "contradictory-labels", "unreadable"] = "no-label"


@attrs.frozen
class Part:
    """Says of which split a dataset is a part; it travels into the manifest's job name.

    Attributes:
        name: ``train`` or ``test``.
        fingerprint: the split's fingerprint.
    """

    name: str
    fingerprint: str

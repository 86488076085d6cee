"""``Finding`` and ``Audit``: what an audit says, as values."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal

import attrs

from rekognition_xray.data.auditing.duplicates import Duplicates
from rekognition_xray.data.auditing.shortcuts import Shortcut
from rekognition_xray.data.dataset import Xray, XrayDataset
from rekognition_xray.errors import AuditError, MissingExtraError, list_paths
from rekognition_xray.records import Record

if TYPE_CHECKING:
    import pandas as pd

    from rekognition_xray.data.dataset import Cleaned

_EXAMPLES: Final = 3


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
        return tuple(f"{path}: {note}" if note else str(path) for path, note in _noted(self))


def _noted(finding: Finding) -> tuple[tuple[Path | str, str], ...]:
    """The paths, each with its note or an empty text."""
    return tuple(zip(finding.paths, finding.notes or ("",) * len(finding.paths), strict=True))


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


@attrs.frozen
class Audit:
    """What an audit found; printing it gives a table.

    Attributes:
        findings: errors first.
        images: how many images were looked at.
        duplicates: groups of images that show one picture; ``split(audit=...)`` keeps each group
            on one side.
        shortcuts: how well each property of the files tells the label, without the picture.
        unusable: the images that cannot be used, each with its reason.
        dataset: what was looked at.
    """

    findings: tuple[Finding, ...]
    images: int
    duplicates: tuple[Duplicates, ...] = attrs.field(default=(), repr=False)
    shortcuts: tuple[Shortcut, ...] = attrs.field(default=(), repr=False)
    unusable: tuple[Unusable, ...] = attrs.field(default=(), repr=False)
    dataset: XrayDataset = attrs.field(factory=lambda: XrayDataset(()), repr=False)

    @property
    def errors(self) -> tuple[Finding, ...]:
        """Findings that have to be mended before anything is uploaded."""
        return tuple(finding for finding in self.findings if finding.severity == "error")

    @property
    def warnings(self) -> tuple[Finding, ...]:
        """Findings that one should know of."""
        return tuple(finding for finding in self.findings if finding.severity == "warning")

    def raise_for_errors(self) -> None:
        """Does nothing where there is no error.

        Raises:
            AuditError: names all files of all errors; warnings do not raise.
        """
        if not self.errors:
            return
        paths = tuple(dict.fromkeys(path for error in self.errors for path in error.paths))
        parts = [
            f"[{error.code}] {error.message}\n{list_paths(error.lines)}" for error in self.errors
        ]
        advice = " ".join(dict.fromkeys(error.advice for error in self.errors))
        raise AuditError(
            f"The audit of {self.images:,} images found errors in {len(paths):,} files.\n"
            + "\n".join(parts),
            paths=paths,
            hint=f"{advice} Or go on with clean(), which leaves these files out.",
        )

    def clean(self, *, near: Literal["keep", "keep-first"] = "keep") -> Cleaned:
        """A new dataset without what is wrong, and a record of it.

        See ``rekognition_xray.data.dataset.cleaning.clean``.
        """
        from rekognition_xray.data.dataset import clean  # noqa: PLC0415 - it knows this module

        return clean(self, near=near)

    def to_dict(self) -> dict[str, object]:
        """Images and patients, and each finding with all its files; plain data ready for JSON."""
        return {
            **self.dataset.tally(),
            "errors": len(self.errors),
            "warnings": len(self.warnings),
            "findings": [finding.to_dict() for finding in self.findings],
        }

    def to_frame(self) -> pd.DataFrame:
        """One row for each file and finding; needs the extra ``frames``.

        Columns: ``code``, ``severity``, ``path``, ``note``, ``message``, ``advice``, all text. A
        finding about the whole dataset has one row with an empty path.

        Raises:
            MissingExtraError: pandas is not installed.
        """
        try:
            import pandas as pd  # noqa: PLC0415 - an extra
        except ModuleNotFoundError as error:
            raise MissingExtraError("frames", needed_for="Audit.to_frame()") from error
        columns = ["code", "severity", "path", "note", "message", "advice"]
        return pd.DataFrame(list(self._rows()), columns=columns)

    def _rows(self) -> Iterator[tuple[str, ...]]:
        for found in self.findings:
            for path, note in _noted(found) or (("", ""),):
                yield (
                    found.code,
                    found.severity,
                    str(path),
                    note,
                    found.message,
                    found.advice,
                )

    def __str__(self) -> str:
        head = (
            f"Audit of {self.images:,} {'image' if self.images == 1 else 'images'}: "
            f"{_count(len(self.errors), 'error')}, {_count(len(self.warnings), 'warning')}"
        )
        width = max((len(finding.code) for finding in self.findings), default=0)
        return "\n".join([head, *(_row(finding, width) for finding in self.findings)])


def _row(finding: Finding, width: int) -> str:
    indent = " " * (width + 12)
    rows = [f"  {finding.severity:7}  {finding.code:{width}}  {finding.message}"]
    rows += [f"{indent}- {line}" for line in finding.lines[:_EXAMPLES]]
    if len(finding.paths) > _EXAMPLES:
        rows.append(f"{indent}… and {len(finding.paths) - _EXAMPLES:,} more")
    return "\n".join([*rows, f"{indent}{finding.advice}"])


def _count(number: int, word: str) -> str:
    return f"{number} {word}" if number == 1 else f"{number} {word}s"

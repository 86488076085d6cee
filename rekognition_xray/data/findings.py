"""``Finding`` and ``Audit``: what an audit says, as values."""

from __future__ import annotations

from pathlib import Path
from typing import Final, Literal

import attrs

from rekognition_xray.errors import AuditError, list_paths

_EXAMPLES: Final = 3


@attrs.frozen
class Finding:
    """One kind of fault, with every file that has it.

    Attributes:
        code: such as ``truncated``; stable, for programs.
        severity: ``error`` where the service or a sound training would refuse the films.
        message: what was found, as a sentence.
        paths: all files concerned.
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
        if not self.notes:
            return tuple(str(path) for path in self.paths)
        noted = zip(self.paths, self.notes, strict=True)
        return tuple(f"{path}: {note}" for path, note in noted)


@attrs.frozen
class Audit:
    """What an audit found; printing it gives a table.

    Attributes:
        findings: errors first.
        films: how many films were looked at.
    """

    findings: tuple[Finding, ...]
    films: int

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
            f"The audit of {self.films:,} films found errors in {len(paths):,} files.\n"
            + "\n".join(parts),
            paths=paths,
            hint=advice,
        )

    def __str__(self) -> str:
        head = (
            f"Audit of {self.films:,} films: {_count(len(self.errors), 'error')}, "
            f"{_count(len(self.warnings), 'warning')}"
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

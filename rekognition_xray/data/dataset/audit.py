"""``Audit``: what is wrong with the images and labels of a dataset, and the run that finds it."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Executor
from typing import TYPE_CHECKING, Final, Literal

import attrs

from rekognition_xray._text import quantity
from rekognition_xray._workers import report_batches, worker_pool
from rekognition_xray.errors import AuditError, DataError, MissingExtraError, list_paths

try:
    from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]  # of scikit-learn
except ModuleNotFoundError as error:
    raise MissingExtraError("science", needed_for="An audit") from error

from rekognition_xray.data.auditing import (
    CHECKS,
    Duplicates,
    Evidence,
    Finding,
    Look,
    Looks,
    Shortcut,
    Unusable,
    find_duplicates,
    look_at,
    measure_shortcuts,
    path_notes,
)
from rekognition_xray.data.dataset.cleaning import Cleaned, clean
from rekognition_xray.data.images import Gate, ImageFacts

if TYPE_CHECKING:
    import pandas as pd

    from rekognition_xray.data.dataset.dataset import XrayDataset

_EXAMPLES: Final = 3
_BATCH: Final = 32


Progress = bool | Callable[[int, int], None] | None


@attrs.frozen
class Audit:
    """What an audit found; printing it gives a table.

    Attributes:
        findings: errors first.
        images: how many images were looked at.
        duplicates: groups of images that show one picture; ``split(audit=...)`` keeps each group
            on one side.
        shortcuts: how well each property of the files predicts the label, without the picture.
        unusable: the images that cannot be used, each with its reason.
        facts: what the files say of their images, by the images' names: body part, view, side, age
            group, sex. Only DICOM says anything.
        dataset: what was looked at.
    """

    findings: tuple[Finding, ...]
    images: int
    duplicates: tuple[Duplicates, ...] = attrs.field(default=(), repr=False)
    shortcuts: tuple[Shortcut, ...] = attrs.field(default=(), repr=False)
    unusable: tuple[Unusable, ...] = attrs.field(default=(), repr=False)
    facts: Mapping[str, ImageFacts] = attrs.field(factory=dict, repr=False)
    dataset: XrayDataset = attrs.field(repr=False, kw_only=True)

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
            for path, note in path_notes(found) or (("", ""),):
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
            f"Audit of {quantity(self.images, 'image')}: "
            f"{quantity(len(self.errors), 'error')}, {quantity(len(self.warnings), 'warning')}"
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


def run_audit(
    dataset: XrayDataset,
    *,
    gate: Gate | None = None,
    progress: Progress = None,
    executor: Executor | None = None,
) -> Audit:
    """See ``XrayDataset.audit``, which documents arguments and errors."""
    _refuse_images_in_s3(dataset)
    looks = _look_at(dataset, gate, progress, executor)
    with threadpool_limits(1):  # the arrays are small: more threads only wait for each other
        evidence = Evidence(dataset, looks, find_duplicates(looks), measure_shortcuts(looks))
    found = [finding for check in CHECKS for finding in check(evidence)]
    found.sort(key=lambda finding: finding.severity)  # "error" sorts before "warning"
    unusable = tuple(
        Unusable(image, seen.fault, seen.reason) for image, seen in looks.items() if seen.fault
    )
    return Audit(
        tuple(found),
        len(dataset),
        evidence.duplicates,
        evidence.shortcuts,
        unusable,
        {image.name: seen.facts for image, seen in looks.items() if seen.facts != ImageFacts()},
        dataset=dataset,
    )


def _refuse_images_in_s3(dataset: XrayDataset) -> None:
    far = [image.address for image in dataset if image.address]
    if far:
        raise DataError(
            f"{len(far):,} of {len(dataset):,} images lie in S3, and an audit opens every image:\n"
            f"{list_paths(far)}",
            paths=far,
            hint="Fetch the images first (aws s3 sync), read the folder, and audit that.",
        )


def _look_at(
    dataset: XrayDataset, gate: Gate | None, progress: Progress, executor: Executor | None
) -> Looks:
    images = dataset.images
    look = functools.partial(look_at, options=dataset.options, gate=gate)
    batches = [
        [image.path for image in images[start : start + _BATCH]]
        for start in range(0, len(images), _BATCH)
    ]
    looks: list[Look] = []
    with worker_pool(executor) as pool:
        found = pool.map(look, batches)
        for batch in report_batches(found, len(images), progress or False, title="audit"):
            looks += batch
    return dict(zip(images, looks, strict=True))

"""Errors about images, names, labels and manifests."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Final

import attrs

from rekognition_xray.errors.base import XrayError, above

_SHOWN: Final = 3


class DataError(XrayError, ValueError):
    """Images, names, labels or manifests that cannot be used.

    Attributes:
        paths: every file that is concerned; text for an address in S3.
    """

    default_hint = "Mend or remove the files that are named, then run it again."

    def __init__(
        self, message: str, *, paths: Iterable[Path | str] = (), hint: str | None = None
    ) -> None:
        self.paths = tuple(paths)
        super().__init__(message, hint=hint)


class FolderNotFoundError(DataError, FileNotFoundError):
    """The folder of images is not there."""

    default_hint = "Check the path; it should hold folders such as NORMAL and PNEUMONIA."


class EmptyDatasetError(DataError):
    """No usable image was found."""

    default_hint = "Check the folder and the naming rule (names=...)."


class AuditError(DataError):
    """The audit found errors; nothing was uploaded and nothing was billed."""


class ImageError(DataError):
    """One image that is not a readable PNG, JPEG or DICOM that can be brought within the limits.

    Attributes:
        code: the audit's word for the fault: ``missing``, ``zero-bytes``, ``not-an-image``,
            ``truncated``, ``unreadable`` or ``over-limits``; of DICOM also ``not-an-xray`` (another
            kind of object), ``burned-in`` (held back: a name may stand in the picture) and
            ``no-decoder`` (a transfer syntax that nothing here reads).
        reason: the fault without the image's name.
    """

    def __init__(
        self,
        message: str,
        *,
        code: str = "unreadable",
        reason: str = "",
        paths: Iterable[Path | str] = (),
        hint: str | None = None,
    ) -> None:
        self.code = code
        self.reason = reason or message
        super().__init__(message, paths=paths, hint=hint)


class RefusedByGateError(ImageError):
    """An image that a gate refuses: it does not look like the training images.

    Attributes:
        score: how unlike them it is.
        sha256: hash of the image as it would have been prepared.
    """

    default_hint = (
        "Have a person look at it. If it is right, fit the gate on images like it, or use none; "
        "repair=True repairs images that are inverted or turned."
    )

    def __init__(
        self,
        message: str,
        *,
        reason: str = "",
        score: float | None = None,
        sha256: str = "",
        paths: Iterable[Path | str] = (),
    ) -> None:
        self.score = score
        self.sha256 = sha256
        super().__init__(message, code="refused-by-gate", reason=reason, paths=paths)


class SplitError(DataError):
    """The dataset cannot be split as asked."""

    default_hint = "Use a larger dataset, or another share for the test part."


class LabelsError(DataError):
    """Labels that a training would be refused for."""

    default_hint = "A classification needs images of at least two labels in train and in test."


class NoLabelError(LabelsError):
    """A rule knows no label for an image, and says why."""

    default_hint = "Name or place the image so that the rule can read it, or use another rule."


@attrs.frozen
class ManifestFault:
    """One thing wrong with a manifest.

    Attributes:
        line: number of the line, from 1; None where it is about the manifest as a whole.
        code: the service's code, such as ``ERROR_INVALID_JSON_LINE``, or a word of ours in small
            letters where the service has none.
        reason: the fault in words.
    """

    line: int | None
    code: str
    reason: str

    def __str__(self) -> str:
        place = "" if self.line is None else f"line {self.line}: "
        return f"{place}{self.code}: {self.reason}"


class ManifestError(DataError):
    """A manifest that the service would refuse, or that cannot be read.

    Attributes:
        faults: every fault. The message says each kind once, with its lines and their number.
    """

    default_hint = "Correct the lines that are named."

    def __init__(
        self,
        message: str,
        *,
        faults: Iterable[ManifestFault] = (),
        paths: Iterable[Path | str] = (),
        hint: str | None = None,
    ) -> None:
        self.faults = tuple(faults)
        super().__init__(above(message, _kinds(self.faults)), paths=paths, hint=hint)


def _kinds(faults: Iterable[ManifestFault]) -> list[str]:
    """Each fault in words, once for all lines that have it."""
    lines: dict[tuple[str, str], list[int]] = {}
    for fault in faults:
        found = lines.setdefault((fault.code, fault.reason), [])
        found += [] if fault.line is None else [fault.line]
    return [f"{_places(numbers)}{code}: {reason}" for (code, reason), numbers in lines.items()]


def _places(numbers: Sequence[int]) -> str:
    if not numbers:
        return ""
    shown = ", ".join(map(str, numbers[:_SHOWN]))
    more = f" and {len(numbers) - _SHOWN:,} more" if len(numbers) > _SHOWN else ""
    return f"line{'s' if len(numbers) > 1 else ''} {shown}{more}: "


class PreparedFolderError(DataError, OSError):
    """The folder for prepared images cannot be written: no space left, no permission."""

    default_hint = (
        "Free some space or name another folder, then run it again: finished work is kept."
    )


class PseudonymKeyError(DataError):
    """The key that turns patients into pseudonyms is too short, or cannot be read or kept."""

    default_hint = "Set REKOGNITION_XRAY_KEY (or pass key=...) to a secret of 16 bytes or more."


class ReadingsError(DataError):
    """Readings of people that cannot be read, kept or used, all of them named."""

    default_hint = (
        "Correct or leave out the readings that are named; where readers contradict each other, "
        "keep the one that counts."
    )


class PatientLeakWarning(UserWarning):
    """Images of one patient may stand in train and in test; figures come out too good."""

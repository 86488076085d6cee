"""Why a training or a copy failed: the service's message, and the lines that its reports name."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from typing import Final

from rekognition_xray.cloud.aws import Aws
from rekognition_xray.cloud.s3 import S3Location, read_lines, read_object
from rekognition_xray.cloud.version_description import VersionDescription
from rekognition_xray.errors import (
    AccessDeniedError,
    CopyFailedError,
    StorageError,
    TrainingFailedError,
    TrainingFault,
    UnreachableStateError,
    XrayError,
)

log = logging.getLogger(__name__)

_KEYS: Final = ("errors", "cl-errors")  # reports in S3 use the first, listings the second
_UNREAD: Final = "unreadable-report"


def settled_badly(aws: Aws, seen: VersionDescription) -> XrayError:
    """The error for a version that will not be trained, or not be copied, any more."""
    text = f"version {seen.name!r} ended in {seen.status}: {seen.status_message}"
    if seen.status == "COPYING_FAILED":
        return CopyFailedError(f"The copying of {text}")
    if seen.status != "TRAINING_FAILED":
        return UnreachableStateError(f"The version {seen.name!r} is {seen.status}.")
    return TrainingFailedError(f"The training of {text}", faults=faults(aws, seen))


def faults(aws: Aws, seen: VersionDescription) -> tuple[TrainingFault, ...]:
    """What the reports of a failed training name. Calls GetObject for each of the three.

    The places are those in the service's reply. A report that cannot be read is listed as such: it
    must not hide that the training has failed.
    """
    return (
        *_of_summary(aws, seen.manifest_summary),
        *_of_lines(aws, "TRAIN", seen.training_validation),
        *_of_lines(aws, "TEST", seen.testing_validation),
    )


def _of_summary(aws: Aws, place: S3Location | None) -> Iterator[TrainingFault]:
    if place is None:
        return
    try:
        root = json.loads(read_object(aws, place))
        statistics = root.get("statistics", {})
        parts = {"": root, "TRAIN": statistics.get("training"), "TEST": statistics.get("testing")}
        for dataset, part in parts.items():
            for code, message in named_errors(part, deep=False):
                yield TrainingFault(dataset, None, code, message)
    except (ValueError, AttributeError, AccessDeniedError, StorageError) as error:
        yield _unread("", place, error)


def _of_lines(aws: Aws, dataset: str, place: S3Location | None) -> Iterator[TrainingFault]:
    if place is None:
        return
    try:
        for number, line in enumerate(read_lines(aws, place), 1):
            if b"errors" in line:  # most lines are sound, and need not be parsed
                yield from _of_line(dataset, number, line)
    except (ValueError, AccessDeniedError, StorageError) as error:
        yield _unread(dataset, place, error)


def _of_line(dataset: str, number: int, line: bytes) -> Iterator[TrainingFault]:
    content = json.loads(line)
    image = content.get("source-ref", "") if isinstance(content, dict) else ""
    for code, message in named_errors(content):
        yield TrainingFault(dataset, number, code, message, str(image))


def named_errors(content: object, *, deep: bool = True) -> Iterator[tuple[str, str]]:
    """Code and message of every error that a line names, in itself or in one of its parts."""
    if isinstance(content, list):
        for part in content:
            yield from named_errors(part)
    if not isinstance(content, dict):
        return
    for key, part in content.items():
        if key in _KEYS and isinstance(part, list):
            yield from (
                _code_and_message(one) for one in part if isinstance(one, dict) and "code" in one
            )
        elif deep:
            yield from named_errors(part)


def _code_and_message(error: dict[str, object]) -> tuple[str, str]:
    return str(error["code"]), str(error.get("message", ""))


def _unread(dataset: str, place: S3Location, error: Exception) -> TrainingFault:
    log.warning("the report %s of a failed training cannot be read: %s", place, error)
    reason = error.message if isinstance(error, XrayError) else str(error)
    return TrainingFault(dataset, None, _UNREAD, f"{place} cannot be read: {reason}")

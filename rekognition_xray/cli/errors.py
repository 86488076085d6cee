"""Exit codes, and how an error is printed: a message with a hint, or one JSON document."""

from __future__ import annotations

import errno
import json
from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

import click

from rekognition_xray.errors import AuditError, StopFailedError, UploadError, XrayError

OK: Final = 0
FAILED: Final = 1
USAGE: Final = 2
IMAGES: Final = 3
ALARM: Final = 4
INTERRUPTED: Final = 130

MEANINGS: Final[Mapping[int, str]] = {
    OK: "done",
    FAILED: "refused or failed; also a question that was not answered with yes",
    USAGE: "wrong usage",
    IMAGES: "images are at fault: findings, or images not usable, not sent, not answered",
    ALARM: "monitor: the images have changed",
    INTERRUPTED: "interrupted (Ctrl-C)",
}

EPILOG: Final = "\b\nExit codes:\n" + "\n".join(
    f"  {code:<4}{meaning}" for code, meaning in MEANINGS.items()
)

OPTIONS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "put_datasets(train=..., test=..., replace=True)": "train FOLDER --replace",
        "put_datasets(replace=True)": "train FOLDER --replace",
        "replace=True": "--replace",
        "Call put_datasets first.": "Run train with a FOLDER first.",
        "prepare(..., held='leave-out')": "prepare --leave-out-held",
        "ImageOptions(allow_burned_in=True)": "--allow-burned-in",
        "ImageOptions(allow_other_views=True)": "--allow-other-views",
        "ImageOptions(polarity='photometric'), or 'presentation'": "--polarity photometric, or "
        "presentation",
        "ImageOptions(window=(0.0, 1.0))": "--window 0 1",
        "ImageOptions(stretch=True)": "--stretch",
        "allow_leaks=True": "--allow-leaks",
        "clean(), which": "train --clean, which",
        "unleased=True": "--unleased",
        "meter.running(aws)": "rekognition-xray running",
        "evaluation.policy()": "evaluate --policy",
        "(names=...)": "(--names)",
        "key=...": "--key-file",
    }
)
"""Words of the library's advice, and the options that replace them; the longer words first."""

_DETAILS: Final = ("operation", "code", "request_id", "arn")


class DeclinedError(XrayError):
    """A question was not answered with yes; nothing was started."""

    default_hint = "Answer beforehand by --yes, or by a cap: --max-cost."


class MisusedError(XrayError):
    """Options or arguments that the command does not take."""


class InterruptedRunError(XrayError):
    """Ctrl-C; a model that the command had started is stopped by then."""

    default_hint = "`rekognition-xray running` lists what bills."


def for_a_shell(text: str) -> str:
    """The library's advice, with the command's options in place of arguments."""
    for argument, option in OPTIONS.items():
        text = text.replace(argument, option)
    return text


def code_of(error: BaseException) -> int:
    """The exit code that an error ends the command with."""
    return IMAGES if isinstance(error, AuditError | UploadError) else FAILED


def as_xray_error(error: Exception) -> XrayError:
    """An error of ours as it is, any other with a hint of its own."""
    if isinstance(error, XrayError):
        return error
    if isinstance(error, ImportError):  # the local cloud shares no errors with the SDK
        message, _, hint = str(error).partition(" What to do: ")
        return XrayError(message, hint=hint or "pip install 'rekognition-xray[all]'")
    if isinstance(error, OSError):
        taken = error.errno == errno.EADDRINUSE
        message = f"{error.filename}: {error.strerror}" if error.filename else str(error)
        hint = "Take another --port." if taken else "Check the path, its permissions and the disk."
        return XrayError(message, hint=hint)
    hint = "This should not happen: run it again with --debug and report what it prints."
    return XrayError(f"{type(error).__name__}: {error}", hint=hint)


def as_record(error: Exception) -> dict[str, object]:
    """An error as plain data."""
    reported = as_xray_error(error)
    details = {name: getattr(error, name, "") for name in _DETAILS}
    return {
        "type": type(error).__name__,
        "message": for_a_shell(reported.message),
        "hint": for_a_shell(reported.hint),
        "retryable": reported.retryable,
        **{name: value for name, value in details.items() if value},
        "paths": [str(path) for path in getattr(error, "paths", ())],
    }


def print_error(error: Exception, *, as_json: bool) -> None:
    """Prints an error to stderr."""
    if as_json:
        click.echo(json.dumps({"error": as_record(error)}, ensure_ascii=False), err=True)
    else:
        prefix = "" if isinstance(error, DeclinedError | InterruptedRunError) else "Error: "
        click.echo(f"{prefix}{for_a_shell(str(as_xray_error(error)))}", err=True)


def failed_stop(error: BaseException | None) -> StopFailedError | None:
    """The failed stop that an interruption hides, if any: that model may still be billing."""
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        if isinstance(error, StopFailedError):
            return error
        seen.add(id(error))
        error = error.__cause__ or error.__context__
    return None

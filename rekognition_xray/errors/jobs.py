"""Errors of what goes on at AWS after a call: waits, datasets, trainings, copies."""

from __future__ import annotations

from collections.abc import Iterable

import attrs

from rekognition_xray.errors.base import XrayError, above


class WaitError(XrayError):
    """Waiting ended without the awaited state."""


class WaitTimeoutError(WaitError, TimeoutError):
    """The time budget is used up; what was waited for may still go on and bill."""

    default_hint = "Wait again with a larger budget; nothing was cancelled."


class UnreachableStateError(WaitError):
    """The awaited state cannot be reached from the state the resource is in."""

    default_hint = "Look at the resource: it was stopped, deleted or has failed meanwhile."


class DatasetFailedError(XrayError):
    """The service could not create, update or distribute a dataset."""

    default_hint = "Mend what the service's message names, delete the dataset, and put it again."


class TrainingRefusedError(XrayError):
    """Several problems stop a training; nothing was started and nothing is billed.

    One alone is raised as the error that it is.

    Attributes:
        problems: each as an error of its own, with its own hint.
    """

    default_hint = "Mend each of them; the list says how."

    def __init__(self, message: str, *, problems: Iterable[XrayError] = ()) -> None:
        self.problems = tuple(problems)
        reported = [f"{type(one).__name__}: {one}" for one in self.problems]
        super().__init__(above(message, reported))


@attrs.frozen
class TrainingFault:
    """One thing that the service found wrong with what a version was to be trained on.

    Attributes:
        dataset: ``TRAIN`` or ``TEST``; empty where it is about both.
        line: line of that dataset's validation manifest, from 1; None where it is about no line.
        code: the service's code, such as ``ERROR_INVALID_IMAGE``.
        message: the service's sentence.
        source_ref: address of the image; empty where none is known.
    """

    dataset: str
    line: int | None
    code: str
    message: str
    source_ref: str = ""

    def __str__(self) -> str:
        place = self.dataset if self.line is None else f"{self.dataset} line {self.line}"
        image = f" ({self.source_ref})" if self.source_ref else ""
        return f"{place}: {self.code}: {self.message.strip()}{image}".removeprefix(": ")


class TrainingFailedError(XrayError):
    """The training ended in TRAINING_FAILED; AWS does not bill failed trainings.

    Attributes:
        faults: what the service's reports name, those of the datasets first, then line by line;
            the message lists the first hundred.
    """

    default_hint = "Mend what the service's message names, then train under a new version name."

    def __init__(
        self, message: str, *, faults: Iterable[TrainingFault] = (), hint: str | None = None
    ) -> None:
        self.faults = tuple(faults)
        super().__init__(above(message, self.faults, mark=""), hint=hint)


class CopyFailedError(XrayError):
    """The service could not copy a version; AWS bills no copies."""

    default_hint = "Mend what the service's message names, delete the copy, and copy again."

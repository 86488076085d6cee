"""What a worker does for one film: prepare it, and make one call. Runs in any process.

Each function takes a name of this piece of work, which makes no two calls of it equal.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final

import attrs

from rekognition_xray.clinic.answers import Diagnosis
from rekognition_xray.clinic.inputs import Film, Sendable, sendable
from rekognition_xray.errors import (
    AccessDeniedError,
    AwsError,
    CredentialsError,
    ImageError,
    NotFoundError,
    NotReadyError,
)

if TYPE_CHECKING:
    from rekognition_xray.clinic.diagnosis import Diagnoser

STOPS: Final = (NotReadyError, NotFoundError, CredentialsError, AccessDeniedError)
"""Errors that are about the version or the caller: every further film would meet them too."""


@attrs.frozen
class Reply:
    """What came of one call.

    Attributes:
        came: the diagnosis, or why there is none.
        seconds: how long the call took; 0 where none was made.
    """

    came: Diagnosis | ImageError | AwsError
    seconds: float = 0.0


def make_ready(
    diagnoser: Diagnoser, film: Film, _name: str = ""
) -> Sendable | ImageError | AwsError:
    """Prepares a film, or says why it cannot be used."""
    try:
        return sendable(film, diagnoser.version.aws, allow_burned_in=diagnoser.allow_burned_in)
    except (ImageError, AwsError) as error:
        return error


def check(diagnoser: Diagnoser, film: Film, _name: str = "") -> Sendable | ImageError | AwsError:
    """As ``make_ready``, without sending the picture back."""
    ready = make_ready(diagnoser, film)
    return attrs.evolve(ready, image=b"") if isinstance(ready, Sendable) else ready


def ask(diagnoser: Diagnoser, film: Film | Sendable, _name: str = "") -> Reply:
    """Prepares a film, unless it is ready, and makes one call of one attempt."""
    ready = film if isinstance(film, Sendable) else make_ready(diagnoser, film)
    if not isinstance(ready, Sendable):
        return Reply(ready)
    began = time.perf_counter()
    try:
        return Reply(diagnoser.ask(ready, once=True), time.perf_counter() - began)
    except AwsError as error:
        return Reply(error, time.perf_counter() - began)

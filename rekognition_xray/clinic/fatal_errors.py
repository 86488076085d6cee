"""The errors of a call that every further call would meet too."""

from __future__ import annotations

from typing import Final

from rekognition_xray.errors import (
    AccessDeniedError,
    CredentialsError,
    NotFoundError,
    NotReadyError,
)

FATAL_ERRORS: Final = (NotReadyError, NotFoundError, CredentialsError, AccessDeniedError)
"""They are about the version or the caller, not about one image: no further image is sent."""

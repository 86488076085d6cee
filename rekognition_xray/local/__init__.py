"""Custom Labels and S3 on this machine: `LocalCloud`, and ``python -m rekognition_xray.local``."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rekognition_xray.local.cloud import LocalCloud

__all__ = ["LocalCloud"]


def __getattr__(name: str) -> object:
    # Loaded on use: the learners below this package need neither moto nor a server.
    if name == "LocalCloud":
        try:
            from rekognition_xray.local.cloud import LocalCloud  # noqa: PLC0415
        except ModuleNotFoundError as error:
            raise ImportError(
                f"LocalCloud needs packages of the extra 'local'; {error.name} is missing. "
                "What to do: pip install 'rekognition-xray[local]'",
                name=error.name,
            ) from error
        return LocalCloud
    message = f"module {__name__!r} has no attribute {name!r}"
    raise AttributeError(message)

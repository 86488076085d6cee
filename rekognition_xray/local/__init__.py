"""Custom Labels and S3 on this machine: `LocalCloud`, and ``python -m rekognition_xray.local``."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rekognition_xray.local.cloud import LocalCloud

__all__ = ["LocalCloud"]


def __getattr__(name: str) -> object:
    # Loaded on use: the learners below this package need neither moto nor a server.
    if name == "LocalCloud":
        from rekognition_xray.local.cloud import LocalCloud  # noqa: PLC0415

        return LocalCloud
    message = f"module {__name__!r} has no attribute {name!r}"
    raise AttributeError(message)

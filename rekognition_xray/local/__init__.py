"""Custom Labels and S3 on this machine: `LocalCloud`, and ``python -m rekognition_xray.local``."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from rekognition_xray.local.assumptions import Assumptions, Limits
from rekognition_xray.local.bill import Bill, Prices

if TYPE_CHECKING:
    from rekognition_xray.local.cloud import ACCOUNT, LocalCloud
    from rekognition_xray.local.faults import Fault, Faults
    from rekognition_xray.local.session import local_session

__all__ = [
    "ACCOUNT",
    "Assumptions",
    "Bill",
    "Fault",
    "Faults",
    "Limits",
    "LocalCloud",
    "Prices",
    "local_session",
]

# Loaded on first use: the learners below this package need neither moto nor a server.
_MODULES = {
    "ACCOUNT": "cloud",
    "Fault": "faults",
    "Faults": "faults",
    "LocalCloud": "cloud",
    "local_session": "session",
}


def __getattr__(name: str) -> object:
    if name not in _MODULES:
        message = f"module {__name__!r} has no attribute {name!r}"
        raise AttributeError(message)
    try:
        module = import_module(f"{__name__}.{_MODULES[name]}")
    except ModuleNotFoundError as error:
        raise ImportError(
            f"{name} needs packages of the extra 'local'; {error.name} is missing. "
            "What to do: pip install 'rekognition-xray[local]'",
            name=error.name,
        ) from error
    value: object = getattr(module, name)
    return value

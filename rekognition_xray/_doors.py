"""What the doors of the sub-packages share: names loaded on first use, and names that moved."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from importlib import import_module

_SCIENCE = {"numpy", "scipy", "sklearn", "threadpoolctl"}


def lazy(
    package: str,
    homes: Mapping[str, tuple[str, ...]],
    moved: Mapping[str, str] | None = None,
) -> Callable[[str], object]:
    """A module's ``__getattr__`` (PEP 562) that imports a name's module on first use.

    Args:
        package: the ``__name__`` of the door.
        homes: module, relative to the package, to the names that it defines.
        moved: former name to where its subject is found now; kept for one release.

    Returns:
        The function, to be bound to ``__getattr__``. It raises MissingExtraError where a name needs
        numpy, SciPy or scikit-learn and they are not installed, and AttributeError, with the new
        place in its text, for a name that moved.
    """
    home_of = {name: home for home, names in homes.items() for name in names}

    def __getattr__(name: str) -> object:  # noqa: N807 - the name that Python looks for
        if name not in home_of:
            raise AttributeError(_no_attribute(package, name, moved or {}))
        try:
            value: object = getattr(import_module(f"{package}.{home_of[name]}"), name)
        except ModuleNotFoundError as error:
            if (error.name or "").partition(".")[0] not in _SCIENCE:
                raise
            from rekognition_xray.errors import MissingExtraError  # noqa: PLC0415 - seldom needed

            raise MissingExtraError("science", needed_for=f"{package}.{name}") from error
        setattr(sys.modules[package], name, value)
        return value

    return __getattr__


def _no_attribute(package: str, name: str, moved: Mapping[str, str]) -> str:
    message = f"module {package!r} has no attribute {name!r}"
    if name in moved:
        return f"{message}: it moved to {moved[name]}."
    return message

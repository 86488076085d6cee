"""Values as plain data, ready for JSON: ``Record.to_dict``, and ``plain`` for any value."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from decimal import Decimal
from pathlib import PurePath
from typing import ClassVar

import attrs


@attrs.frozen
class Record:
    """A value that converts to plain data: its attributes, and figures derived from them."""

    _derived: ClassVar[tuple[str, ...]] = ()

    def to_dict(self) -> dict[str, object]:
        """Its attributes, and figures derived from them, as plain data ready for JSON.

        Money and places are text, times ISO 8601, spans seconds.
        """
        names = [field.name for field in attrs.fields(type(self))]
        return {name: plain(getattr(self, name)) for name in (*names, *self._derived)}


def plain(value: object) -> object:
    """Plain data: money and places as text, times in ISO 8601, spans in seconds.

    Raises:
        TypeError: the value's type is not supported.
    """
    if value is None or isinstance(value, str | bool | int | float):
        return value
    if isinstance(value, Mapping):
        return {str(key): plain(held) for key, held in value.items()}
    if isinstance(value, Sequence):
        return [plain(held) for held in value]
    return _plain(value)


def _plain(value: object) -> object:
    if isinstance(value, dt.date):
        return value.isoformat()
    if isinstance(value, dt.timedelta):
        return value.total_seconds()
    to_dict = getattr(value, "to_dict", None)
    if callable(to_dict):
        return plain(to_dict())
    if isinstance(value, PurePath | Decimal) or attrs.has(type(value)):
        return str(value)
    raise TypeError(f"{type(value).__name__} has no record")

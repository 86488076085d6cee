"""Checked access to fields of JSON from outside: an error names the field."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping
from typing import TypeAlias

Json: TypeAlias = Mapping[str, object]


class FieldError(Exception):
    """What is wrong with one field; the caller adds the name of the file or line."""


def text_of(content: bytes | str) -> str:
    """The text of a UTF-8 file, with or without a byte order mark."""
    if isinstance(content, str):
        return content
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise FieldError(f"not UTF-8 text (byte {error.start})") from error


def load(text: str) -> object:
    """The JSON value in a text."""
    try:
        return json.loads(text)
    except ValueError as error:
        raise FieldError(f"not JSON, or cut off ({error})") from error
    except RecursionError as error:
        raise FieldError("JSON nested too deeply") from error


def object_in(value: object, key: str = "the file") -> Json:
    """The value, checked to be a JSON object."""
    if not isinstance(value, dict):
        raise FieldError(f"{key} is missing or is not a JSON object")
    return value


def list_in(parent: Json, key: str) -> list[object]:
    """The list under a key."""
    value = parent.get(key)
    if not isinstance(value, list):
        raise FieldError(f"{key} is missing or is not a list")
    return value


def objects_in(parent: Json, key: str) -> Iterator[Json]:
    """The objects in the list under a key."""
    return (object_in(item, f"an item of {key}") for item in list_in(parent, key))


def string_in(value: object, key: str) -> str:
    """The value, checked to be text."""
    if not isinstance(value, str):
        raise FieldError(f"{key} is missing or is not text")
    return value


def count_in(parent: Json, key: str) -> int:
    """The whole number under a key, not negative."""
    value = parent.get(key)
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise FieldError(f"{key} is missing or is not a count")
    return value


def share_in(parent: Json, key: str) -> float | None:
    """A number from 0 to 1; None where it is absent, null or NaN."""
    value = parent.get(key)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise FieldError(f"{key} is {value!r}, not a number")
    if math.isnan(value):
        return None
    if not 0 <= value <= 1:
        raise FieldError(f"{key} is {value!r}, not within 0 and 1")
    return float(value)


def number_in(parent: Json, key: str) -> float:
    """The number under a key."""
    value = parent.get(key)
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise FieldError(f"{key} is missing or is not a number")
    try:
        return float(value)
    except OverflowError as error:
        raise FieldError(f"{key} is a number too large") from error


def flag_in(parent: Json, key: str) -> bool:
    """The truth value under a key."""
    value = parent.get(key)
    if not isinstance(value, bool):
        raise FieldError(f"{key} is missing or is neither true nor false")
    return value

"""Checks JSON values by the shapes of botocore's service model, with maxima and patterns."""

from __future__ import annotations

import base64
import binascii
import datetime
from collections.abc import Callable, Iterator
from functools import cache
from typing import Any, Final

import attrs
import regex
from botocore.model import ListShape, MapShape, Shape, StructureShape

_NUMBERS: Final = {"integer", "long", "float", "double"}


@attrs.frozen
class Problem:
    """A value that breaks its shape. `kind` is type, constraint or unknown."""

    member: str
    kind: str
    text: str


class ShapeReader:
    """One pass over a value: collects problems and turns wire forms into Python's.

    Blobs become bytes, timestamps stay numbers, members that are null or not in the model are
    left out (with `strict` the latter are problems).
    """

    def __init__(self, *, strict: bool = False) -> None:
        self.problems: list[Problem] = []
        self._strict = strict
        self._readers: dict[str, Callable[[Any, Any, str], Any]] = {
            "structure": self._structure,
            "list": self._list,
            "map": self._map,
            "string": self._string,
            "blob": self._blob,
            "boolean": self._boolean,
            "timestamp": self._timestamp,
            **dict.fromkeys(_NUMBERS, self._number),
        }

    def read(self, shape: Shape, value: Any, member: str = "") -> Any:
        """The value as Python's, as far as it fits; look at `problems` afterwards."""
        return self._readers[shape.type_name](shape, value, member)

    def _structure(self, shape: StructureShape, value: Any, member: str) -> Any:
        if not isinstance(value, dict):
            return self._wrong_type(member, "an object")
        for name in shape.required_members:
            if value.get(name) is None:
                below = _below(member, name)
                text = f"Value null at '{below}': Member must not be null"
                self._note(below, "constraint", text)
        for name in value.keys() - shape.members.keys():
            if self._strict:
                self._note(_below(member, name), "unknown", "the model has no such member")
        return {
            name: self.read(shape.members[name], part, _below(member, name))
            for name, part in value.items()
            if name in shape.members and part is not None
        }

    def _list(self, shape: ListShape, value: Any, member: str) -> Any:
        if not isinstance(value, list):
            return self._wrong_type(member, "a list")
        self._length(shape, value, member)
        names = (f"{member}.{number}.member" for number, _ in enumerate(value, start=1))
        return [self.read(shape.member, *pair) for pair in zip(value, names, strict=True)]

    def _map(self, shape: MapShape, value: Any, member: str) -> Any:
        if not isinstance(value, dict):
            return self._wrong_type(member, "an object")
        self._length(shape, value, member)
        return {
            self.read(shape.key, key, f"{member}.key"): self.read(
                shape.value, part, f"{member}.{key}.value"
            )
            for key, part in value.items()
        }

    def _string(self, shape: Shape, value: Any, member: str) -> Any:
        if not isinstance(value, str):
            return self._wrong_type(member, "a string")
        self._length(shape, value, member)
        choices = shape.metadata.get("enum")
        if choices and value not in choices:
            self._refuse(member, value, f"Member must satisfy enum value set: {choices}")
        pattern = shape.metadata.get("pattern")
        if pattern and not _compile(pattern).fullmatch(value):
            text = f"Member must satisfy regular expression pattern: {pattern}"
            self._refuse(member, value, text)
        return value

    def _blob(self, shape: Shape, value: Any, member: str) -> Any:
        if not isinstance(value, str):
            return self._wrong_type(member, "base64 text")
        try:
            data = base64.b64decode(value, validate=True)
        except (binascii.Error, ValueError):
            return self._wrong_type(member, "base64 text")
        self._length(shape, data, member)
        return data

    def _number(self, shape: Shape, value: Any, member: str) -> Any:
        whole = shape.type_name in {"integer", "long"}
        fits = isinstance(value, int) if whole else isinstance(value, int | float)
        if isinstance(value, bool) or not fits:
            return self._wrong_type(member, "a whole number" if whole else "a number")
        for bound, text in _bounds(shape, value):
            self._refuse(member, value, text.format(bound))
        return value

    def _boolean(self, _shape: Shape, value: Any, member: str) -> Any:
        return value if isinstance(value, bool) else self._wrong_type(member, "true or false")

    def _timestamp(self, _shape: Shape, value: Any, member: str) -> Any:
        if isinstance(value, int | float) and not isinstance(value, bool):
            return value
        try:
            return datetime.datetime.fromisoformat(str(value)).timestamp()
        except ValueError:
            return self._wrong_type(member, "a time")

    def _length(self, shape: Shape, value: Any, member: str) -> None:
        least, most = shape.metadata.get("min", 0), shape.metadata.get("max")
        if len(value) < least:
            text = f"Member must have length greater than or equal to {least}"
            self._refuse(member, value, text)
        if most is not None and len(value) > most:
            self._refuse(member, value, f"Member must have length less than or equal to {most}")

    def _refuse(self, member: str, value: Any, text: str) -> None:
        shown = str(value) if len(str(value)) <= 200 else f"{str(value)[:200]}..."
        self._note(member, "constraint", f"Value '{shown}' at '{member}': {text}")

    def _wrong_type(self, member: str, wanted: str) -> None:
        self._note(member, "type", f"'{member}' must be {wanted}")

    def _note(self, member: str, kind: str, text: str) -> None:
        self.problems.append(Problem(member, kind, text))


def _below(member: str, name: str) -> str:
    return f"{member}.{name}" if member else name


def _bounds(shape: Shape, value: float) -> Iterator[tuple[float, str]]:
    least, most = shape.metadata.get("min"), shape.metadata.get("max")
    if least is not None and not value >= least:
        yield least, "Member must have value greater than or equal to {}"
    if most is not None and not value <= most:
        yield most, "Member must have value less than or equal to {}"


@cache
def _compile(pattern: str) -> regex.Pattern[str]:
    """The pattern; matched against the whole value, as the service does."""
    return regex.compile(pattern, regex.DOTALL if pattern == r".*\S.*" else 0)

"""What annotations tell of the package's values: what a method gives, what an attribute is.

Of a container only what it holds is known: ``for image in images`` needs no more than ``images``.
"""

from __future__ import annotations

import functools
import importlib
import inspect
import pkgutil
import re
import sys
from collections.abc import Mapping

import attrs

import rekognition_xray as rx

PACKAGE = "rekognition_xray"
# Programs, and what needs PyTorch.
_APART = re.compile(r".*(__main__|\.pretrained(\..*)?|\.cli\..*)$")
Classes = frozenset[type]
NONE: Classes = frozenset()


@attrs.frozen
class Thing:
    """A module, class, function or constant itself; of a method also the class it was asked of."""

    it: object
    owner: type | None = None


Value = Thing | Classes
"""What an expression is: a thing of the package, or an object of one of these classes."""


def key(name: str, value: object) -> str:
    """A public name wherever it was imported from: home and name; of a constant only the name."""
    if not (inspect.isclass(value) or inspect.isroutine(value)):
        return name
    return f"{value.__module__}.{value.__qualname__}"


def attribute(owner: type, name: str) -> str:
    """A method or property, by the class that defines it."""
    home = next((base for base in owner.__mro__ if name in vars(base)), owner)
    return f"{key('', home)}.{name}"


@functools.cache
def _classes() -> Mapping[str, type]:
    """By name; of two of a name not the one inside the local cloud."""
    names = [found.name for found in pkgutil.walk_packages(rx.__path__, f"{PACKAGE}.")]
    loaded = [importlib.import_module(name) for name in names if not _APART.match(name)]
    inside = f"{PACKAGE}.local."
    return {
        name: value
        for module in sorted(loaded, key=lambda one: not one.__name__.startswith(inside))
        for name, value in list(vars(module).items())
        if inspect.isclass(value) and value.__module__ == module.__name__
    }


def named_in(annotation: object, owner: type | None = None, home: str = "") -> Classes:
    """The package's classes that an annotation names, its containers left out."""
    there = {**_classes(), **vars(sys.modules.get(home, object))}
    words = re.findall(r"\w+", annotation if isinstance(annotation, str) else repr(annotation))
    found = {there[word] for word in words if word in there}
    ours = {value for value in found if str(getattr(value, "__module__", "")).startswith(PACKAGE)}
    classes = {value for value in ours if inspect.isclass(value)}
    return frozenset(classes | ({owner} if owner and "Self" in words else set()))


def returned(function: object, owner: type | None) -> Classes:
    function = inspect.unwrap(getattr(function, "__func__", function))
    hint = getattr(function, "__annotations__", {}).get("return", "")
    return named_in(hint, owner, getattr(function, "__module__", ""))


def member(owner: type, name: str) -> Value:
    """What a class says of an attribute of its objects: a field, a property or a method."""
    for base in owner.__mro__:
        if name in vars(base):
            value = vars(base)[name]
            getter = getattr(value, "fget", None) or getattr(value, "func", None)
            if getter:
                return returned(getter, owner)
            if inspect.isroutine(value):
                return Thing(getattr(value, "__func__", value), owner)
        if name in getattr(base, "__annotations__", {}):
            return named_in(base.__annotations__[name], owner, base.__module__)
    return frozenset({owner})  # of a container of such objects


def held(value: Value | None, how: str) -> Classes:
    """What comes out of a loop, an index or a ``with``."""
    found: set[type] = set()
    for owner in objects(value):
        given = member(owner, how) if hasattr(owner, how) else NONE
        found |= returned(given.it, owner) if isinstance(given, Thing) else {owner}
    return frozenset(found)


def objects(value: Value | None) -> Classes:
    if isinstance(value, Thing):
        of_package = type(value.it).__module__.startswith(PACKAGE)
        return frozenset({type(value.it)}) if of_package else NONE
    return value or NONE

"""What is public: the names that the reference shows, and methods and properties of its classes."""

from __future__ import annotations

import functools
import inspect
import pkgutil
from collections.abc import Iterable, Iterator
from types import ModuleType, UnionType

from . import pages
from .annotated import PACKAGE, attribute, key


def public() -> dict[str, str]:
    """All of it: what people call it, by `key` and `attribute`."""
    shown = {full for page in pages.PAGES for full in pages.documented(page)}
    found: dict[str, str] = {}
    for full in sorted(shown):
        value = pkgutil.resolve_name(full)
        chosen = [name.rpartition(".")[2] for name in shown if name.startswith(f"{full}.")]
        if isinstance(value, UnionType):
            continue  # a type that annotations name
        if not isinstance(value, ModuleType):
            found |= _with_members(full.rpartition(".")[2], value, chosen)
        elif not chosen:
            for name in getattr(value, "__all__", None) or _own(value):
                found |= _with_members(name, getattr(value, name), [])
    return found


def _own(module: ModuleType) -> list[str]:
    return [
        name
        for name, value in vars(module).items()
        if getattr(value, "__module__", None) == module.__name__ and not name.startswith("_")
    ]


def _with_members(name: str, value: object, chosen: Iterable[str]) -> dict[str, str]:
    found = {key(name, value): name}
    if inspect.isclass(value):
        for member in chosen or _members(value):
            found[attribute(value, member)] = f"{value.__name__}.{member}"
    return found


def _members(owner: type) -> Iterator[str]:
    """Public methods and properties of a class, its fields left out."""
    fields = {field.name for field in getattr(owner, "__attrs_attrs__", ())}
    for base in owner.__mro__:
        if not base.__module__.startswith(PACKAGE):
            continue
        for name, value in vars(base).items():
            kinds = (property, functools.cached_property, classmethod, staticmethod)
            if name.startswith("_") or name in fields:
                continue
            if inspect.isroutine(value) or isinstance(value, kinds):
                yield name

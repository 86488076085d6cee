"""What is public: names of doors that the reference shows, and members of its classes.

A door is the package itself, the ``__init__`` of a part, or a part that is a single module.
"""

from __future__ import annotations

import ast
import functools
import importlib
import inspect
import pkgutil
from collections.abc import Iterable, Iterator
from types import ModuleType, UnionType

from . import layout, pages
from .annotated import PACKAGE, attribute, key


def shown() -> frozenset[str]:
    """The full names in the reference's directives."""
    return frozenset(full for page in pages.PAGES for full in pages.documented(page))


def doors() -> frozenset[str]:
    """The full names of all doors."""
    single = {module for module in layout.modules() if layout.part(module) == module}
    return frozenset({PACKAGE, *layout.doors(), *single})


def is_from_a_door(full: str) -> bool:
    """Whether it is a door, a name that a door gives, or a member of such a class."""
    home, _, name = full.rpartition(".")
    if full in doors():
        return True
    if home in doors():
        return name in (layout.exported(home) or _own(importlib.import_module(home)) + _set(home))
    return inspect.isclass(pkgutil.resolve_name(home)) and is_from_a_door(home)


def public() -> dict[str, str]:
    """All of it: what people call it, by `key` and `attribute`."""
    shown_names = shown()
    found: dict[str, str] = {}
    for full in sorted(shown_names):
        value = pkgutil.resolve_name(full)
        chosen = [name.rpartition(".")[2] for name in shown_names if name.startswith(f"{full}.")]
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


def _set(module: str) -> list[str]:
    """The constants and type aliases that a module assigns at its top level."""
    nodes = ast.parse(layout.modules()[module].read_text("utf-8")).body
    named = [node.target for node in nodes if isinstance(node, ast.AnnAssign)]
    named += [target for node in nodes if isinstance(node, ast.Assign) for target in node.targets]
    names = [node.id for node in named if isinstance(node, ast.Name)]
    return [name for name in names if not name.startswith("_")]


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

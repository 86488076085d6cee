"""The package's parts, their doors, and what imports what: read from the sources, not imported.

A part is a folder or a module directly below the package or below `data`, `cloud`, `clinic` or
`local`. Its door is its ``__init__``, or the module itself.
"""

from __future__ import annotations

import ast
import functools
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

import attrs

import rekognition_xray as rx

PACKAGE = "rekognition_xray"
ROOT = Path(rx.__file__).parent
GROUPS = ("data", "cloud", "clinic", "local")


@attrs.frozen
class Import:
    """One name that one module imports, anywhere in it; `target` is a module."""

    importer: str
    target: str
    name: str

    def __str__(self) -> str:
        return f"{self.importer} imports {self.name or 'all'} from {self.target}"


@functools.cache
def modules() -> Mapping[str, Path]:
    """All modules of the package by their full name."""
    return dict(_named(path) for path in sorted(ROOT.rglob("*.py")))


def _named(path: Path) -> tuple[str, Path]:
    parts = (PACKAGE, *path.relative_to(ROOT).with_suffix("").parts)
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts), path


def part(module: str) -> str | None:
    """The door of the part that holds a module; None for the package and the four groups."""
    _, *words = module.split(".")
    depth = 2 if words and words[0] in GROUPS else 1
    return ".".join((PACKAGE, *words[:depth])) if len(words) >= depth else None


def doors() -> list[str]:
    """The doors that are folders, and those of the groups and of parts below a part."""
    return [name for name, path in modules().items() if path.name == "__init__.py"]


@functools.cache
def imports() -> tuple[Import, ...]:
    """Every import of the package's own modules, also inside functions and for annotations."""
    found = []
    for module, path in modules().items():
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            found += [Import(module, *pair) for pair in _targets(node)]
    return tuple(found)


def _targets(node: ast.AST) -> Iterator[tuple[str, str]]:
    if isinstance(node, ast.Import):
        yield from ((alias.name, "") for alias in node.names if alias.name in modules())
    elif isinstance(node, ast.ImportFrom) and node.module in modules():
        for alias in node.names:
            whole = f"{node.module}.{alias.name}"
            is_module = whole in modules() and not _gives(node.module, alias.name)
            yield (whole, "") if is_module else (str(node.module), alias.name)


@functools.cache
def _given(door: str) -> frozenset[str]:
    return frozenset(exported(door))


def _gives(module: str, name: str) -> bool:
    return part(module) is not None and name in _given(module)


def exported(module: str) -> list[str]:
    """The names in a module's ``__all__``; none where it has none."""
    for node in ast.parse(modules()[module].read_text("utf-8")).body:
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "__all__":
            return list(ast.literal_eval(node.value))
    return []


def edges(inside: str) -> dict[str, set[str]]:
    """Which parts below `inside` (such as ``rekognition_xray.data``) import which others."""
    found: dict[str, set[str]] = defaultdict(set)
    for one in imports():
        importer, target = part(one.importer), part(one.target)
        both = importer and target and importer.startswith(inside) and target.startswith(inside)
        if both and importer != target:
            found[str(importer)].add(str(target))
    return dict(found)


def circles(graph: Mapping[str, Iterable[str]]) -> list[list[str]]:
    """The groups of nodes that reach each other, sorted."""
    reached = {node: _reach(graph, node) for node in graph}
    groups = {
        frozenset(other for other in reached[node] if node in reached.get(other, ()))
        for node in graph
        if node in reached[node]
    }
    return sorted(sorted(group) for group in groups)


def _reach(graph: Mapping[str, Iterable[str]], start: str) -> set[str]:
    found: set[str] = set()
    todo = [start]
    while todo:
        new = set(graph.get(todo.pop(), ())) - found
        found |= new
        todo += new
    return found

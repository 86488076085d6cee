"""What the examples use of the package: the Python fences of README and docs, and ``examples/``.

Sources are read as trees, not run. ``version.delete()`` is a use of ``ModelVersion.delete`` where
annotations tell that ``version`` is a `ModelVersion`: a name alone, such as ``delete``, is no use.
"""

from __future__ import annotations

import ast
import builtins
import importlib
import inspect
import sys
from collections.abc import Iterable
from types import ModuleType

from rekognition_xray import testing

from . import annotated, pages
from .annotated import NONE, PACKAGE, Classes, Thing, Value, attribute, key


def sources() -> dict[str, str]:
    """The examples by page or file; a page's fences are one program."""
    found = {}
    for page in pages.PAGES:
        fences = [fence.body for fence in pages.program(page) if fence.language == "python"]
        found[pages.name(page)] = "\n".join(
            body
            for body in fences
            if not body.startswith("--8<--")  # a file that is shown
        )
    examples = sorted((pages.ROOT / "examples").glob("*.py"))
    return found | {f"examples/{path.name}": path.read_text("utf-8") for path in examples}


def used() -> frozenset[str]:
    """All names of the package that some example uses, as `key` and `attribute` spell them."""
    return frozenset().union(*map(used_in, sources().values()))


def used_in(source: str) -> frozenset[str]:
    """The same of one program."""
    found: set[str] = set()
    _Reader(found).visit(ast.parse(source))
    return frozenset(found)


class _Reader(ast.NodeVisitor):
    """Walks one program in order, and knows what its names stand for."""

    def __init__(self, found: set[str]) -> None:
        self.found = found
        self.names: dict[str, Value] = {}
        self.returns: dict[str, Classes] = {}

    # -- statements --

    def visit_Import(self, node: ast.Import) -> None:
        for alias in node.names:
            if alias.name.split(".")[0] == PACKAGE:
                module = importlib.import_module(alias.name)
                top = module if alias.asname else sys.modules[PACKAGE]
                self.names[alias.asname or PACKAGE] = Thing(top)

    def visit_ImportFrom(self, node: ast.ImportFrom) -> None:
        if (node.module or "").split(".")[0] == PACKAGE:
            home = importlib.import_module(str(node.module))
            for alias in node.names:
                self.names[alias.asname or alias.name] = self._of_module(home, alias.name)

    def visit_FunctionDef(self, node: ast.FunctionDef) -> None:
        arguments = [*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs]
        for argument in arguments:
            known = argument.annotation and ast.unparse(argument.annotation)
            self._bind(argument.arg, self._fixture(argument.arg) or annotated.named_in(known or ""))
        self._fixture(node.name)  # one that a conftest overrides
        self.returns[node.name] = annotated.named_in(
            ast.unparse(node.returns) if node.returns else ""
        )
        for decorator in node.decorator_list:
            self.of(decorator)
        for statement in node.body:
            self.visit(statement)
        for part in ast.walk(node):
            if isinstance(part, ast.Return) and part.value:
                self.returns[node.name] |= annotated.objects(self.of(part.value))

    def _fixture(self, name: str) -> Classes:
        if name not in testing.__all__:
            return NONE
        self.found.add(key(name, getattr(testing, name)))
        return annotated.returned(getattr(testing, name), None)

    def visit_Assign(self, node: ast.Assign) -> None:
        value = self.of(node.value)
        for target in node.targets:
            self._target(target, value)

    def visit_AnnAssign(self, node: ast.AnnAssign) -> None:
        self.of(node.annotation)
        value = self.of(node.value) if node.value else None
        self._target(node.target, value or annotated.named_in(ast.unparse(node.annotation)))

    def visit_For(self, node: ast.For) -> None:
        self._target(node.target, annotated.held(self.of(node.iter), "__iter__"))
        for statement in [*node.body, *node.orelse]:
            self.visit(statement)

    def visit_With(self, node: ast.With) -> None:
        for item in node.items:
            value = annotated.held(self.of(item.context_expr), "__enter__")
            if item.optional_vars:
                self._target(item.optional_vars, value)
        for statement in node.body:
            self.visit(statement)

    def visit_ExceptHandler(self, node: ast.ExceptHandler) -> None:
        kinds = node.type.elts if isinstance(node.type, ast.Tuple) else [node.type]
        caught = [self.of(kind) for kind in kinds if kind]
        if node.name:
            self._bind(node.name, _instances(caught))
        for statement in node.body:
            self.visit(statement)

    def generic_visit(self, node: ast.AST) -> None:
        if isinstance(node, ast.expr):
            self.of(node)
        else:
            super().generic_visit(node)

    def _target(self, node: ast.expr, value: Value | None) -> None:
        if isinstance(node, ast.Name):
            self._bind(node.id, value)
        elif isinstance(node, ast.Tuple | ast.List):
            for part in node.elts:
                self._target(part, annotated.held(value, "__iter__"))
        elif isinstance(node, ast.Starred):
            self._target(node.value, value)
        else:
            self.of(node)

    def _bind(self, name: str, value: Value | None) -> None:
        self.names[name] = value or NONE

    # -- expressions --

    def of(self, node: ast.expr) -> Value | None:
        """What an expression is, as far as can be seen; notes what is used on the way."""
        known = getattr(self, f"_of_{type(node).__name__.lower()}", None)
        value = known(node) if known else self._parts(node)
        bases = {base for owner in annotated.objects(value) for base in owner.__mro__}
        self.found.update(key("", base) for base in bases)
        return value

    def _parts(self, node: ast.AST) -> Classes:
        """Of whatever an expression is made of: both sides of ``or``, all elements of a list."""
        parts = [child for child in ast.iter_child_nodes(node) if isinstance(child, ast.expr)]
        return frozenset().union(*(annotated.objects(self.of(part)) for part in parts))

    def _of_name(self, node: ast.Name) -> Value | None:
        return self.names.get(node.id)

    def _of_constant(self, node: ast.Constant) -> None:
        if node.value in testing.__all__:  # usefixtures("no_wait")
            self.found.add(key(str(node.value), getattr(testing, str(node.value))))

    def _of_attribute(self, node: ast.Attribute) -> Value | None:
        value = self.of(node.value)
        if isinstance(value, Thing) and isinstance(value.it, ModuleType):
            return self._of_module(value.it, node.attr)
        if isinstance(value, Thing) and inspect.isclass(value.it):
            self.found.add(attribute(value.it, node.attr))
            return Thing(getattr(value.it, node.attr, None), value.it)
        owners = annotated.objects(value)
        members = [annotated.member(owner, node.attr) for owner in owners]
        self.found.update(attribute(owner, node.attr) for owner in owners)
        things = [member for member in members if isinstance(member, Thing)]
        if len(things) == 1 == len(members):
            return things[0]
        held = [annotated.returned(member.it, member.owner) for member in things]
        return frozenset().union(*held, *(annotated.objects(member) for member in members))

    def _of_module(self, module: ModuleType, name: str) -> Thing:
        value = getattr(module, name, None)
        if value is None:
            value = importlib.import_module(f"{module.__name__}.{name}")
        if not isinstance(value, ModuleType):
            self.found.add(key(name, value))
        return Thing(value)

    def _of_call(self, node: ast.Call) -> Classes:
        called = self.of(node.func)
        for argument in node.keywords:
            if isinstance(argument.value, ast.Lambda) and isinstance(called, Thing):
                hints = getattr(called.it, "__annotations__", {})
                for taken in argument.value.args.args:
                    self._bind(taken.arg, annotated.named_in(hints.get(argument.arg, "")))
        given = [annotated.objects(self.of(argument)) for argument in node.args]
        given += [annotated.objects(self.of(keyword.value)) for keyword in node.keywords]
        if isinstance(called, Thing):
            if inspect.isclass(called.it):
                return frozenset({called.it})
            return annotated.returned(called.it, called.owner)
        if isinstance(node.func, ast.Name):
            if node.func.id in self.returns:
                return self.returns[node.func.id]
            if hasattr(builtins, node.func.id):  # list(images), next(images)
                held = [annotated.held(value, "__iter__") for value in given]
                return frozenset().union(*held)
        return called or NONE

    def _of_subscript(self, node: ast.Subscript) -> Classes:
        self.of(node.slice)
        return annotated.held(self.of(node.value), "__getitem__")

    def _of_comprehension(self, node: ast.AST) -> Classes:
        for part in node.generators:
            self._target(part.target, annotated.held(self.of(part.iter), "__iter__"))
            for condition in part.ifs:
                self.of(condition)
        return self._parts(node)

    _of_listcomp = _of_setcomp = _of_dictcomp = _of_generatorexp = _of_comprehension

    def _of_compare(self, node: ast.Compare) -> None:
        self._parts(node)

    def _of_joinedstr(self, node: ast.JoinedStr) -> None:
        for part in ast.walk(node):
            if isinstance(part, ast.FormattedValue):
                self.of(part.value)


def _instances(values: Iterable[Value | None]) -> Classes:
    things = [value.it for value in values if isinstance(value, Thing)]
    return frozenset(thing for thing in things if inspect.isclass(thing))

"""How states and calls that bring an error are registered, by operation and error code."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

Members = dict[str, Any]
Provocation = Callable[[Any], tuple[Any, Members]]
"""From `open_desk` to a desk and the members of the call that is refused."""

REGISTERED: dict[tuple[str, str], Provocation] = {}


def provokes(code: str, *operations: str) -> Callable[[Provocation], Provocation]:
    def register(provocation: Provocation) -> Provocation:
        REGISTERED.update(dict.fromkeys(((name, code) for name in operations), provocation))
        return provocation

    return register


def project_of(desk: Any, version: str) -> str:
    name = version.split("/")[1]
    found = desk.call("DescribeProjects", ProjectNames=[name])["ProjectDescriptions"]
    return str(found[0]["ProjectArn"])

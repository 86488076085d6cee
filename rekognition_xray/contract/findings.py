"""What a run has seen of each assumption of the local cloud."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, Literal

import attrs

from rekognition_xray.local.assumptions import Assumptions, Limits
from rekognition_xray.records import Record

Verdict = Literal["agrees", "differs", "not seen"]

_NOT_ASKED: Final[Mapping[str, str]] = {
    "copy_across_regions": "needs a second Region",
    "policy_conditions": "needs a second account",
    "min_images_to_split": "needs a second training",
    "boxes_message": "the local cloud's own, AWS trains on boxes",
    "label_length_message": "needs a second training",
    "charged": "needs the bill; compare it with the times in the transcript",
    "startable": "no start of this run failed",
    "stoppable": "would need a second start",
}
"""Assumptions that one cheap run cannot settle, and why."""

LIMITS: Final = ("image_side_min", "image_bytes", "retry_after")
"""Quotas that a run looks at, too."""


@attrs.frozen
class Range:
    """A threshold that was narrowed down: above `low`, at most `high`."""

    low: float
    high: float

    def __str__(self) -> str:
        return f"between {self.low:g} and {self.high:g}"


@attrs.frozen
class States:
    """For states that were met: whether the call was allowed there."""

    allowed: Mapping[str, bool] = attrs.field(hash=False)

    def __str__(self) -> str:
        return ", ".join(f"{'' if ok else 'not '}{state}" for state, ok in self.allowed.items())


Value = str | float | bool | Range | States | None


@attrs.frozen
class Finding(Record):
    """One assumption beside what was seen.

    Attributes:
        assumption: its name in ``Assumptions`` or ``Limits``.
        assumed: what the local cloud does by default.
        seen: what the endpoint did; empty if it was not seen.
        verdict: agrees, differs, or not seen.
        evidence: which calls show it, or why it was not seen.
    """

    assumption: str
    assumed: str
    seen: str
    verdict: Verdict
    evidence: str

    def __str__(self) -> str:
        seen = f", seen {self.seen}" if self.verdict == "differs" else ""
        found = f"assumed {self.assumed}{seen} ({self.evidence})"
        return f"{self.verdict:<9} {self.assumption}: {found}"


def compare(
    seen: Mapping[str, tuple[Value, str]], assumptions: Assumptions, limits: Limits
) -> tuple[Finding, ...]:
    """A finding for each assumption, and for the quotas that a run looks at.

    Args:
        seen: value and evidence by the name of the assumption.
        assumptions: what is assumed.
        limits: the quotas that are assumed.
    """
    assumed = {**attrs.asdict(assumptions, recurse=False)}
    assumed |= {name: getattr(limits, name) for name in LIMITS}
    return tuple(_finding(name, value, seen) for name, value in assumed.items())


def _finding(name: str, assumed: object, seen: Mapping[str, tuple[Value, str]]) -> Finding:
    if name not in seen:
        reason = _NOT_ASKED.get(name, "the run did not come so far, or the state passed too fast")
        return Finding(name, _text(assumed), "", "not seen", reason)
    value, evidence = seen[name]
    verdict: Verdict = "agrees" if _agree(assumed, value) else "differs"
    return Finding(name, _text(assumed), _text(value), verdict, evidence)


def _agree(assumed: object, seen: Value) -> bool:
    if isinstance(seen, Range) and isinstance(assumed, int | float):
        return seen.low <= assumed <= seen.high
    if isinstance(seen, States) and isinstance(assumed, frozenset):
        return all((state in assumed) == allowed for state, allowed in seen.allowed.items())
    return assumed == seen


def _text(value: object) -> str:
    return ", ".join(sorted(value)) if isinstance(value, frozenset) else str(value)

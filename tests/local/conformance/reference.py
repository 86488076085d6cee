"""The table of docs/reference/local-cloud.md: what is hand-written of it, and how it is made."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Final

from . import cases, provocations

START: Final = "<!-- table: made by the conformance tests, see below -->"
END: Final = "<!-- end of table -->"

STATES: Final[Mapping[str, str]] = {
    "CreateProject": "→ CREATED at once",
    "DescribeProjects": "any",
    "DeleteProject": "CREATED, without versions and datasets → DELETING → gone",
    "CreateDataset": "→ CREATE_IN_PROGRESS → CREATE_COMPLETE, CREATE_FAILED",
    "DescribeDataset": "any",
    "DeleteDataset": "any that is not in progress → DELETE_IN_PROGRESS → gone",
    "UpdateDatasetEntries": (
        "at rest, CREATE_FAILED apart → UPDATE_IN_PROGRESS → UPDATE_COMPLETE, UPDATE_FAILED"
    ),
    "DistributeDatasetEntries": (
        "both complete → UPDATE_IN_PROGRESS → UPDATE_COMPLETE, UPDATE_FAILED"
    ),
    "ListDatasetEntries": "any that is not in progress, CREATE_FAILED apart",
    "ListDatasetLabels": "any that is not in progress, CREATE_FAILED apart",
    "CreateProjectVersion": (
        "both datasets at rest → TRAINING_IN_PROGRESS → TRAINING_COMPLETED, TRAINING_FAILED"
    ),
    "DescribeProjectVersions": "any",
    "StartProjectVersion": (
        "TRAINING_COMPLETED, COPYING_COMPLETED, STOPPED → STARTING → RUNNING, FAILED"
    ),
    "StopProjectVersion": "RUNNING, STARTING → STOPPING → STOPPED",
    "DeleteProjectVersion": "any at rest that is not RUNNING → DELETING → gone",
    "CopyProjectVersion": (
        "trained, copied, stopped → COPYING_IN_PROGRESS → COPYING_COMPLETED, COPYING_FAILED"
    ),
    "PutProjectPolicy": "any",
    "ListProjectPolicies": "any",
    "DeleteProjectPolicy": "any",
    "DetectCustomLabels": "RUNNING",
    "TagResource": "any",
    "UntagResource": "any",
    "ListTagsForResource": "any",
}

DIFFERENCES: Final[Mapping[str, str]] = {
    "CreateProject": "content moderation is answered with NotImplementedException",
    "DescribeProjects": "at pace `instant` it waits for work under way",
    "DescribeDataset": "at pace `instant` it waits for work under way",
    "CreateDataset": "no KMS, no bucket owners",
    "DistributeDatasetEntries": "which entries move is this project's own seeded draw",
    "CreateProjectVersion": "learns image-level labels only; KmsKeyId is kept and not used",
    "DescribeProjectVersions": "at pace `instant` it waits for work under way",
    "StartProjectVersion": "no auto-scaling: MaxInferenceUnits is kept and shown",
    "CopyProjectVersion": "conditions in a policy are not judged",
    "DetectCustomLabels": "no boxes, so never Geometry",
}

CHECKED: Final = {
    "outside": cases.outside,
    "within": cases.within,
    "incomplete": cases.incomplete,
    "wrongly_typed": cases.wrongly_typed,
    "unknown": cases.unknown,
}


def table() -> str:
    """The table in Markdown, a row an operation."""
    shapes = Counter(case.operation for make in CHECKED.values() for case in make())
    head = ("Operation", "States: before → after", "Errors", "Verified by", "Known differences")
    rows = [head, ("---",) * len(head)]
    rows.extend(
        (
            name,
            states,
            _errors(name),
            _verified(name, shapes[name]),
            DIFFERENCES.get(name, "none known"),
        )
        for name, states in STATES.items()
    )
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def _errors(operation: str) -> str:
    provoked = provocations.provocations()
    return ", ".join(
        f"{code.removesuffix('Exception')}{'' if (operation, code) in provoked else '†'}"
        for code in sorted(provocations.modelled(operation))
    )


def _verified(operation: str, shapes: int) -> str:
    errors = provocations.modelled(operation)
    by_state = sum((operation, code) in provocations.provocations() for code in errors)
    return f"{shapes} values, {by_state} errors by state, {len(errors)} by fault; AWS CLI"

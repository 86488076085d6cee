"""One manifest line: read, checked, and written back with its defects."""

from __future__ import annotations

import copy
import json
import re
from typing import Any, Final

import attrs

from rekognition_xray.local.manifests.attributes import LineLabel, LineRules, check_attribute
from rekognition_xray.local.manifests.defects import TERMINAL, VOIDING, Defect, Place, defect

_SOURCE_REF: Final = re.compile(r"s3://([0-9A-Za-z._\-]{3,255})/(.{1,1024})", re.DOTALL)
_OURS: Final = ("cl-metadata", "cl-errors")
_REPORTS: Final = ("errors", "warnings")
_SUFFIX: Final = "-metadata"


@attrs.frozen
class Line:
    """A line as given, its content and its defects.

    Attributes:
        text: the line itself, without reports that an earlier run had put into it.
        data: its JSON object; None where it is none.
        source_ref: the image's address, where that is well formed.
        labels: the labels of its valid label attributes.
        annotated: whether it has label attributes at all.
        defects: all errors and warnings.
    """

    text: str
    data: dict[str, Any] | None
    source_ref: str | None
    labels: tuple[LineLabel, ...]
    annotated: bool
    defects: tuple[Defect, ...]

    @property
    def errors(self) -> tuple[Defect, ...]:
        """Faults that are no warnings."""
        return tuple(found for found in self.defects if not found.is_warning)

    @property
    def terminal(self) -> bool:
        """Whether a dataset drops the line."""
        return any(found.code in TERMINAL for found in self.defects)

    @property
    def valid(self) -> bool:
        """Whether the line can be learned from: a label, and nothing that voids the line."""
        return bool(self.labels) and not any(_voids(found) for found in self.errors)

    @property
    def ignored(self) -> bool:
        """Whether the line is unlabelled and has no errors."""
        return not self.labels and not self.errors

    @property
    def image(self) -> tuple[str, str]:
        """Bucket and key of the image; only for lines with a well-formed source-ref."""
        found = _SOURCE_REF.fullmatch(self.source_ref or "")
        if found is None:
            raise ValueError("the line names no image")
        return found[1], found[2]

    def with_defect(self, found: Defect) -> Line:
        """The same line with one more defect."""
        return attrs.evolve(self, defects=(*self.defects, found))


def read_line(text: str, rules: LineRules) -> Line:
    """Reads and checks one line; its defects say what is wrong."""
    data = _parse(text, rules)
    if data is None:
        return _refuse_line(text, None, None, defect("ERROR_INVALID_JSON_LINE"))
    if _drop_reports(data):
        text = json.dumps(data, ensure_ascii=False, separators=(",", ":"))
    source_ref = data.get("source-ref")
    if source_ref is None:
        return _refuse_line(text, data, None, defect("ERROR_MISSING_SOURCE_REF"))
    if not isinstance(source_ref, str) or not _SOURCE_REF.fullmatch(source_ref):
        return _refuse_line(text, data, None, defect("ERROR_INVALID_SOURCE_REF_FORMAT"))
    return _check_labels(text, data, source_ref, rules)


def with_reports(line: Line, *, errors_key: str, warnings_key: str | None = None) -> dict[str, Any]:
    """The line's JSON with its defects under these keys, each in the part that it is about."""
    data = copy.deepcopy(line.data) if line.data is not None else {}
    for found in line.defects:
        key = warnings_key if found.is_warning else errors_key
        if key is not None:
            part = _part(data, found.place)
            reports = part.get(key)
            reports = reports if isinstance(reports, list) else []
            part[key] = [*reports, found.as_members()]
    return data


def listed_line(text: str, rules: LineRules) -> str:
    """A line as listings show it: with its state, and its errors where there are any."""
    line = read_line(text, rules)
    data = with_reports(line, errors_key="cl-errors")
    errors = data.pop("cl-errors", None)
    data["cl-metadata"] = {"is_labeled": line.annotated}
    if errors:
        data["cl-errors"] = errors
    return json.dumps(data, ensure_ascii=False, separators=(",", ":"))


def _part(data: dict[str, Any], place: Place) -> dict[str, Any]:
    """The innermost object that contains a place, since text and numbers cannot hold a report."""
    part: Any = data
    inner = data
    for step in place:
        part = part[step]
        inner = part if isinstance(part, dict) else inner
    return inner


def _parse(text: str, rules: LineRules) -> dict[str, Any] | None:
    if len(text) > rules.line_characters:
        return None
    try:
        data = json.loads(text, parse_constant=_no_constant)
    except (ValueError, RecursionError):
        return None
    return data if isinstance(data, dict) else None


def _no_constant(name: str) -> float:
    raise ValueError(f"{name} is not JSON")


def _refuse_line(
    text: str, data: dict[str, Any] | None, source_ref: str | None, found: Defect
) -> Line:
    return Line(text, data, source_ref, (), annotated=False, defects=(found,))


def _check_labels(text: str, data: dict[str, Any], source_ref: str, rules: LineRules) -> Line:
    names = [name for name in data if name != "source-ref"]
    pairs = [name for name in names if f"{name}{_SUFFIX}" in data and name in data]
    if not names:
        warning = defect("WARNING_UNANNOTATED_RECORD")
        return Line(text, data, source_ref, (), annotated=False, defects=(warning,))
    if not pairs:
        return _refuse_line(text, data, source_ref, defect("ERROR_NO_LABEL_ATTRIBUTES"))
    labels: list[LineLabel] = []
    defects: list[Defect] = []
    for name in pairs:
        found, wrong = check_attribute(name, data[name], data[f"{name}{_SUFFIX}"], rules)
        labels.extend(found)
        defects.extend(wrong)
    annotated = any(not found.is_warning for found in defects) or bool(labels)
    defects.extend(_on_the_whole_line(labels, defects))
    void = [found for found in defects if found.code in VOIDING]
    if void:
        defects = void
    return Line(text, data, source_ref, tuple(labels), annotated, tuple(defects))


def _on_the_whole_line(labels: list[LineLabel], defects: list[Defect]) -> list[Defect]:
    if labels:
        return []
    if defects and all(found.is_warning for found in defects):
        return [defect("WARNING_NO_ANNOTATIONS")]
    return [defect("ERROR_NO_VALID_LABEL_ATTRIBUTES")]


def _voids(found: Defect) -> bool:
    return not found.place or found.code in VOIDING


def _drop_reports(data: dict[str, Any]) -> bool:
    """Removes what a listing or a validation manifest had added; True if there was anything."""
    ours = [key for key in _OURS if key in data]
    for key in ours:
        del data[key]
    return _drop_lists(data) or bool(ours)


def _drop_lists(part: Any) -> bool:
    if isinstance(part, list):
        return sum(_drop_lists(piece) for piece in part) > 0
    if not isinstance(part, dict):
        return False
    reports = [key for key in (*_REPORTS, "cl-errors") if _is_report(part.get(key))]
    for key in reports:
        del part[key]
    return sum(_drop_lists(piece) for piece in part.values()) > 0 or bool(reports)


def _is_report(value: Any) -> bool:
    return isinstance(value, list) and all(
        isinstance(piece, dict) and piece.keys() == {"code", "message"} for piece in value
    )

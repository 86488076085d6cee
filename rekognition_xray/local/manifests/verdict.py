"""The rules that a training and a testing manifest must pass together, and the overview file."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Any, Final

import attrs

from rekognition_xray.local.assumptions import Limits
from rekognition_xray.local.manifests.defects import BETWEEN_MANIFESTS, Defect, defect
from rekognition_xray.local.manifests.lines import Line, with_reports

IMAGE_LEVEL: Final = "IMAGE_LEVEL_LABELS"
BOXES: Final = "OBJECT_LOCALIZATION"
UNDETERMINED: Final = "NOT_DETERMINED"


@attrs.frozen(kw_only=True)
class Verdict:
    """The defects of a training's manifests; there are none where all three are empty."""

    use_case: str
    training: tuple[Defect, ...]
    testing: tuple[Defect, ...]
    together: tuple[Defect, ...]

    @property
    def defects(self) -> tuple[Defect, ...]:
        """All of them, the ones of the training manifest first."""
        return (*self.training, *self.testing, *self.together)

    def replaced_by(self, found: Defect) -> Verdict:
        """The verdict with this defect alone."""
        both = found.code in BETWEEN_MANIFESTS
        return attrs.evolve(
            self,
            training=() if both else (found,),
            testing=(),
            together=(found,) if both else (),
        )


def judge(
    training: list[Line], testing: list[Line], limits: Limits, *, early: Iterable[Defect] = ()
) -> Verdict:
    """Applies the rules of one manifest to each, then those of both together.

    `early` are defects of the training manifest that were found before, such as an automatic split
    that is not possible.
    """
    on_training = (*_invalid_rows(training, limits), *_buckets(training), *early)
    on_testing = (*_invalid_rows(testing, limits), *_buckets(testing))
    if on_training or on_testing:
        return Verdict(use_case=UNDETERMINED, training=on_training, testing=on_testing, together=())
    use_case = _use_case(training)
    on_training = tuple(_label_counts(training, use_case, limits))
    on_testing = tuple(_label_counts(testing, use_case, limits))
    together = () if on_training or on_testing else _overlaps(training, testing, use_case, limits)
    return Verdict(
        use_case=use_case, training=on_training, testing=on_testing, together=tuple(together)
    )


def usable_labels(line: Line, use_case: str) -> tuple[str, ...]:
    """The labels from which a training of this use case learns; none where a line is left out."""
    if not line.valid:
        return ()
    return tuple(
        dict.fromkeys(label.name for label in line.labels if label.boxed == (use_case == BOXES))
    )


def summary(training: list[Line], testing: list[Line], verdict: Verdict) -> str:
    """The manifest summary file."""
    return json.dumps(
        {
            "statistics": {
                "training": _statistics(training, verdict.training, verdict.use_case),
                "testing": _statistics(testing, verdict.testing, verdict.use_case),
            },
            "errors": [found.as_members() for found in verdict.together],
        }
    )


def validation_manifest(lines: Iterable[Line]) -> Iterator[str]:
    """The lines with their errors and warnings, without line ends."""
    for line in lines:
        data = with_reports(line, errors_key="errors", warnings_key="warnings")
        yield json.dumps(data, ensure_ascii=False, separators=(",", ":"))


def _statistics(lines: list[Line], defects: tuple[Defect, ...], use_case: str) -> dict[str, Any]:
    valid = sum(line.valid for line in lines)
    ignored = sum(line.ignored for line in lines)
    return {
        "use_case": use_case,
        "total_json_lines": len(lines),
        "valid_json_lines": valid,
        "invalid_json_lines": len(lines) - valid - ignored,
        "ignored_json_lines": ignored,
        "error_json_line_indices": [n for n, line in enumerate(lines, start=1) if line.errors],
        "errors": [found.as_members() for found in defects],
    }


def _invalid_rows(lines: list[Line], limits: Limits) -> Iterator[Defect]:
    invalid = sum(not line.valid and not line.ignored for line in lines)
    if invalid > limits.invalid_share * len(lines):
        yield defect("ERROR_TOO_MANY_INVALID_ROWS_IN_MANIFEST")


def _buckets(lines: list[Line]) -> Iterator[Defect]:
    if len({line.image[0] for line in lines if line.source_ref is not None}) > 1:
        yield defect("ERROR_IMAGES_IN_MULTIPLE_S3_BUCKETS")


def _use_case(training: list[Line]) -> str:
    kinds = Counter(label.boxed for line in training if line.valid for label in line.labels)
    if not kinds:
        return UNDETERMINED
    return BOXES if kinds[True] > kinds[False] else IMAGE_LEVEL


def _all_labels(lines: list[Line]) -> set[str]:
    return {label.name for line in lines if line.valid for label in line.labels}


def _usable(lines: list[Line], use_case: str) -> set[str]:
    return {name for line in lines for name in usable_labels(line, use_case)}


def _label_counts(lines: list[Line], use_case: str, limits: Limits) -> Iterator[Defect]:
    least = 1 if use_case == BOXES else 2
    every = len(_all_labels(lines))
    if every < least:
        yield defect("ERROR_MANIFEST_TOO_FEW_LABELS")
    elif every > limits.labels:
        yield defect("ERROR_MANIFEST_TOO_MANY_LABELS")
    elif len(_usable(lines, use_case)) < least:
        yield defect("ERROR_MANIFEST_TOO_FEW_USABLE_LABELS")


def _overlaps(
    training: list[Line], testing: list[Line], use_case: str, limits: Limits
) -> Iterator[Defect]:
    percent = round(limits.label_overlap * 100)
    if _overlap(_all_labels(training), _all_labels(testing)) < limits.label_overlap:
        yield defect("ERROR_INSUFFICIENT_LABEL_OVERLAP", about=percent)
    elif _overlap(_usable(training, use_case), _usable(testing, use_case)) < limits.label_overlap:
        yield defect("ERROR_INSUFFICIENT_USABLE_LABEL_OVERLAP", about=percent)


def _overlap(training: set[str], testing: set[str]) -> float:
    return len(training & testing) / len(training)

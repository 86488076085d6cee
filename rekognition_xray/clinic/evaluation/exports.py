"""An evaluation as plain data and as a frame: every figure with interval, images and method."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Final

import attrs

from rekognition_xray.clinic.evaluation.tables import MIX
from rekognition_xray.clinic.extras import needs_frames
from rekognition_xray.clinic.notices import NOTICE, TYPE_NOTICE
from rekognition_xray.clinic.statistics import Figure, GroupDifference, GroupVariable
from rekognition_xray.labels import distinguish_pneumonia

if TYPE_CHECKING:
    import pandas

    from rekognition_xray.clinic.evaluation.evaluation import Evaluation

_FORMAT_VERSION: Final = 1
OVERALL: Final = ("accuracy", "balanced_accuracy", "f1", "brier", "calibration_error")
"""Attributes of an evaluation that hold the figures for all labels together."""


def figures(evaluation: Evaluation) -> Iterator[tuple[str, str, Figure]]:
    """View, name and figure: all labels, pneumonia or not, each label, then each group."""
    for name in OVERALL:
        yield "all labels", name, getattr(evaluation, name)
    views = {"pneumonia or not": evaluation.two_class}
    views |= {f"label: {label}": each for label, each in evaluation.by_label.items()}
    views |= {
        group.name: group.figures for variable in evaluation.groups for group in variable.groups
    }
    for view, each in views.items():
        for name, figure in each.by_name().items():
            yield view, name, figure
    for variable in evaluation.groups:
        yield f"by {variable.name} alone", "auroc", variable.shortcut


def as_dict(evaluation: Evaluation) -> dict[str, object]:
    """The evaluation as plain data; see ``Evaluation.to_dict``."""
    return {
        "format": "rekognition_xray.evaluation",
        "format_version": _FORMAT_VERSION,
        "notices": [NOTICE, TYPE_NOTICE, MIX],
        "name": evaluation.name,
        "version_arn": evaluation.version_arn,
        "made_by": evaluation.made_by,
        "split": evaluation.split,
        "warnings": list(evaluation.warnings),
        "labels": list(evaluation.labels),
        "images": len(evaluation.images),
        "left_out": list(evaluation.left_out),
        "patients": evaluation.patients,
        "known_patients": evaluation.known_patients,
        "resamples": evaluation.resamples,
        "seed": evaluation.seed,
        "figures": {name: getattr(evaluation, name).to_dict() for name in OVERALL},
        "two_class": _figure_dicts(evaluation.two_class.by_name()),
        "by_label": {
            label: _figure_dicts(each.by_name()) for label, each in evaluation.by_label.items()
        },
        "groups": [_variable(variable) for variable in evaluation.groups],
        "confusion": evaluation.confusion,
        "service": _service(evaluation),
    }


def as_frame(evaluation: Evaluation) -> pandas.DataFrame:
    """One row for each figure; see ``Evaluation.to_frame``."""
    needs_frames("Evaluation.to_frame()")
    import pandas as pd  # noqa: PLC0415 - optional

    origin = {"version": evaluation.name, "split": evaluation.split, "made_by": evaluation.made_by}
    rows = [
        origin | {"view": view, "figure": name} | figure.to_dict() | {"p_value": None}
        for view, name, figure in (*figures(evaluation), *_net_benefits(evaluation))
    ]
    rows += [
        origin | {"view": group.name, "figure": f"{name}_difference"} | _difference(each)
        for variable in evaluation.groups
        for group in variable.groups
        for name, each in group.differences.items()
    ]
    frame = pd.DataFrame(rows).rename(columns={"n": "images"})
    numbers = ["value", "low", "high", "p_value"]
    return frame.astype(dict.fromkeys(numbers, "float64"))


def _net_benefits(evaluation: Evaluation) -> Iterator[tuple[str, str, Figure]]:
    """The decision curve of pneumonia, where the labels distinguish it from the rest."""
    if not distinguish_pneumonia(evaluation.labels):
        return
    for point in evaluation.net_benefit().points:
        for name, figure in point.by_name().items():
            yield "pneumonia or not", f"{name} at {point.threshold:g}", figure


def _difference(each: GroupDifference) -> dict[str, object]:
    """A difference as plain data: its figure, and its p value."""
    return each.change.to_dict() | {"p_value": each.p_value}


def _variable(variable: GroupVariable) -> dict[str, object]:
    return {
        "name": variable.name,
        "shortcut": variable.shortcut.to_dict(),
        "divided_patients": variable.divided_patients,
        "groups": [
            {
                "value": group.value,
                "images": group.images,
                "patients": group.patients,
                "figures": _figure_dicts(group.figures.by_name()),
                "differences": {
                    name: _difference(each) for name, each in group.differences.items()
                },
            }
            for group in variable.groups
        ],
    }


def _figure_dicts(each: Mapping[str, Figure]) -> dict[str, object]:
    return {name: figure.to_dict() for name, figure in each.items()}


def _service(evaluation: Evaluation) -> dict[str, object]:
    service = evaluation.service
    return attrs.asdict(service) | {
        "labels": [attrs.asdict(row) for row in service.labels],
        "confusion": [
            {"truth": truth, "called": called, "share": share}
            for (truth, called), share in service.confusion.items()
        ],
    }

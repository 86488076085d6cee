"""The content of the evaluation page: figures, charts, policy and images."""

from __future__ import annotations

import math
import platform
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Final

import attrs

from rekognition_xray.clinic.evaluation.exports import OVERALL
from rekognition_xray.clinic.evaluation.tables import facts, notes, tables
from rekognition_xray.clinic.extras import installed_version, needs_science
from rekognition_xray.clinic.report import (
    Cell,
    Chart,
    ChartData,
    Columns,
    FigureRow,
    Gallery,
    GroupTable,
    Matrix,
    Page,
    Rows,
    chart_style,
    decision_chart,
    distribution_chart,
    precision_recall_chart,
    reliability_chart,
    risk_coverage_chart,
    roc_chart,
    sweep_chart,
)
from rekognition_xray.clinic.statistics import (
    BinaryFigures,
    Figure,
    Group,
    PredictiveValues,
    figure_name,
)
from rekognition_xray.errors import EvaluationError
from rekognition_xray.labels import (
    PNEUMONIA,
    distinguish_pneumonia,
    is_pneumonia,
    pneumonia_confidence,
)

if TYPE_CHECKING:
    from rekognition_xray.clinic.evaluation.evaluation import Evaluation
    from rekognition_xray.clinic.policy import Policy
    from rekognition_xray.data.gating import GateFigures

_PACKAGES: Final = ("rekognition-xray", "numpy", "scipy", "scikit-learn", "Pillow")
_MEANING: Final = {
    "accuracy": "images called by their true label",
    "balanced_accuracy": "mean of the sensitivities",
    "f1": "harmonic mean of precision and sensitivity",
    "sensitivity": "called, of the images that show it",
    "specificity": "not called, of the others",
    "precision": "right, of the images called",
    "auroc": "chance that an image that shows it ranks above one that does not",
    "average_precision": "mean precision over the ranks",
    "brier": "squared error of confidences; 0 is best",
    "calibration_error": "gap between confidence and truth; 0 is best",
    "calibration_intercept": "0 is best; negative: confidences are too high",
    "calibration_slope": "1 is best; below 1: confidences are too extreme",
    "referred": "share of all images, referred to a person",
    "type_named": "share of the pneumonia images found",
    "type_accuracy": "right types, of those named",
    "raw_brier": "before calibration",
    "raw_calibration_error": "before calibration",
}
_TWO_CLASS_MEANING: Final = _MEANING | {
    "accuracy": "right, of all images",
    "balanced_accuracy": "mean of sensitivity and specificity",
}
_UNBOUNDED: Final = frozenset({"calibration_intercept", "calibration_slope"})
_POLICY_WORDS: Final = {
    "type_accuracy": "right types",
    "brier": "Brier score, calibrated",
    "calibration_error": "calibration error, calibrated",
    "raw_brier": "Brier score",
    "raw_calibration_error": "calibration error",
}


def evaluation_page(
    evaluation: Evaluation,
    gallery: Gallery,
    policy: Policy | None,
    prevalence: float | None,
    gate: GateFigures | None,
) -> Page:
    """The content of the page; see ``Evaluation.to_html`` for arguments and errors."""
    needs_science("The evaluation page")
    _check(evaluation, policy)
    views = _views(evaluation)
    plottable = [view for view in views if view.curves.sweep]
    threshold = None if policy is None else policy.threshold
    labels, service = evaluation.by_label, tables(evaluation)[3]
    return Page(
        name=evaluation.name,
        labels=evaluation.labels,
        facts=facts(evaluation),
        warnings=evaluation.warnings,
        notes=tuple(notes(evaluation)),
        all_labels=tuple(_rows({name: getattr(evaluation, name) for name in OVERALL}, _MEANING)),
        two_class=tuple(_rows(evaluation.two_class.by_name(), _TWO_CLASS_MEANING)),
        label_columns=(("Figure (95 % interval)", ""), *((label, "") for label in labels)),
        label_rows=_label_rows(evaluation.by_label),
        matrices=(_confusion(evaluation), *_two_by_two(evaluation)),
        charts=(roc_chart(plottable), precision_recall_chart(plottable)) if plottable else (),
        reliability=tuple(
            reliability_chart(view, chart_style(place)) for place, view in enumerate(plottable)
        ),
        sweeps=tuple(
            sweep_chart(view, place, threshold if view.name == PNEUMONIA else None)
            for place, view in enumerate(plottable)
        ),
        distributions=tuple(_distributions(evaluation, threshold)),
        risks=tuple(_risks(evaluation, policy)),
        decisions=tuple(_decisions(evaluation)),
        groups=tuple(_groups(evaluation)),
        policy=policy,
        policy_columns=_policy_columns(policy),
        policy_rows=_policy_rows(policy),
        service_columns=tuple((name, "") for name in service.columns),
        service_rows=tuple(
            (first, "", tuple(cell or "–" for cell in others)) for first, *others in service.rows
        ),
        two_class_view=distinguish_pneumonia(evaluation.labels),
        predictive=tuple(_predictive(evaluation, policy, prevalence)),
        gallery=gallery,
        gate=gate,
        subjects=_subjects(evaluation),
        software=tuple(_software()),
    )


def _check(evaluation: Evaluation, policy: Policy | None) -> None:
    if policy and policy.version_arn not in {None, evaluation.version_arn}:
        raise EvaluationError(
            f"The policy {policy.name!r} was chosen for {policy.version_arn}; this evaluation is "
            f"of {evaluation.version_arn}.",
            hint="Use a policy of this version: evaluation.policy().",
        )


def _views(evaluation: Evaluation) -> list[ChartData]:
    views = []
    if distinguish_pneumonia(evaluation.labels):
        views.append(ChartData(PNEUMONIA, evaluation.two_class, evaluation.curves()))
    views += [
        ChartData(label, figures, evaluation.curves(label))
        for label, figures in evaluation.by_label.items()
        if [label] != [view.name for view in views]  # pneumonia may be a label itself
    ]
    return views


def _rows(figures: Mapping[str, Figure], meaning: Mapping[str, str]) -> Iterator[FigureRow]:
    for name, figure in figures.items():
        yield FigureRow(figure_name(name), meaning[name], figure, name not in _UNBOUNDED)


def _label_rows(figures: Mapping[str, BinaryFigures]) -> Rows:
    columns = [each.by_name() for each in figures.values()]
    images = tuple(str(each.sensitivity.n) for each in figures.values())
    return (
        ("test images", "", images),
        *(
            (figure_name(name), _TWO_CLASS_MEANING[name], tuple(column[name] for column in columns))
            for name in (columns[0] if columns else ())
        ),
    )


def _confusion(evaluation: Evaluation) -> Matrix:
    rows = {
        truth: _cells(row, {label: label == truth for label in row})
        for truth, row in evaluation.confusion.items()
    }
    columns = tuple(evaluation.confusion[evaluation.labels[0]])
    return Matrix(f"All {len(evaluation.labels)} labels", columns, rows)


def _two_by_two(evaluation: Evaluation) -> Iterator[Matrix]:
    if not distinguish_pneumonia(evaluation.labels):
        return
    names = {True: PNEUMONIA, False: f"no {PNEUMONIA}"}
    table = {truth: dict.fromkeys(names, 0) for truth in names}
    for image in evaluation.images:
        table[image.has_pneumonia][is_pneumonia(image.predicted)] += 1
    rows = {
        names[truth]: _cells(
            {names[called]: images for called, images in row.items()},
            {names[called]: called == truth for called in row},
        )
        for truth, row in table.items()
    }
    yield Matrix("Pneumonia or not", tuple(names.values()), rows)


def _cells(row: Mapping[str, int], right: Mapping[str, bool]) -> dict[str, Cell]:
    total = sum(row.values())
    return {
        called: Cell(images, images / total if total else None, right[called])
        for called, images in row.items()
    }


def _risks(evaluation: Evaluation, policy: Policy | None) -> Iterator[Chart]:
    yield risk_coverage_chart(evaluation.risk_coverage(), 0, "All labels")
    reported = policy and policy.reported
    if reported and reported.risk_coverage:
        yield risk_coverage_chart(reported.risk_coverage, 1, "Pneumonia or not, by the policy")


def _distributions(evaluation: Evaluation, threshold: float | None) -> Iterator[Chart]:
    if not distinguish_pneumonia(evaluation.labels):
        return
    found: dict[bool, list[float]] = {True: [], False: []}
    for image in evaluation.images:
        confidence = pneumonia_confidence(image.confidences)
        if not math.isnan(confidence):
            found[is_pneumonia(image.truth)].append(confidence)
    yield distribution_chart(found[True], found[False], threshold)


def _decisions(evaluation: Evaluation) -> Iterator[Chart]:
    if distinguish_pneumonia(evaluation.labels) and (curve := evaluation.net_benefit()).points:
        yield decision_chart(curve)


def _groups(evaluation: Evaluation) -> Iterator[GroupTable]:
    names = ("sensitivity", "specificity", "auroc")
    columns = [("Group", ""), ("Images", ""), ("Patients", "")]
    words = [figure_name(name) for name in names]
    columns += [(word[0].upper() + word[1:], "") for word in words]
    columns += [(f"{word[0].upper()}{word[1:]} less the others'", "p corrected") for word in words]
    for variable in evaluation.groups:
        rows: Rows = tuple(
            (group.value, "", _group_cells(group, names)) for group in variable.groups
        )
        yield GroupTable(variable.name, tuple(columns), rows, variable.shortcut)


def _group_cells(group: Group, names: Sequence[str]) -> tuple[Figure | str, ...]:
    return (
        str(group.images),
        str(group.patients),
        *(group.figures.by_name()[name] for name in names),
        *(str(group.differences.get(name, "–")) for name in names),
    )


def _policy_columns(policy: Policy | None) -> Columns:
    if policy is None or policy.reported is None:
        return ()
    parts = {
        "Reported": ("to be quoted", policy.reported),
        "Chosen on": ("too optimistic", policy.chosen_on),
    }
    return (
        ("Figure (95 % interval)", ""),
        *(
            (name, f"{note}; {part.images} images of {part.patients} patients" if part else "")
            for name, (note, part) in parts.items()
        ),
    )


def _policy_rows(policy: Policy | None) -> Rows:
    if policy is None or policy.reported is None:
        return ()
    chosen: Mapping[str, Figure | str] = policy.chosen_on.by_name() if policy.chosen_on else {}
    return tuple(
        (
            _POLICY_WORDS.get(name, figure_name(name)),
            _MEANING[name],
            (figure, chosen.get(name, "not known")),
        )
        for name, figure in policy.reported.by_name().items()
    )


def _predictive(
    evaluation: Evaluation, policy: Policy | None, prevalence: float | None
) -> Iterator[PredictiveValues]:
    if prevalence is None:
        return
    if distinguish_pneumonia(evaluation.labels):
        found = evaluation.at_prevalence(prevalence)
        yield attrs.evolve(found, of=f"{PNEUMONIA}, by the label of highest confidence")
    if policy and policy.reported:
        found = policy.reported.at_prevalence(prevalence)
        yield attrs.evolve(found, of=f"{PNEUMONIA}, by the policy {policy.name}")
    if not distinguish_pneumonia(evaluation.labels):
        for label in evaluation.labels:
            yield evaluation.at_prevalence(prevalence, label=label)


def _subjects(evaluation: Evaluation) -> tuple[tuple[str, tuple[int, ...]], ...]:
    """What can count as positive in the gallery, with the places of its labels."""
    places: list[tuple[str, tuple[int, ...]]] = []
    if distinguish_pneumonia(evaluation.labels):
        sick = [place for place, label in enumerate(evaluation.labels) if is_pneumonia(label)]
        places.append((f"{PNEUMONIA} of any type", tuple(sick)))
    singles: Sequence[str] = evaluation.labels
    return (*places, *((label, (place,)) for place, label in enumerate(singles)))


def _software() -> Iterator[str]:
    yield f"Python {platform.python_version()}"
    for package in _PACKAGES:
        found = installed_version(package)
        if found is not None:
            yield f"{package} {found}"

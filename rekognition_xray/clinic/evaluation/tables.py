"""The tables of an evaluation, as Markdown, as plain text, and as rows for the page."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Final

import attrs

from rekognition_xray.clinic.notices import NOTICE, TYPE_NOTICE
from rekognition_xray.clinic.statistics import NOT_ESTIMABLE, GroupVariable, figure_name

if TYPE_CHECKING:
    from rekognition_xray.clinic.evaluation.evaluation import Evaluation

MIX: Final = (
    "Precision, F1, accuracy, average precision and calibration hold for the mix of labels in "
    "this test set, which is not a prevalence: at_prevalence() gives predictive values for a "
    "prevalence that you state."
)

GROUPS: Final = (
    "The p values of groups are corrected for all groups and figures together (Holm 1979). A "
    "difference that is not shown may still be there: look at its interval."
)


@attrs.frozen
class Table:
    """A title, the names of the columns, and rows of formatted text."""

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


def tables(evaluation: Evaluation) -> tuple[Table, ...]:
    """All tables of an evaluation, in the order in which they are shown."""
    return (
        _overall(evaluation),
        _two_class(evaluation),
        _by_label(evaluation),
        _service(evaluation),
        _confusion(evaluation),
        *map(_by_group, evaluation.groups),
    )


def facts(evaluation: Evaluation) -> tuple[tuple[str, str], ...]:
    """What belongs to the figures: version, training, test images, split and intervals."""
    unit = "patients" if evaluation.known_patients else "images"
    return (
        ("Version", evaluation.version_arn),
        ("Model made by", evaluation.made_by or "not stated"),
        ("Training", f"{evaluation.service.training_images} images"),
        ("Test", _test(evaluation)),
        ("Split", evaluation.split or "not stated"),
        ("Intervals", f"95 %, from {evaluation.resamples} bootstrap resamples of the {unit}"),
    )


def _test(evaluation: Evaluation) -> str:
    known, alone = evaluation.known_patients, evaluation.patients - evaluation.known_patients
    images = f"{len(evaluation.images)} images"
    if not known:
        return f"{images}, patients not known"
    return f"{images} of {known} patients" + (
        f", {alone} of them of unknown patients" if alone else ""
    )


def markdown(evaluation: Evaluation) -> str:
    """Facts, warnings and tables as GitHub's Markdown."""
    parts = [f"## {evaluation.name}", f"**{NOTICE}** {TYPE_NOTICE}"]
    parts.append("\n".join(f"- {name}: {value}" for name, value in facts(evaluation)))
    parts += [f"> {warning}" for warning in evaluation.warnings]
    parts += [f"### {table.title}\n\n{_grid(table)}" for table in tables(evaluation)]
    parts += ["\n".join(f"- {note}" for note in notes(evaluation))]
    return "\n\n".join(parts) + "\n"


def plain_text(evaluation: Evaluation) -> str:
    """Facts, warnings and tables for a terminal."""
    parts = [f"{evaluation.name}\n{NOTICE}\n{TYPE_NOTICE}"]
    parts.append("\n".join(f"{name + ':':<15}{value}" for name, value in facts(evaluation)))
    parts += [f"Note: {warning}" for warning in evaluation.warnings]
    parts += [f"{table.title}\n{_columns(table)}" for table in tables(evaluation)]
    parts += ["\n".join(notes(evaluation))]
    return "\n\n".join(parts)


def notes(evaluation: Evaluation) -> Iterator[str]:
    """Notes for below the tables: the mix of labels, and why figures are missing."""
    yield MIX
    views = {"": {"balanced accuracy": evaluation.balanced_accuracy}}
    views |= {"pneumonia: ": evaluation.two_class.by_name()}
    views |= {f"{label}: ": row.by_name() for label, row in evaluation.by_label.items()}
    views |= {
        f"{group.name}: ": group.figures.by_name()
        for variable in evaluation.groups
        for group in variable.groups
    }
    for view, figures in views.items():
        missing: dict[str, list[str]] = {}
        for name, figure in figures.items():
            if figure.value is None:
                missing.setdefault(figure.reason, []).append(figure_name(name))
        for reason, names in missing.items():
            yield f"Not estimable, {view}{', '.join(names)}: {reason}."
    for variable in evaluation.groups:
        yield (
            f"By {variable.name} alone, AUROC of pneumonia is {variable.shortcut}; 0.5 or "
            "less says nothing, and a model can use what is far above."
        )
        if variable.divided_patients:
            yield f"{variable.divided_patients} patients are in several groups by {variable.name}."
    if evaluation.groups:
        yield GROUPS


def figure_text(value: float | None) -> str:
    """A figure without interval."""
    return NOT_ESTIMABLE if value is None else f"{value:.3f}"


def _overall(evaluation: Evaluation) -> Table:
    classes = f"All {len(evaluation.labels)} labels"
    rows = (
        ("accuracy", str(evaluation.accuracy)),
        ("balanced accuracy", str(evaluation.balanced_accuracy)),
        ("F1 (mean of labels)", str(evaluation.f1)),
        ("Brier score", str(evaluation.brier)),
        (figure_name("calibration_error"), str(evaluation.calibration_error)),
    )
    return Table(classes, ("Figure", "Value (95 % interval)"), rows)


def _two_class(evaluation: Evaluation) -> Table:
    figures = evaluation.two_class.by_name()
    rows = tuple((figure_name(name), str(figure)) for name, figure in figures.items())
    return Table("Pneumonia or not", ("Figure", "Value (95 % interval)"), rows)


_SHOWN: Final = (
    "sensitivity",
    "specificity",
    "precision",
    "f1",
    "auroc",
    "average_precision",
    "brier",
    "calibration_error",
)


def _by_label(evaluation: Evaluation) -> Table:
    rows = tuple(
        (label, str(row.sensitivity.n), *(str(row.by_name()[name]) for name in _SHOWN))
        for label, row in evaluation.by_label.items()
    )
    shown = map(figure_name, _SHOWN)
    columns = ("Label", "Test images", *(name[0].upper() + name[1:] for name in shown))
    return Table("Each label against the others", columns, rows)


def _service(evaluation: Evaluation) -> Table:
    service = evaluation.service
    rows = [
        (
            row.label,
            *map(figure_text, (row.precision, row.recall, row.f1, row.threshold)),
            str(row.test_images),
        )
        for row in service.labels
    ]
    totals = map(figure_text, (service.precision, service.recall, service.f1))
    rows.append(("all (mean of labels)", *totals, "", str(service.test_images)))
    columns = ("Label", "Precision", "Recall", "F1", "Assumed threshold", "Test images")
    return Table("The service's own figures", columns, tuple(rows))


def _confusion(evaluation: Evaluation) -> Table:
    found = evaluation.confusion
    rows = tuple((truth, *map(str, row.values())) for truth, row in found.items())
    columns = ("True label", *(f"called {label}" for label in found[evaluation.labels[0]]))
    return Table("Confusion, in images", columns, rows)


def _by_group(variable: GroupVariable) -> Table:
    names = ("sensitivity", "specificity", "auroc")
    rows = tuple(
        (
            group.value,
            str(group.images),
            str(group.patients),
            *(str(group.figures.by_name()[name]) for name in names),
            *(str(group.differences.get(name, "")) for name in names),
        )
        for group in variable.groups
    )
    words = [figure_name(name) for name in names]
    shown = (word[0].upper() + word[1:] for word in words)
    less = (f"{word} less the others'" for word in words)
    columns = ("Group", "Images", "Patients", *shown, *less)
    return Table(f"Pneumonia or not, by {variable.name}", columns, rows)


def _grid(table: Table) -> str:
    rule = ["---"] + ["---:"] * (len(table.columns) - 1)
    return "\n".join(f"| {' | '.join(row)} |" for row in (table.columns, rule, *table.rows))


def _columns(table: Table) -> str:
    rows = (table.columns, *table.rows)
    widths = [max(map(len, cells)) for cells in zip(*rows, strict=True)]
    return "\n".join(_align(rows, widths))


def _align(rows: Sequence[Sequence[str]], widths: Sequence[int]) -> Iterator[str]:
    for first, *others in rows:
        cells = [cell.rjust(width) for cell, width in zip(others, widths[1:], strict=True)]
        yield "  ".join([f"  {first.ljust(widths[0])}", *cells]).rstrip()

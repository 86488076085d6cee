"""The tables of an evaluation, as Markdown, as plain text, and as rows for the page."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Final

import attrs

from rekognition_xray.clinic.figures import NOT_ESTIMABLE

if TYPE_CHECKING:
    from rekognition_xray.clinic.evaluation import Evaluation

NOTICE: Final = "Not a medical device: a person must read every film."


@attrs.frozen
class Table:
    """A heading, the names of the columns, and rows of ready texts."""

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
    )


def facts(evaluation: Evaluation) -> tuple[tuple[str, str], ...]:
    """What must stand beside the figures: of what, from where, on which films."""
    unit = "patients" if evaluation.known_patients else "films"
    return (
        ("Version", evaluation.version_arn),
        ("Model made by", evaluation.made_by or "not told"),
        ("Training", f"{evaluation.service.training_films} films"),
        ("Test", _test(evaluation)),
        ("Split", evaluation.split or "not told"),
        ("Intervals", f"95 %, from {evaluation.resamples} redraws of the {unit}"),
    )


def _test(evaluation: Evaluation) -> str:
    known, alone = evaluation.known_patients, evaluation.patients - evaluation.known_patients
    films = f"{len(evaluation.films)} films"
    if not known:
        return f"{films}, patients not known"
    return f"{films} of {known} patients" + (f", {alone} of them of unknown ones" if alone else "")


def markdown(evaluation: Evaluation) -> str:
    """Facts, warnings and tables as GitHub's Markdown."""
    parts = [f"## {evaluation.name}", f"**{NOTICE}**"]
    parts.append("\n".join(f"- {name}: {value}" for name, value in facts(evaluation)))
    parts += [f"> {warning}" for warning in evaluation.warnings]
    parts += [f"### {table.title}\n\n{_grid(table)}" for table in tables(evaluation)]
    return "\n\n".join(parts) + "\n"


def plain(evaluation: Evaluation) -> str:
    """Facts, warnings and tables for a terminal."""
    parts = [f"{evaluation.name}\n{NOTICE}"]
    parts.append("\n".join(f"{name + ':':<15}{value}" for name, value in facts(evaluation)))
    parts += [f"Note: {warning}" for warning in evaluation.warnings]
    parts += [f"{table.title}\n{_columns(table)}" for table in tables(evaluation)]
    return "\n\n".join(parts)


def number(value: float | None) -> str:
    """A figure without interval."""
    return NOT_ESTIMABLE if value is None else f"{value:.3f}"


def _overall(evaluation: Evaluation) -> Table:
    classes = f"All {len(evaluation.labels)} labels"
    rows = (
        ("accuracy", str(evaluation.accuracy)),
        ("balanced accuracy", str(evaluation.balanced_accuracy)),
    )
    return Table(classes, ("Figure", "Value (95 % interval)"), rows)


def _two_class(evaluation: Evaluation) -> Table:
    figures = evaluation.two_class
    rows = (
        ("accuracy", str(figures.accuracy)),
        ("sensitivity", str(figures.sensitivity)),
        ("specificity", str(figures.specificity)),
        ("AUROC", str(figures.auroc)),
    )
    return Table("Pneumonia or not", ("Figure", "Value (95 % interval)"), rows)


def _by_label(evaluation: Evaluation) -> Table:
    rows = tuple(
        (label, str(row.sensitivity.n), str(row.sensitivity), str(row.specificity), str(row.auroc))
        for label, row in evaluation.by_label.items()
    )
    columns = ("Label", "Test films", "Sensitivity", "Specificity", "AUROC")
    return Table("Each label against the others", columns, rows)


def _service(evaluation: Evaluation) -> Table:
    service = evaluation.service
    rows = [
        (
            row.label,
            *map(number, (row.precision, row.recall, row.f1, row.threshold)),
            str(row.test_films),
        )
        for row in service.labels
    ]
    totals = map(number, (service.precision, service.recall, service.f1))
    rows.append(("all (mean of labels)", *totals, "", str(service.test_films)))
    columns = ("Label", "Precision", "Recall", "F1", "Assumed threshold", "Test films")
    return Table("The service's own figures", columns, tuple(rows))


def _confusion(evaluation: Evaluation) -> Table:
    rows = tuple(
        (truth, *(str(row[label]) for label in evaluation.labels))
        for truth, row in evaluation.confusion.items()
    )
    columns = ("True label", *(f"called {label}" for label in evaluation.labels))
    return Table("Confusion, in films", columns, rows)


def _grid(table: Table) -> str:
    rule = ["---"] + ["---:"] * (len(table.columns) - 1)
    return "\n".join(f"| {' | '.join(row)} |" for row in (table.columns, rule, *table.rows))


def _columns(table: Table) -> str:
    rows = (table.columns, *table.rows)
    widths = [max(map(len, cells)) for cells in zip(*rows, strict=True)]
    return "\n".join(_aligned(rows, widths))


def _aligned(rows: Sequence[Sequence[str]], widths: Sequence[int]) -> Iterator[str]:
    for first, *others in rows:
        cells = [cell.rjust(width) for cell, width in zip(others, widths[1:], strict=True)]
        yield "  ".join([f"  {first.ljust(widths[0])}", *cells]).rstrip()

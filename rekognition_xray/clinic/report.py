"""The page of an evaluation: one HTML file that needs no network."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

import attrs

from rekognition_xray.clinic.extras import needs_report, needs_science
from rekognition_xray.clinic.figures import TestFilm
from rekognition_xray.clinic.tables import NOTICE, facts, tables

if TYPE_CHECKING:
    from rekognition_xray.clinic.evaluation import Evaluation

_TEMPLATE: Final = "evaluation.html.j2"
_MAX_FILMS: Final = 400
_MAX_POINTS: Final = 500  # of the curve: more cannot be seen
_SIDE: Final = 300  # of the plot, in units of its own


@attrs.frozen
class Cell:
    """One cell of the confusion matrix; the share is of the true label's films, None if none."""

    films: int
    share: float | None
    right: bool


def write_page(evaluation: Evaluation, path: Path) -> Path:
    """Writes the page under a temporary name and renames it, so that it is whole or not there.

    Raises:
        MissingExtraError: jinja2 or scikit-learn is not installed.
    """
    page = render_page(evaluation)
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}-", suffix=".tmp")
    made = Path(name)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8", newline="\n") as stream:
            stream.write(page)
        made.chmod(0o644)  # mkstemp's 0600 would keep a web server from serving it
        made.replace(path)
    finally:
        made.unlink(missing_ok=True)
    return path


def render_page(evaluation: Evaluation) -> str:
    """The page as text. Everything that comes from files is escaped."""
    needs_report("The evaluation page")
    needs_science("The evaluation page")
    import jinja2  # noqa: PLC0415 - optional

    loader = jinja2.PackageLoader("rekognition_xray.clinic")
    environment = jinja2.Environment(
        loader=loader,
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    overall, two_class, by_label, service, _ = tables(evaluation)
    return environment.get_template(_TEMPLATE).render(
        evaluation=evaluation,
        notice=NOTICE,
        facts=facts(evaluation),
        tables=(by_label, service),
        headline=(overall, two_class),
        confusion=_confusion(evaluation),
        curve=_curve(evaluation),
        side=_SIDE,
        films=_misread_first(evaluation.films)[:_MAX_FILMS],
    )


def _confusion(evaluation: Evaluation) -> dict[str, dict[str, Cell]]:
    return {
        truth: {label: _cell(row, label, truth) for label in row}
        for truth, row in evaluation.confusion.items()
    }


def _cell(row: Mapping[str, int], label: str, truth: str) -> Cell:
    total = sum(row.values())
    return Cell(row[label], row[label] / total if total else None, label == truth)


def _misread_first(films: Sequence[TestFilm]) -> list[TestFilm]:
    return sorted(films, key=lambda film: film.truth == film.predicted)


def _curve(evaluation: Evaluation) -> str:
    """Points of the ROC curve of pneumonia for an SVG polyline; empty where there is none."""
    if evaluation.two_class.auroc.value is None:
        return ""
    return " ".join(_points(evaluation.films))


def _points(films: Sequence[TestFilm]) -> Iterator[str]:
    from sklearn.metrics import roc_curve  # noqa: PLC0415 - optional

    sick = [film.has_pneumonia for film in films]
    false, true, _ = roc_curve(sick, [film.pneumonia for film in films])
    step = -(-len(false) // _MAX_POINTS)
    for x, y in [*zip(false[::step], true[::step], strict=True), (1.0, 1.0)]:
        yield f"{_SIDE * x:.1f},{_SIDE * (1 - y):.1f}"

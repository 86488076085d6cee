"""``Page``: what the page of an evaluation shows, as values ready for the template."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, TypeAlias

import attrs

from rekognition_xray.clinic.report.charts import Chart
from rekognition_xray.clinic.report.gallery import Gallery
from rekognition_xray.clinic.statistics import Figure, PredictiveValues

if TYPE_CHECKING:
    from rekognition_xray.clinic.policy import Policy
    from rekognition_xray.data.gating import GateFigures

Columns: TypeAlias = tuple[tuple[str, str], ...]
"""Names of columns, each with a short note, which may be empty."""
Rows: TypeAlias = tuple[tuple[str, str, tuple[Figure | str, ...]], ...]
"""Rows: name, short note, cells."""


@attrs.frozen
class FigureRow:
    """A figure with its name and meaning; ``scaled`` if it lies between 0 and 1."""

    name: str
    meaning: str
    figure: Figure
    scaled: bool


@attrs.frozen
class Cell:
    """A cell of a confusion matrix; ``share`` is its share of the row, None in an empty row.

    Attributes:
        shade: 0 to 10, by the share.
    """

    images: int
    share: float | None
    right: bool

    @property
    def shade(self) -> int:
        """How dark the cell is, 0 to 10."""
        return round(10 * (self.share or 0.0))


@attrs.frozen
class Matrix:
    """A confusion matrix: true label to predicted label to cell."""

    title: str
    columns: tuple[str, ...]
    rows: Mapping[str, Mapping[str, Cell]]


@attrs.frozen
class GroupTable:
    """Figures of groups by one variable, and the AUROC of the variable alone."""

    variable: str
    columns: Columns
    rows: Rows
    shortcut: Figure


@attrs.frozen(kw_only=True)
class Page:
    """Everything that the page shows.

    Attributes:
        name: of the version.
        labels: of the model, in table order.
        facts: name and value of what stands beside the figures.
        warnings: what a reader of the figures must know; shown first.
        notes: what stands below the figures.
        two_class_view: whether the labels distinguish pneumonia from the rest.
        subjects: what can count as positive in the gallery, with the places of its labels.
        software: packages with their versions.
    """

    name: str
    labels: tuple[str, ...]
    facts: tuple[tuple[str, str], ...]
    warnings: tuple[str, ...]
    notes: tuple[str, ...]
    all_labels: tuple[FigureRow, ...]
    two_class: tuple[FigureRow, ...]
    label_columns: Columns
    label_rows: Rows
    matrices: tuple[Matrix, ...]
    charts: tuple[Chart, ...]
    reliability: tuple[Chart, ...]
    sweeps: tuple[Chart, ...]
    distributions: tuple[Chart, ...]
    risks: tuple[Chart, ...]
    decisions: tuple[Chart, ...]
    groups: tuple[GroupTable, ...]
    policy: Policy | None
    policy_columns: Columns
    policy_rows: Rows
    predictive: tuple[PredictiveValues, ...]
    service_columns: Columns
    service_rows: Rows
    two_class_view: bool
    gallery: Gallery
    gate: GateFigures | None
    subjects: tuple[tuple[str, tuple[int, ...]], ...]
    software: tuple[str, ...]

    @property
    def predictive_rows(self) -> Rows:
        """One row for each way of calling pneumonia, or for each label."""
        return tuple((row.of, "", (row.ppv, row.npv)) for row in self.predictive)

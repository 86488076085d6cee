"""The page of an evaluation: what it shows, its charts and gallery, and the HTML file."""

from __future__ import annotations

from rekognition_xray.clinic.report.charts import (
    Chart,
    ChartData,
    chart_style,
    decision_chart,
    distribution_chart,
    precision_recall_chart,
    reliability_chart,
    risk_coverage_chart,
    roc_chart,
    sweep_chart,
)
from rekognition_xray.clinic.report.gallery import Gallery, Images, make_gallery
from rekognition_xray.clinic.report.html import render_template, write_html, write_page
from rekognition_xray.clinic.report.page import (
    Cell,
    Columns,
    FigureRow,
    GroupTable,
    Matrix,
    Page,
    Rows,
)

__all__ = [
    "Cell",
    "Chart",
    "ChartData",
    "Columns",
    "FigureRow",
    "Gallery",
    "GroupTable",
    "Images",
    "Matrix",
    "Page",
    "Rows",
    "chart_style",
    "decision_chart",
    "distribution_chart",
    "make_gallery",
    "precision_recall_chart",
    "reliability_chart",
    "render_template",
    "risk_coverage_chart",
    "roc_chart",
    "sweep_chart",
    "write_html",
    "write_page",
]

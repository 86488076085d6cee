"""Charts as coordinates for inline SVG, each with the same data as a table. No numpy."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, Final

import attrs

from rekognition_xray.clinic.statistics import BinaryFigures, Figure, RiskCoverage

if TYPE_CHECKING:
    from rekognition_xray.clinic.statistics import CurvePoint, Curves, DecisionCurve

SIDE: Final = 300
"""Side of the plotted square, in units of the drawing."""

_TABLED: Final = 15  # points of a curve that its table shows
_BINS: Final = 20
_TOPS: Final = (0.05, 0.1, 0.2, 0.4, 1.0)
_SWEEP: Final = ("Threshold", "Sensitivity", "Specificity", "Called, of all images")


@attrs.frozen
class ChartData:
    """What charts are drawn from: a label or pneumonia, with its figures and curves."""

    name: str
    figures: BinaryFigures
    curves: Curves


@attrs.frozen
class Line:
    """A line with its legend; ``style`` is the number of a style in the style sheet."""

    name: str
    style: int
    points: str
    band: str = ""


@attrs.frozen
class Bar:
    """A point with its vertical interval."""

    x: str
    y: str
    low: str
    high: str


@attrs.frozen
class Row:
    """A row of the table; ``at`` is its horizontal position in the chart."""

    cells: tuple[str, ...]
    at: str = ""


@attrs.frozen(kw_only=True)
class Chart:
    """Everything that the template needs to draw one chart.

    Attributes:
        key: unique within the page.
        reference: a dashed line to compare with.
        start: the row that is shown first, if rows can be chosen.
    """

    key: str
    title: str
    description: str
    x_name: str
    y_name: str
    lines: tuple[Line, ...]
    columns: tuple[str, ...]
    rows: tuple[Row, ...]
    bars: tuple[Bar, ...] = ()
    reference: str = ""
    top: float = 1.0
    start: int = 0

    @property
    def ticks(self) -> tuple[tuple[float, str, str], ...]:
        """Position, x label and y label of each grid line."""
        shares = (0, 0.25, 0.5, 0.75, 1)
        return tuple((SIDE * share, f"{share:g}", f"{self.top * share:g}") for share in shares)


def roc_chart(views: Sequence[ChartData]) -> Chart:
    """Sensitivity over 1 − specificity for all views; with a band around the first."""
    band = "" if not views else _band(_roc_band(views[0]))
    return Chart(
        key="roc",
        title="ROC",
        description="Sensitivity against 1 − specificity; further up and left is better, the "
        "dashed diagonal is chance. Shaded: the 95\u00a0% interval of sensitivity for the first "
        "line.",
        x_name="1 − specificity",
        y_name="sensitivity",
        lines=_lines(views, lambda view: view.curves.roc, "AUROC", "auroc", band),
        columns=("Of", "Threshold", "1 − specificity", "Sensitivity"),
        rows=_table_rows(views, lambda view: view.curves.roc),
        reference=_path([(0, 0), (1, 1)]),
    )


def precision_recall_chart(views: Sequence[ChartData]) -> Chart:
    """Precision over sensitivity for all views."""
    return Chart(
        key="precision-recall",
        title="Precision and recall",
        description="Precision against sensitivity (recall) for the mix of labels here; further "
        "up and right is better.",
        x_name="sensitivity (recall)",
        y_name="precision",
        lines=_lines(
            views,
            lambda view: view.curves.precision_recall,
            "average precision",
            "average_precision",
        ),
        columns=("Of", "Threshold", "Sensitivity", "Precision"),
        rows=_table_rows(views, lambda view: view.curves.precision_recall),
    )


def reliability_chart(view: ChartData, place: int) -> Chart:
    """How often images with a given confidence show it, in bins of equally many images."""
    bins = [(one, _value_and_ends(one.frequency)) for one in view.curves.reliability]
    known = [(one, ends) for one, ends in bins if ends]
    return Chart(
        key=f"reliability-{place}",
        title=view.name,
        description="Share of images that show it against their mean confidence, in bins of "
        "equally many images, with 95\u00a0% intervals. On the dashed diagonal, confidences are "
        "probabilities.",
        x_name="mean confidence",
        y_name="share that shows it",
        lines=(Line("", place, _path([(one.confidence, ends[0]) for one, ends in known])),),
        bars=tuple(_bar(one.confidence, *ends) for one, ends in known),
        columns=("Confidence", "Mean", "Share that shows it", "Images", "Patients"),
        rows=tuple(
            Row(
                (
                    f"{confidence_text(one.low)} to {confidence_text(one.high)}",
                    confidence_text(one.confidence),
                    str(one.frequency),
                    str(one.frequency.n),
                    str(one.frequency.patients),
                )
            )
            for one, _ in bins
        ),
        reference=_path([(0, 0), (1, 1)]),
    )


def sweep_chart(view: ChartData, place: int, threshold: float | None = None) -> Chart:
    """The figures at each threshold; the row nearest to ``threshold`` is shown first."""
    points = view.curves.sweep
    wanted = 0.5 if threshold is None else threshold
    places = range(len(points))
    parts: tuple[tuple[str, int, Callable[[int], Figure]], ...] = (
        ("sensitivity", 0, lambda at: points[at].sensitivity),
        ("specificity", 1, lambda at: points[at].specificity),
        ("called, of all images", 2, lambda at: points[at].called),
    )
    lines = []
    for name, style, part in parts:
        known = [
            (points[at].threshold, ends) for at in places if (ends := _value_and_ends(part(at)))
        ]
        drawn = _path([(x, ends[0]) for x, ends in known])
        lines.append(Line(name, style, drawn, _band(known)))
    return Chart(
        key=f"sweep-{place}",
        title=view.name,
        description="Sensitivity, specificity and share of images called against the threshold of "
        "confidence, with 95\u00a0% intervals.",
        x_name="threshold",
        y_name="share",
        lines=tuple(lines),
        columns=_SWEEP,
        rows=tuple(
            Row(
                (
                    confidence_text(one.threshold),
                    str(one.sensitivity),
                    str(one.specificity),
                    str(one.called),
                ),
                f"{SIDE * one.threshold:.1f}",
            )
            for one in points
        ),
        start=min(places, key=lambda at: abs(points[at].threshold - wanted), default=0),
    )


def risk_coverage_chart(curve: RiskCoverage, place: int, title: str) -> Chart:
    """Error rate among the images that are not referred, the least certain referred first."""
    known = [(one.coverage, ends) for one in curve.points if (ends := _value_and_ends(one.risk))]
    most = max((ends[2] for _, ends in known), default=1.0)
    top = next((each for each in _TOPS if most <= each), 1.0)
    scaled = [(x, (y / top, low / top, high / top)) for x, (y, low, high) in known]
    return Chart(
        key=f"risk-{place}",
        title=title,
        description=f"Share of wrong calls among the images that are decided, with 95\u00a0% "
        f"intervals, against the share that is decided. Call: {curve.call}. Mean risk "
        f"over all coverages (area): {curve.area:.3f}.",
        x_name="share decided (coverage)",
        y_name="share wrong (risk)",
        lines=(Line("", place, _path([(x, ends[0]) for x, ends in scaled]), _band(scaled)),),
        columns=("Decided", "Referred", "Wrong among those decided", "Images", "Patients"),
        rows=tuple(
            Row(
                (
                    f"{one.coverage:.1%}",
                    f"{1 - one.coverage:.1%}",
                    str(one.risk),
                    str(one.risk.n),
                    str(one.risk.patients),
                )
            )
            for one in curve.points
        ),
        top=top,
    )


def distribution_chart(
    ill: Sequence[float], others: Sequence[float], threshold: float | None
) -> Chart:
    """How the confidences of pneumonia of both classes are distributed, and the threshold.

    Args:
        ill: confidences, 0 to 1, of the images with pneumonia.
        others: those of the other images.
        threshold: of a policy; drawn as a dashed line.
    """
    shares = {"with pneumonia": _binned(ill), "without": _binned(others)}
    most = max((max(found) for found in shares.values()), default=1.0)
    top = next((each for each in _TOPS if most <= each), 1.0)
    ends = [place / _BINS for place in range(_BINS + 1)]
    lines = tuple(
        Line(name, style, _path(_steps(ends, [share / top for share in found])))
        for style, (name, found) in enumerate(shares.items())
    )
    return Chart(
        key="distribution",
        title="Confidence of pneumonia",
        description="Share of the images of each class in each twentieth of the confidence."
        + ("" if threshold is None else f" Dashed: the policy's threshold, {threshold:.3f}."),
        x_name="confidence of pneumonia",
        y_name="share of the class",
        lines=lines,
        columns=("Confidence", "With pneumonia", "Without"),
        rows=tuple(
            Row((f"{low:.2f} to {high:.2f}", *(f"{found[place]:.1%}" for found in shares.values())))
            for place, (low, high) in enumerate(pairwise(ends))
        ),
        reference="" if threshold is None else _path([(threshold, 0.0), (threshold, 1.0)]),
        top=top,
    )


def _binned(confidences: Sequence[float]) -> list[float]:
    counts = [0] * _BINS
    for confidence in confidences:
        counts[min(int(confidence * _BINS), _BINS - 1)] += 1
    return [count / max(1, len(confidences)) for count in counts]


def _steps(ends: Sequence[float], shares: Sequence[float]) -> Iterator[tuple[float, float]]:
    """The outline of a histogram."""
    for (low, high), share in zip(pairwise(ends), shares, strict=True):
        yield low, share
        yield high, share


def decision_chart(curve: DecisionCurve) -> Chart:
    """Net benefit of the model over thresholds, beside calling every image and calling none."""
    known = [(one, ends) for one in curve.points if (ends := _value_and_ends(one.model))]
    most = max((ends[2] for _, ends in known), default=1.0)
    top = next((each for each in _TOPS if most <= each), 1.0)
    model = [(one.threshold, _scaled(ends, top)) for one, ends in known]
    every = [(one.threshold, (one.call_all.value or 0.0) / top) for one, _ in known]
    return Chart(
        key="net-benefit",
        title=curve.of,
        description=f"Net benefit per image at a prevalence of {curve.prevalence:.2f}, with "
        "95\u00a0% intervals, against the threshold: the chance of disease from which a call is "
        "worth it. Calling none has a net benefit of 0; what is below is drawn at 0.",
        x_name="threshold",
        y_name="net benefit",
        lines=(
            Line("the model", 0, _path([(x, ends[0]) for x, ends in model]), _band(model)),
            Line("calling every image", 1, _path([(x, max(0.0, y)) for x, y in every])),
        ),
        columns=("Threshold", "The model", "Calling every image", "Gain over all or none"),
        rows=tuple(
            Row((f"{one.threshold:g}", str(one.model), str(one.call_all), str(one.gain)))
            for one in curve.points
        ),
        top=top,
    )


def _scaled(ends: tuple[float, float, float], top: float) -> tuple[float, float, float]:
    value, low, high = (max(0.0, end) / top for end in ends)
    return value, low, high


def confidence_text(value: float | None) -> str:
    """A confidence as text, with more decimals where three would round it to 0 or 1."""
    if value is None:
        return "none called"
    if 0.001 <= value <= 0.999 or value in {0, 1}:
        return f"{value:.3f}"
    if 0.000005 <= value <= 0.999995:
        return f"{value:.5f}"
    return "<0.00001" if value < 0.5 else ">0.99999"


def chart_style(place: int) -> int:
    """The style of the n-th view; the style sheet has six styles."""
    return place % 6


def _lines(
    views: Sequence[ChartData],
    points: Callable[[ChartData], Sequence[CurvePoint]],
    word: str,
    figure: str,
    band: str = "",
) -> tuple[Line, ...]:
    return tuple(
        Line(
            f"{view.name}: {word} {view.figures.by_name()[figure]}",
            chart_style(place),
            _path([(point.x, point.y) for point in points(view)]),
            "" if place else band,
        )
        for place, view in enumerate(views)
    )


def _table_rows(
    views: Sequence[ChartData], points: Callable[[ChartData], Sequence[CurvePoint]]
) -> tuple[Row, ...]:
    rows = []
    for view in views:
        every = points(view)
        step = max(1, -(-len(every) // _TABLED))
        chosen = [*every[:-1:step], *every[-1:]]
        rows += [
            Row((view.name, confidence_text(one.threshold), f"{one.x:.3f}", f"{one.y:.3f}"))
            for one in chosen
        ]
    return tuple(rows)


def _roc_band(view: ChartData) -> list[tuple[float, tuple[float, float, float]]]:
    return [
        (1 - one.specificity.value, ends)
        for one in view.curves.sweep
        if one.specificity.value is not None and (ends := _value_and_ends(one.sensitivity))
    ]


def _value_and_ends(figure: Figure) -> tuple[float, float, float] | None:
    """Value, low and high, where there is a value."""
    if figure.value is None or figure.low is None or figure.high is None:
        return None
    return figure.value, figure.low, figure.high


def _band(known: Sequence[tuple[float, tuple[float, float, float]]]) -> str:
    upper = [(x, high) for x, (_, _, high) in known]
    lower = [(x, low) for x, (_, low, _) in known]
    return _path([*upper, *reversed(lower)])


def _bar(x: float, value: float, low: float, high: float) -> Bar:
    return Bar(_x(x), _y(value), _y(low), _y(high))


def _path(points: Iterable[tuple[float, float]]) -> str:
    return " ".join(f"{_x(x)},{_y(y)}" for x, y in points)


def _x(share: float) -> str:
    return f"{SIDE * share:.1f}"


def _y(share: float) -> str:
    return f"{SIDE * (1 - min(share, 1.0)):.1f}"

"""Figures of groups of test images, and their differences.

Imports numpy and scipy: to be imported only when figures are computed.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Final, TypeAlias

import attrs
import numpy as np
import numpy.typing as npt
from scipy.special import stdtr, stdtrit

from rekognition_xray.clinic.statistics.estimates import (
    BinaryView,
    figures_from,
    pneumonia_view,
    resample_patients,
    view_statistics,
)
from rekognition_xray.clinic.statistics.figures import (
    BinaryFigures,
    Figure,
    Group,
    GroupDifference,
    GroupVariable,
)
from rekognition_xray.clinic.statistics.intervals import (
    BootstrapStatistic,
    Values,
    logit_figure,
    score_figure,
)
from rekognition_xray.clinic.statistics.resampling import Mask, Resamples
from rekognition_xray.clinic.statistics.test_image import TestImage
from rekognition_xray.errors import EvaluationError, list_paths
from rekognition_xray.labels import distinguish_pneumonia

NOT_STATED: Final = "not stated"
DIFFERENCE: Final = "recovered from both intervals, bootstrap over patients"

_FEWEST_PATIENTS: Final = 10
_MOST_GROUPS: Final = 20
_EMPTY: Final = frozenset({"", "nan", "nat", "none", "<na>"})
_COMPARED: Final = ("sensitivity", "specificity", "auroc")
_FOLDS: Final = 5
_AGREE: Final = 1e-9
_DIGITS: Final = 9  # rounding must not order what is equal

Texts: TypeAlias = npt.NDArray[np.str_]

Facts: TypeAlias = Mapping[str, Mapping[str, object]]
"""Address of an image, to what is known of it: name of a variable to its value."""


@attrs.frozen(eq=False)
class _Compared:
    """Some of the images, as far as they are compared with others.

    Attributes:
        images: how many.
        patients: how many.
        statistics: their figures on the resamples.
        lacks: figure to why it has too few patients; empty if it has enough.
    """

    images: int
    patients: int
    statistics: Mapping[str, BootstrapStatistic]
    lacks: Mapping[str, str]

    @classmethod
    def of(cls, sample: Resamples, view: BinaryView) -> _Compared:
        lacks = dict(_lacks(sample, view))
        return cls(len(view.truth), sample.patients, view_statistics(sample, view), lacks)


def _lacks(sample: Resamples, view: BinaryView) -> Iterator[tuple[str, str]]:
    """Each figure, and why it has too few patients."""
    few = {
        side: f"{count} patients {side} {view.name}; {_FEWEST_PATIENTS} are needed"
        if (count := sample.count(among)) < _FEWEST_PATIENTS
        else ""
        for side, among in (("with", view.truth), ("without", ~view.truth))
    }
    for field in attrs.fields(BinaryFigures):
        yield field.name, few["with"] or few["without"]
    yield "sensitivity", few["with"]
    yield "specificity", few["without"]


def group_figures(
    images: Sequence[TestImage],
    labels: Sequence[str],
    facts: Facts,
    *,
    resamples: int,
    seed: int,
) -> tuple[GroupVariable, ...]:
    """The figures of the groups by each variable, and their differences.

    All groups are judged on the same resamples of the patients, so patients with images in several
    groups are accounted for. The interval of a difference is recovered from those of both sides
    (Zou and Donner 2008), with their correlation over the resamples; the p value follows from the
    half of the interval on the side of 0, and Student's t. The p values of all variables, groups
    and figures are corrected together by Holm's method (1979).

    Args:
        images: the test images.
        labels: the labels of the model.
        facts: address of an image to its values, by variable. A value that is missing, empty or
            not a number makes the group ``not stated``.
        resamples: bootstrap resamples of the patients.
        seed: seed of the resamples.

    Raises:
        EvaluationError: no image has a value, a variable has too many values, or the labels do not
            distinguish pneumonia from the rest.
    """
    _check_labels(labels)
    images = sorted(images, key=lambda image: image.source_ref)
    values = _values(images, facts)
    sample = resample_patients(images, resamples=resamples, seed=seed)
    view = pneumonia_view(images)
    return _holm([_variable(sample, view, name, column) for name, column in values.items()])


def _check_labels(labels: Sequence[str]) -> None:
    if not distinguish_pneumonia(labels):
        raise EvaluationError(
            "The labels do not distinguish pneumonia from the rest, so groups cannot be compared.",
            hint="Evaluate a version with a label that means pneumonia and one that does not.",
        )


def _values(images: Sequence[TestImage], facts: Facts) -> dict[str, Texts]:
    """Variable to the value of each image, as text."""
    known = [facts.get(image.source_ref, {}) for image in images]
    names = dict.fromkeys(name for row in known for name in row)
    if not names:
        raise EvaluationError(
            f"None of the {len(images)} test images has a value: no address agrees.",
            hint="Use the addresses of the test images, such as s3://bucket/key: "
            "[image.source_ref for image in evaluation.images].",
        )
    values = {name: np.array([_text(row.get(name)) for row in known]) for name in names}
    crowded = [
        f"{name}: {len(np.unique(column))} values"
        for name, column in values.items()
        if len(np.unique(column)) > _MOST_GROUPS
    ]
    if crowded:
        raise EvaluationError(
            f"These have more than {_MOST_GROUPS} values, too many groups:\n{list_paths(crowded)}",
            hint="Put values together, such as ages into age groups.",
        )
    return values


def _text(value: object) -> str:
    text = str(value).strip()
    return NOT_STATED if text.lower() in _EMPTY else text


def _variable(sample: Resamples, view: BinaryView, name: str, column: Texts) -> GroupVariable:
    values = sorted(set(column.tolist()), key=lambda value: (value == NOT_STATED, value))
    groups, compared, differences = [], {}, {}
    for value in values:
        inside = _part(sample, view, column == value)
        one = compared[value] = _Compared.of(*inside)
        if len(values) > 2:
            rest = _Compared.of(*_part(sample, view, column != value))
            differences[value] = _differences(one, rest)
        groups.append((value, one, _figures(*inside, one)))
    if len(values) == 2:
        differences[values[0]] = _differences(*compared.values())
    return GroupVariable(
        name=name,
        groups=tuple(
            Group(
                variable=name,
                value=value,
                images=one.images,
                patients=one.patients,
                figures=figures,
                differences=differences.get(value, {}),
            )
            for value, one, figures in groups
        ),
        shortcut=_shortcut(sample, view, column),
        divided_patients=_divided(sample, column),
    )


def _part(sample: Resamples, view: BinaryView, among: Mask) -> tuple[Resamples, BinaryView]:
    """Some of the images, on the same resamples."""
    kept = BinaryView(view.name, view.truth[among], view.called[among], view.score[among])
    return sample.part(among), kept


def _figures(sample: Resamples, view: BinaryView, compared: _Compared) -> BinaryFigures:
    """All figures of a group; without a value where there are too few patients."""
    found = figures_from(sample, view, compared.statistics).by_name()
    return BinaryFigures(
        **{name: _without_value(each, compared.lacks[name]) for name, each in found.items()}
    )


def _divided(sample: Resamples, column: Texts) -> int:
    """Number of patients with images in more than one group."""
    _, group = np.unique(column, return_inverse=True)
    pairs = np.unique(np.column_stack([sample.patient, group]), axis=0)
    return int((np.bincount(pairs[:, 0]) > 1).sum())


def _without_value(figure: Figure, reason: str) -> Figure:
    if not reason or figure.value is None:
        return figure
    return Figure(None, n=figure.n, patients=figure.patients, reason=reason)


def _differences(group: _Compared, others: _Compared) -> dict[str, GroupDifference]:
    """The compared figures, less those of the other images; p values not yet corrected."""
    return {name: _difference(group, others, name) for name in _COMPARED}


def _difference(group: _Compared, others: _Compared, name: str) -> GroupDifference:
    reason = group.lacks[name] or others.lacks[name]
    one, other = group.statistics.get(name), others.statistics.get(name)
    if reason or one is None or other is None:
        why = reason or "some images have no usable confidence"
        missing = Figure(None, n=group.images, patients=group.patients, reason=why)
        return GroupDifference(missing, None)
    interval = logit_figure if name == "auroc" else score_figure
    low, high = _recovered(_ends(interval(one)), _ends(interval(other)), _correlation(one, other))
    change = one.value - other.value
    figure = Figure(
        change,
        max(-1.0, change - low),
        min(1.0, change + high),
        n=one.images,
        patients=one.patients,
        method=DIFFERENCE,
    )
    return GroupDifference(figure, _p_value(change, low, high, min(one.units, other.units)))


def _ends(figure: Figure) -> tuple[float, float, float]:
    return figure.value or 0.0, figure.low or 0.0, figure.high or 0.0


def _recovered(
    one: tuple[float, float, float], other: tuple[float, float, float], correlation: float
) -> tuple[float, float]:
    """How far the interval of a difference reaches down and up (Zou and Donner 2008)."""

    def reach(first: float, second: float) -> float:
        return math.sqrt(max(0.0, first**2 + second**2 - 2 * correlation * first * second))

    return reach(one[0] - one[1], other[2] - other[0]), reach(one[2] - one[0], other[0] - other[1])


def _correlation(one: BootstrapStatistic, other: BootstrapStatistic) -> float:
    """Of both figures over the resamples: patients with images on both sides cause it."""
    both = ~(np.isnan(one.replicates) | np.isnan(other.replicates))
    first, second = one.replicates[both], other.replicates[both]
    if len(first) < 2 or min(float(first.std()), float(second.std())) < _AGREE:
        return 0.0
    return float(np.corrcoef(first, second)[0, 1])


def _p_value(change: float, down: float, up: float, units: int) -> float:
    """Of a difference whose interval reaches so far: the half on the side of 0 decides."""
    freedom = max(1, units - 1)
    reach = down if change > 0 else up
    quantile = float(stdtrit(freedom, 0.975)) * abs(change) / reach if reach > 0 else math.inf
    return 1.0 if change == 0 else float(2 * stdtr(freedom, -quantile))


def _holm(variables: Sequence[GroupVariable]) -> tuple[GroupVariable, ...]:
    """The variables with p values corrected for all of them (Holm 1979)."""
    found = {
        (variable.name, group.value, name): difference.p_value
        for variable in variables
        for group in variable.groups
        for name, difference in group.differences.items()
        if difference.p_value is not None
    }
    corrected: dict[tuple[str, str, str], float] = {}
    least = 0.0
    for place, key in enumerate(sorted(found, key=lambda key: (found[key], key))):
        least = max(least, min(1.0, (len(found) - place) * found[key]))
        corrected[key] = least

    def changed(variable: GroupVariable, group: Group) -> Group:
        differences = {
            name: attrs.evolve(each, p_value=corrected.get((variable.name, group.value, name)))
            for name, each in group.differences.items()
        }
        return attrs.evolve(group, differences=differences)

    return tuple(
        attrs.evolve(variable, groups=tuple(changed(variable, group) for group in variable.groups))
        for variable in variables
    )


def _shortcut(sample: Resamples, view: BinaryView, column: Texts) -> Figure:
    """AUROC of pneumonia by the group alone, judged by other patients."""
    everything = np.ones(len(view.truth), dtype=bool)
    reason = dict(_lacks(sample, view))["auroc"]
    if reason:
        return Figure(None, n=len(view.truth), patients=sample.patients, reason=reason)
    levels, level = np.unique(_shares_elsewhere(sample, view, column), return_inverse=True)
    table = np.zeros((len(level), 2 * len(levels)))
    table[np.arange(len(level)), level + len(levels) * ~view.truth] = 1.0
    sick, well = np.split(sample.totals(table), 2, axis=1)
    won = (sick * (np.cumsum(well, axis=1) - well / 2)).sum(axis=1)
    with np.errstate(invalid="ignore"):
        areas = won / (sick.sum(axis=1) * well.sum(axis=1))
    sides = min(sample.count(view.truth), sample.count(~view.truth))
    return logit_figure(sample.statistic(areas, everything, reason="", units=sides))


def _shares_elsewhere(sample: Resamples, view: BinaryView, column: Texts) -> Values:
    """The share of pneumonia in the same group of four fifths of the patients, less that of all.

    Less that of all, since folds with few sick patients would else rank above the others.
    """
    _, group = np.unique(column, return_inverse=True)
    fold = np.random.default_rng(0).permutation(sample.patients)[sample.patient] % _FOLDS
    score = np.zeros(len(group))
    for number in range(_FOLDS):
        train = fold != number
        images = np.bincount(group[train], minlength=int(group.max()) + 1)
        sick = np.bincount(group[train], weights=view.truth[train], minlength=len(images))
        overall = view.truth[train].mean()
        shares = (sick + overall) / (images + 1) - overall
        score[~train] = shares.round(_DIGITS)[group[~train]]
    return score

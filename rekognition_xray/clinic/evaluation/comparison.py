"""``compare``: two versions on the same test images, and whether the new one is better."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Final, Literal, get_args

import attrs

from rekognition_xray.clinic.extras import needs_science
from rekognition_xray.clinic.notices import NOTICE
from rekognition_xray.clinic.statistics import Figure, TestImage, figure_name
from rekognition_xray.errors import EvaluationError, list_paths

if TYPE_CHECKING:
    from rekognition_xray.clinic.evaluation.evaluation import Evaluation

Verdict = Literal["better", "worse", "no difference shown"]
Main = Literal["accuracy", "balanced_accuracy", "sensitivity", "specificity", "auroc"]

_FIGURES: Final[Mapping[str, str]] = {
    "accuracy": "accuracy",
    "balanced_accuracy": "balanced_accuracy",
    "sensitivity": "two_class.sensitivity",
    "specificity": "two_class.specificity",
    "auroc": "two_class.auroc",
}
_MIN_RESAMPLES: Final = 100
_COLUMNS: Final = ("Figure", "Old", "New", "New less old")
_ONE: Final = "The verdict rests on the one main figure; choose it before you look at the others."


@attrs.frozen
class Difference:
    """One figure of both versions on the same images.

    Attributes:
        name: such as ``balanced_accuracy``; sensitivity, specificity and AUROC are for pneumonia
            of any type against the rest.
        old: the old version's figure.
        new: the new version's figure.
        change: new minus old, -1 to 1, with its 95 % interval from a paired bootstrap over
            patients.
    """

    name: str
    old: Figure
    new: Figure
    change: Figure


@attrs.frozen(str=False)
class Comparison:
    """Two versions on the same test images.

    Attributes:
        old, new: ARNs of the versions.
        old_name, new_name: what tables call them.
        verdict: ``better`` or ``worse`` if the interval of the main figure's change excludes 0;
            otherwise ``no difference shown``, which does not prove that there is none.
        main: the figure that the verdict rests on.
        differences: all figures by name.
        images, patients: how many were compared.
        left_out: images that only one of the two evaluations has.
        margin: how much lower the main figure may be and still be acceptable; None if not given.
        warnings: the warnings of both evaluations.
        resamples, seed: number of bootstrap resamples, and their seed.
    """

    old: str
    new: str
    old_name: str
    new_name: str
    verdict: Verdict
    main: Main
    differences: Mapping[str, Difference] = attrs.field(hash=False)
    images: int
    patients: int
    left_out: int
    margin: float | None
    warnings: tuple[str, ...]
    resamples: int
    seed: int

    @property
    def change(self) -> Figure:
        """The change of the main figure."""
        return self.differences[self.main].change

    @property
    def not_inferior(self) -> bool | None:
        """Whether the new version is shown to be non-inferior; None without a margin.

        It is if the lower end of the change's interval lies above minus the margin.
        """
        if self.margin is None or self.change.low is None:
            return None
        return self.change.low > -self.margin

    def to_dict(self) -> dict[str, object]:
        """Plain data, ready for JSON."""
        return {**attrs.asdict(self), "not_inferior": self.not_inferior}

    def to_markdown(self) -> str:
        """Verdict, figures and warnings as GitHub's Markdown."""
        rule = ("---", *["---:"] * (len(_COLUMNS) - 1))
        rows = [f"| {' | '.join(row)} |" for row in (_COLUMNS, rule, *self._rows())]
        parts = [f"## {self._title()}", f"**{NOTICE}**", self._verdict_line(), "\n".join(rows)]
        parts += [f"> {warning}" for warning in self.warnings]
        return "\n\n".join([*parts, "\n".join(f"- {note}" for note in self._notes())]) + "\n"

    def __str__(self) -> str:
        rows = (_COLUMNS, *self._rows())
        widths = [max(map(len, cells)) for cells in zip(*rows, strict=True)]
        lines = [
            "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
            for row in rows
        ]
        parts = [f"{self._title()}\n{NOTICE}", self._verdict_line(), "\n".join(lines)]
        parts += [f"Note: {warning}" for warning in self.warnings]
        return "\n\n".join([*parts, "\n".join(self._notes())])

    def _title(self) -> str:
        return f"{self.new_name} against {self.old_name}"

    def _verdict_line(self) -> str:
        by = f"{figure_name(self.main)} {signed_text(self.change)} (95 % interval)"
        return f"Verdict: {self.verdict}, by {by}."

    def _rows(self) -> Iterator[tuple[str, str, str, str]]:
        for one in self.differences.values():
            name = figure_name(one.name)
            shown = f"{name} (main)" if one.name == self.main else name
            yield shown, str(one.old), str(one.new), signed_text(one.change)

    def _notes(self) -> Iterator[str]:
        yield f"{self.images} images of {self.patients} patients, classified by both versions."
        if self.left_out:
            yield f"{self.left_out} images that only one evaluation has are left out."
        if self.margin is not None:
            known = "shown" if self.not_inferior else "not shown"
            yield f"Non-inferiority with a margin of {self.margin:g}: {known}."
        resampling = f"{self.resamples} bootstrap resamples of patients"
        yield f"Intervals from {resampling}, the same for both versions."
        yield _ONE
        reasons = {one.change.reason for one in self.differences.values()} - {""}
        yield from (f"Not estimable: {reason}." for reason in sorted(reasons))


def compare(
    old: Evaluation,
    new: Evaluation,
    *,
    main: Main = "balanced_accuracy",
    margin: float | None = None,
    common: bool = False,
    resamples: int = 1000,
    seed: int = 0,
) -> Comparison:
    """Compares two versions image by image: figures of both, their differences, and a verdict.

    Images are matched by their S3 address. The intervals come from a paired bootstrap over
    patients: both versions are evaluated on the same resamples. Choose ``main`` before you look at
    the figures: with five of them, one can easily look better by chance.

    Args:
        old: evaluation of the version in use.
        new: evaluation of the version that may replace it, on the same images.
        main: the figure that the verdict rests on. Balanced accuracy, the mean of the labels'
            sensitivities, does not depend on how many images of each label the test set has.
        margin: non-inferiority margin of the main figure, between 0 and 1; see ``not_inferior``.
        common: compares on the images that both evaluations have, if their images differ.
        resamples: bootstrap resamples of the patients, at least 100.
        seed: seed of the resamples.

    Raises:
        EvaluationError: the images or labels differ, the label of an image has changed, or the
            images do not support the main figure.
        MissingExtraError: the extra ``science`` is not installed.
    """
    needs_science("compare")
    from rekognition_xray.clinic.statistics import differences  # noqa: PLC0415 - needs the extra

    _check_arguments(old, new, main, margin, resamples)
    ours, theirs, left_out = _match(old.images, new.images, common=common)
    _check_truths(ours, theirs)
    figures = differences(ours, theirs, old.labels, _FIGURES, resamples=resamples, seed=seed)
    found = {name: Difference(name, *three) for name, three in figures.items()}
    return Comparison(
        old=old.version_arn,
        new=new.version_arn,
        old_name=old.name,
        new_name=new.name,
        verdict=_verdict(found[main]),
        main=main,
        differences=found,
        images=len(ours),
        patients=len({image.group for image in ours}),
        left_out=left_out,
        margin=margin,
        warnings=tuple(_warnings(old, new)),
        resamples=resamples,
        seed=seed,
    )


def signed_text(change: Figure) -> str:
    """A change as tables show it, always with its sign."""
    if change.value is None:
        return str(change)
    return f"{change.value:+.3f} ({change.low or 0.0:+.3f} to {change.high or 0.0:+.3f})"


def _verdict(difference: Difference) -> Verdict:
    change = difference.change
    if change.low is None or change.high is None:
        raise EvaluationError(
            f"The images do not support {figure_name(difference.name)}: {change.reason}.",
            hint="Choose another main figure, before you look at the others: main=...",
        )
    if change.low > 0:
        return "better"
    return "worse" if change.high < 0 else "no difference shown"


def _check_arguments(
    old: Evaluation, new: Evaluation, main: str, margin: float | None, resamples: int
) -> None:
    if main not in get_args(Main):
        raise EvaluationError(
            f"There is no main figure {main!r}.", hint=f"Choose one of {', '.join(get_args(Main))}."
        )
    if margin is not None and not 0 < margin < 1:
        raise EvaluationError(
            f"A margin of {margin} is not between 0 and 1.",
            hint="A margin of 0.02 allows 2 percentage points less.",
        )
    if resamples < _MIN_RESAMPLES:
        raise EvaluationError(
            f"{resamples} resamples are too few for an interval.", hint="1000 is the default."
        )
    if set(old.labels) != set(new.labels):
        raise EvaluationError(
            f"{old.name} has the labels {', '.join(old.labels)}, {new.name} has "
            f"{', '.join(new.labels)}.",
            hint="Only versions with the same labels can be compared.",
        )


def _match(
    old: Sequence[TestImage], new: Sequence[TestImage], *, common: bool
) -> tuple[list[TestImage], list[TestImage], int]:
    """The images that both have, in the same order, and how many only one of them has."""
    ours, theirs = _by_address(old), _by_address(new)
    both = sorted(ours.keys() & theirs.keys())
    alone = len(ours.keys() ^ theirs.keys())
    if not both or (alone and not common):
        hint = "Use the same TEST dataset for both versions."
        some = " Or pass common=True to compare on the images that match." if both else ""
        raise EvaluationError(
            f"{len(both)} images match, of {len(ours)} of the old version and {len(theirs)} of the "
            "new one; versions can only be compared on the same images.",
            hint=f"{hint}{some}",
        )
    return [ours[place] for place in both], [theirs[place] for place in both], alone


def _by_address(images: Iterable[TestImage]) -> dict[str, TestImage]:
    return {image.source_ref: image for image in images}


def _check_truths(ours: Sequence[TestImage], theirs: Sequence[TestImage]) -> None:
    changed = [
        f"{one.source_ref}: {one.truth}, then {other.truth}"
        for one, other in zip(ours, theirs, strict=True)
        if one.truth != other.truth
    ]
    if changed:
        raise EvaluationError(
            f"{len(changed)} images have a different label in the two evaluations:\n"
            f"{list_paths(changed)}",
            hint="Train the old version again with the new labels, or leave these images out.",
        )


def _warnings(old: Evaluation, new: Evaluation) -> Iterator[str]:
    if old.version_arn == new.version_arn:
        yield "Both evaluations are of the same version."
    for one in (old, new):
        yield from (f"{one.name}: {warning}" for warning in one.warnings)

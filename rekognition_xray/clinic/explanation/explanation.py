"""``explain``: the parts of an image that an answer depends on, found by covering them."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

import attrs
import numpy as np
from PIL import Image
from tqdm import tqdm

from rekognition_xray.clinic.explanation import heat
from rekognition_xray.clinic.explanation.occlusion import Covering, Fill, Floats
from rekognition_xray.clinic.explanation.plan import ExplainPlan, plan_explanation
from rekognition_xray.clinic.fatal_errors import FATAL_ERRORS
from rekognition_xray.cloud.pricing import book_for
from rekognition_xray.cloud.versions import ModelVersion
from rekognition_xray.data.gating import find_repair
from rekognition_xray.data.images import (
    DEFAULT_OPTIONS,
    MAX_DETECT_BYTES,
    Gate,
    ImageOptions,
    ImageSource,
    PreparedImage,
    decode,
    encode,
    prepare_image,
)
from rekognition_xray.errors import AwsError, DataError, InvalidRequestError
from rekognition_xray.labels import PNEUMONIA, in_order, is_pneumonia, pneumonia_confidence
from rekognition_xray.plans import PUBLISHED_TPS

if TYPE_CHECKING:
    from rekognition_xray.costs import Money, PriceBook

log = logging.getLogger(__name__)

_IN_A_ROW: Final = 3
"""After this many failed calls in a row no more are made: the rest would probably fail too."""


@attrs.frozen
class ExplainProgress:
    """How far an explanation is.

    Attributes:
        done: calls that were made; 0 when the plan is shown before the first.
        plan: all calls, and their price.
    """

    done: int
    plan: ExplainPlan


@attrs.frozen
class FailedCell:
    """A cell whose call failed, or was not made.

    Attributes:
        row, column: from 0, from the top left.
        reason: why, in a sentence.
    """

    row: int
    column: int
    reason: str


def _equal(one: Floats, other: Floats) -> bool:
    return bool(np.array_equal(one, other, equal_nan=True))


@attrs.frozen(str=False)
class Explanation:
    """An occlusion map: how much a confidence falls when a cell of the image is covered.

    It shows what this model's answer depends on, not where disease is. A model may depend on a
    marker, a rib or the edge of the image; two cells that show the same hide each other; a cover
    may look like disease itself; and nothing finer than a cell can be seen. Compare
    ``fill="mean"`` with ``fill="blur"``: what only one of them shows comes from the cover.

    Attributes:
        label: whose confidence it is; ``pneumonia`` for the sum of all labels that mean it.
        base: the confidence of the whole image, 0 to 1.
        drops: rows x columns, float64: ``base`` less the confidence with that cell covered, -1 to
            1; above 0 the cell supports the label, below 0 it counts against it; NaN if the call
            failed.
        fill: what cells were covered with.
        calls: DetectCustomLabels calls that were made, including failed ones.
        missing: cells without an answer, and why.
        version_arn: the version that was called.
        image_sha256: hash of the prepared image, as in a Diagnosis.
        plan: what was planned, with its price.
    """

    label: str
    base: float
    drops: Floats = attrs.field(eq=attrs.cmp_using(eq=_equal), hash=False, repr=False)
    fill: Fill
    calls: int
    missing: tuple[FailedCell, ...]
    version_arn: str
    image_sha256: str
    plan: ExplainPlan

    @property
    def peak(self) -> tuple[int, int] | None:
        """Row and column of the greatest drop; None where covering lowered nothing."""
        known = np.nan_to_num(self.drops, nan=-np.inf)
        row, column = divmod(int(known.argmax()), known.shape[1])
        return (row, column) if known[row, column] > 0 else None

    def overlay(
        self, image: ImageSource, *, options: ImageOptions = DEFAULT_OPTIONS
    ) -> Image.Image:
        """The image with the map over it, a legend and what it does not show; an RGB picture.

        Vermilion where covering lowers the confidence, blue where it raises it, crosses where
        the call failed. The colours differ for colour-blind readers too.

        Args:
            image: the image that was explained.
            options: as for the diagnoser.

        Raises:
            ImageError: the image cannot be used.
            DataError: it is another image.
        """
        prepared, grey = _pixels(image, options=options)
        if prepared.sha256 != self.image_sha256:
            repair = find_repair(
                image, self.image_sha256, options=options, max_bytes=MAX_DETECT_BYTES
            )
            prepared, grey = _pixels(image, options=options, gate=repair)
        if prepared.sha256 != self.image_sha256:
            raise DataError(
                "This is not the image that was explained: its prepared pixels differ.",
                hint="Give overlay() the image that explain() got.",
            )
        return heat.draw(self, grey)

    def to_dict(self) -> dict[str, object]:
        """Plain data, ready for JSON; null where the call failed."""
        return {
            "label": self.label,
            "base": self.base,
            "drops": [
                [round(drop, 9) if np.isfinite(drop) else None for drop in row]
                for row in self.drops.tolist()
            ],
            "fill": self.fill,
            "calls": self.calls,
            "missing": [attrs.asdict(cell) for cell in self.missing],
            "version_arn": self.version_arn,
            "image_sha256": self.image_sha256,
            "planned_calls": self.plan.calls,
            "estimated_cost": str(self.plan.estimate.total),
            "currency": self.plan.estimate.currency,
            "notice": heat.notice(self.label),
        }

    def __str__(self) -> str:
        rows, columns = self.drops.shape
        lines = [f"{self.label}: confidence {self.base:.3f} of the whole image, {self.calls} calls"]
        if self.peak is None:
            lines.append("covering lowers it nowhere")
        else:
            row, column = self.peak
            lines.append(
                f"covering lowers it most, by {self.drops[row, column]:.3f}, in row {row + 1} of "
                f"{rows}, column {column + 1} of {columns}"
            )
        if self.missing:
            lines.append(f"{len(self.missing)} cells without an answer: {self.missing[0].reason}")
        return "\n".join([*lines, heat.notice(self.label)])


def explain(
    version: ModelVersion,
    image: ImageSource,
    *,
    grid: int = 8,
    label: str | None = None,
    max_calls: int = 100,
    max_cost: Money | None = None,
    prices: PriceBook | None = None,
    units: int = 1,
    per_second: float = float(PUBLISHED_TPS),
    fill: Fill = "mean",
    options: ImageOptions = DEFAULT_OPTIONS,
    gate: Gate | None = None,
    progress: bool | Callable[[ExplainProgress], None] = False,
) -> Explanation:
    """An occlusion map of one image (after Zeiler and Fergus, ECCV 2014).

    The image is prepared as ``diagnose()`` prepares it and sent whole; then each cell of a grid is
    covered in turn, with soft edges, and the image is sent again. Calls
    DetectCustomLabels grid x grid + 1 times, one after the other (botocore repeats each on
    throttles and faults). A call has no price; see ``plan_explanation`` for the time it takes.
    The plan goes to the log, and to ``progress``, before the first call.

    A cell whose call fails becomes NaN. Where three fail in a row, or the version stops or
    credentials expire, no more calls are made, and the map holds what is known by then.

    Args:
        version: a running version.
        image: a path, the bytes of a PNG, JPEG or DICOM file, or a Pillow image.
        grid: rows and columns of cells, 2 to 32.
        label: whose confidence to follow; by default ``pneumonia``, the sum of the labels that
            mean it, where the model has one, else the label of highest confidence.
        max_calls: the most calls; a plan of more is refused.
        max_cost: the most that the time may cost, such as ``"0.10"``; a plan of more is refused.
        prices: the price book; by default the library's, for the Region.
        units: inference units that the model runs on, for the plan.
        per_second: calls a second that a unit answers, for the plan.
        fill: what covers a cell: ``mean``, the image's mean grey, or ``blur``, the image without
            detail.
        options: how images are read; the same as for training. See ImageOptions.
        gate: asked before a call is made, as by the diagnoser.
        progress: True for a bar, or a function that gets an ExplainProgress.

    Raises:
        CostCapError: more calls or money than allowed; no call was made.
        PriceBookError: there is a ``max_cost``, and no price for the Region.
        ImageError: the image cannot be used; no call was made.
        RefusedByGateError: the gate refuses the image; no call was made.
        InvalidRequestError: another grid or fill, or a label that the model does not have.
        NotReadyError: the version does not run.
        AwsError: AWS refused the whole image, or every cell.
    """
    book = book_for(version.aws, prices, max_cost)
    plan = plan_explanation(grid, units=units, per_second=per_second, prices=book)
    plan.check(max_calls=max_calls, max_cost=max_cost)
    prepared, grey = _pixels(image, options=options, gate=gate)
    covering = Covering.of(grey, grid=grid, fill=fill)
    log.info("explaining image %s by %s", prepared.sha256[:12], plan)
    with _reporting(progress, plan) as report:
        whole = version.detect(prepared.data).confidences
        report(1)
        chosen = _label(label, whole)
        base = _confidence(whole, chosen)
        cells = _CellCalls(version, covering, prepared.extension == "jpg", chosen)
        covered = cells.all_cells(grid, lambda done: report(done + 1))
    drops = base - covered
    drops.setflags(write=False)
    return Explanation(
        label=chosen,
        base=base,
        drops=drops,
        fill=fill,
        calls=cells.calls + 1,
        missing=tuple(cells.missing),
        version_arn=version.arn,
        image_sha256=prepared.sha256,
        plan=plan,
    )


@attrs.define
class _CellCalls:
    """The calls of one explanation, one after the other."""

    version: ModelVersion
    covering: Covering
    as_jpeg: bool
    label: str
    calls: int = 0
    missing: list[FailedCell] = attrs.field(factory=list)
    _failed: int = 0

    def all_cells(self, grid: int, report: Callable[[int], object]) -> Floats:
        """The confidence with each cell covered, NaN where the call failed."""
        found = np.full((grid, grid), np.nan)
        cells = [(row, column) for row in range(grid) for column in range(grid)]
        for place, (row, column) in enumerate(cells):
            try:
                found[row, column] = self._covered(row, column)
                self._failed = 0
            except AwsError as error:
                self._failed += 1
                self.missing.append(FailedCell(row, column, error.message))
                if isinstance(error, FATAL_ERRORS) or self._failed == _IN_A_ROW:
                    if not np.isfinite(found).any():
                        raise
                    reason = f"not asked, since others failed: {error.message}"
                    self.missing += [
                        FailedCell(row, column, reason) for row, column in cells[place + 1 :]
                    ]
                    break
            report(self.calls)
        return found

    def _covered(self, row: int, column: int) -> float:
        data = encode(self.covering.without(row, column), as_jpeg=self.as_jpeg)
        self.calls += 1
        return _confidence(self.version.detect(data).confidences, self.label)


def _pixels(
    image: ImageSource, *, options: ImageOptions, gate: Gate | None = None
) -> tuple[PreparedImage, Image.Image]:
    """The prepared image, and its grey pixels before they were encoded."""
    prepared = prepare_image(image, options=options, max_bytes=MAX_DETECT_BYTES, gate=gate)
    grey = decode(image, options=options).grey
    if gate is not None:
        grey = gate.admit(grey).grey
    if grey.size != (prepared.width, prepared.height):
        size = (prepared.width, prepared.height)
        grey = grey.resize(size, Image.Resampling.LANCZOS)
    return prepared, grey


def _label(wanted: str | None, confidences: Mapping[str, float]) -> str:
    known = in_order(confidences)
    means_it = any(map(is_pneumonia, known))
    if wanted is None:
        if not known:
            raise InvalidRequestError("The version named no label for this image.")
        return PNEUMONIA if means_it else max(known, key=confidences.__getitem__)
    if wanted in known or (wanted == PNEUMONIA and means_it):
        return wanted
    raise InvalidRequestError(
        f"The version has no label {wanted!r}.", hint=f"It has {', '.join(known) or 'none'}."
    )


def _confidence(confidences: Mapping[str, float], label: str) -> float:
    """A label that is missing from an answer has a confidence of 0."""
    if label == PNEUMONIA:
        return pneumonia_confidence(confidences)
    return confidences.get(label, 0.0)


@contextmanager
def _reporting(
    progress: bool | Callable[[ExplainProgress], None],  # noqa: FBT001 - as explain takes it
    plan: ExplainPlan,
) -> Iterator[Callable[[int], object]]:
    if callable(progress):
        progress(ExplainProgress(0, plan))
        yield lambda done: progress(ExplainProgress(done, plan))
        return
    with tqdm(total=plan.calls, unit="call", desc="explaining", disable=not progress) as bar:
        yield lambda done: bar.update(done - bar.n)

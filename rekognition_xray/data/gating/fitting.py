"""How a gate is fitted: every image is judged by subspaces that never saw its patient."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Final, TypeAlias

import attrs
import numpy as np
from numpy.typing import NDArray
from scipy.stats import binomtest

from rekognition_xray.data.gating.answer import StrangeFigure
from rekognition_xray.data.gating.features import (
    SIDE,
    Features,
    Thumbs,
    cropped,
    features_of,
    inverted,
    mirrored,
    noise,
    turned,
)
from rekognition_xray.data.gating.typicality import Typicality, Vector, direction_between

_FOLDS: Final = 5
TESTS: Final = 3
"""An image is refused as unlike the training images, as upside down, or as mirrored."""
_MOST_DIMENSIONS: Final = 60
_IMAGES_PER_DIMENSION: Final = 5
_STRANGE: Final = 100  # images of a strange kind for each fold
_CROP: Final = (0.4, 0.7)  # of a side: much is missing, and the rest may still be told
_MIRRORED: Final = "mirrored"
_CROPPED: Final = "cropped"
_CONFIDENCE: Final = 0.95

Scores: TypeAlias = NDArray[np.float64]


@attrs.frozen(str=False)
class GateFigures:
    """How the gate did on patients that it had not seen, when it was fitted.

    Attributes:
        images, patients: what it was fitted on.
        share: the share of acceptable images that it may refuse, as it was asked for.
        refused, judged: acceptable images that were refused, and those that were judged: one of
            each patient, by subspaces and thresholds made without that patient.
        low, high: 95 % interval of the refused share (Clopper and Pearson 1934).
        strange: images of strange kinds that were refused.
    """

    images: int
    patients: int
    share: float
    refused: int
    judged: int
    low: float
    high: float
    strange: tuple[StrangeFigure, ...] = ()

    def to_dict(self) -> dict[str, object]:
        """Plain data, ready for JSON."""
        return attrs.asdict(self)

    def __str__(self) -> str:
        strange = "\n".join(
            f"  {one.kind}: {one.refused:,} of {one.images:,} refused" for one in self.strange
        )
        return (
            f"Gate of {self.images:,} images of {self.patients:,} patients, each judged unseen. Of "
            f"{self.judged:,} acceptable images it refused {self.refused:,} "
            f"({self.refused / self.judged:.1%}, 95 % interval {self.low:.1%} to {self.high:.1%}); "
            f"asked for: at most {self.share:.1%}.\nStrange images, made of unseen ones:\n{strange}"
        )


@attrs.frozen
class Side:
    """A line that tells acceptable images from others; above 0 are the others.

    Attributes:
        weights: one for each feature.
        offset: what is added.
    """

    weights: Vector = attrs.field(eq=False)
    offset: float

    @classmethod
    def between(cls, one: Features, other: Features) -> Side:
        """The line between two sets."""
        return cls(*direction_between(one, other))

    def margins(self, features: Features) -> Scores:
        """How far each image lies on the other side."""
        return (features @ self.weights).astype(np.float64) + self.offset


@attrs.frozen
class Fitted:
    """All that a gate knows.

    Attributes:
        typicality: how unlike the training images an image is.
        upside_down: which end is up.
        mirror: which side is left.
        crop: what a part of an image looks like; it only helps to name a reason.
        threshold: scores above it are refused.
        upside_down_threshold: margins of ``upside_down`` above it are refused.
        mirror_threshold: margins of ``mirror`` above it are refused.
        crop_limit: scores that hardly a crop reaches.
        figures: how it did.
    """

    typicality: Typicality
    upside_down: Side
    mirror: Side
    crop: Side
    threshold: float
    upside_down_threshold: float
    mirror_threshold: float
    crop_limit: float
    figures: GateFigures

    def wrong_sides(self, features: Features) -> NDArray[np.bool_]:
        """Whether each image is upside down, and whether it is mirrored; shape images x 2."""
        return np.column_stack(
            [
                self.upside_down.margins(features) > self.upside_down_threshold,
                self.mirror.margins(features) > self.mirror_threshold,
            ]
        )


def patients_needed(share: float) -> int:
    """Patients for whom thresholds can promise a share: a third of it goes to each of three tests.

    The conformal quantile needs at least 1 / share - 1 patients (Vovk, Gammerman, Shafer 2005).
    """
    return int(np.ceil(TESTS / share)) - 1


def fit(thumbs: Thumbs, groups: Sequence[str], *, share: float, seed: int) -> Fitted:
    """Fits subspace, lines and thresholds.

    Args:
        thumbs: the acceptable images.
        groups: the patient of each, ``patients_needed`` of them or more.
        share: of acceptable images that may be refused, between 0 and 1.
        seed: of folds, crops and noise.
    """
    dice = np.random.default_rng(seed)
    patients, patient = np.unique(np.asarray(groups), return_inverse=True)
    fold = dice.permutation(np.arange(len(patients)) % _FOLDS)[patient]
    plain = features_of(thumbs)
    flipped = features_of(mirrored(thumbs))
    upset = features_of(turned(thumbs, 180))
    parts = features_of(cropped(thumbs, dice, least=_CROP[0], most=_CROP[1]))
    measured = np.zeros((len(plain), 4))
    dimensions = min(_MOST_DIMENSIONS, max(1, len(plain) // _IMAGES_PER_DIMENSION))
    strange: dict[str, list[NDArray[np.float64]]] = {}
    for number in range(_FOLDS):
        seen, held = fold != number, np.flatnonzero(fold == number)
        if not len(held):
            continue
        subspace = Typicality.fit(plain[seen], dimensions)
        lines = Side.between(plain[seen], upset[seen]), Side.between(plain[seen], flipped[seen])
        measured[held] = _measure(plain[held], subspace, lines)
        drawn = held[:_STRANGE]
        kinds = {_MIRRORED: flipped[drawn], _CROPPED: parts[drawn]}
        for kind, features in (*_strange_kinds(thumbs[drawn], dice), *kinds.items()):
            strange.setdefault(kind, []).append(_measure(features, subspace, lines))
    whole = Typicality.fit(plain, dimensions).scaled(measured[:, :2])
    one = _one_of_each(patient, dice)
    judged = _scores(measured, whole)[one]
    thresholds = _limits(judged, share)
    joined = {kind: np.concatenate(found) for kind, found in strange.items()}
    return Fitted(
        typicality=whole,
        upside_down=Side.between(plain, upset),
        mirror=Side.between(plain, flipped),
        crop=Side.between(plain, parts),
        threshold=thresholds[0],
        upside_down_threshold=thresholds[1],
        mirror_threshold=thresholds[2],
        crop_limit=float(np.quantile(whole.score(joined[_CROPPED][:, :2]), 0.99)),
        figures=attrs.evolve(
            _acceptable_figures(judged, fold[one], share),
            images=len(plain),
            strange=tuple(
                StrangeFigure(kind, _refused(_scores(found, whole), thresholds), len(found))
                for kind, found in joined.items()
            ),
        ),
    )


def _measure(features: Features, subspace: Typicality, lines: Iterable[Side]) -> Scores:
    """Both distances and the margin of each line; shape images x 4."""
    margins = (line.margins(features) for line in lines)
    return np.column_stack([subspace.distances(features), *margins])


def _scores(measured: Scores, typicality: Typicality) -> Scores:
    """The score for both distances, and the margins; shape images x 3."""
    return np.column_stack([typicality.score(measured[:, :2]), measured[:, 2:]])


def _limits(judged: Scores, share: float) -> list[float]:
    """What scores and margins must exceed for an image to be refused.

    An image is never refused as upside down or mirrored that lies on the right side of the line.
    """
    score, *margins = (_upper(values, share / TESTS) for values in judged.T)
    return [score, *(max(margin, 0.0) for margin in margins)]


def _refused(judged: Scores, limits: Sequence[float]) -> int:
    return int((judged > np.asarray(limits)).any(1).sum())


def _strange_kinds(thumbs: Thumbs, dice: np.random.Generator) -> Iterator[tuple[str, Features]]:
    """Features of images that a gate has to refuse, made of acceptable ones, or of nothing."""
    yield "inverted", features_of(inverted(thumbs))
    for degrees in (90, 180, 270):
        yield f"turned by {degrees} degrees", features_of(turned(thumbs, degrees))
    yield "noise", features_of(noise(len(thumbs), dice))
    blank = np.full((1, SIDE, SIDE), 128, np.uint8)
    yield "blank", features_of(blank)


def _one_of_each(patient: NDArray[np.int64], dice: np.random.Generator) -> NDArray[np.int64]:
    """One image of each patient: images of one patient are no independent evidence."""
    order = dice.permutation(len(patient))
    _, first = np.unique(patient[order], return_index=True)
    return order[first]


def _upper(values: Scores, share: float) -> float:
    """The value that a new one exceeds with at most this probability, if it is exchangeable."""
    rank = int(np.floor(share * (len(values) + 1)))  # from above; 1 is the greatest
    return float(np.sort(values)[-max(1, rank)])


def _acceptable_figures(judged: Scores, fold: NDArray[np.int64], share: float) -> GateFigures:
    """The refused share of one image of each patient, each fold by thresholds of the others.

    Args:
        judged: score and margins of each image.
        fold: the fold of each.
        share: what may be refused.
    """
    refused = 0
    for number in np.unique(fold):
        held, others = judged[fold == number], judged[fold != number]
        refused += _refused(held, _limits(others, share))
    interval = binomtest(refused, len(judged)).proportion_ci(_CONFIDENCE, "exact")
    return GateFigures(
        images=len(judged),
        patients=len(judged),
        share=share,
        refused=refused,
        judged=len(judged),
        low=float(interval.low),
        high=float(interval.high),
    )

"""The learner that starts from what is known: a network that ImageNet trained, beside a fast model.

The network is fine-tuned; where there is little time or few images, it stays as it is and only a
head is fitted. Both models are judged by patients that neither has seen: these calibrate the
network, and they say how much the fast model counts.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

import attrs
import numpy as np

from rekognition_xray.local.learning.calibration import FEW, Array, Calibration
from rekognition_xray.local.learning.fast.fast import FastLearner, FastModel
from rekognition_xray.local.learning.fast.images import flat, grey_square
from rekognition_xray.local.learning.fast.targets import Flags, draw_held_back, truth_of
from rekognition_xray.local.learning.learner import (
    Example,
    LearnerUnavailable,
    ModelFormatError,
)
from rekognition_xray.local.learning.pretrained.plan import Timer
from rekognition_xray.local.learning.pretrained.serving import Network
from rekognition_xray.local.learning.saved import Arrays, read_model, read_notes, write_model
from rekognition_xray.local.learning.watch import Watch

if TYPE_CHECKING:
    from rekognition_xray.local.learning.pretrained.making import Made

NAME: Final = "pretrained"
_HELD, _HELD_AT_LEAST, _HELD_AT_MOST = 0.1, 60, 2000
_LARGEST_PART: Final = 0.25  # of the images, that is held back at most
_BESIDE: Final = "fast"  # the folder of the fast model in that of a saved one
_SHARES: Final = (0.0, 1 / 3, 2 / 3, 1.0)  # that the fast model can have in an answer
_USUAL_SHARE: Final = 1 / 3  # less than one half: it is the one that fails on other images
_SHARE_OF_FEW: Final = 2 / 3  # of few images the network learns less than the fast model does
_SHARE_OF_FEW_BELOW: Final = 1000  # images
_PARTS: Final = 5  # of the held-back patients, for calibrations that do not see whom they judge
_TINY: Final = 1e-6
_DIGITS: Final = 6
_ARRAYS: Final = frozenset({"network", "slope", "shift", "share"})


@attrs.frozen(eq=False)
class PretrainedModel:
    """A trained network, its calibration, and a fast model with its share in each answer.

    `notes` say how it was trained and whose weights it began with. Many threads may use it.
    """

    labels: tuple[str, ...]
    network: Network
    calibration: Calibration
    beside: FastModel | None
    share: float
    notes: dict[str, str]

    def confidences(self, image: bytes) -> dict[str, float]:
        """Confidence 0-1 per label for a JPEG or PNG. Raises `UnreadableImage`."""
        grey = grey_square(image)
        found = self.calibration(self.network.scores(grey[None]))[0]
        if self.beside is not None:
            says = self.beside.judge(flat(grey))
            other = np.array([says[label] for label in self.labels])
            found = (1 - self.share) * found + self.share * other
        return {
            label: round(float(value), _DIGITS)
            for label, value in zip(self.labels, found, strict=True)
        }

    def save(self, folder: Path) -> None:
        """Write `arrays.npz` and `model.json` into `folder`, which is made if need be."""
        arrays: Arrays = {
            "network": self.network.graph,
            "slope": self.calibration.slope,
            "shift": self.calibration.shift,
            "share": np.array(self.share),
        }
        if self.beside is not None:
            self.beside.save(folder / _BESIDE)
        single = self.calibration.single
        write_model(folder, NAME, self.labels, single=single, arrays=arrays, notes=self.notes)


@attrs.frozen
class PretrainedLearner:
    """Fine-tunes an ImageNet network on a few thousand images in minutes on two cores.

    Args:
        budget: seconds that a training may take; by default as many as it needs. With a budget it
            measures the machine first and does what there is time for, so a model can differ
            between machines. Its log and the model's notes say what it chose.
        rounds: how often each image is seen in fine-tuning; by default as the number of images
            asks for. With 0 only a head is fitted to the network as it is.
        clock: seconds that only ever increase.
    """

    budget: float | None = attrs.field(
        default=None, validator=attrs.validators.optional(attrs.validators.gt(0))
    )
    rounds: int | None = attrs.field(
        default=None, validator=attrs.validators.optional(attrs.validators.ge(0))
    )
    clock: Callable[[], float] = attrs.field(default=time.monotonic, repr=False)
    name: str = attrs.field(default=NAME, init=False)

    def fit(
        self,
        examples: Sequence[Example],
        *,
        seed: int,
        progress: Callable[[float], None],
        stopped: Callable[[], bool],
    ) -> PretrainedModel:
        """Train on `examples`; see `Learner.fit` for progress, stopping and errors.

        Takes the memory of the fast learner and PyTorch's own, however many images there are, and
        16 KB an image in a temporary file.

        Raises `LearnerUnavailable` where PyTorch or the weights are missing or not those that we
        know, `BudgetTooShort` where the budget does not allow a training.
        """
        if not examples:
            raise ValueError("a training needs at least one labelled image")
        timer = Timer.start(self.budget, self.clock)
        watch = Watch(_in_percents(progress), timer.guarded(stopped, len(examples)))
        watch.at(0.0)
        labels, truth = truth_of(examples)
        single = bool(np.all(truth.sum(axis=1) == 1))
        groups = [example.group for example in examples]
        away = _away(truth, groups, seed)
        made = self._make(examples, truth, away, watch, timer, seed=seed, single=single)
        aside = [group for group, held in zip(groups, away, strict=True) if held]
        usual = usual_share(len(examples))
        share = (
            0.0 if made.beside is None else _share(made, truth[away], aside, usual, single=single)
        )
        watch.at(1.0)
        return PretrainedModel(
            labels,
            made.network,
            Calibration.fit(made.scores, truth[away], single=single),
            made.beside if share else None,
            share,
            made.notes,
        )

    def _make(
        self,
        examples: Sequence[Example],
        truth: Array,
        away: Flags,
        watch: Watch,
        timer: Timer,
        *,
        seed: int,
        single: bool,
    ) -> Made:
        """Imports PyTorch, which only a training needs."""
        try:
            from rekognition_xray.local.learning.pretrained.making import (  # noqa: PLC0415
                Order,
                make,
            )
        except ModuleNotFoundError as error:
            raise LearnerUnavailable(
                "to train, the learner 'pretrained' needs packages of the extra 'pretrained'; "
                f"{error.name} is missing. What to do: pip install 'rekognition-xray[pretrained]'",
                name=error.name,
            ) from error
        return make(Order(examples, truth, single, away, seed, self.rounds), watch, timer)

    def load(self, folder: Path) -> PretrainedModel:
        """Read what `PretrainedModel.save` wrote. Raises `ModelFormatError`."""
        labels, single, arrays = read_model(folder, NAME, _ARRAYS)
        try:
            network = Network.of(arrays["network"].astype(np.uint8))
        except ValueError as error:
            raise ModelFormatError(f"{folder}: {error}") from error
        slope, shift = (arrays[name].astype(np.float64) for name in ("slope", "shift"))
        if not (len(labels) == network.labels == len(slope) == len(shift)):
            raise ModelFormatError(f"{folder}: {len(labels)} labels do not fit the arrays")
        share = float(arrays["share"])
        beside = FastLearner().load(folder / _BESIDE) if share else None
        calibration = Calibration(single, slope, shift)
        return PretrainedModel(labels, network, calibration, beside, share, read_notes(folder))


def _away(truth: Array, groups: Sequence[str], seed: int) -> Flags:
    """The images that no model sees: the answers are calibrated and mixed by them."""
    wanted = int(np.clip(_HELD * len(truth), _HELD_AT_LEAST, _HELD_AT_MOST))
    wanted = min(wanted, int(_LARGEST_PART * len(truth)))
    held = draw_held_back(truth, groups, wanted, seed)
    return held if held.sum() >= FEW else np.zeros(len(truth), dtype=np.bool_)


def usual_share(images: int) -> float:
    """The share of the fast model after a training on so many images, if patients ask for none."""
    return _SHARE_OF_FEW if images < _SHARE_OF_FEW_BELOW else _USUAL_SHARE


def _share(made: Made, truth: Array, groups: Sequence[str], usual: float, *, single: bool) -> float:
    """The share of the fast model that held-back patients ask for."""
    if len(truth) < FEW:
        return usual
    fair = _cross_fitted(made.scores, truth, groups, single=single)
    return choose_share(fair, made.beside_says, truth, groups, usual, single=single)


def choose_share(
    ours: Array,
    others: Array,
    truth: Array,
    groups: Sequence[str],
    usual: float,
    *,
    single: bool,
) -> float:
    """The share of `others` in the mean of two models' confidences (n, labels).

    The `usual` one, unless another is better by more than chance: by two standard errors of the
    difference, with whole patients as units. A few dozen patients say little about a share.
    """
    losses = {
        share: _losses((1 - share) * ours + share * others, truth, single=single)
        for share in _SHARES
    }
    best = min(_SHARES, key=lambda share: float(losses[share].mean()))
    gain = losses[usual] - losses[best]
    numbers = np.unique(np.asarray(groups), return_inverse=True)[1]
    by_patient = np.bincount(numbers, gain)
    error = np.sqrt(np.sum((by_patient - by_patient.mean()) ** 2))
    return best if gain.sum() > 2 * error else usual


def _cross_fitted(scores: Array, truth: Array, groups: Sequence[str], *, single: bool) -> Array:
    """Confidences (n, labels), each calibrated by other patients than its own."""
    numbers = {group: number for number, group in enumerate(dict.fromkeys(groups))}
    part = np.array([numbers[group] % _PARTS for group in groups])
    found = np.empty_like(scores)
    for mine in (part == number for number in range(_PARTS)):
        fitted = Calibration.fit(scores[~mine], truth[~mine], single=single)
        found[mine] = fitted(scores[mine])
    return found


def _losses(confidences: Array, truth: Array, *, single: bool) -> Array:
    """Negative log-likelihood of each image's labels (n,)."""
    safe = np.clip(confidences, _TINY, 1 - _TINY)
    likely = truth * np.log(safe)
    if not single:
        likely = likely + (1 - truth) * np.log(1 - safe)
    return np.asarray(-likely.sum(axis=1), dtype=np.float64)


def _in_percents(progress: Callable[[float], None]) -> Callable[[float], None]:
    """`progress`, called at most once a percent."""
    last = -1.0

    def at(fraction: float) -> None:
        nonlocal last
        if fraction - last >= 0.01 or fraction in {0.0, 1.0}:
            last = fraction
            progress(fraction)

    return at

"""The training of the network: batches, schedule and losses; and of a head on a frozen one."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Final

import attrs
import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torch.nn import functional

from rekognition_xray.local.learning.calibration import Array
from rekognition_xray.local.learning.pretrained import backbone
from rekognition_xray.local.learning.pretrained.architecture import FEATURES
from rekognition_xray.local.learning.pretrained.augmentation import augment
from rekognition_xray.local.learning.pretrained.backbone import Tensors
from rekognition_xray.local.learning.pretrained.images import Squares, exposed_alike
from rekognition_xray.local.learning.pretrained.plan import SIDE, SMALL, SMALL_PART, Plan, Timer
from rekognition_xray.local.learning.watch import Watch

BATCH: Final = 32
_RATE, _WARMING = 1.5e-3, 0.2
_DECAY: Final = 0.05
_DROPPED: Final = 0.2
_SMOOTH: Final = 0.1
_VARIED_PART, _VARIED_LAST = 0.5, 0.5  # images are varied less after this part, and so much at last
_RESERVED: Final = 0.1  # of the time for fine-tuning, kept for what comes after it
_ROWS_AT_MOST: Final = 20_000  # images that a head on a frozen network is fitted to
_PULL: Final = 0.2  # how firmly the head is held to zero
_HEAD_STEPS: Final = 60

Places = npt.NDArray[np.int64]


@attrs.frozen(eq=False)
class Task:
    """What is to be learnt: `images` are numbers in `squares`, `truth` and `weights` their rows."""

    squares: Squares
    images: Places
    truth: Array
    weights: Array
    single: bool

    def part(self, places: Places) -> tuple[Tensor, Tensor, Tensor]:
        """Squares (n, side, side) of one exposure, truth and weights of these rows."""
        taken = self.squares.take(self.images[places].tolist())
        squares = torch.from_numpy(np.stack([exposed_alike(image) for image in taken]))
        truth = torch.from_numpy(self.truth[places].astype(np.float32))
        return squares, truth, torch.from_numpy(self.weights[places].astype(np.float32))


def tune(
    task: Task, start: Tensors, plan: Plan, *, seed: int, watch: Watch, timer: Timer
) -> tuple[Tensors, float]:
    """A finished network, `start` fine-tuned by `plan`, and the share of the plan that was done.

    Where the machine turns out slower than planned, the schedule is shortened, not cut off.
    Raises `TrainingStopped`.
    """
    with torch.backends.cudnn.flags(deterministic=True, benchmark=False):
        run = _Tuning.begin(start, task.truth.shape[1], seed)
        total = plan.rounds * max(1, math.ceil(len(task.images) / BATCH))
        at_first, steps = timer.left, 0
        for number, places in enumerate(_batches(len(task.images), total, seed)):
            done = max(number / total, _time_gone(at_first, timer))
            if done >= 1:
                break
            watch.at(done)
            run.step(task, places, plan, done)
            steps = number + 1
        finished = {name: values.cpu() for name, values in backbone.fold(run.tensors).items()}
    return finished, steps / total


def _time_gone(at_first: float, timer: Timer) -> float:
    """The share that is over of the time for fine-tuning; 0 where time does not count."""
    if math.isinf(at_first):
        return 0.0
    return (at_first - timer.left) / max((1 - _RESERVED) * at_first, 1e-9)


def fit_head(task: Task, network: Tensors, *, seed: int, watch: Watch) -> Tensors:
    """A finished network: `network` as it is, with a head for what it knows of the images.

    Each image is seen as it is and mirrored; there are 20,000 images at most, drawn by chance.
    """
    chosen = np.random.default_rng(seed).permutation(len(task.images))[:_ROWS_AT_MOST]
    rows, truths, weights = [], [], []
    for start in range(0, len(chosen), BATCH):
        watch.at(start / len(chosen))
        squares, truth, weight = task.part(chosen[start : start + BATCH])
        values = squares[:, None].float() / 255
        rows += [seen(network, values), seen(network, values.flip(3))]
        truths += [truth, truth]
        weights += [weight, weight]
    features = torch.cat(rows)
    mean, spread = features.mean(0), features.std(0, correction=0) + 1e-3
    weight, bias = _fit_linear(
        (features - mean) / spread, torch.cat(truths), torch.cat(weights), single=task.single
    )
    watch.at(1.0)
    head = {"head.weight": weight / spread, "head.bias": bias - weight @ (mean / spread)}
    return {name: network[name] for name in network if not name.startswith("head.")} | head


def seen(network: Tensors, images: Tensor) -> Tensor:
    """What a finished network knows of images (n, 1, side, side) with values 0-1."""
    with torch.inference_mode():
        return backbone.known(network, resized(images, SIDE)).clone()


def resized(images: Tensor, side: int) -> Tensor:
    """Images (n, 1, h, w) at another size."""
    if images.shape[-1] == side:
        return images
    return functional.interpolate(images, size=(side, side), mode="bilinear", align_corners=False)


def _fit_linear(
    features: Tensor, truth: Tensor, weights: Tensor, *, single: bool
) -> tuple[Tensor, Tensor]:
    weight = torch.zeros(truth.shape[1], features.shape[1], requires_grad=True)
    bias = torch.zeros(truth.shape[1], requires_grad=True)
    optimiser = torch.optim.LBFGS(
        [weight, bias], max_iter=_HEAD_STEPS, line_search_fn="strong_wolfe"
    )

    def cost() -> Tensor:
        optimiser.zero_grad()
        logits = functional.linear(features, weight, bias)
        loss = (_loss(logits, truth, single=single) * weights).mean()
        loss = loss + _PULL * (weight**2).sum()
        torch.autograd.backward(loss)
        return loss

    optimiser.step(cost)
    return weight.detach(), bias.detach()


def _batches(images: int, total: int, seed: int) -> Iterator[Places]:
    """`total` batches of places; every image once before any repeats."""
    draw = np.random.default_rng(seed)
    size = min(BATCH, images)
    pool = np.empty(0, dtype=np.int64)
    for _ in range(total):
        if len(pool) < size:
            pool = np.concatenate((pool, draw.permutation(images)))
        yield pool[:size]
        pool = pool[size:]


@attrs.define(eq=False)
class _Tuning:
    """A fine-tuning under way."""

    tensors: Tensors
    optimiser: torch.optim.Optimizer
    draw: torch.Generator

    @classmethod
    def begin(cls, start: Tensors, labels: int, seed: int) -> _Tuning:
        place = device()
        begun = backbone.begin(start, labels)
        tensors = {name: values.to(place) for name, values in begun.items()}
        names = backbone.trained_names(tensors)
        trained = [tensors[name].requires_grad_() for name in names]
        flat = [values for values in trained if values.ndim == 1]
        deep = [values for values in trained if values.ndim > 1]
        groups = [
            {"params": deep, "weight_decay": _DECAY},
            {"params": flat, "weight_decay": 0.0},
        ]
        optimiser = torch.optim.AdamW(groups, lr=_RATE, betas=(0.9, 0.99))
        return cls(tensors, optimiser, torch.Generator().manual_seed(seed))

    def step(self, task: Task, places: Places, plan: Plan, done: float) -> None:
        """One batch, with `done` (0-1) of the work behind it."""
        for group in self.optimiser.param_groups:
            group["lr"] = _rate(done)
        squares, truth, weights = task.part(places)
        side = SMALL if done < SMALL_PART else plan.side
        place = self.tensors["head.bias"].device
        images = augment(squares.to(place), side, self.draw, strength(done))
        kept = torch.rand(len(places), FEATURES, generator=self.draw) >= _DROPPED
        with torch.autocast(place.type, torch.bfloat16, enabled=_halves(place)):
            features = backbone.known(self.tensors, images) * kept.to(place) / (1 - _DROPPED)
            logits = backbone.answers(self.tensors, features)
        likely = _loss(logits.float(), truth.to(place), single=task.single)
        loss = (likely * weights.to(place)).mean()
        self.optimiser.zero_grad()
        torch.autograd.backward(loss)
        self.optimiser.step()


def try_step(task: Task, start: Tensors, seed: int) -> None:
    """One step of a fine-tuning that nothing is kept of: to see how long it takes."""
    places = np.arange(min(BATCH, len(task.images)))
    plan = Plan(SMALL, 1)
    _Tuning.begin(start, task.truth.shape[1], seed).step(task, places, plan, 0.5)


def device() -> torch.device:
    """A GPU where there is one."""
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


@cache
def _halves(place: torch.device) -> bool:
    """Whether numbers of 16 bits are quicker here: to a processor without them they are slower."""
    if place.type != "cpu":
        return False
    able: Mapping[str, object] = getattr(torch.cpu, "get_capabilities", dict)()  # not in old ones
    return bool(able.get("amx_bf16", False))


def strength(done: float) -> float:
    """How far images are varied: less in the end, for real images are not.

    A network that only ever saw blurred and turned images calls a plain one clearer than it is.
    """
    return 1 - (1 - _VARIED_LAST) * max(0.0, (done - _VARIED_PART) / (1 - _VARIED_PART))


def _rate(done: float) -> float:
    if done < _WARMING:
        return _RATE * done / _WARMING
    return _RATE * (1 + math.cos(math.pi * (done - _WARMING) / (1 - _WARMING))) / 2


def _loss(logits: Tensor, truth: Tensor, *, single: bool) -> Tensor:
    """Of each image, how unlikely its somewhat softened labels are."""
    if single:
        softened = truth * (1 - _SMOOTH) + _SMOOTH / truth.shape[1]
        return -(softened * functional.log_softmax(logits, dim=1)).sum(1)
    softened = truth * (1 - _SMOOTH) + _SMOOTH / 2
    each = functional.binary_cross_entropy_with_logits(logits, softened, reduction="none")
    return each.mean(1)

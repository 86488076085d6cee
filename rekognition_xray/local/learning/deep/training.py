"""The training of the network: batches, schedule, losses, and the average that is kept of it."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from functools import cache

import attrs
import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torch.nn import functional

from rekognition_xray.local.learning.calibration import Array
from rekognition_xray.local.learning.deep import network
from rekognition_xray.local.learning.deep.augmentation import augment
from rekognition_xray.local.learning.deep.images import Squares
from rekognition_xray.local.learning.watch import Watch

_BATCH = 32
_RATE, _WARMING = 3e-3, 0.15
_DECAY = 0.05
_DROPPED = 0.2
_SMOOTH = 0.1
_AVERAGE = 0.995  # of the trained tensors, from one batch to the next
_SMALL, _SMALL_PART = 96, 0.7  # side of the images for the first part of the work
_VARIED_PART, _VARIED_LAST = 0.5, 0.3  # images are varied less after this part, and so much at last
_USUAL_IMAGES, _USUAL_ROUNDS = 4000, 18
_ROUNDS_AT_MOST = 150

Places = npt.NDArray[np.int64]


@attrs.frozen(eq=False)
class Task:
    """What is to be learnt: `images` are numbers in `squares`, `truth` and `weights` their rows."""

    squares: Squares
    images: Places
    truth: Array
    weights: Array
    single: bool


def rounds(images: int, effort: float) -> int:
    """How often each image is seen: more often where there are few, so that all take their time."""
    usual = _USUAL_ROUNDS * math.sqrt(_USUAL_IMAGES / images)
    return max(1, round(effort * min(usual, _ROUNDS_AT_MOST)))


def device() -> torch.device:
    """A GPU where there is one."""
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def train(task: Task, *, seed: int, effort: float, watch: Watch) -> network.Tensors:
    """The tensors of a finished network, on the CPU. Raises `TrainingStopped`."""
    with torch.backends.cudnn.flags(deterministic=True, benchmark=False):
        run = _Training.begin(task, seed)
        batches = max(1, math.ceil(len(task.images) / _BATCH))
        total = rounds(len(task.images), effort) * batches
        for number, places in enumerate(_batches(len(task.images), total, seed)):
            watch.at(number / total)
            run.step(task, places, number / total)
        kept = {name: values.cpu() for name, values in run.average.items()}
        return network.fold(kept)


def _batches(images: int, total: int, seed: int) -> Iterator[Places]:
    """`total` batches of places; every image once before any repeats."""
    draw = np.random.default_rng(seed)
    size = min(_BATCH, images)
    pool = np.empty(0, dtype=np.int64)
    for _ in range(total):
        if len(pool) < size:
            pool = np.concatenate((pool, draw.permutation(images)))
        yield pool[:size]
        pool = pool[size:]


@attrs.define(eq=False)
class _Training:
    """A training under way."""

    tensors: network.Tensors
    average: network.Tensors
    optimiser: torch.optim.Optimizer
    draw: torch.Generator
    steps: int = 0

    @classmethod
    def begin(cls, task: Task, seed: int) -> _Training:
        draw = torch.Generator().manual_seed(seed)
        place = device()
        start = network.begin(task.truth.shape[1], draw)
        tensors = {name: values.to(place) for name, values in start.items()}
        trained = [tensors[name].requires_grad_() for name in tensors if network.is_trained(name)]
        average = {name: values.detach().clone() for name, values in tensors.items()}
        flat = [values for values in trained if values.ndim == 1]
        deep = [values for values in trained if values.ndim > 1]
        groups = [
            {"params": deep, "weight_decay": _DECAY},
            {"params": flat, "weight_decay": 0.0},
        ]
        optimiser = torch.optim.AdamW(groups, lr=_RATE, betas=(0.9, 0.99))
        return cls(tensors, average, optimiser, draw)

    def step(self, task: Task, places: Places, done: float) -> None:
        """One batch."""
        for group in self.optimiser.param_groups:
            group["lr"] = _rate(done)
        side = _SMALL if done < _SMALL_PART else network.SIDE
        place = self.tensors["head.bias"].device
        squares = torch.from_numpy(task.squares.take(task.images[places].tolist()))
        images = augment(squares.to(place), side, self.draw, strength(done))
        truth = torch.from_numpy(task.truth[places].astype(np.float32)).to(place)
        weights = torch.from_numpy(task.weights[places].astype(np.float32)).to(place)
        kept = torch.rand(len(places), network.WIDTHS[-1], generator=self.draw) >= _DROPPED
        with torch.autocast(place.type, torch.bfloat16, enabled=_halves(place)):
            logits = network.learn(self.tensors, images, kept.float().to(place) / (1 - _DROPPED))
        loss = (_loss(logits.float(), truth, single=task.single) * weights).mean()
        self.optimiser.zero_grad()
        torch.autograd.backward(loss)
        self.optimiser.step()
        self._follow()

    def _follow(self) -> None:
        self.steps += 1
        kept = min(_AVERAGE, self.steps / (10 + self.steps))
        with torch.no_grad():
            for name, values in self.average.items():
                values.lerp_(self.tensors[name], 1 - kept)


def strength(done: float) -> float:
    """How far images are varied: less in the end, for real images are not.

    A network that only ever saw blurred and turned images calls a plain one clearer than it is.
    """
    return 1 - (1 - _VARIED_LAST) * max(0.0, (done - _VARIED_PART) / (1 - _VARIED_PART))


@cache
def _halves(place: torch.device) -> bool:
    """Whether numbers of 16 bits are quicker here: to a processor without them they are slower."""
    if place.type != "cpu":
        return False
    able: Mapping[str, object] = getattr(torch.cpu, "get_capabilities", dict)()  # not in old ones
    return bool(able.get("amx_bf16", False))


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

"""The part of a training that needs PyTorch: from images to a finished network and a fast model."""

from __future__ import annotations

import logging
import math
from collections.abc import Callable, Sequence
from typing import Final

import attrs
import numpy as np

from rekognition_xray.local.learning.calibration import Array
from rekognition_xray.local.learning.fast.fast import FastLearner, FastModel
from rekognition_xray.local.learning.fast.features import features
from rekognition_xray.local.learning.fast.images import flat
from rekognition_xray.local.learning.fast.targets import Flags, weights_of
from rekognition_xray.local.learning.learner import Example
from rekognition_xray.local.learning.pretrained import plan as plans
from rekognition_xray.local.learning.pretrained.backbone import Tensors, fold
from rekognition_xray.local.learning.pretrained.export import to_onnx
from rekognition_xray.local.learning.pretrained.images import Squares, read_squares
from rekognition_xray.local.learning.pretrained.plan import Plan, Speed, Timer
from rekognition_xray.local.learning.pretrained.serving import Network
from rekognition_xray.local.learning.pretrained.training import (
    Places,
    Task,
    fit_head,
    seen,
    try_step,
    tune,
)
from rekognition_xray.local.learning.pretrained.weights import ORIGIN, pretrained_tensors
from rekognition_xray.local.learning.watch import Watch

logger = logging.getLogger(__name__)

_READ, _BESIDE, _TRAINED = 0.03, 0.2, 0.98  # shares of the work that is done after each step
_CHUNK: Final = 32
_TRIED: Final = 32  # images by which the machine's speed is measured: a batch, as in the training
_UNWATCHED: Final = Watch(lambda _: None, lambda: False)
_FAST_WORK: Final = 3  # times the features of an image: two views, reading again, and the solving


@attrs.frozen(eq=False)
class Order:
    """What is to be learnt; `away` are the images that no model sees, `rounds` those asked for."""

    examples: Sequence[Example]
    truth: Array
    single: bool
    away: Flags
    seed: int
    rounds: int | None


@attrs.frozen(eq=False)
class Made:
    """Two models, and what they say of the images that were away (n, labels).

    `scores` are the network's, `beside_says` the fast model's confidences, if there is one.
    """

    network: Network
    beside: FastModel | None
    scores: Array
    beside_says: Array
    notes: dict[str, str]


def make(order: Order, watch: Watch, timer: Timer) -> Made:
    """Trains both models. Raises `BudgetTooShort`, `LearnerUnavailable`, and as `Learner.fit`."""
    start = pretrained_tensors()
    near = np.flatnonzero(~order.away)
    weights = weights_of(order.truth[near])
    with Squares() as squares:
        task = Task(squares, near, order.truth[near], weights, order.single)
        speed = _measured(order, start, watch.part(0.0, 0.0), timer)
        read_squares(order.examples, watch.part(0.0, _READ), squares)
        beside = _fast_model(order, near, speed, watch.part(_READ, _BESIDE), timer)
        plan = _choose(order, len(near), speed, timer)
        logger.info("pretrained: %s%s", plan, "" if beside else ", no fast model beside it")
        rest = watch.part(_BESIDE, _TRAINED)
        if plan.rounds:
            tensors, done = tune(task, start, plan, seed=order.seed, watch=rest, timer=timer)
        else:
            tensors, done = fit_head(task, fold(start), seed=order.seed, watch=rest), 1.0
        labels = order.truth.shape[1]
        arrays = {name: values.numpy().astype(np.float32) for name, values in tensors.items()}
        network = Network.of(np.frombuffer(to_onnx(arrays, labels), dtype=np.uint8))
        away = np.flatnonzero(order.away)
        scores = _score_all(network, squares, away, watch.part(_TRAINED, 1.0))
        says = _ask_all(beside, squares, away, labels)
    said = str(plan) if done == 1 else f"{plan}; {math.floor(100 * done)} % of the steps, for time"
    return Made(network, beside, scores, says, {"plan": said, **ORIGIN})


def _choose(order: Order, images: int, speed: Speed | None, timer: Timer) -> Plan:
    if speed is None:
        return plans.usual_plan(images, order.rounds)
    return plans.plan_within(timer.left, images, speed, order.rounds)


def _fast_model(
    order: Order, near: Places, speed: Speed | None, watch: Watch, timer: Timer
) -> FastModel | None:
    """A fast model of the images that are not away, if there is time for it."""
    if speed is not None and not plans.beside_fits(timer.left, len(near), speed):
        return None
    examples = [order.examples[image] for image in near]
    return FastLearner().fit(examples, seed=order.seed, progress=watch.at, stopped=watch.stopped)


def _measured(order: Order, start: Tensors, watch: Watch, timer: Timer) -> Speed | None:
    """The machine's speed at the first images; None where time does not count.

    Raises `BudgetTooShort` as soon as it shows that there is no point in going on: what every
    training needs is measured first.
    """
    if timer.budget is None:
        return None
    tried = order.examples[:_TRIED]
    places = np.arange(len(tried))
    with Squares() as squares:
        read = _seconds(timer, watch, tried, lambda: read_squares(tried, _UNWATCHED, squares))
        truth = order.truth[: len(tried)]
        task = Task(squares, places, truth, np.ones(len(tried)), order.single)
        images = task.part(places)[0][:, None].float() / 255
        network = fold(start)
        look = 2 * _seconds(timer, watch, tried, lambda: seen(network, images), times=2)
        plans.check_budget(timer.left, timer.budget, len(order.examples), read + look)
        fast = _seconds(timer, watch, tried, lambda: features(squares.take(places.tolist())))
        step = _seconds(timer, watch, tried, lambda: try_step(task, start, order.seed), times=2)
    return Speed(_FAST_WORK * fast, look, step)


def _seconds(
    timer: Timer,
    watch: Watch,
    images: Sequence[Example],
    work: Callable[[], object],
    times: int = 1,
) -> float:
    """Seconds of `work` for each of the images; the quickest time, for the first is slow."""
    best = math.inf
    for _ in range(times):
        watch.at(0.0)  # where the time is over, it is not begun
        began = timer.clock()
        work()
        best = min(best, timer.clock() - began)
    return best / len(images)


def _score_all(network: Network, squares: Squares, images: Places, watch: Watch) -> Array:
    """Scores (n, labels) of the squares with these numbers."""
    parts = [np.zeros((0, network.labels))]
    for start in range(0, len(images), _CHUNK):
        watch.at(start / len(images))
        parts.append(network.scores(squares.take(images[start : start + _CHUNK].tolist())))
    return np.concatenate(parts)


def _ask_all(beside: FastModel | None, squares: Squares, images: Places, labels: int) -> Array:
    if beside is None or not len(images):
        return np.zeros((len(images), labels))
    answers = [beside.judge(flat(squares.take([image])[0])) for image in images.tolist()]
    return np.array([[answer[label] for label in beside.labels] for answer in answers])

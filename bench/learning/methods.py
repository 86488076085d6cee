"""What is compared: the learners of the package by name, and two plain baselines beside them."""

from __future__ import annotations

import io
import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from importlib.util import find_spec
from pathlib import Path
from typing import Final

import attrs
import numpy as np
import numpy.typing as npt
from PIL import Image
from scipy.special import softmax
from sklearn.decomposition import PCA
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC

from rekognition_xray.local.learning import (
    LEARNERS,
    Example,
    Learner,
    TrainingStopped,
    learner_named,
)
from rekognition_xray.local.learning.fast.features import edges
from rekognition_xray.local.learning.fast.images import SIDE

Look = Callable[[bytes], npt.NDArray[np.float32]]
BASELINES: Final = ("pixels-logistic", "hog-svm")
METHODS: Final = (*BASELINES, *LEARNERS)


def method_named(name: str) -> Learner:
    """A baseline or a learner of the package, by its name."""
    if name == "pixels-logistic":
        return Plain(name, _pixels, _logistic)
    if name == "hog-svm":
        return Plain(name, _gradients, _support_vectors)
    return learner_named(name)


def unwatched(fraction: float) -> None:
    """Takes no notice of how far a training is."""
    del fraction


def missing(name: str) -> str:
    """Why a method cannot be run here; empty where it can."""
    if name == "pretrained" and find_spec("torch") is None:
        return "PyTorch is not installed (pip install 'rekognition-xray[pretrained]')"
    return ""


@attrs.frozen(eq=False)
class PlainModel:
    """A scikit-learn pipeline; its decision values as shares that sum to 1."""

    labels: tuple[str, ...]
    look: Look
    pipeline: Pipeline

    def confidences(self, image: bytes) -> dict[str, float]:
        values = np.atleast_2d(self.pipeline.decision_function(self.look(image)[None]))
        if len(self.labels) == 2:
            values = np.column_stack((-values.ravel(), values.ravel())) / 2
        shares = softmax(values, axis=1)[0]
        return {label: float(share) for label, share in zip(self.labels, shares, strict=True)}

    def save(self, folder: Path) -> None:
        raise NotImplementedError("a baseline is not kept")


@attrs.frozen
class Plain:
    """Baseline: what the file holds, decoded and squeezed, given to a classifier as it is."""

    name: str
    look: Look
    pipeline: Callable[[int, int], Pipeline]

    def fit(
        self,
        examples: Sequence[Example],
        *,
        seed: int,
        progress: Callable[[float], None],
        stopped: Callable[[], bool],
    ) -> PlainModel:
        progress(0.0)
        if stopped():
            raise TrainingStopped
        with ThreadPoolExecutor(min(4, os.cpu_count() or 1)) as pool:
            rows = np.stack(list(pool.map(lambda example: self.look(example.read()), examples)))
        labels = [example.labels[0] for example in examples]
        fitted = self.pipeline(seed, len(rows)).fit(rows, labels)
        return PlainModel(tuple(fitted.classes_.tolist()), self.look, fitted)

    def load(self, folder: Path) -> PlainModel:
        raise NotImplementedError("a baseline is not kept")


def _logistic(seed: int, _images: int) -> Pipeline:
    return make_pipeline(
        StandardScaler(), LogisticRegression(C=0.01, max_iter=1000, random_state=seed)
    )


def _support_vectors(seed: int, images: int) -> Pipeline:
    axes = PCA(min(300, images - 1), svd_solver="randomized", random_state=seed)
    return make_pipeline(axes, SVC(C=10.0, gamma="scale", class_weight="balanced"))


def _grey(image: bytes, side: int) -> npt.NDArray[np.uint8]:
    with Image.open(io.BytesIO(image)) as opened:
        small = opened.convert("L").resize((side, side), Image.Resampling.BOX)
    return np.asarray(small, dtype=np.uint8)


def _pixels(image: bytes) -> npt.NDArray[np.float32]:
    return (_grey(image, 24).astype(np.float32) / 255).ravel()


def _gradients(image: bytes) -> npt.NDArray[np.float32]:
    return edges(_grey(image, SIDE)[None])[0]

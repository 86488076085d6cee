"""The tests' stand-in for a long training: a small, real learner that is done at once."""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import attrs
import numpy as np
from PIL import Image

from rekognition_xray.local.learning import Example, Model, TrainingStopped, UnreadableImage


def pixels(data: bytes) -> np.ndarray[Any, Any]:
    try:
        with Image.open(io.BytesIO(data)) as image:
            return np.asarray(image.convert("L").resize((16, 16)), dtype=float)
    except OSError as error:
        raise UnreadableImage(str(error)) from error


@attrs.frozen
class NearestMean:
    """Answers by the distance to each label's mean image, in 16 x 16 pixels."""

    labels: tuple[str, ...]
    means: np.ndarray[Any, Any]

    def confidences(self, image: bytes) -> dict[str, float]:
        distances = np.abs(self.means - pixels(image)).mean(axis=(1, 2))
        weights = np.exp(-distances / 5)
        shares = weights / weights.sum()
        return dict(zip(self.labels, map(float, shares), strict=True))

    def save(self, folder: Path) -> None:
        np.save(folder / "means.npy", self.means, allow_pickle=False)
        (folder / "labels.json").write_text(json.dumps(self.labels))


@attrs.define
class MeanLearner:
    """Learns the mean image of each label."""

    name: str = "nearest mean"
    groups: list[str] = attrs.field(factory=list)

    def fit(
        self,
        examples: Sequence[Example],
        *,
        seed: int,
        progress: Callable[[float], None],
        stopped: Callable[[], bool],
    ) -> Model:
        self.groups = [example.group for example in examples]
        images: dict[str, list[np.ndarray[Any, Any]]] = {}
        for done, example in enumerate(examples):
            if stopped():
                raise TrainingStopped
            progress(done / len(examples))
            for label in example.labels:
                images.setdefault(label, []).append(pixels(example.read()))
        labels = tuple(sorted(images))
        return NearestMean(labels, np.array([np.mean(images[label], axis=0) for label in labels]))

    def load(self, folder: Path) -> Model:
        labels = tuple(json.loads((folder / "labels.json").read_text()))
        return NearestMean(labels, np.load(folder / "means.npy", allow_pickle=False))

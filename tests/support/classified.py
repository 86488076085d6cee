"""Test images as a model judges them, by the odds that it gives each label."""

from __future__ import annotations

import numpy as np

from rekognition_xray.clinic.statistics import TestImage as ImageSource
from rekognition_xray.labels import THREE_CLASSES


def images_of(patient: np.ndarray, truth: np.ndarray, odds: np.ndarray) -> list[ImageSource]:
    """Images of patients by number, with true labels by number; confidences are a softmax."""
    shares = np.exp(odds - odds.max(axis=1, keepdims=True))
    shares /= shares.sum(axis=1, keepdims=True)
    rows = zip(patient.tolist(), truth.tolist(), shares.tolist(), strict=True)
    return [
        ImageSource(
            source_ref=f"{number:08d}",
            patient=f"{who:08d}",
            truth=THREE_CLASSES[label],
            confidences=dict(zip(THREE_CLASSES, output, strict=True)),
            predicted=THREE_CLASSES[output.index(max(output))],
        )
        for number, (who, label, output) in enumerate(rows)
    ]

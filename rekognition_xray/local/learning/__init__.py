"""What trains the local cloud's models: the `Learner` protocol, and ``fast`` and ``pretrained``."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from rekognition_xray.local.learning.learner import (
    BudgetTooShort,
    Example,
    Learner,
    LearnerUnavailable,
    Model,
    ModelFormatError,
    TrainingStopped,
    UnreadableImage,
)
from rekognition_xray.local.learning.named import (
    DEFAULT_LEARNER,
    LEARNERS,
    choose_learner,
    learner_named,
)

if TYPE_CHECKING:
    from rekognition_xray.local.learning.fast.fast import FastLearner
    from rekognition_xray.local.learning.fast.images import square
    from rekognition_xray.local.learning.saved import read_model, write_model

__all__ = [
    "DEFAULT_LEARNER",
    "LEARNERS",
    "BudgetTooShort",
    "Example",
    "FastLearner",
    "Learner",
    "LearnerUnavailable",
    "Model",
    "ModelFormatError",
    "TrainingStopped",
    "UnreadableImage",
    "choose_learner",
    "learner_named",
    "read_model",
    "square",
    "write_model",
]

# Loaded on first use: these modules import numpy and scikit-learn.
_MODULES = {
    "FastLearner": "fast.fast",
    "read_model": "saved",
    "square": "fast.images",
    "write_model": "saved",
}


def __getattr__(name: str) -> object:
    if name not in _MODULES:
        message = f"module {__name__!r} has no attribute {name!r}"
        raise AttributeError(message)
    value: object = getattr(import_module(f"{__name__}.{_MODULES[name]}"), name)
    return value

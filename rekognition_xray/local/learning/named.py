"""The learners of this package by name."""

from __future__ import annotations

from rekognition_xray.local.learning.learner import Learner, LearnerUnavailable

DEFAULT_LEARNER = "fast"
LEARNERS = (DEFAULT_LEARNER, "pretrained")


def learner_named(name: str, budget: float | None = None) -> Learner:
    """The learner `name`; `budget` is how many seconds a training of ``pretrained`` may take.

    Raises `ValueError` for a name that is not in `LEARNERS` and for a budget that is not above 0
    or not for this learner, and `ImportError` where packages are missing that a model needs.
    """
    if name == DEFAULT_LEARNER:
        _refuse(budget, DEFAULT_LEARNER)
        from rekognition_xray.local.learning.fast.fast import FastLearner  # noqa: PLC0415

        return FastLearner()
    if name == "pretrained":
        return _pretrained(budget)
    raise ValueError(
        f"no learner is named {name!r}. What to do: take one of {', '.join(LEARNERS)}, or give an "
        "object with the methods of rekognition_xray.local.learning.Learner"
    )


def choose_learner(learner: Learner | str | None, budget: float | None = None) -> Learner | None:
    """The chosen learner; None for the default one, which is imported only when it trains.

    Raises as `learner_named` does, and `ValueError` for a budget of a learner of one's own.
    """
    if isinstance(learner, str) and learner != DEFAULT_LEARNER:
        return learner_named(learner, budget)
    named = learner is None or isinstance(learner, str)
    _refuse(budget, DEFAULT_LEARNER if named else "a learner of your own")
    return None if isinstance(learner, str) else learner


def _refuse(budget: float | None, who: str) -> None:
    if budget is not None:
        raise ValueError(
            f"{who} takes no training budget. What to do: choose learner='pretrained', or leave "
            "training_budget out"
        )


def _pretrained(budget: float | None) -> Learner:
    try:
        from rekognition_xray.local.learning.pretrained.pretrained import (  # noqa: PLC0415
            PretrainedLearner,
        )
    except ModuleNotFoundError as error:
        raise LearnerUnavailable(
            f"the learner 'pretrained' needs packages of an extra; {error.name} is missing. What "
            "to do: pip install 'rekognition-xray[pretrained]' to train models, or "
            "'rekognition-xray[onnx]' to use trained ones",
            name=error.name,
        ) from error
    if budget is not None and not budget > 0:
        raise ValueError(
            f"a training budget is a number of seconds above 0, not {budget}. What to do: give the "
            "seconds that a training may take, such as training_budget=600"
        )
    return PretrainedLearner(budget)

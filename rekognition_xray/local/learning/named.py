"""The learners of this package by name."""

from __future__ import annotations

from rekognition_xray.local.learning.learner import Learner

DEFAULT_LEARNER = "fast"
LEARNERS = (DEFAULT_LEARNER, "deep")


def learner_named(name: str) -> Learner:
    """The learner `name`.

    Raises `ValueError` for a name that is not in `LEARNERS`, and `ImportError` where packages of
    the learner's extra are missing.
    """
    if name == DEFAULT_LEARNER:
        from rekognition_xray.local.learning.fast.fast import FastLearner  # noqa: PLC0415

        return FastLearner()
    if name == "deep":
        return _deep()
    raise ValueError(
        f"no learner is named {name!r}. What to do: take one of {', '.join(LEARNERS)}, or give an "
        "object with the methods of rekognition_xray.local.learning.Learner"
    )


def choose_learner(learner: Learner | str | None) -> Learner | None:
    """The chosen learner; None for the default one, which is imported only when it trains.

    Raises as `learner_named` does.
    """
    if isinstance(learner, str):
        return None if learner == DEFAULT_LEARNER else learner_named(learner)
    return learner


def _deep() -> Learner:
    try:
        from rekognition_xray.local.learning.deep.deep import DeepLearner  # noqa: PLC0415
    except ModuleNotFoundError as error:
        raise ImportError(
            f"the learner 'deep' needs packages of the extra 'deep'; {error.name} is missing. "
            "What to do: pip install 'rekognition-xray[deep]'",
            name=error.name,
        ) from error
    return DeepLearner()

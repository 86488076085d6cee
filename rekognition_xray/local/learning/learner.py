"""The protocol of learners and models, and the values that they exchange."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Protocol

import attrs


class TrainingStopped(Exception):  # noqa: N818 (not an error)
    """The caller stopped a training before it was done."""


class UnreadableImage(ValueError):  # noqa: N818 (names the condition)
    """The bytes are no image that can be decoded, or one too large to decode safely."""


class LearnerUnavailable(ImportError):  # noqa: N818 (names the condition)
    """What a learner needs is not installed, or not as it has to be."""


class BudgetTooShort(Exception):  # noqa: N818 (names the condition)
    """A training that cannot be done in the time that it may take."""


class ModelFormatError(ValueError):
    """A folder holds no saved model, or one of another learner or format version."""


@attrs.frozen
class Example:
    """One labelled image of a training set.

    `read` returns the bytes of the image file; it is called when they are needed, possibly more
    than once and from several threads. `labels` holds one label, or several in multi-label data.
    Images of one `group` (a patient) are never on both sides of a split inside the training.
    """

    read: Callable[[], bytes]
    labels: tuple[str, ...]
    group: str


class Model(Protocol):
    """A trained model. Its labels keep one order; it may be used by many threads at once."""

    @property
    def labels(self) -> tuple[str, ...]:
        """The labels of the training data, sorted."""
        ...

    def confidences(self, image: bytes) -> dict[str, float]:
        """Confidence per label as a fraction 0-1; they sum to 1 where each image has one label.

        Raises `UnreadableImage`.
        """
        ...

    def save(self, folder: Path) -> None:
        """Write the model as plain arrays and one small JSON file into `folder`."""
        ...


class Learner(Protocol):
    """A way to learn a model from images; same examples and seed give the same model."""

    @property
    def name(self) -> str:
        """A short word for logs and saved models."""
        ...

    def fit(
        self,
        examples: Sequence[Example],
        *,
        seed: int,
        progress: Callable[[float], None],
        stopped: Callable[[], bool],
    ) -> Model:
        """Train on `examples`, calling `progress` with fractions from 0 to 1.

        `stopped` is polled about every second; once it is true `TrainingStopped` is raised.
        Raises `UnreadableImage` for bytes that are no image, `ValueError` for no examples.
        """
        ...

    def load(self, folder: Path) -> Model:
        """The model that `Model.save` wrote to `folder`. Raises `ModelFormatError`."""
        ...

"""The values that a model card consists of."""

from __future__ import annotations

from typing import Final

import attrs

from rekognition_xray.clinic.statistics import Figure

NOT_REPORTED: Final = "not reported"


@attrs.frozen
class Fact:
    """One fact.

    Attributes:
        key: a stable name for programs.
        name: a name for people.
        value: None if not reported.
    """

    key: str
    name: str
    value: str | None

    @property
    def text(self) -> str:
        """The value, or ``not reported``."""
        return NOT_REPORTED if self.value is None else self.value


@attrs.frozen
class Section:
    """Facts under one heading; ``key`` is a stable name for programs."""

    key: str
    title: str
    rows: tuple[Fact, ...]


@attrs.frozen
class LabelCount:
    """Images and patients of a label in one part of the data, such as ``train`` or ``all``."""

    part: str
    label: str
    images: int
    patients: int


@attrs.frozen
class NamedFigure:
    """A figure and its subject: all labels, pneumonia or not, one label, or a policy."""

    of: str
    name: str
    figure: Figure

    @property
    def text(self) -> str:
        """Value and interval, or ``not estimable`` and the reason."""
        reason = f" ({self.figure.reason})" if self.figure.reason else ""
        return f"{self.figure}{reason}"


@attrs.frozen
class Limit:
    """What limits the figures, and the source; our own finding if the source is empty."""

    text: str
    source: str = ""


@attrs.frozen
class Item:
    """One item of a checklist; ``answer`` is None if it is not reported."""

    key: str
    number: str
    topic: str
    answer: str | None = None

    @property
    def text(self) -> str:
        """The answer, or ``not reported``."""
        return NOT_REPORTED if self.answer is None else self.answer


@attrs.frozen
class Checklist:
    """A reporting checklist with its own item numbers; the topics are in our words."""

    name: str
    citation: str
    note: str
    items: tuple[Item, ...]

    @property
    def answer_count(self) -> int:
        """Number of items with an answer."""
        return sum(item.answer is not None for item in self.items)

"""The values that a model card is made of."""

from __future__ import annotations

from typing import Final

import attrs

from rekognition_xray.clinic.statistics import Figure

NOT_REPORTED: Final = "not reported"


@attrs.frozen
class Fact:
    """One fact.

    Attributes:
        key: its name for programs; stable.
        name: its name for people.
        value: None where nobody said.
    """

    key: str
    name: str
    value: str | None

    @property
    def shown(self) -> str:
        """The value, or ``not reported``."""
        return NOT_REPORTED if self.value is None else self.value


@attrs.frozen
class Section:
    """Facts under one heading; ``key`` is its name for programs."""

    key: str
    title: str
    rows: tuple[Fact, ...]


@attrs.frozen
class LabelCount:
    """Images and patients of a label in one part of the data: ``train``, ``test``, ``all``, ..."""

    part: str
    label: str
    images: int
    patients: int


@attrs.frozen
class NamedFigure:
    """A figure and what it is of: all labels, pneumonia or not, one label, a policy."""

    of: str
    name: str
    figure: Figure

    @property
    def shown(self) -> str:
        """Value and interval, or ``not estimable`` and why."""
        reason = f" ({self.figure.reason})" if self.figure.reason else ""
        return f"{self.figure}{reason}"


@attrs.frozen
class Limit:
    """What a reader must hold against the figures, and who found it; ours where empty."""

    text: str
    source: str = ""


@attrs.frozen
class Item:
    """One item of a checklist; ``answer`` is None where it is not reported."""

    key: str
    number: str
    topic: str
    answer: str | None = None

    @property
    def shown(self) -> str:
        """The answer, or ``not reported``."""
        return NOT_REPORTED if self.answer is None else self.answer


@attrs.frozen
class Checklist:
    """A checklist for reports on models; its item names are ours, its numbers are its own."""

    name: str
    citation: str
    note: str
    items: tuple[Item, ...]

    @property
    def answer_count(self) -> int:
        """Items with an answer."""
        return sum(item.answer is not None for item in self.items)

"""The reading list: which images of a journal a person reads, in which order, and why."""

from __future__ import annotations

import random as dice
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Literal, TypeAlias

import attrs

from rekognition_xray.clinic.diagnosis import Answer, Diagnosis, FailedDiagnosis, read_journal
from rekognition_xray.errors import InvalidRequestError, ReadingsError, list_paths
from rekognition_xray.labels import NORMAL, in_order, pneumonia_confidence

Why: TypeAlias = Literal["no diagnosis", "referred", "suspect", "random", "selected"]


@attrs.frozen
class ListedImage:
    """An image to read.

    Attributes:
        answer: what the model found on it, or why it found nothing.
        why: ``no diagnosis``; ``referred`` to a person; ``suspect``: found to be other
            than normal, or more likely pneumonia than not; ``random``, of the rest; or
            ``selected`` by the caller.
    """

    answer: Answer
    why: Why

    @property
    def finding(self) -> str | None:
        """What the model found; None without a diagnosis."""
        return self.answer.finding if isinstance(self.answer, Diagnosis) else None


@attrs.frozen
class ReadingList:
    """Images to read, and the labels that a reader chooses from.

    Attributes:
        images: in the order in which they are shown.
        labels: the model's labels.
    """

    images: tuple[ListedImage, ...]
    labels: tuple[str, ...]


def make_reading_list(
    journal: str | Path,
    *,
    sources: Iterable[str] | None = None,
    random: int = 20,
    seed: int = 0,
    blind: bool = True,
) -> ReadingList:
    """Lists images without a diagnosis, referred and suspect ones, and some of the rest.

    The random ones show what the model misses. If the reader is blind to the model's answer, the
    order is random, since an order by urgency would give it away; else the most urgent come first.

    Args:
        journal: of a bulk run.
        sources: lists these images instead, such as those that ``select_for_reading`` gave.
        random: how many of the rest.
        seed: of what is random.
        blind: whether the reader answers before the model's finding is shown.

    Raises:
        JournalError: the journal cannot be read.
        ReadingsError: no image to read, or sources that the journal does not know, all named.
        InvalidRequestError: ``random`` is below 0.
    """
    if random < 0:
        raise InvalidRequestError(
            f"{random} random images cannot be listed.", hint="Ask for 0 or more."
        )
    answers = {answer.source: answer for answer in read_journal(journal)}
    draw = dice.Random(seed)
    if sources is None:
        images = _urgent_and_random(answers.values(), random, draw)
    else:
        images = _chosen(answers, sources)
    if not images:
        raise ReadingsError(
            f"The journal {journal} has no image to read.", hint="Diagnose some images first."
        )
    if blind:
        draw.shuffle(images)
    known = (one.confidences for one in answers.values() if isinstance(one, Diagnosis))
    return ReadingList(tuple(images), in_order({label for each in known for label in each}))


def _chosen(answers: Mapping[str, Answer], sources: Iterable[str]) -> list[ListedImage]:
    sources = list(dict.fromkeys(sources))
    missing = [source for source in sources if source not in answers]
    if missing:
        raise ReadingsError(
            f"The journal does not know these images:\n{list_paths(missing)}",
            paths=missing,
            hint="Name images as the journal names them.",
        )
    return [ListedImage(answers[source], "selected") for source in sources]


def _urgent_and_random(
    answers: Iterable[Answer], random: int, draw: dice.Random
) -> list[ListedImage]:
    urgent: list[ListedImage] = []
    rest: list[Answer] = []
    for answer in answers:
        why = _why(answer)
        if why is None:
            rest.append(answer)
        else:
            urgent.append(ListedImage(answer, why))
    urgent.sort(key=_urgency)
    drawn = draw.sample(rest, min(random, len(rest)))
    return urgent + [ListedImage(answer, "random") for answer in drawn]


def _why(answer: Answer) -> Why | None:
    if isinstance(answer, FailedDiagnosis):
        return "no diagnosis"
    if answer.referred:
        return "referred"
    suspect = answer.finding != NORMAL or pneumonia_confidence(answer.confidences) >= 0.5
    return "suspect" if suspect else None


def _urgency(image: ListedImage) -> tuple[int, float]:
    answer = image.answer
    if isinstance(answer, FailedDiagnosis):
        return 0, 0.0
    return (1 if answer.referred else 2), -pneumonia_confidence(answer.confidences)

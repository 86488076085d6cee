"""``ModelCard``: what a version is, what it was tested on, and what it must not be used for."""

from __future__ import annotations

import datetime
import json
from collections.abc import Mapping
from typing import TYPE_CHECKING

import attrs

from rekognition_xray.clinic.card.answers import answers as own_answers
from rekognition_xray.clinic.card.checklists import fill_checklists
from rekognition_xray.clinic.card.facts import CardSources, counts, figures, sections
from rekognition_xray.clinic.card.markdown import render
from rekognition_xray.clinic.card.texts import KERMANY_LIMITS, LIMITS
from rekognition_xray.clinic.card.values import Checklist, LabelCount, Limit, NamedFigure, Section
from rekognition_xray.clinic.notices import FORBIDDEN_USE, INTENDED_USE, NOTICE
from rekognition_xray.errors import EvaluationError

if TYPE_CHECKING:
    from rekognition_xray.clinic.evaluation import Evaluation
    from rekognition_xray.clinic.policy import Policy
    from rekognition_xray.cloud.versions import VersionDescription
    from rekognition_xray.data.dataset import Audit, Split, XrayDataset
    from rekognition_xray.data.gating import GateFigures

_FORMAT = 1


@attrs.frozen(str=False)
class ModelCard:
    """A model card for a version. Use ``ModelCard.of()`` to make one.

    It states what the library knows; everything else is ``not reported``.

    Attributes:
        name: the version's name.
        made_on: the date of the card.
        warnings: what a reader of the figures must know, as in the evaluation.
        intended_use, forbidden_use: the same on every card.
        sections: facts on model, data, labels, operating point and software.
        counts: images and patients by part and label.
        figures: each with its 95 % interval, or with the reason why it has no value.
        confusion: true label to predicted label to number of images.
        limits: what limits the figures, with sources.
        checklists: TRIPOD+AI and CLAIM, with every item.
    """

    name: str
    made_on: datetime.date
    warnings: tuple[str, ...]
    intended_use: tuple[str, ...]
    forbidden_use: tuple[str, ...]
    sections: tuple[Section, ...]
    counts: tuple[LabelCount, ...]
    figures: tuple[NamedFigure, ...]
    confusion: Mapping[str, Mapping[str, int]] = attrs.field(hash=False)
    limits: tuple[Limit, ...]
    checklists: tuple[Checklist, ...]

    @classmethod
    def of(
        cls,
        evaluation: Evaluation,
        *,
        split: Split | None = None,
        dataset: XrayDataset | None = None,
        audit: Audit | None = None,
        version: VersionDescription | None = None,
        policy: Policy | None = None,
        gate: GateFigures | None = None,
        source: str | None = None,
        licence: str | None = None,
        population: str | None = None,
        weights: str | None = None,
        answers: Mapping[str, str] | None = None,
        made_on: datetime.date | None = None,
    ) -> ModelCard:
        """Makes a card; calls nothing at AWS.

        Args:
            evaluation: figures of the version on its test images.
            split: the training and test images; adds counts, fingerprint and origin of labels.
            dataset: adds counts and origin of labels, if there is no split.
            audit: of the images.
            version: the result of ``ModelVersion.describe()``.
            policy: the operating point that the version is to be used with.
            gate: figures of the gate that the version is to be used with.
            source: where the images come from. By default, for images that were read by the rule
                ``kermany``, the card says that they are named like those of that set, and gives its
                licence and population under that condition.
            licence: licence of the images.
            population: the patients that the images show.
            weights: origin and licence of the weights that the training began with, if any. For
                the local learner ``pretrained`` they are in ``NOTICE``.
            answers: key of a checklist item to your answer, such as ``{"tripod-17": "..."}``; it
                replaces the card's own answer.
            made_on: the date of the card, today by default.

        Raises:
            EvaluationError: split or policy do not belong to the evaluated version, an answer is
                for an item that does not exist, or a figure has no interval.
        """
        _check(evaluation, split, policy)
        sources = CardSources(
            evaluation=evaluation,
            split=split,
            dataset=dataset,
            audit=audit,
            version=version,
            policy=policy,
            gate=gate,
            source=source,
            licence=licence,
            population=population,
            weights=weights,
        )
        facts, named_figures = sections(sources), figures(sources)
        return cls(
            name=evaluation.name,
            made_on=made_on or datetime.datetime.now(datetime.UTC).date(),
            warnings=evaluation.warnings,
            intended_use=INTENDED_USE,
            forbidden_use=FORBIDDEN_USE,
            sections=facts,
            counts=counts(sources),
            figures=named_figures,
            confusion=evaluation.confusion,
            limits=(*LIMITS, *(KERMANY_LIMITS if sources.kermany else ())),
            checklists=fill_checklists(own_answers(sources, facts, named_figures), answers or {}),
        )

    def to_dict(self) -> dict[str, object]:
        """Plain data for JSON; what is not known is ``not reported``."""
        return {
            "format": _FORMAT,
            "name": self.name,
            "made_on": self.made_on.isoformat(),
            "notice": NOTICE,
            "warnings": list(self.warnings),
            "intended_use": list(self.intended_use),
            "forbidden_use": list(self.forbidden_use),
            "facts": {
                section.key: {row.key: row.text for row in section.rows}
                for section in self.sections
            },
            "counts": [attrs.asdict(count) for count in self.counts],
            "figures": [_plain(figure) for figure in self.figures],
            "confusion": {truth: dict(row) for truth, row in self.confusion.items()},
            "limits": [attrs.asdict(limit) for limit in self.limits],
            "checklists": [_checklist_dict(checklist) for checklist in self.checklists],
        }

    def to_json(self) -> str:
        """``to_dict`` as JSON text."""
        return json.dumps(self.to_dict(), indent=2, ensure_ascii=False, allow_nan=False) + "\n"

    def to_markdown(self) -> str:
        """The card as Markdown; labels, names and answers are escaped."""
        return render(self)

    def __str__(self) -> str:
        return self.to_markdown()


def _check(evaluation: Evaluation, split: Split | None, policy: Policy | None) -> None:
    recorded = evaluation.split
    if split is not None and recorded is not None and split.fingerprint not in recorded:
        raise EvaluationError(
            f"The evaluation is of the split {recorded!r}, the card is given {split.fingerprint}.",
            hint="Use the split that this version was trained with, or leave it out.",
        )
    chosen = None if policy is None else policy.version_arn
    if chosen is not None and chosen != evaluation.version_arn:
        raise EvaluationError(
            f"The policy was chosen for {chosen}, the evaluation is of {evaluation.version_arn}.",
            hint="Use a policy of this evaluation: evaluation.policy().",
        )


def _plain(named: NamedFigure) -> dict[str, object]:
    return {"of": named.of, "name": named.name, **attrs.asdict(named.figure)}


def _checklist_dict(checklist: Checklist) -> dict[str, object]:
    items = [
        {"key": item.key, "number": item.number, "topic": item.topic, "answer": item.text}
        for item in checklist.items
    ]
    return {"name": checklist.name, "citation": checklist.citation, "items": items}

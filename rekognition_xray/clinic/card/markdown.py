"""Renders a model card as Markdown. All text from outside is escaped."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from itertools import groupby
from typing import TYPE_CHECKING, Final

from rekognition_xray.clinic.card.texts import NO_SERVICE_FIGURES
from rekognition_xray.clinic.notices import NOTICE

if TYPE_CHECKING:
    from rekognition_xray.clinic.card.card import ModelCard
    from rekognition_xray.clinic.card.values import Checklist, NamedFigure

_ACTIVE: Final = re.compile(r"([\\`*_\[\]|~$])")


def escape_markdown(text: str) -> str:
    """Text for one line or table cell, without line breaks, markup or HTML."""
    line = " ".join("".join(sign if sign.isprintable() else " " for sign in text).split())
    plain = line.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return _ACTIVE.sub(r"\\\1", plain)


def render(card: ModelCard) -> str:
    """The whole card as Markdown."""
    blocks = [f"# Model card of {escape_markdown(card.name)}", f"**{NOTICE}**"]
    blocks.append(f"Made on {card.made_on.isoformat()}.")
    blocks += [f"> {escape_markdown(warning)}" for warning in card.warnings]
    blocks += _section("Intended use", _points(card.intended_use))
    blocks += _section("Forbidden use", _points(card.forbidden_use))
    for section in card.sections:
        rows = [(row.name, row.text) for row in section.rows]
        blocks += _section(section.title, _table(("Fact", "Value"), rows))
        if section.key == "data":
            blocks += _counts(card)
    blocks += _section("Figures", NO_SERVICE_FIGURES)
    for of, figures in groupby(card.figures, key=lambda figure: figure.of):
        blocks.append(_figures(of, list(figures)))
    blocks += _section("Confusion", _confusion(card))
    blocks += _section("Limits", _points(_with_source(card)))
    for checklist in card.checklists:
        blocks += _checklist(checklist)
    return "\n\n".join(blocks) + "\n"


def _section(title: str, *blocks: str) -> list[str]:
    return [f"## {escape_markdown(title)}", *blocks]


def _points(texts: Iterable[str]) -> str:
    return "\n".join(f"- {escape_markdown(text)}" for text in texts)


def _with_source(card: ModelCard) -> list[str]:
    return [
        f"{limit.text} ({limit.source})" if limit.source else limit.text for limit in card.limits
    ]


def _table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [columns, *rows]
    cells = [" | ".join(escape_markdown(cell) for cell in line) for line in lines]
    rule = " | ".join("---" for _ in columns)
    return "\n".join(f"| {line} |" for line in (cells[0], rule, *cells[1:]))


def _counts(card: ModelCard) -> list[str]:
    rows = [
        (count.part, count.label, str(count.images), str(count.patients)) for count in card.counts
    ]
    if not rows:
        return []
    return ["### Images and patients", _table(("Part", "Label", "Images", "Patients"), rows)]


def _figures(of: str, figures: Sequence[NamedFigure]) -> str:
    rows = [
        (figure.name, figure.text, str(figure.figure.n), str(figure.figure.patients))
        for figure in figures
    ]
    title = of[0].upper() + of[1:]
    table = _table(("Figure", "Value (95 % interval)", "Images", "Patients"), rows)
    return f"### {escape_markdown(title)}\n\n{table}"


def _confusion(card: ModelCard) -> str:
    labels = tuple(next(iter(card.confusion.values()), {}))
    rows = [
        (truth, *(str(called[label]) for label in labels))
        for truth, called in card.confusion.items()
    ]
    return _table(("True label, images", *(f"called {label}" for label in labels)), rows)


def _checklist(checklist: Checklist) -> list[str]:
    about = (
        f"{checklist.citation}. {checklist.note} {checklist.answer_count} of "
        f"{len(checklist.items)} answered."
    )
    rows = [(item.number, item.topic, item.text, item.key) for item in checklist.items]
    table = _table(("Item", "About", "Answer", "Key"), rows)
    return _section(f"Checklist {checklist.name}", escape_markdown(about), table)

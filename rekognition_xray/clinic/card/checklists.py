"""The checklists TRIPOD+AI and CLAIM, and how answers are filled in."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from importlib.resources import files
from typing import Final

import attrs

from rekognition_xray.clinic import json_fields as fields
from rekognition_xray.clinic.card.values import Checklist, Item
from rekognition_xray.errors import EvaluationError

_FILES: Final = ("tripod-ai.json", "claim.json")


def checklists() -> tuple[Checklist, ...]:
    """Both checklists without answers."""
    folder = files("rekognition_xray.clinic.card") / "checklists"
    return tuple(_read((folder / name).read_text("utf-8")) for name in _FILES)


def _read(text: str) -> Checklist:
    record = fields.object_in(json.loads(text))
    name, citation, note = (
        fields.string_in(record.get(key), key) for key in ("name", "citation", "note")
    )
    return Checklist(name, citation, note, tuple(_items(record)))


def _items(record: fields.Json) -> Iterator[Item]:
    for item in fields.objects_in(record, "items"):
        key, number, topic = (
            fields.string_in(item.get(name), name) for name in ("key", "number", "topic")
        )
        yield Item(key, number, topic)


def fill_checklists(
    known: Mapping[str, str | None], own: Mapping[str, str]
) -> tuple[Checklist, ...]:
    """The checklists with the card's answers, replaced by those of its author.

    Args:
        known: key of an item to the card's answer; None if it has none.
        own: key of an item, such as ``tripod-5a``, to the author's answer.

    Raises:
        EvaluationError: an answer is for an item that does not exist, or is empty.
    """
    empty = checklists()
    _check(own, [item.key for checklist in empty for item in checklist.items])
    answers = {**known, **own}
    return tuple(
        attrs.evolve(
            checklist,
            items=tuple(
                attrs.evolve(item, answer=answers.get(item.key)) for item in checklist.items
            ),
        )
        for checklist in empty
    )


def _check(own: Mapping[str, str], keys: list[str]) -> None:
    strange = sorted(set(own) - set(keys))
    if strange:
        near = [match for key in strange for match in get_close_matches(key, keys, n=2)]
        meant = f" Did you mean {', '.join(near)}?" if near else ""
        raise EvaluationError(
            f"No checklist has the items {', '.join(strange)}.{meant}",
            hint="Keys look like tripod-5a and claim-14; the card lists all of them.",
        )
    blank = sorted(key for key, answer in own.items() if not answer.strip())
    if blank:
        raise EvaluationError(
            f"The answers to {', '.join(blank)} are empty.",
            hint="Leave out items that you do not answer; the card then says 'not reported'.",
        )

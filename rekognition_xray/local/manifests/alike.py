"""Lines that differ from others in their image alone: the rest is checked once for all of them."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final

from rekognition_xray.local.manifests.attributes import LineRules
from rekognition_xray.local.manifests.entry import HEAD, Entry, as_entry
from rekognition_xray.local.manifests.lines import listed_line, read_line

_IMAGE: Final = "s3://any/image"
# A sound source-ref that JSON writes as it is, and what follows from its closing quote on.
_LINE: Final = re.compile(
    r'\{"source-ref":"(s3://[0-9A-Za-z._\-]{3,255}/[ !#-\[\]-~]{1,1024})("[^\\]{1,1000})'
)
_RESTS: Final = 1000  # at most: one for each label, where a manifest's lines are alike


def read_entry(text: str, rules: LineRules) -> Entry | None:
    """A line as a dataset stores it; None for one that it drops."""
    if (parts := _parts(text, rules)) and (found := _entry_with(parts[1], rules)) is not None:
        rest, alike = found
        return Entry(parts[0], rest, alike.labels, alike.labelled, alike.faulty, only_rest=True)
    return _entry(text, rules)


def line_in_listing(text: str, rules: LineRules) -> str:
    """A line as listings show it: with its state, and its errors where there are any."""
    if (parts := _parts(text, rules)) and (rest := _rest_in_listing(parts[1], rules)) is not None:
        return f"{HEAD}{parts[0]}{rest}"
    return listed_line(text, rules)


def _parts(text: str, rules: LineRules) -> tuple[str, str] | None:
    """Source-ref and rest of a line, where the rest means the same behind any other image."""
    found = _LINE.fullmatch(text)
    if found is None or len(text) > rules.line_characters or "source-ref" in found[2]:
        return None
    return found[1], found[2]


@lru_cache(maxsize=_RESTS)
def _entry_with(rest: str, rules: LineRules) -> tuple[str, Entry] | None:
    """This rest and the entry of some image with it; None where it is not stored as it is."""
    text = f"{HEAD}{_IMAGE}{rest}"
    entry = _entry(text, rules)
    return (rest, entry) if entry is not None and entry.line == text else None


@lru_cache(maxsize=_RESTS)
def _rest_in_listing(rest: str, rules: LineRules) -> str | None:
    text = listed_line(f"{HEAD}{_IMAGE}{rest}", rules)
    head = f'{HEAD}{_IMAGE}"'
    return text[len(head) - 1 :] if text.startswith(head) else None


def _entry(text: str, rules: LineRules) -> Entry | None:
    line = read_line(text, rules)
    if line.terminal or line.source_ref is None:
        return None
    return as_entry(line, line.source_ref)

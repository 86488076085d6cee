"""What a manifest line says besides image and label: the job name, the date, who labelled."""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from functools import lru_cache
from typing import Final
from urllib.parse import parse_qsl, urlencode

import attrs

from rekognition_xray.data.xrays import Labelling, Part

JOB: Final = "rekognition-xray"
"""How the job names of this library begin."""
UNKNOWN_DATE: Final = "1970-01-01T00:00:00.000Z"
"""Means "unknown": the service requires a date, and none is invented."""

_EPOCH: Final = datetime.datetime(1970, 1, 1, tzinfo=datetime.UTC)
_LONGEST_RULE: Final = 1000


def job_name(labelling: Labelling, part: Part | None) -> str:
    """Says which rule, whose labels and which part of which split, as in a URL's query.

    For example ``rekognition-xray?rule=kermany&part=train&split=0123456789ab``; ``read_job_name``
    is the way back. The service takes any text and does not look at it.

    Raises:
        UnicodeEncodeError: lone surrogates.
    """
    told = {name: text for name, text in (("rule", labelling.rule), ("by", labelling.by)) if text}
    if part is not None:
        told |= {"part": part.name, "split": part.fingerprint}
    return f"{JOB}?{urlencode(told)}" if told else JOB


def read_job_name(text: str) -> tuple[str, str, Part | None]:
    """Rule, author and part of a job name; another author's job name stands for its rule."""
    if text != JOB and not text.startswith(f"{JOB}?"):
        return (text if len(text) <= _LONGEST_RULE else ""), "", None
    told = dict(parse_qsl(text.removeprefix(JOB)[1:], keep_blank_values=True))
    part = Part(told["part"], told.get("split", "")) if "part" in told else None
    return told.get("rule", ""), told.get("by", ""), part


def write_date(on: datetime.date | None) -> str:
    """The date as the service wants it: UTC with milliseconds; UNKNOWN_DATE for None."""
    if on is None:
        return UNKNOWN_DATE
    moment = _moment(on).replace(tzinfo=None)
    return f"{moment.isoformat(timespec='milliseconds')}Z"


@lru_cache(maxsize=256)  # most manifests have one date, or one for each label
def read_date(text: str) -> datetime.datetime:
    """A creation date with its time; without a zone it counts as UTC.

    Raises:
        ValueError: no date and time in ISO 8601, or one outside the years 1 to 9999.
    """
    if "T" not in text:
        raise ValueError("a date without a time")
    try:
        return _moment(datetime.datetime.fromisoformat(text))
    except OverflowError as error:
        raise ValueError(str(error)) from error


def settled(labelling: Labelling) -> Labelling:
    """A labelling as a line can carry it, so that what is written is what is read.

    A time is turned into UTC with whole milliseconds, midnight into its day, and the epoch, which
    means "unknown", into None.
    """
    return attrs.evolve(labelling, on=None if labelling.on is None else _day(_moment(labelling.on)))


def _moment(on: datetime.date) -> datetime.datetime:
    if not isinstance(on, datetime.datetime):
        return datetime.datetime.combine(on, datetime.time(), datetime.UTC)
    zoned = on if on.tzinfo else on.replace(tzinfo=datetime.UTC)
    utc = zoned.astimezone(datetime.UTC)
    return utc.replace(microsecond=utc.microsecond // 1000 * 1000)


def _day(moment: datetime.datetime) -> datetime.date | None:
    if moment == _EPOCH:
        return None
    return moment if moment.time() != datetime.time() else moment.date()


@attrs.define
class Origin:
    """Where the labels of many lines come from, gathered line by line.

    What all lines agree on is kept; where they differ the rule, its author and the part are
    unknown. The latest date is the one by which all labels were made; it is unknown as soon as
    that of one line is. ``human`` needs every line to say so.
    """

    _rules: set[str] = attrs.field(factory=set)
    _authors: set[str] = attrs.field(factory=set)
    _parts: set[Part | None] = attrs.field(factory=set)
    _jobs: set[str] = attrs.field(factory=set)
    _date: str = ""
    _latest: datetime.datetime | None = None
    _dated: bool = True
    _human: bool = True

    def take(self, metadata: Mapping[str, object]) -> None:
        """Takes the notes of one line; its metadata are sound."""
        job = metadata.get("job-name")
        self._take_job(job if isinstance(job, str) else "")
        self._take_date(str(metadata["creation-date"]))
        self._human = self._human and metadata["human-annotated"] == "yes"

    def _take_job(self, job: str) -> None:
        if job in self._jobs:
            return
        rule, author, part = read_job_name(job)
        for seen, value in ((self._rules, rule), (self._authors, author)):
            if len(seen) < 2:
                seen.add(value)
        if len(self._parts) < 2:
            self._parts.add(part)
        if len(self._jobs) < 250:  # one for each label, in manifests of the console
            self._jobs.add(job)

    def _take_date(self, date: str) -> None:
        if date == self._date:
            return
        self._date, moment = date, read_date(date)
        self._dated = self._dated and moment != _EPOCH
        self._latest = moment if self._latest is None else max(self._latest, moment)

    @property
    def labelling(self) -> Labelling:
        """What all lines agree on."""
        on = _day(self._latest) if self._latest is not None and self._dated else None
        return Labelling(_common(self._rules), _common(self._authors), on, self._human)

    @property
    def part(self) -> Part | None:
        """The part that all lines name."""
        return next(iter(self._parts)) if len(self._parts) == 1 else None


def _common(values: set[str]) -> str:
    return next(iter(values)) if len(values) == 1 else ""

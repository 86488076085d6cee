"""Readings with little said: a reader, a time, and what was read."""

from __future__ import annotations

import datetime as dt

from rekognition_xray.data.correcting import Reading, Verdict

START = dt.datetime(2026, 11, 29, 8, tzinfo=dt.UTC)


def read_as(
    source: object,
    label: str | None,
    *,
    reader: str = "r1",
    minute: int = 0,
    verdict: Verdict | None = None,
    finding: str | None = None,
) -> Reading:
    """A reading; without a label an unsure one."""
    return Reading(
        source=str(source),
        verdict=verdict or ("unsure" if label is None else "correct"),
        label=label,
        reader=reader,
        time=START + dt.timedelta(minutes=minute),
        finding=finding,
    )

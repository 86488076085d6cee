"""What a monitor reports, as values, text and a page. No numpy."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import attrs

from rekognition_xray.clinic.notices import NOTICE
from rekognition_xray.clinic.report import write_html
from rekognition_xray.clinic.statistics import Figure
from rekognition_xray.records import Record

_DAYS: Final = 7  # that the text shows


@attrs.frozen
class WatchedValue(Record):
    """One value that is watched: the confidence of pneumonia, the gate score, or the referrals.

    Attributes:
        name: what is watched.
        figures: name to the figures of the reference and of the recent images: quantiles, or the
            share that was referred; each with a 95 % interval.
        compared_with: ``the reference``, or ``the journal's own beginning`` if the reference has no
            such values.
        images: images of the journal that have the value.
        e_value: evidence now that the value has changed: what a capital of 1 has become that was
            bet on it; about 1 or less if nothing has.
        highest: the highest e-value so far.
        alarm_image: number of the image, from 1, at which it raised the alarm; None if it did not.
        reason: why nothing can be tested; empty if it can.
    """

    name: str
    figures: Mapping[str, tuple[Figure, Figure]] = attrs.field(hash=False)
    compared_with: str
    images: int
    e_value: float
    highest: float
    alarm_image: int | None
    reason: str

    _derived = ("alarm",)

    @property
    def alarm(self) -> bool:
        """Whether the value has raised the alarm, now or before."""
        return self.alarm_image is not None


@attrs.frozen(str=False, kw_only=True)
class MonitorReport(Record):
    """What a monitor has seen of a journal so far.

    Attributes:
        version_arn: the version whose images are watched; empty before the first line.
        reference: what they are compared with, in words.
        images: diagnosed images; the same image under the same path counts once, and with
            ``patient``, each patient.
        failed: answers that were no diagnosis.
        without_confidence: images without a usable confidence: refused before the call, or a label
            was not listed.
        recent: the latest images, on which figures rest.
        watched: what was tested.
        prevalence: share of the recent images that show pneumonia, estimated by label shift; not
            estimable without labels. Wrong if the images themselves have changed.
        calls_by_day: UTC date to number of answers, as far as the journal says.
        false_alarms: the largest probability, 0 to 1, that a journal without change raises any
            alarm, however long it is watched.
        threshold: the e-value that raises the alarm.
    """

    version_arn: str
    reference: str
    images: int
    failed: int
    without_confidence: int
    recent: int
    watched: tuple[WatchedValue, ...]
    prevalence: Figure
    calls_by_day: Mapping[str, int] = attrs.field(hash=False)
    false_alarms: float
    threshold: float

    _derived = ("alarm",)

    @property
    def alarm(self) -> bool:
        """Whether any watched value has raised the alarm, now or before."""
        return any(value.alarm for value in self.watched)

    @property
    def verdict(self) -> str:
        """The outcome in a sentence."""
        raised = [value for value in self.watched if value.alarm]
        if not raised and not any(value.images for value in self.watched):
            return "Nothing was tested: no image has a value that could be watched."
        if not raised:
            return "No alarm: nothing shows that the images have changed."
        named = "; ".join(f"{value.name}, at image {value.alarm_image:,}" for value in raised)
        return f"ALARM: the images have changed ({named})."

    def to_html(self, path: str | os.PathLike[str]) -> Path:
        """Writes the report as a page: one HTML file that needs no network.

        Raises:
            MissingExtraError: the extra ``report`` is not installed.
        """
        return write_html(
            Path(path), "monitor.html.j2", report=self, tests=_tests(self), figures=_figures(self)
        )

    def __str__(self) -> str:
        counts = (
            f"{self.images:,} images, {self.failed:,} failed, "
            f"{self.without_confidence:,} without a usable confidence"
        )
        promise = (
            f"alarm at an e-value of {self.threshold:,.0f}: at most {self.false_alarms:.1%} of "
            "journals without change ever reach it"
        )
        days = [f"  {day}  {calls:,}" for day, calls in [*self.calls_by_day.items()][-_DAYS:]]
        return "\n".join(
            [
                self.verdict,
                f"{self.version_arn or 'no version yet'}, compared with {self.reference}",
                counts,
                "",
                *_aligned([_TEST_COLUMNS, *_tests(self)]),
                promise,
                "",
                *_aligned([("", "reference", f"last {self.recent:,} images"), *_figures(self)]),
                "",
                *(["answers a day, UTC", *days] if days else ["answers a day: not estimable"]),
                NOTICE,
            ]
        )


_TEST_COLUMNS: Final = ("watched", "images", "e-value", "highest", "compared with")


def _tests(report: MonitorReport) -> list[tuple[str, ...]]:
    """A row for each test."""
    return [
        (value.name, f"{value.images:,}", "not estimable", "", value.reason)
        if value.reason
        else (
            value.name,
            f"{value.images:,}",
            f"{value.e_value:,.3g}",
            f"{value.highest:,.3g}" + (" ALARM" if value.alarm else ""),
            value.compared_with,
        )
        for value in report.watched
    ]


def _figures(report: MonitorReport) -> list[tuple[str, str, str]]:
    """A row for each figure: of the reference, of the recent images."""
    rows = [
        (f"{value.name}: {name}", str(before), str(now))
        for value in report.watched
        for name, (before, now) in value.figures.items()
    ]
    reason = f" ({report.prevalence.reason})" if report.prevalence.reason else ""
    return [*rows, ("prevalence of pneumonia", "", f"{report.prevalence}{reason}")]


def _aligned(rows: list[tuple[str, ...]]) -> list[str]:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in rows
    ]

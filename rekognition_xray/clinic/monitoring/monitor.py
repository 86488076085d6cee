"""``Monitor``: follows a journal and tests whether its images are still like the reference's.

Imports numpy: to be imported only when a journal is watched.
"""

from __future__ import annotations

import math
import os
from collections import Counter, deque
from collections.abc import Callable, Hashable, Mapping, Sequence
from pathlib import Path
from typing import Final, TypeAlias

import attrs
import numpy as np
from scipy.stats import binom, binomtest

from rekognition_xray.clinic.diagnosis import Diagnosis, JournalLine, follow_journal
from rekognition_xray.clinic.evaluation import Evaluation
from rekognition_xray.clinic.monitoring.change_test import ChangeTest
from rekognition_xray.clinic.monitoring.prevalence import LabelShift
from rekognition_xray.clinic.monitoring.report import MonitorReport, WatchedValue
from rekognition_xray.clinic.statistics import Figure
from rekognition_xray.errors import EvaluationError, JournalError
from rekognition_xray.labels import distinguish_pneumonia, pneumonia_confidence

Key: TypeAlias = Callable[[Diagnosis], Hashable]
"""What of a diagnosis counts once."""

_CONFIDENCE: Final = "confidence"
_GATE: Final = "gate score"
_REFERRED: Final = "referred"
_VALUES: Final = (_CONFIDENCE, _GATE, _REFERRED)
_QUANTILES: Final = {"10 % quantile": 0.1, "median": 0.5, "90 % quantile": 0.9}
_BINOMIAL: Final = "binomial interval of a quantile"
_WILSON: Final = "score interval"
_FEW: Final = 8  # images below which no figure is estimated


@attrs.frozen
class Seen:
    """What is watched of one image; None where it has no such value."""

    confidence: float | None
    gate_score: float | None
    referred: float | None

    def value(self, name: str) -> float | None:
        """The value of that name."""
        values = {_CONFIDENCE: self.confidence, _GATE: self.gate_score, _REFERRED: self.referred}
        return values[name]


class Monitor:
    """Follows the journals of a version, and tests whether its images have changed.

    Three values are watched: the confidence of pneumonia (of the likeliest label, where labels do
    not distinguish it), the gate score, and whether the image was referred. Each has a conformal
    test martingale (Vovk, Gammerman and Shafer 2022): if nothing changes, its e-value ever reaches
    3 / ``false_alarms`` with probability at most ``false_alarms`` / 3. So at most the share
    ``false_alarms`` of journals without change ever raises an alarm, however often one looks. The
    three are not averaged: each follows its own history, and an average of such tests would not
    keep the promise (Choe and Ramdas 2024, arXiv 2402.09698).

    The promise holds if, without change, any order of the images is as likely as any other. A
    journal that was sorted by label has no such order, nor has one with several images of a patient
    in a row, unless ``patient`` tells them.
    """

    def __init__(
        self,
        reference: Evaluation | str | os.PathLike[str],
        *,
        false_alarms: float = 0.01,
        recent: int = 500,
        patient: Callable[[str], str] | None = None,
        seed: int = 0,
    ) -> None:
        """Prepares to watch; files are read on the first ``update``.

        Args:
            reference: an evaluation of the version (are the images like the test images?), or the
                path of an earlier journal of it (are they like the images of then?).
            false_alarms: the largest probability, between 0 and 1, that a journal without change
                raises any alarm.
            recent: how many of the latest images figures rest on, at least 8.
            patient: from an image's path to its patient; then only the first image of each patient
                counts, in the reference, too. Without it, images are taken for those of different
                patients.
            seed: of the draws that break ties; the same journal and seed give the same report.

        Raises:
            EvaluationError: a number is out of its range.
        """
        if not 0 < false_alarms < 1 or recent < _FEW:
            raise EvaluationError(
                f"false_alarms={false_alarms!r}, recent={recent!r} cannot be used.",
                hint=f"Use a share between 0 and 1, and {_FEW} images or more.",
            )
        self._reference = reference if isinstance(reference, Evaluation) else Path(reference)
        self._false_alarms = false_alarms
        self._key = _image if patient is None else _patient_by(patient)
        self._by_patient = patient is not None
        self._seed = seed
        self._before: _Reference | None = None
        self._gate: str | None = None
        self._tests: dict[str, ChangeTest] = {}
        self._alarms: dict[str, int] = {}
        self._read: dict[Path, int] = {}
        self._known: set[int] = set()
        self._recent: deque[Seen] = deque(maxlen=recent)
        self._counts: Counter[str] = Counter()
        self._days: Counter[str] = Counter()

    def update(self, journal: str | os.PathLike[str]) -> MonitorReport:
        """Reads the lines that were added to a journal, and reports on all that were read so far.

        A journal that is given for the first time is read from its beginning, so several (one for
        each day) can be followed in turn. Calls nothing.

        Args:
            journal: path of a journal that ``diagnose_many`` writes, also while it does.

        Raises:
            JournalError: a journal cannot be read, is of another version than the reference, or is
                the reference itself.
            EvaluationError: the reference has no confidences to compare with.
        """
        before = self._before = self._before or self._read_reference()
        if not self._tests:
            self._tests = {
                name: ChangeTest(before.values(name), seed=self._seed + place)
                for place, name in enumerate(_VALUES)
            }
        path = Path(journal).resolve()
        if path == before.path:
            raise JournalError(
                f"The journal {path} is the reference itself.",
                hint="Name the journal of the images that came after it.",
            )
        for line in follow_journal(path, start=self._read.get(path, 0)):
            _check_version(line, path, before.version_arn)
            self._count(line, before)
            self._read[path] = line.end
        return self._report(before)

    def _read_reference(self) -> _Reference:
        found = (
            _of_evaluation(self._reference, by_patient=self._by_patient)
            if isinstance(self._reference, Evaluation)
            else _of_journal(self._reference.resolve(), self._key)
        )
        if not found.values(_CONFIDENCE):
            raise EvaluationError(
                f"The reference, {found.name}, has no image with a confidence.",
                hint="Use an evaluation, or a journal with diagnoses of some hundred images.",
            )
        return found

    def _count(self, line: JournalLine, before: _Reference) -> None:
        if line.written_at is not None:
            self._days[line.written_at.date().isoformat()] += 1
        if not isinstance(line.answer, Diagnosis):
            self._counts["failed"] += 1
        elif _is_new(self._key(line.answer), self._known):
            self._gate = self._gate or before.gate or line.answer.gate
            self._counts["other gate"] += line.answer.gate not in (None, self._gate)
            self._take(_seen(line.answer, before.labels, self._gate))

    def _take(self, image: Seen) -> None:
        self._counts["images"] += 1
        self._counts["without"] += image.confidence is None
        self._recent.append(image)
        for name, test in self._tests.items():
            value = image.value(name)
            if value is not None:
                test.take(value)
                if test.e_value >= self._threshold:
                    self._alarms.setdefault(name, self._counts["images"])

    @property
    def _threshold(self) -> float:
        return len(_VALUES) / self._false_alarms

    def _report(self, before: _Reference) -> MonitorReport:
        return MonitorReport(
            version_arn=before.version_arn,
            reference=before.name,
            images=self._counts["images"],
            failed=self._counts["failed"],
            without_confidence=self._counts["without"],
            recent=len(self._recent),
            watched=tuple(self._watched(name, before) for name in _VALUES),
            prevalence=self._prevalence(before),
            calls_by_day=dict(sorted(self._days.items())),
            false_alarms=self._false_alarms,
            threshold=self._threshold,
        )

    def _watched(self, name: str, before: _Reference) -> WatchedValue:
        test, was = self._tests[name], before.values(name)
        now = [value for image in self._recent if (value := image.value(name)) is not None]
        return WatchedValue(
            name=f"{name} of {before.subject}" if name == _CONFIDENCE else name,
            figures=_figures(name, was, now),
            compared_with="the reference" if was else "the journal's own beginning",
            images=test.taken,
            e_value=test.e_value,
            highest=test.highest,
            alarm_image=self._alarms.get(name),
            reason="" if test.taken else self._why_untested(name),
        )

    def _why_untested(self, name: str) -> str:
        if name == _GATE and self._counts["other gate"]:
            return "the journal's gate is another than that of the reference"
        return f"no image of the journal has a {name}"

    def _prevalence(self, before: _Reference) -> Figure:
        found = [image.confidence for image in self._recent if image.confidence is not None]
        if before.label_shift is None:
            return Figure(None, n=len(found), reason=before.no_labels)
        if len(found) < _FEW:
            return Figure(None, n=len(found), reason=f"fewer than {_FEW} images")
        return before.label_shift.prevalence(found)


@attrs.frozen(eq=False)
class _Reference:
    """What journals are compared with.

    Attributes:
        name: in words.
        path: of the journal; None for an evaluation.
        labels: of the model.
        images: what is watched of its images.
        label_shift: estimates prevalences; None without labels, for the reason ``no_labels``.
        gate: the gate whose scores are compared; None without one.
    """

    name: str
    version_arn: str
    path: Path | None
    labels: frozenset[str]
    images: tuple[Seen, ...]
    label_shift: LabelShift | None
    no_labels: str = ""
    gate: str | None = None

    @property
    def subject(self) -> str:
        """Whose confidence is watched."""
        return "pneumonia" if distinguish_pneumonia(self.labels) else "the likeliest label"

    def values(self, name: str) -> list[float]:
        """The values of that name, of the images that have one."""
        return [value for image in self.images if (value := image.value(name)) is not None]


def _of_evaluation(evaluation: Evaluation, *, by_patient: bool) -> _Reference:
    labels = frozenset(evaluation.labels)
    known: set[int] = set()
    usable = [
        image
        for image in evaluation.images
        if _confidence(image.confidences, labels) is not None
        and _is_new(image.group if by_patient else image.source_ref, known)
    ]
    reason = ""
    if not distinguish_pneumonia(labels):
        reason = "the labels do not distinguish pneumonia from the rest"
    elif len({image.has_pneumonia for image in usable}) < 2:
        reason = "the reference has images of one kind only"
    return _Reference(
        name=f"the {len(usable):,} test images of {evaluation.name}",
        version_arn=evaluation.version_arn,
        path=None,
        labels=labels,
        images=tuple(Seen(_confidence(image.confidences, labels), None, None) for image in usable),
        label_shift=None if reason else LabelShift(usable),
        no_labels=reason,
    )


def _of_journal(path: Path, key: Key) -> _Reference:
    arn, known, first = "", set[int](), list[Diagnosis]()
    for line in follow_journal(path):
        arn = arn or line.answer.version_arn
        _check_version(line, path, arn)
        if isinstance(line.answer, Diagnosis) and _is_new(key(line.answer), known):
            first.append(line.answer)
    labels = frozenset(label for answer in first for label in answer.confidences)
    gate = next((answer.gate for answer in reversed(first) if answer.gate), None)
    return _Reference(
        name=f"the {len(first):,} images of {path.name}",
        version_arn=arn,
        path=path,
        labels=labels,
        images=tuple(_seen(answer, labels, gate) for answer in first),
        gate=gate,
        label_shift=None,
        no_labels="a journal as reference has no true labels; use an evaluation",
    )


def _check_version(line: JournalLine, path: Path, arn: str) -> None:
    if line.answer.version_arn != arn:
        raise JournalError(
            f"The journal {path} has answers of {line.answer.version_arn}, the reference is of "
            f"{arn}.",
            hint="Confidences of two versions cannot be compared: use a reference of the "
            "journal's version.",
        )


def _image(answer: Diagnosis) -> Hashable:
    """What counts once: the pixels under a path."""
    return answer.source, answer.image_sha256


def _patient_by(patient: Callable[[str], str]) -> Key:
    return lambda answer: patient(answer.source)


def _is_new(key: Hashable, known: set[int]) -> bool:
    """Whether it was not known before; now it is. Hashes take less memory than paths."""
    size = len(known)
    known.add(hash(key))
    return len(known) > size


def _seen(answer: Diagnosis, labels: frozenset[str], gate: str | None) -> Seen:
    """What is watched of an answer; scores of another gate mean something else."""
    score = answer.gate_score
    usable = score is not None and math.isfinite(score) and answer.gate == gate
    return Seen(
        _confidence(answer.confidences, labels),
        score if usable else None,
        float(answer.referred),
    )


def _confidence(confidences: Mapping[str, float], labels: frozenset[str]) -> float | None:
    """The confidence that is watched; None if a label has none that can be used."""
    if not all(0 <= confidences.get(label, math.nan) <= 1 for label in labels):
        return None
    if distinguish_pneumonia(labels):
        return pneumonia_confidence(confidences)
    return max(confidences.values(), default=None)


def _figures(
    name: str, before: Sequence[float], now: Sequence[float]
) -> dict[str, tuple[Figure, Figure]]:
    """Figures of the reference's values and of the recent ones."""
    if name == _REFERRED:
        return {"share": (_share(before), _share(now))}
    return {
        title: (_quantile(before, level), _quantile(now, level))
        for title, level in _QUANTILES.items()
    }


def _share(values: Sequence[float]) -> Figure:
    """The mean of zeros and ones, with Wilson's interval."""
    if len(values) < _FEW:
        return _too_few(values)
    n = len(values)
    counted = binomtest(round(sum(values)), n)
    ends = counted.proportion_ci(method="wilson")
    value, low, high = map(float, (counted.statistic, ends.low, ends.high))
    return Figure(value, low, high, n=n, patients=n, method=_WILSON)


def _quantile(values: Sequence[float], level: float) -> Figure:
    """A quantile, between the order statistics that the binomial distribution names."""
    if len(values) < _FEW:
        return _too_few(values)
    ordered, n = sorted(values), len(values)
    low = max(0, int(binom.ppf(0.025, n, level)) - 1)
    high = min(n - 1, int(binom.ppf(0.975, n, level)))
    value = float(np.quantile(ordered, level))
    return Figure(value, ordered[low], ordered[high], n=n, patients=n, method=_BINOMIAL)


def _too_few(values: Sequence[float]) -> Figure:
    return Figure(None, n=len(values), reason=f"fewer than {_FEW} images")

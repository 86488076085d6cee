"""Diagnoser: asks a running version about one film or many."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Sized
from pathlib import Path
from typing import TYPE_CHECKING, Final

import attrs
from tqdm import tqdm

from rekognition_xray.clinic.answers import Diagnosis, FailedDiagnosis
from rekognition_xray.clinic.bulk import Answer, answers
from rekognition_xray.clinic.journal import Journal
from rekognition_xray.clinic.policy import REFERRED, Decision, Policy
from rekognition_xray.cloud.version import ModelVersion
from rekognition_xray.data.images import MAX_DETECT_BYTES, PreparedImage, prepare
from rekognition_xray.errors import (
    AccessDeniedError,
    AwsError,
    CredentialsError,
    EvaluationError,
    ImageError,
    InvalidRequestError,
    NotFoundError,
    NotReadyError,
)
from rekognition_xray.labels import in_order

if TYPE_CHECKING:
    from collections.abc import Mapping

    from PIL.Image import Image

    from rekognition_xray.clinic.explaining import ExplainProgress, Explanation
    from rekognition_xray.clinic.occlusion import Fill
    from rekognition_xray.costs import Money

__all__ = ["Diagnoser", "Diagnosis", "FailedDiagnosis"]

_STOPS: Final = (NotReadyError, NotFoundError, CredentialsError, AccessDeniedError)
"""Errors that are about the version or the caller: every further film would meet them too."""


@attrs.frozen
class Diagnoser:
    """Asks a running version what it sees on films. A handle; making one calls nothing.

    Every film is prepared as the training films were: grey, upright, without metadata; nothing
    else leaves this machine. Only where that makes more than 4 MB, the most that a call may carry,
    it is scaled down. It is an aid for a person who reads the film, not a medical device.

    Attributes:
        version: the version to ask; it must run.
        policy: how confidences become findings; without one the finding is the label of highest
            confidence.
        allow_burned_in: also take DICOM whose pixels may show a patient's name.

    Raises:
        EvaluationError: the policy was made for another version.
    """

    version: ModelVersion
    policy: Policy | None = None
    allow_burned_in: bool = attrs.field(default=False, kw_only=True)

    def __attrs_post_init__(self) -> None:
        made_for = self.policy.version_arn if self.policy else None
        if made_for is not None and made_for != self.version.arn:
            raise EvaluationError(
                f"The policy was made for {made_for}, not for {self.version.arn}.",
                hint="Thresholds do not carry over: take this version's evaluation.policy().",
            )

    def diagnose(self, film: Path | str | bytes | Image) -> Diagnosis:
        """Asks about one film. Calls DetectCustomLabels once; no price per call.

        Args:
            film: a path, the bytes of a PNG, JPEG or DICOM file, or a Pillow image.

        Raises:
            ImageError: the film cannot be used; nothing was sent.
            NotReadyError: the version does not run.
            AwsError: AWS refused the call or could not be reached.
        """
        if isinstance(film, str | os.PathLike):
            path = Path(film)
            return self._ask(str(path), self._prepared(path))
        prepared = self._prepared(film)
        return self._ask(_name(film, prepared), prepared)

    def diagnose_many(
        self,
        paths: Iterable[str | os.PathLike[str]],
        *,
        journal: str | os.PathLike[str] | None = None,
        workers: int = 4,
        progress: bool = False,
    ) -> Iterator[Diagnosis | FailedDiagnosis]:
        """Asks about many films; answers come in the order of the paths, read lazily.

        A film that cannot be used, or that AWS does not answer for, gives a ``FailedDiagnosis``;
        the run goes on. What would fail for every film stops it: the version does not run or is
        gone, credentials or permissions lack. Calls DetectCustomLabels once for each film (botocore
        repeats it on throttles and faults).

        Args:
            paths: the films.
            journal: a JSON Lines file. Each answer is written there before it is given out. Films
                whose path and pixels have a diagnosis there are not asked again, and their
                findings are those of the policy of now; failed ones are.
            workers: films under way at once.
            progress: True for a bar.

        Raises:
            JournalError: at once: the journal is another version's, or damaged before its end.
            InvalidRequestError: at once: workers below 1.
            NotReadyError, NotFoundError, CredentialsError, AccessDeniedError: while iterating;
                answers that had come by then are in the journal.
        """
        if workers < 1:
            raise InvalidRequestError(f"workers is {workers}.", hint="Give 1 or more; 4 is usual.")
        known = None if journal is None else Journal(Path(journal), version_arn=self.version.arn)
        # Made here: a boto3 session must not make a client in several threads at once.
        self.version.aws.rekognition  # noqa: B018
        return answers(
            map(Path, paths),
            lambda path: self._answer(path, known),
            journal=known,
            workers=workers,
            bar=tqdm(
                total=len(paths) if isinstance(paths, Sized) else None,
                unit=" films",
                disable=not progress,
            ),
        )

    def explain(
        self,
        film: Path | str | bytes | Image,
        *,
        grid: int = 8,
        label: str | None = None,
        max_calls: int = 100,
        max_cost: Money | None = None,
        fill: Fill = "mean",
        progress: bool | Callable[[ExplainProgress], None] = False,
    ) -> Explanation:
        """Which parts of a film the answer leans on; see ``clinic.explaining.explain``.

        Calls DetectCustomLabels grid x grid + 1 times.
        """
        from rekognition_xray.clinic.explaining import explain  # noqa: PLC0415 - needs an extra

        return explain(
            self,
            film,
            grid=grid,
            label=label,
            max_calls=max_calls,
            max_cost=max_cost,
            fill=fill,
            progress=progress,
        )

    def _answer(self, path: Path, journal: Journal | None) -> Answer:
        source = str(path)
        try:
            prepared = self._prepared(path)
            told = journal.known(source, prepared.sha256) if journal else None
            return self._ask(source, prepared) if told is None else self._decided_anew(told)
        except _STOPS:
            raise
        except (ImageError, AwsError) as error:
            kind = type(error).__name__
            return FailedDiagnosis(source, str(error), kind, error.retryable, self.version.arn)

    def _prepared(self, film: Path | bytes | Image) -> PreparedImage:
        return prepare(film, allow_burned_in=self.allow_burned_in, max_bytes=MAX_DETECT_BYTES)

    def _ask(self, source: str, prepared: PreparedImage) -> Diagnosis:
        detection = self.version.detect(prepared.data)
        confidences = {
            label: detection.confidences[label] for label in in_order(detection.confidences)
        }
        decision = self._decide(confidences)
        return Diagnosis(
            source=source,
            finding=decision.finding,
            confidences=confidences,
            referred=decision.referred,
            reason=decision.reason,
            policy=self.policy.name if self.policy else None,
            threshold=self.policy.threshold if self.policy else None,
            version_arn=self.version.arn,
            image_sha256=prepared.sha256,
            request_id=detection.request_id,
            seconds=detection.seconds,
        )

    def _decided_anew(self, told: Diagnosis) -> Diagnosis:
        decision = self._decide(told.confidences)
        return attrs.evolve(
            told,
            finding=decision.finding,
            referred=decision.referred,
            reason=decision.reason,
            policy=self.policy.name if self.policy else None,
            threshold=self.policy.threshold if self.policy else None,
        )

    def _decide(self, confidences: Mapping[str, float]) -> Decision:
        if self.policy is not None:
            return self.policy.decide(confidences)
        if not confidences:
            reason = "the version named no label"
            return Decision(REFERRED, referred=True, reason=reason)
        finding = max(in_order(confidences), key=confidences.__getitem__)
        return Decision(finding, referred=False, reason="highest confidence; no policy was given")


def _name(film: bytes | Image, prepared: PreparedImage) -> str:
    """What to call a film that came without a path."""
    given = getattr(film, "filename", "")
    return str(given) if given else f"image {prepared.sha256[:12]}"

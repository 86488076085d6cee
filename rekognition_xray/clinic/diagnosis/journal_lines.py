"""A line of a journal as this library writes it, read and checked by a typed JSON library.

What is written otherwise, with unknown keys say, is refused here and left to the reader of any
JSON: it decides and words the error. So speed changes neither what is read nor what is refused.
"""

from __future__ import annotations

from typing import Annotated, Final, Literal

import msgspec

from rekognition_xray.clinic.diagnosis.diagnosis import Diagnosis, FailedDiagnosis


class _Line(msgspec.Struct, gc=False, kw_only=True, forbid_unknown_fields=True, tag_field="kind"):
    rxray_journal: Literal[1]
    source: str
    reason: str
    version_arn: str
    file: tuple[int, int] | None
    options: str = ""
    written_at: str | None = None


class DiagnosisLine(_Line, kw_only=True, tag="diagnosis"):
    """A diagnosis, with size and time of its image's file."""

    finding: str
    confidences: dict[str, Annotated[float, msgspec.Meta(ge=0, le=1)]]
    referred: bool
    policy: str | None
    threshold: float | None
    image_sha256: str
    request_id: str
    seconds: float
    gate: str | None = None
    gate_score: float | None = None
    gate_reason: str = ""
    repaired: str = ""

    def answer(self) -> Diagnosis:
        """The diagnosis."""
        return Diagnosis(
            source=self.source,
            finding=self.finding,
            confidences=self.confidences,
            referred=self.referred,
            reason=self.reason,
            policy=self.policy,
            threshold=self.threshold,
            version_arn=self.version_arn,
            image_sha256=self.image_sha256,
            request_id=self.request_id,
            seconds=self.seconds,
            gate=self.gate,
            gate_score=self.gate_score,
            gate_reason=self.gate_reason,
            repaired=self.repaired,
        )


class FailureLine(_Line, kw_only=True, tag="failure"):
    """A failure, with size and time of its image's file."""

    error: str
    retryable: bool

    def answer(self) -> FailedDiagnosis:
        """The failure."""
        return FailedDiagnosis(
            self.source, self.reason, self.error, self.retryable, self.version_arn
        )


_DECODER: Final = msgspec.json.Decoder(DiagnosisLine | FailureLine)


def decode_line(line: bytes) -> DiagnosisLine | FailureLine:
    """The answer in a line.

    Raises:
        ValueError: no line as this library writes it.
    """
    try:
        return _DECODER.decode(line)
    except (msgspec.MsgspecError, RecursionError) as error:
        raise ValueError(str(error)) from error

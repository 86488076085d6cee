"""The diagnosis of an image, or the reason why there is none."""

from __future__ import annotations

import json
from collections.abc import Mapping
from importlib.resources import files
from typing import TYPE_CHECKING, TypeAlias

import attrs

from rekognition_xray.clinic import json_fields as fields
from rekognition_xray.clinic.json_fields import FieldError, Json
from rekognition_xray.clinic.notices import NOTICE
from rekognition_xray.data.images import DEFAULT_OPTIONS
from rekognition_xray.labels import in_order

if TYPE_CHECKING:
    from PIL.Image import Image

    from rekognition_xray.data.images import ImageOptions, ImageSource, PreparedImage


@attrs.frozen(str=False)
class Diagnosis:
    """The finding of a model version on one image.

    Attributes:
        source: the image: its path as given, or a name for bytes and pictures.
        finding: a label, ``policy.TYPE_UNCERTAIN`` or ``policy.REFERRED``.
        confidences: label to confidence, 0 to 1.
        referred: whether a person must read the image before anything is decided.
        reason: one sentence on why this finding.
        policy: name of the policy; None where there was none.
        threshold: its threshold on the confidence of pneumonia, 0 to 1; None without a policy.
        version_arn: the version that was called.
        image_sha256: hash of the prepared image that was sent.
        request_id: AWS's id of the request.
        seconds: time from request to answer; 0 where a gate refused the image and nothing was sent.
        gate: fingerprint of the gate that was asked; None without one.
        gate_score: how unlike the training images the gate found the image; None without a gate.
        gate_reason: why the gate refused the image; empty where it did not.
        repaired: what the gate repaired before the image was sent; empty where nothing.
    """

    source: str
    finding: str
    confidences: Mapping[str, float] = attrs.field(hash=False)
    referred: bool
    reason: str
    policy: str | None
    threshold: float | None
    version_arn: str
    image_sha256: str
    request_id: str
    seconds: float
    gate: str | None = None
    gate_score: float | None = None
    gate_reason: str = ""
    repaired: str = ""

    def to_dict(self) -> dict[str, object]:
        """Plain data, ready for JSON; ``json_schema`` describes it, ``from_dict`` turns it back."""
        return {**attrs.asdict(self), "confidences": dict(self.confidences)}

    @staticmethod
    def json_schema() -> Mapping[str, object]:
        """The JSON Schema (2020-12) of what ``to_dict`` gives: every field, and no other."""
        return _schema("diagnosis")

    def draw(
        self, image: ImageSource | PreparedImage, *, options: ImageOptions = DEFAULT_OPTIONS
    ) -> Image:
        """The image with the finding, the reason and each label's confidence; an RGB picture.

        It shows no path, name or date; but it shows the X-ray, so protect it as you protect those.

        Args:
            image: the image that was diagnosed: a path, bytes, a Pillow image, or a prepared image.
            options: as for the diagnoser.

        Raises:
            ImageError: the image cannot be used.
            DataError: it is another image.
        """
        from rekognition_xray.clinic.diagnosis.picture import draw  # noqa: PLC0415 - few need the pictures

        return draw(self, image, options=options)

    def is_of(
        self, image: ImageSource | PreparedImage, *, options: ImageOptions = DEFAULT_OPTIONS
    ) -> bool:
        """Whether this is the image that was diagnosed, by its prepared pixels.

        Args:
            image: a path, bytes, a Pillow image, or a prepared image.
            options: as for the diagnoser.

        Raises:
            ImageError: the image cannot be used.
        """
        from rekognition_xray.clinic.diagnosis.picture import is_of  # noqa: PLC0415 - as for draw

        return is_of(self, image, options=options)

    @classmethod
    def from_dict(cls, data: Mapping[str, object]) -> Diagnosis:
        """A diagnosis out of what ``to_dict`` gave. Unknown keys are ignored.

        Raises:
            ValueError: names the field that is missing or of another kind.
        """
        try:
            return _diagnosis(data)
        except FieldError as error:
            raise ValueError(f"This is no diagnosis: {error}") from error

    def __str__(self) -> str:
        confidences = ", ".join(
            f"{label} {self.confidences[label]:.3f}" for label in in_order(self.confidences)
        )
        shown = f" ({confidences})" if confidences else ""
        repaired = f"\n  repaired before it was sent: {self.repaired}" if self.repaired else ""
        why = f"{self.source}: {self.finding}{shown}\n  why: {self.reason}"
        return f"{why}{repaired}\n  {NOTICE}"


@attrs.frozen(str=False)
class FailedDiagnosis:
    """An image that got no diagnosis.

    Attributes:
        source: its path as given.
        reason: what happened and what to do.
        error: name of the error, such as ``ImageError``.
        retryable: whether a later call may succeed.
        version_arn: the version that was, or would have been, called.
    """

    source: str
    reason: str
    error: str
    retryable: bool
    version_arn: str

    def to_dict(self) -> dict[str, object]:
        """Plain data, ready for JSON; ``json_schema`` describes it, ``from_dict`` turns it back."""
        return attrs.asdict(self)

    @staticmethod
    def json_schema() -> Mapping[str, object]:
        """The JSON Schema (2020-12) of what ``to_dict`` gives: every field, and no other."""
        return _schema("failed-diagnosis")

    @classmethod
    def from_dict(cls, data: Mapping[str, object]) -> FailedDiagnosis:
        """A failure out of what ``to_dict`` gave. Unknown keys are ignored.

        Raises:
            ValueError: names the field that is missing or of another kind.
        """
        try:
            return cls(
                source=fields.string_in(data.get("source"), "source"),
                reason=fields.string_in(data.get("reason"), "reason"),
                error=fields.string_in(data.get("error"), "error"),
                retryable=fields.flag_in(data, "retryable"),
                version_arn=fields.string_in(data.get("version_arn"), "version_arn"),
            )
        except FieldError as error:
            raise ValueError(f"This is no failed diagnosis: {error}") from error

    def __str__(self) -> str:
        return f"{self.source}: no diagnosis ({self.error})\n  {self.reason}"


Answer: TypeAlias = Diagnosis | FailedDiagnosis
"""What a bulk run gives for an image."""


def _schema(name: str) -> Json:
    folder = files("rekognition_xray.clinic.diagnosis") / "schemas"
    return fields.object_in(json.loads((folder / f"{name}.json").read_text("utf-8")))


def _diagnosis(data: Json) -> Diagnosis:
    confidences = fields.object_in(data.get("confidences"), "confidences")
    policy = data.get("policy")
    return Diagnosis(
        source=fields.string_in(data.get("source"), "source"),
        finding=fields.string_in(data.get("finding"), "finding"),
        confidences={label: _confidence(confidences, label) for label in confidences},
        referred=fields.flag_in(data, "referred"),
        reason=fields.string_in(data.get("reason"), "reason"),
        policy=None if policy is None else fields.string_in(policy, "policy"),
        threshold=None if data.get("threshold") is None else fields.number_in(data, "threshold"),
        version_arn=fields.string_in(data.get("version_arn"), "version_arn"),
        image_sha256=fields.string_in(data.get("image_sha256"), "image_sha256"),
        request_id=fields.string_in(data.get("request_id"), "request_id"),
        seconds=fields.number_in(data, "seconds"),
        gate=None if data.get("gate") is None else fields.string_in(data["gate"], "gate"),
        gate_score=None if data.get("gate_score") is None else fields.number_in(data, "gate_score"),
        gate_reason=fields.string_in(data.get("gate_reason", ""), "gate_reason"),
        repaired=fields.string_in(data.get("repaired", ""), "repaired"),
    )


def _confidence(data: Json, label: str) -> float:
    value = fields.number_in(data, label)
    if value < 0 or value > 1:  # NaN is neither: kept as what is not known
        raise FieldError(f"the confidence of {label} is {value!r}, not within 0 and 1")
    return value

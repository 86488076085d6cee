"""``Policy``: turns confidences into a finding or a referral. Plain data, no numpy."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Final

import attrs

from rekognition_xray.clinic import json_fields as fields
from rekognition_xray.clinic.json_fields import FieldError, Json
from rekognition_xray.clinic.policy.calibration import Calibration
from rekognition_xray.clinic.policy.guarantee import Guarantee
from rekognition_xray.clinic.statistics import (
    Figure,
    PredictiveValues,
    RiskCoverage,
    predictive_values,
)
from rekognition_xray.errors import EvaluationError
from rekognition_xray.labels import (
    THREE_CLASSES,
    distinguish_pneumonia,
    in_order,
    is_pneumonia,
    pneumonia_confidence,
)

TYPE_UNCERTAIN: Final = "pneumonia, type uncertain"
"""Finding: pneumonia, but the confidences do not show which type."""
REFERRED: Final = "referred to a person"
"""Finding: not decided; a person must read the image."""

_FORMAT: Final = "rekognition_xray.policy"
_FORMAT_VERSION: Final = 1
_NOT_COMPUTED: Final = Figure(None, reason="not computed")


@attrs.frozen
class Decision:
    """What a policy decides for one image.

    Attributes:
        finding: a label, ``TYPE_UNCERTAIN`` or ``REFERRED``.
        referred: whether a person must read the image.
        reason: why, in words.
    """

    finding: str
    referred: bool
    reason: str


@attrs.frozen
class PolicyFigures:
    """Figures of a policy on one set of images.

    Attributes:
        images, patients: how many.
        sensitivity: share of pneumonia images at or above the threshold; referred images count by
            their side of it.
        specificity: share of other images below the threshold; referred images count likewise.
        referred: share of all images that are referred.
        type_named: share of the pneumonia images found as pneumonia whose type is named.
        type_accuracy: share of right types among those.
        brier: mean squared difference between calibrated probability and truth; 0 is best.
        calibration_error: expected calibration error of that probability; 0 is best.
        raw_brier, raw_calibration_error: the same for the confidence before calibration.
        risk_coverage: error rate against coverage if the images nearest to the threshold are
            referred first; None if not computed.
    """

    images: int
    patients: int
    sensitivity: Figure
    specificity: Figure
    referred: Figure
    type_named: Figure
    type_accuracy: Figure
    brier: Figure = _NOT_COMPUTED
    calibration_error: Figure = _NOT_COMPUTED
    raw_brier: Figure = _NOT_COMPUTED
    raw_calibration_error: Figure = _NOT_COMPUTED
    risk_coverage: RiskCoverage | None = attrs.field(default=None, repr=False)

    def at_prevalence(self, prevalence: float) -> PredictiveValues:
        """PPV and NPV of the threshold at a stated prevalence of pneumonia, 0 to 1.

        Raises:
            EvaluationError: the prevalence is not between 0 and 1.
        """
        return predictive_values(self.sensitivity, self.specificity, prevalence, of="pneumonia")

    def by_name(self) -> dict[str, Figure]:
        """Name to figure, in the order above."""
        values = {field.name: getattr(self, field.name) for field in attrs.fields(type(self))}
        return {name: value for name, value in values.items() if isinstance(value, Figure)}

    def to_dict(self) -> dict[str, object]:
        """Plain data for JSON; ``from_dict`` reads it back."""
        curve = self.risk_coverage
        return {
            "images": self.images,
            "patients": self.patients,
            **{name: figure.to_dict() for name, figure in self.by_name().items()},
            "risk_coverage": None if curve is None else curve.to_dict(),
        }

    @classmethod
    def from_dict(cls, data: object) -> PolicyFigures:
        """Reads what ``to_dict`` returned.

        Raises:
            FieldError: names the field that is missing or has the wrong type.
        """
        record = fields.object_in(data, "figures of the policy")
        curve = record.get("risk_coverage")
        names = [field.name for field in attrs.fields(cls)]
        return cls(
            images=fields.count_in(record, "images"),
            patients=fields.count_in(record, "patients"),
            **{name: Figure.from_dict(record.get(name), name) for name in names[2:-1]},
            risk_coverage=None if curve is None else RiskCoverage.from_dict(curve),
        )

    def __str__(self) -> str:
        return (
            f"{self.images} images of {self.patients} patients: sensitivity {self.sensitivity}, "
            f"specificity {self.specificity}, referred {self.referred}, "
            f"type named {self.type_named}, right types {self.type_accuracy}"
        )


def _share(_: object, attribute: attrs.Attribute[float], value: float) -> None:
    if not 0 <= value <= 1:  # NaN included
        raise EvaluationError(
            f"{attribute.name} of a policy is {value!r}; it must be between 0 and 1.",
            hint="Confidences are fractions here, not percentages.",
        )


_AT_THRESHOLD: Final = attrs.Factory(lambda policy: policy.threshold, takes_self=True)


@attrs.frozen(kw_only=True, str=False)
class Policy:
    """A rule that turns confidences into a finding. Use ``Evaluation.policy()``, or make your own.

    The confidence of pneumonia is the sum of the confidences of the labels that mean it.

    * below ``refer_from``: not pneumonia; the finding is the other label of highest confidence,
      such as ``normal``;
    * ``refer_to`` and above: pneumonia. The type is named if its share of the sum reaches
      ``type_share``; otherwise the finding is ``pneumonia, type uncertain``;
    * in between: too near the threshold, so a person must read the image.

    The image is also referred if the confidence of a label is missing or is not a number.

    Attributes:
        threshold: an image counts as pneumonia if its confidence of pneumonia, 0 to 1, is at least
            this.
        refer_from, refer_to: ends of the referral band around the threshold, 0 to 1. By default
            both are the threshold, so that no image is referred for being near it.
        type_share: share, 0 to 1, that the leading type must reach to be named.
        labels: the labels of the model.
        name: what diagnoses and journals call the policy.
        version_arn: the version that the threshold was chosen for; None for any.
        chosen_on: figures on the images that the threshold was chosen on; too optimistic.
        reported: figures on the images of other patients; the ones to quote.
        parts: on which images it was chosen and on which reported, in words.
        calibration: from confidence to probability; fitted on the images of ``chosen_on``.
        allow_above_half: whether an image below the threshold may be called healthy although its
            probability of pneumonia exceeds one half. By default a person must read it.
        guarantees: what holds on new patients, with a stated confidence; empty if the policy was
            chosen without.
        warnings: what a user of the policy must know.
    """

    threshold: float = attrs.field(validator=_share)
    refer_from: float = attrs.field(default=_AT_THRESHOLD, validator=_share)
    refer_to: float = attrs.field(default=_AT_THRESHOLD, validator=_share)
    type_share: float = attrs.field(default=0.7, validator=_share)
    labels: tuple[str, ...] = attrs.field(default=THREE_CLASSES, converter=in_order)
    name: str = "by hand"
    version_arn: str | None = None
    chosen_on: PolicyFigures | None = attrs.field(default=None, repr=False)
    reported: PolicyFigures | None = attrs.field(default=None, repr=False)
    parts: str = ""
    calibration: Calibration | None = None
    allow_above_half: bool = False
    guarantees: tuple[Guarantee, ...] = ()
    warnings: tuple[str, ...] = ()

    def __attrs_post_init__(self) -> None:
        if not self.refer_from <= self.threshold <= self.refer_to:
            raise EvaluationError(
                f"The referral band, {self.refer_from:.3f} to {self.refer_to:.3f}, does not "
                f"include the threshold {self.threshold:.3f}.",
                hint="Use refer_from <= threshold <= refer_to.",
            )
        ends = (self.threshold, self.refer_from, self.refer_to)
        for guarantee in self.guarantees:
            if not any(math.isclose(guarantee.cut, end, abs_tol=1e-9) for end in ends):
                raise EvaluationError(
                    f"A {guarantee.of} is guaranteed at {guarantee.cut:.3f}, and the policy calls "
                    f"and refers at {', '.join(f'{end:.3f}' for end in sorted(set(ends)))}.",
                    hint="A guarantee holds for the policy it was made with: choose anew, or leave "
                    "it out by guarantees=().",
                )
        if not distinguish_pneumonia(self.labels):
            raise EvaluationError(
                f"The labels {', '.join(self.labels)} do not distinguish pneumonia from the rest.",
                hint="A policy needs a label that means pneumonia and one that does not.",
            )

    def decide(self, confidences: Mapping[str, float]) -> Decision:
        """The finding for one image.

        Args:
            confidences: label to confidence, 0 to 1, as ``ModelVersion.detect`` returns them.

        Raises:
            EvaluationError: there is a confidence for a label that the policy does not have.
        """
        self._check(confidences)
        unusable = [
            label for label in self.labels if not 0 <= confidences.get(label, math.nan) <= 1
        ]
        if unusable:
            reason = f"there is no usable confidence for {', '.join(unusable)}"
            return Decision(REFERRED, referred=True, reason=reason)
        found = pneumonia_confidence(confidences)
        if found < self.refer_from:
            rest = [label for label in self.labels if not is_pneumonia(label)]
            finding = max(rest, key=confidences.__getitem__)
            reason = f"{self._comparison(found)} is below the threshold"
            likely = self.calibration.probability(found) if self.calibration else found
            if likely > 0.5 and not self.allow_above_half:
                reason += f", but pneumonia is likely: its probability is {likely:.3f}"
                return Decision(REFERRED, referred=True, reason=reason)
            return Decision(finding, referred=False, reason=reason)
        if found >= self.refer_to:
            return self._type(confidences, found)
        band = f"between {self.refer_from:.3f} and {self.refer_to:.3f}, too near the threshold"
        reason = f"{self._comparison(found)} lies {band}"
        return Decision(REFERRED, referred=True, reason=reason)

    def probability(self, confidences: Mapping[str, float]) -> float | None:
        """The calibrated probability, 0 to 1, that the image shows pneumonia.

        It holds for the mix of labels that the calibration was fitted on. None without a
        calibration, or if a label has no usable confidence.

        Args:
            confidences: label to confidence, 0 to 1.

        Raises:
            EvaluationError: there is a confidence for a label that the policy does not have.
        """
        self._check(confidences)
        usable = all(0 <= confidences.get(label, math.nan) <= 1 for label in self.labels)
        if self.calibration is None or not usable:
            return None
        return self.calibration.probability(pneumonia_confidence(confidences))

    def to_dict(self) -> dict[str, object]:
        """Plain data for JSON, to store the policy with your program."""
        parts = {"chosen_on": self.chosen_on, "reported": self.reported}
        return {
            "format": _FORMAT,
            "format_version": _FORMAT_VERSION,
            **attrs.asdict(self, recurse=False),
            "labels": list(self.labels),
            "guarantees": [guarantee.to_dict() for guarantee in self.guarantees],
            "warnings": list(self.warnings),
            **{name: part.to_dict() if part else None for name, part in parts.items()},
            "calibration": self.calibration.to_dict() if self.calibration else None,
        }

    def to_json(self) -> str:
        """The policy as JSON text; ``from_json`` reads it back."""
        return json.dumps(self.to_dict(), indent=2, ensure_ascii=False, allow_nan=False) + "\n"

    @classmethod
    def from_dict(cls, data: object) -> Policy:
        """Reads what ``to_dict`` returned, with the same checks as for a new policy.

        Raises:
            EvaluationError: names the field that is missing, unknown or invalid.
        """
        try:
            return _policy(fields.object_in(data, "the policy"))
        except FieldError as error:
            raise EvaluationError(
                f"This is not a policy: {error}.",
                hint="Use what Policy.to_json() wrote, unchanged.",
            ) from error

    @classmethod
    def from_json(cls, text: str | bytes) -> Policy:
        """Reads what ``to_json`` wrote.

        Raises:
            EvaluationError: names what is wrong with it.
        """
        try:
            return cls.from_dict(fields.load(fields.text_of(text)))
        except FieldError as error:
            raise EvaluationError(
                f"This is not a policy: {error}.",
                hint="Use what Policy.to_json() wrote, unchanged.",
            ) from error

    def _check(self, confidences: Mapping[str, float]) -> None:
        unknown = [label for label in confidences if label not in self.labels]
        if unknown:
            raise EvaluationError(
                f"The policy {self.name!r} does not have the labels {', '.join(sorted(unknown))}.",
                hint="Use a policy of this version.",
            )

    def _comparison(self, found: float) -> str:
        return f"pneumonia {found:.3f} against {self.threshold:.3f}"

    def _type(self, confidences: Mapping[str, float], found: float) -> Decision:
        types = [label for label in self.labels if is_pneumonia(label)]
        best = max(types, key=confidences.__getitem__)
        reason = f"{self._comparison(found)} reaches the threshold"
        if len(types) == 1:
            return Decision(best, referred=False, reason=reason)
        share = confidences[best] / (sum(confidences[label] for label in types) or 1.0)
        named = f"{best} has a share of {share:.2f}, {self.type_share:.2f} is needed"
        finding = best if share >= self.type_share else TYPE_UNCERTAIN
        return Decision(finding, referred=False, reason=f"{reason}; {named}")

    def __str__(self) -> str:
        rule = (
            f"{self.name}: pneumonia at {self.threshold:.3f} or more, referred between "
            f"{self.refer_from:.3f} and {self.refer_to:.3f}, type named at a share of "
            f"{self.type_share:.2f} or more"
        )
        parts = {"chosen on": self.chosen_on, "reported on": self.reported}
        lines = [rule]
        lines += [f"  guaranteed: {guarantee}" for guarantee in self.guarantees]
        lines += [f"  {part} {figures}" for part, figures in parts.items() if figures]
        lines += [f"  {self.parts}"] if self.parts else []
        lines += [f"  note: {warning}" for warning in self.warnings]
        return "\n".join(lines)


def _policy(record: Json) -> Policy:
    if record.get("format") != _FORMAT or record.get("format_version") != _FORMAT_VERSION:
        raise FieldError(
            f"its format is {record.get('format')!r} {record.get('format_version')!r}, not "
            f"{_FORMAT!r} {_FORMAT_VERSION}"
        )
    known = {field.name for field in attrs.fields(Policy)} | {"format", "format_version"}
    unknown = sorted(record.keys() - known)
    if unknown:  # a rule that is not understood must not be ignored
        raise FieldError(f"it has unknown fields: {', '.join(unknown)}")
    version, parts = record.get("version_arn"), (record.get("chosen_on"), record.get("reported"))
    chosen, reported = (None if part is None else PolicyFigures.from_dict(part) for part in parts)
    calibration = record.get("calibration")
    guarantees = fields.list_in(record, "guarantees") if "guarantees" in record else []
    return Policy(
        **{
            name: fields.number_in(record, name)
            for name in ("threshold", "refer_from", "refer_to", "type_share")
        },
        labels=_texts(record, "labels"),
        name=fields.string_in(record.get("name"), "name"),
        version_arn=None if version is None else fields.string_in(version, "version_arn"),
        chosen_on=chosen,
        reported=reported,
        parts=fields.string_in(record.get("parts"), "parts"),
        calibration=None if calibration is None else Calibration.from_dict(calibration),
        allow_above_half="allow_above_half" in record
        and fields.flag_in(record, "allow_above_half"),
        guarantees=tuple(map(Guarantee.from_dict, guarantees)),
        warnings=_texts(record, "warnings"),
    )


def _texts(record: Json, key: str) -> tuple[str, ...]:
    return tuple(fields.string_in(text, key) for text in fields.list_in(record, key))

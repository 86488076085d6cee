"""Policy: from confidences to a finding, or referral to a person. Plain data, no numpy."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Final

import attrs

from rekognition_xray.clinic.figures import Figure
from rekognition_xray.errors import EvaluationError
from rekognition_xray.labels import THREE_CLASSES, in_order, is_pneumonia, pneumonia_confidence

TYPE_UNCERTAIN: Final = "pneumonia, type uncertain"
"""Finding: pneumonia, and the confidences do not tell which type."""
REFERRED: Final = "referred to a person"
"""Finding: not decided here; a person must read the film."""


@attrs.frozen
class Decision:
    """What a policy makes of one film's confidences.

    Attributes:
        finding: a label, ``TYPE_UNCERTAIN`` or ``REFERRED``.
        referred: whether a person must read the film.
        reason: one sentence on why.
    """

    finding: str
    referred: bool
    reason: str


@attrs.frozen
class PolicyFigures:
    """How a policy does on one set of films.

    Attributes:
        films, patients: how many.
        sensitivity: pneumonia films at or above the threshold; referred ones count by their side.
        specificity: other films below the threshold; referred ones count by their side.
        referred: share of all films that are referred.
        type_named: share, among pneumonia films found as pneumonia, whose type is named.
        type_accuracy: share of right types among those.
    """

    films: int
    patients: int
    sensitivity: Figure
    specificity: Figure
    referred: Figure
    type_named: Figure
    type_accuracy: Figure

    def __str__(self) -> str:
        return (
            f"{self.films} films of {self.patients} patients: sensitivity {self.sensitivity}, "
            f"specificity {self.specificity}, referred {self.referred}, "
            f"type named {self.type_named}, right types {self.type_accuracy}"
        )


def _share(_: object, attribute: attrs.Attribute[float], value: float) -> None:
    if not 0 <= value <= 1:  # NaN included
        raise EvaluationError(
            f"{attribute.name} of a policy is {value!r}; it must lie within 0 and 1.",
            hint="Confidences are fractions here, not percents.",
        )


@attrs.frozen(kw_only=True, str=False)
class Policy:
    """A rule from confidences to a finding. Make one by ``Evaluation.policy()``, or by hand.

    The confidence of pneumonia is the sum of the confidences of the labels that mean it.

    * below ``refer_from``: the other label of highest confidence, such as ``normal``;
    * from ``refer_to`` on: pneumonia. The type is named when its share of the sum reaches
      ``type_share``, else the finding is ``pneumonia, type uncertain``;
    * between: too near the threshold, so a person must read the film.

    An answer that lacks a label, or is not a number, is referred.

    Attributes:
        threshold: confidence of pneumonia, 0 to 1, from which on a film counts as pneumonia.
        refer_from, refer_to: ends of the band of referral around the threshold, 0 to 1; both the
            threshold itself when not given, and then nothing is referred for being near it.
        type_share: share, 0 to 1, that the leading type must reach to be named.
        labels: the labels of the model that it was made for.
        name: what diagnoses and journals call it.
        version_arn: the version whose confidences the threshold was chosen on; None for any.
        chosen_on: figures on the films that the threshold was chosen on; too rosy.
        reported: figures on the other patients' films; those to quote.
        warnings: what a user of the policy must know.
    """

    threshold: float = attrs.field(validator=_share)
    refer_from: float = attrs.field(validator=_share)
    refer_to: float = attrs.field(validator=_share)
    type_share: float = attrs.field(default=0.7, validator=_share)
    labels: tuple[str, ...] = attrs.field(default=THREE_CLASSES, converter=in_order)
    name: str = "by hand"
    version_arn: str | None = None
    chosen_on: PolicyFigures | None = attrs.field(default=None, repr=False)
    reported: PolicyFigures | None = attrs.field(default=None, repr=False)
    warnings: tuple[str, ...] = ()

    @refer_from.default
    def _at_threshold(self) -> float:
        return self.threshold

    @refer_to.default
    def _from_threshold(self) -> float:
        return self.threshold

    def __attrs_post_init__(self) -> None:
        if not self.refer_from <= self.threshold <= self.refer_to:
            raise EvaluationError(
                f"The band of referral, {self.refer_from:.3f} to {self.refer_to:.3f}, does not "
                f"hold the threshold {self.threshold:.3f}.",
                hint="Give refer_from <= threshold <= refer_to.",
            )
        if len({is_pneumonia(label) for label in self.labels}) != 2:
            raise EvaluationError(
                f"The labels {', '.join(self.labels)} do not tell pneumonia from the rest.",
                hint="A policy needs a label that means pneumonia and one that does not.",
            )

    def decide(self, confidences: Mapping[str, float]) -> Decision:
        """The finding for one film.

        Args:
            confidences: label to confidence, 0 to 1, as ``ModelVersion.detect`` gives them.

        Raises:
            EvaluationError: confidences of a label that the policy does not know.
        """
        self._check(confidences)
        unusable = [
            label for label in self.labels if not 0 <= confidences.get(label, math.nan) <= 1
        ]
        if unusable:
            reason = f"no usable confidence came for {', '.join(unusable)}"
            return Decision(REFERRED, referred=True, reason=reason)
        found = pneumonia_confidence(confidences)
        if found < self.refer_from:
            rest = [label for label in self.labels if not is_pneumonia(label)]
            finding = max(rest, key=confidences.__getitem__)
            reason = f"{self._compared(found)} is below the threshold"
            return Decision(finding, referred=False, reason=reason)
        if found >= self.refer_to:
            return self._type(confidences, found)
        band = f"within {self.refer_from:.3f} and {self.refer_to:.3f}, too near the threshold"
        reason = f"{self._compared(found)} lies {band}"
        return Decision(REFERRED, referred=True, reason=reason)

    def _check(self, confidences: Mapping[str, float]) -> None:
        unknown = sorted(set(confidences) - set(self.labels))
        if unknown:
            raise EvaluationError(
                f"The policy {self.name!r} does not know the labels {', '.join(unknown)}.",
                hint="Use a policy that was made for this version.",
            )

    def _compared(self, found: float) -> str:
        return f"pneumonia {found:.3f} against {self.threshold:.3f}"

    def _type(self, confidences: Mapping[str, float], found: float) -> Decision:
        types = [label for label in self.labels if is_pneumonia(label)]
        best = max(types, key=confidences.__getitem__)
        reason = f"{self._compared(found)} reaches the threshold"
        if len(types) == 1:
            return Decision(best, referred=False, reason=reason)
        share = confidences[best] / (sum(confidences[label] for label in types) or 1.0)
        told = f"{best} has a share of {share:.2f}, {self.type_share:.2f} is needed"
        finding = best if share >= self.type_share else TYPE_UNCERTAIN
        return Decision(finding, referred=False, reason=f"{reason}; {told}")

    def __str__(self) -> str:
        rule = (
            f"{self.name}: pneumonia from {self.threshold:.3f} on, referred within "
            f"{self.refer_from:.3f} and {self.refer_to:.3f}, type named from a share of "
            f"{self.type_share:.2f} on"
        )
        parts = {"chosen on": self.chosen_on, "reported on": self.reported}
        lines = [rule]
        lines += [f"  {part} {figures}" for part, figures in parts.items() if figures]
        lines += [f"  note: {warning}" for warning in self.warnings]
        return "\n".join(lines)

"""``TestImage``: one image of the test set with its true label and the model's answer."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, Final

import attrs

from rekognition_xray.labels import is_pneumonia, pneumonia_confidence

NO_LABEL: Final = "no label"
"""What an image is called whose line lists no label: none reached the service's threshold."""


@attrs.frozen
class TestImage:
    """One image of the test set, as the service classified it.

    Attributes:
        source_ref: its address in S3.
        patient: the patient's pseudonym in that address; None if there is none.
        truth: its true label.
        confidences: label to confidence, 0 to 1, for every label of the model; not a number (nan)
            for labels that the service did not list.
        predicted: the label of highest confidence; of equal ones the first in table order. Where
            the service listed none, ``NO_LABEL``.
    """

    __test__: ClassVar[bool] = False  # the name begins with Test; pytest would collect it

    source_ref: str
    patient: str | None
    truth: str
    confidences: Mapping[str, float] = attrs.field(hash=False)
    predicted: str

    @property
    def highest(self) -> float:
        """The highest confidence, 0 to 1; 0 where the service listed no label."""
        return self.confidences.get(self.predicted, 0.0)

    @property
    def group(self) -> str:
        """What the bootstrap resamples: the patient, or the image if its patient is not known."""
        return self.patient or self.source_ref

    @property
    def has_pneumonia(self) -> bool:
        """Whether the true label means pneumonia."""
        return is_pneumonia(self.truth)

    @property
    def pneumonia(self) -> float:
        """Confidence, 0 to 1, that the image shows pneumonia of any type."""
        return pneumonia_confidence(self.confidences)

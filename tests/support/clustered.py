"""Test images of patients with 1 to 30 images each, whose true sensitivity is known."""

from __future__ import annotations

import attrs
import numpy as np

from rekognition_xray.clinic.statistics import TestImage as ImageSource

from .classified import images_of

MOST_IMAGES = 30


@attrs.frozen
class Clustered:
    """Where images come from.

    Attributes:
        alike: share of the variance that images of one patient have in common, 0 to 1.
        mean_images: of a patient, before the limit of 30.
        larger_is_harder: whether patients with many images have lower confidences.
        skill: mean log odds of pneumonia of images that show it; their deviation is 1.
    """

    alike: float = 0.6
    mean_images: float = 6.0
    larger_is_harder: bool = False
    skill: float = 2.5

    def scores(self, rng: np.random.Generator, patients: int) -> tuple[np.ndarray, np.ndarray]:
        """Patient and log odds of pneumonia of every image; the patients show pneumonia."""
        images = np.minimum(rng.geometric(1 / self.mean_images, patients), MOST_IMAGES)
        patient = np.repeat(np.arange(patients), images)
        own = np.sqrt(self.alike) * rng.normal(size=patients)
        lean = own - (0.05 * (images - self.mean_images) if self.larger_is_harder else 0)
        noise = np.sqrt(1 - self.alike) * rng.normal(size=len(patient))
        return patient, self.skill + lean[patient] + noise

    def images(
        self, rng: np.random.Generator, patients: int, well: int | None = None
    ) -> list[ImageSource]:
        """Patients with pneumonia, and as many without by default."""
        sick = self.scores(rng, patients)
        others = self.scores(rng, patients if well is None else well)
        patient = np.concatenate([sick[0], others[0] + patients])
        odds = np.concatenate([sick[1], -others[1]])
        truth = np.repeat([1, 0], [len(sick[0]), len(others[0])])
        return images_of(
            patient, truth, np.column_stack([np.zeros_like(odds), odds, np.full_like(odds, -30.0)])
        )


class TrueSensitivity:
    """The share of images with pneumonia at or above a confidence, of very many patients."""

    def __init__(self, world: Clustered, *, patients: int = 200_000) -> None:
        patient, odds = world.scores(np.random.default_rng(1), patients)
        order = np.argsort(odds)
        self._score = 1 / (1 + np.exp(-odds[order]))
        weight = (1 / np.bincount(patient))[patient][order] / patients
        self._of_patients = np.append(0.0, np.cumsum(weight))

    def of_patients(self, cut: float) -> float:
        """Each patient counted once."""
        return float(1 - self._of_patients[np.searchsorted(self._score, cut)])

    def of_images(self, cut: float) -> float:
        """Each image counted once."""
        return float(1 - np.searchsorted(self._score, cut) / len(self._score))

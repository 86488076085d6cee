"""The model card: what a version is, what it was tested on, and what it must not be used for."""

from __future__ import annotations

from rekognition_xray.clinic.card.card import ModelCard

__all__ = ["ModelCard"]

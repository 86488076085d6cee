"""The trained models of one local cloud: saved as files, kept in memory while in use."""

from __future__ import annotations

import hashlib
import re
import shutil
import threading
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Final

from rekognition_xray.local.learning import DEFAULT_LEARNER, Learner, Model, learner_named

_OURS: Final = re.compile(r"[0-9a-f]{32}(\.draft)?")

PLACES: Final = 7
"""Decimals of a confidence 0-1: about what a number of single precision holds."""


def round_confidences(confidences: Mapping[str, float]) -> dict[str, float]:
    """Confidences as they are shown; thresholds and result files are made of the same."""
    return {label: round(share, PLACES) for label, share in confidences.items()}


class Models:
    """Models by the ARN of their version; safe to use from many threads."""

    def __init__(self, folder: Path, learner: Learner | None) -> None:
        self._folder = folder
        self._learner = learner
        self._lock = threading.Lock()
        self._loaded: dict[str, Model] = {}

    @property
    def learner(self) -> Learner:
        """The learner of this cloud; the default one is imported on first use."""
        with self._lock:
            return self._default_learner()

    def save(self, arn: str, model: Model) -> None:
        """Writes a model, all of it or nothing."""
        final = self._place(arn)
        draft = final.with_suffix(".draft")
        shutil.rmtree(draft, ignore_errors=True)
        draft.mkdir(parents=True)
        model.save(draft)
        draft.rename(final)

    def get(self, arn: str) -> Model:
        """The model, loaded from its files when it is not in memory."""
        found = self._loaded.get(arn)
        if found is not None:
            return found
        with self._lock:
            if arn not in self._loaded:
                self._loaded[arn] = self._default_learner().load(self._place(arn))
            return self._loaded[arn]

    def copy(self, arn: str, to: str) -> None:
        """Copies the files of a model, all of them or none, for another version."""
        final = self._place(to)
        draft = final.with_suffix(".draft")
        shutil.rmtree(draft, ignore_errors=True)
        shutil.copytree(self._place(arn), draft)
        draft.rename(final)

    def unload(self, arn: str) -> None:
        """Frees the memory; the files remain."""
        with self._lock:
            self._loaded.pop(arn, None)

    def delete(self, arn: str) -> None:
        """Deletes a model, its files too."""
        self.unload(arn)
        shutil.rmtree(self._place(arn), ignore_errors=True)

    def sweep(self, arns: Iterable[str]) -> None:
        """Removes drafts of unfinished work, and files of versions other than these."""
        kept = {self._place(arn).name for arn in arns}
        for place in self._folder.glob("*"):
            if _OURS.fullmatch(place.name) and place.name not in kept:
                shutil.rmtree(place, ignore_errors=True)

    def _default_learner(self) -> Learner:
        if self._learner is None:
            self._learner = learner_named(DEFAULT_LEARNER)
        return self._learner

    def _place(self, arn: str) -> Path:
        return self._folder / hashlib.sha256(arn.encode()).hexdigest()[:32]

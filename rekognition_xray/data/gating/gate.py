"""``ImageGate``: refuses images that do not look like those that a model was trained on."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Sequence
from concurrent.futures import Executor
from pathlib import Path
from typing import Final

import attrs
import numpy as np
from PIL import Image

from rekognition_xray._workers import report_batches, worker_pool
from rekognition_xray.data.gating.answer import GateAnswer, Reason
from rekognition_xray.data.gating.features import (
    Features,
    Thumbs,
    features_of,
    inverted,
    thumbnail,
    turned,
)
from rekognition_xray.data.gating.fitting import TESTS, Fitted, GateFigures, fit, patients_needed
from rekognition_xray.data.gating.gate_files import fingerprint_of, read_gate, write_gate
from rekognition_xray.data.gating.repair import REPAIRS, Repair
from rekognition_xray.data.images import (
    DEFAULT_OPTIONS,
    Admission,
    ImageOptions,
    ImageSource,
    decode,
    poor_contrast,
)
from rekognition_xray.data.xrays import Xray, XrayCollection, dataset_fingerprint
from rekognition_xray.errors import DataError, ImageError, InvalidRequestError, list_paths

_BATCH: Final = 32
_MOST: Final = 20_000
"""Images that a gate is fitted on at most; more do not change what is usual."""


@attrs.frozen(repr=False)
class ImageGate:
    """Asks of an image whether it is like the training images, before a call is paid.

    It learns from the training images alone: where their coarse shapes and edges vary, and how
    far acceptable images lie from that. It does not know diseases, and an image that it accepts
    may still be the wrong one. Its threshold promises the share of acceptable images that it
    refuses, for new patients of the same kind; other hospitals, ages and machines may lie further.

    Attributes:
        fitted: what it learned.
        dataset: fingerprint of the images it was fitted on.
        repair: whether inverted and turned images are repaired instead of refused.
    """

    fitted: Fitted
    dataset: str
    repair: bool = False

    @classmethod
    def fit(
        cls,
        train: XrayCollection,
        *,
        refuse: float = 0.01,
        seed: int = 0,
        repair: bool = False,
        progress: bool | Callable[[int, int], None] = False,
        executor: Executor | None = None,
    ) -> ImageGate:
        """Learns what the training images look like. About 3 ms an image of 224 px; no AWS call.

        Every image is judged by a gate that has not seen its patient, in five parts of whole
        patients. The thresholds are conformal quantiles of one image for each patient. Of more
        than 20,000 images as many are drawn.

        Args:
            train: the images that the version is trained on; never the test images.
            refuse: the share of acceptable images that may be refused, such as 0.01.
            seed: of parts and draws.
            repair: see the class.
            progress: True for a bar, or a function that gets images done and images in all.
            executor: what to decode in; by default threads, one for each processor.

        Raises:
            InvalidRequestError: a share that is not between 0 and 0.5.
            DataError: too few patients for the share, with the number needed; images in S3, or
                images that cannot be used; all are named.
        """
        if not 0 < refuse < 0.5:
            raise InvalidRequestError(
                f"refuse is {refuse}.", hint="Give a share between 0 and 0.5, such as 0.01."
            )
        images = _drawn(train, seed)
        _require_patients(images, refuse)
        thumbs = _thumbnails(images, train.options, progress, executor)
        made = fit(thumbs, [image.group for image in images], share=refuse, seed=seed)
        return cls(made, dataset_fingerprint(train), repair)

    @classmethod
    def load(
        cls, folder: str | Path, *, dataset: XrayCollection | None = None, repair: bool = False
    ) -> ImageGate:
        """Reads what ``save`` wrote; nothing in it is executed.

        Args:
            folder: where it was saved.
            dataset: the dataset that it must have been fitted on.
            repair: see the class.

        Raises:
            DataError: not there, damaged, of another format, or fitted on another dataset.
        """
        fitted, made_of = read_gate(Path(folder))
        if dataset is not None and dataset_fingerprint(dataset) != made_of:
            raise DataError(
                f"The gate in {folder} was fitted on the dataset {made_of}, and this one is "
                f"{dataset_fingerprint(dataset)}.",
                hint="Images, labels or patients have changed: fit the gate again.",
            )
        return cls(fitted, made_of, repair)

    def save(self, folder: str | Path) -> Path:
        """Writes ``gate.npz`` and ``gate.json`` into a folder, which is made if need be.

        No image, name or patient is in them. Returns the folder.

        Raises:
            OSError: the folder cannot be written.
        """
        return write_gate(Path(folder), self.fitted, self.dataset)

    @property
    def figures(self) -> GateFigures:
        """How it did on patients that it had not seen."""
        return self.fitted.figures

    @functools.cached_property
    def fingerprint(self) -> str:
        """12 hex digits; another gate, or another choice of ``repair``, gives others."""
        return fingerprint_of(self.fitted, repair=self.repair)

    def check(self, image: ImageSource, *, options: ImageOptions = DEFAULT_OPTIONS) -> GateAnswer:
        """What the gate says of an image; about 3 ms besides decoding, one processor.

        Args:
            image: a path, the bytes of a file, or a Pillow image.
            options: how it is read; the same as for training.

        Raises:
            ImageError: the image cannot be read, or its file says that it is another body part, a
                lateral view, or contradicts itself: that decides before the gate does.
        """
        return self.judge(decode(image, options=options).grey)

    def judge(self, grey: Image.Image) -> GateAnswer:
        """What the gate says of an upright 8-bit grey picture."""
        fitted = self.fitted
        thumbs = thumbnail(grey)[None]
        features = features_of(thumbs)
        score = self._score(features)
        if poor_contrast(grey).startswith("blank"):
            return self._answer("blank", score)
        upset, flipped = fitted.wrong_sides(features)[0]
        if upset or score > fitted.threshold:
            return self._explain(thumbs, features, score)
        return self._answer("mirrored" if flipped else None, score)

    def admit(self, grey: Image.Image) -> Admission:
        """The answer as preparing an image asks for it: repaired, refused, or neither."""
        answer = self.judge(grey)
        if answer.accepted:
            return Admission(grey, answer.score)
        if not (self.repair and answer.repairable):
            return Admission(grey, answer.score, refusal=str(answer))
        repair = Repair(answer.inverted, answer.turned)
        whole = repair.apply(grey)
        again = self.judge(whole)  # the pixels themselves, not a thumbnail that was turned
        if again.accepted:
            return Admission(whole, again.score, repair.steps)
        return Admission(grey, answer.score, refusal=str(again))

    def _explain(self, thumbs: Thumbs, features: Features, score: float) -> GateAnswer:
        """Why an image is refused: what must be undone to make it acceptable, or else a guess.

        An image that is mirrored besides cannot be repaired: a person must look.
        """
        undone = features_of(np.concatenate([_undo(thumbs, repair) for repair in REPAIRS]))
        scores = self.fitted.typicality.score(self.fitted.typicality.distances(undone))
        upset, flipped = self.fitted.wrong_sides(undone).T
        best = int(np.where(upset, np.inf, scores).argmin())
        if scores[best] <= self.fitted.threshold and not upset[best]:
            if flipped[best]:
                return self._answer("mirrored", score)
            found = REPAIRS[best]
            answer = self._answer(_REASONS[found.inverted, found.turned > 0], score)
            return attrs.evolve(answer, inverted=found.inverted, turned=found.turned)
        if score > self.fitted.crop_limit:
            return self._answer("not a chest X-ray", score)
        if self.fitted.crop.margins(features)[0] > 0:
            return self._answer("lateral or cropped", score)
        return self._answer("unlike the training images", score)

    def _score(self, features: np.ndarray) -> float:
        typicality = self.fitted.typicality
        return float(typicality.score(typicality.distances(features))[0])

    def _answer(self, reason: Reason | None, score: float) -> GateAnswer:
        return GateAnswer(reason, score, self.fitted.threshold)

    def __repr__(self) -> str:
        figures = self.figures
        return (
            f"<ImageGate of {figures.images:,} images of {figures.patients:,} patients, refuses "
            f"{figures.refused} of {figures.judged:,} acceptable ones>"
        )


_REASONS: Final[dict[tuple[bool, bool], Reason]] = {
    (True, False): "inverted",
    (False, True): "turned",
    (True, True): "inverted and turned",
}


def _undo(thumbs: Thumbs, repair: Repair) -> Thumbs:
    """What ``Repair.apply`` does, of thumbnails."""
    plain = inverted(thumbs) if repair.inverted else thumbs
    return turned(plain, -repair.turned % 360)


def _drawn(train: XrayCollection, seed: int) -> Sequence[Xray]:
    far = [image.address for image in train if image.address]
    if far:
        raise DataError(
            f"{len(far):,} of {len(train):,} images lie in S3, and a gate opens every image:\n"
            f"{list_paths(far)}",
            paths=far,
            hint="Fetch the images first (aws s3 sync), read the folder, and fit on that.",
        )
    if len(train) <= _MOST:
        return train.images
    order = np.random.default_rng(seed).permutation(len(train))[:_MOST]
    return [train.images[place] for place in np.sort(order)]


def _require_patients(images: Sequence[Xray], refuse: float) -> None:
    patients, needed = len({image.group for image in images}), patients_needed(refuse)
    if patients < needed:
        raise DataError(
            f"{patients} patients cannot promise that {refuse:g} of the acceptable images are "
            f"refused: {needed} are needed.",
            hint=_how_to_fit(patients),
        )


def _how_to_fit(patients: int) -> str:
    enough = math.ceil(1000 * TESTS / (patients + 1)) / 1000
    more = f", or allow more: refuse={enough:.3f}" if enough < 0.5 else ""
    return f"Fit it on more patients{more}."


def _thumbnails(
    images: Sequence[Xray],
    options: ImageOptions,
    progress: bool | Callable[[int, int], None],  # noqa: FBT001 - as fit takes it
    executor: Executor | None,
) -> Thumbs:
    batches = [
        [image.path for image in images[start : start + _BATCH]]
        for start in range(0, len(images), _BATCH)
    ]
    found: list[Thumbs | ImageError] = []
    with worker_pool(executor) as pool:
        read = functools.partial(read_thumbnails, options=options)
        answers = pool.map(read, batches)
        for batch in report_batches(answers, len(images), progress, title="gate"):
            found += batch
    bad = [item for item in found if isinstance(item, ImageError)]
    if bad:
        raise DataError(
            f"{len(bad):,} of {len(images):,} images cannot be used:\n"
            f"{list_paths(error.message for error in bad)}",
            paths=[path for error in bad for path in error.paths],
            hint="Audit the dataset, and leave these images out.",
        )
    return np.stack([item for item in found if not isinstance(item, ImageError)])


def read_thumbnails(paths: Sequence[Path], *, options: ImageOptions) -> list[Thumbs | ImageError]:
    """The thumbnail of each image, or what is wrong with it."""
    return [_read_thumbnail(path, options) for path in paths]


def _read_thumbnail(path: Path, options: ImageOptions) -> Thumbs | ImageError:
    try:
        return thumbnail(decode(path, options=options).grey)
    except ImageError as error:
        return error

"""``find_suspect_labels``: images whose label may be wrong, by confidences of other patients."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Final, TypeAlias

import attrs
import numpy as np
import numpy.typing as npt
from PIL import Image

from rekognition_xray.clinic.cases.case_index import CaseIndex
from rekognition_xray.clinic.cases.sheet import pictures_sheet
from rekognition_xray.clinic.extras import needs_frames, needs_science
from rekognition_xray.data.dataset import Cleaned, Repair, XrayDataset
from rekognition_xray.data.xrays import Xray
from rekognition_xray.errors import DataError, InvalidRequestError, LabelsError, list_paths

if TYPE_CHECKING:
    import pandas

CODE: Final = "suspect-label"

Shares: TypeAlias = npt.NDArray[np.float64]
Places: TypeAlias = npt.NDArray[np.intp]

_STRENGTH: Final = 10.0  # of the logistic regression: the inverse of its penalty
_STEPS: Final = 500
_NOTE: Final = "A label is a reader's opinion: only a reader can say which one is right."


@attrs.frozen
class Suspect:
    """An image whose label may be wrong.

    Attributes:
        image: with its given label.
        likely: the label that it may have instead.
        self_confidence: confidence of the given label, 0 to 1.
        confidence: confidence of the likely label, 0 to 1.
    """

    image: Xray
    likely: str
    self_confidence: float
    confidence: float

    @property
    def reason(self) -> str:
        """Why the label is suspect, in words."""
        return (
            f"looks like {self.likely} ({self.confidence:.2f}), its label {self.image.label} has "
            f"{self.self_confidence:.2f}"
        )


@attrs.frozen
class SuspectLabels:
    """The images of a dataset whose label may be wrong, the most suspect first.

    Attributes:
        dataset: as it was given.
        suspects: in ascending order of the confidence of their own label.
        counts: given label and likely label, to the number of images that confidently belong there
            (the confident joint); the same label twice where nothing is suspect.
    """

    dataset: XrayDataset = attrs.field(repr=False)
    suspects: tuple[Suspect, ...] = attrs.field(repr=False)
    counts: Mapping[tuple[str, str], int] = attrs.field(hash=False)

    def leave_out(self, most: int | None = None) -> Cleaned:
        """The dataset without the most suspect images, and a record of each that was left out.

        No file is touched. Leave images out of a training part only after a reader has looked at
        them. Out of a test part they change what the figures mean: ``Evaluation.without`` records
        that.

        Args:
            most: how many to leave out; by default all suspects.
        """
        out = {suspect.image: suspect for suspect in self.suspects[:most]}
        kept = tuple(image for image in self.dataset if image not in out)
        repairs = (Repair(CODE, image.source, found.reason) for image, found in out.items())
        return Cleaned(attrs.evolve(self.dataset, images=kept), tuple(repairs))

    def to_frame(self) -> pandas.DataFrame:
        """A pandas data frame with one row for each suspect, the most suspect first.

        Columns: name, label, likely, self_confidence, confidence and reason.

        Raises:
            MissingExtraError: the extra ``frames`` is not installed.
        """
        needs_frames("SuspectLabels.to_frame()")
        import pandas as pd  # noqa: PLC0415 - optional

        columns = ("name", "label", "likely", "self_confidence", "confidence", "reason")
        rows = [
            (
                found.image.name,
                found.image.label,
                found.likely,
                found.self_confidence,
                found.confidence,
                found.reason,
            )
            for found in self.suspects
        ]
        return pd.DataFrame(rows, columns=columns)

    def sheet(self, most: int = 24) -> Image.Image:
        """The pictures of the most suspect images, for a reader; an RGB picture.

        No patient, path or file name stands on it; but it shows images, so treat it as those.

        Args:
            most: how many to show.

        Raises:
            InvalidRequestError: there are no suspects to show.
            ImageError: an image cannot be read (any more).
        """
        shown = self.suspects[: max(0, most)]
        if not shown:
            raise InvalidRequestError("There are no suspects to show.")
        captions = [
            (f"{found.image.label}?", f"{place}. looks like {found.likely}", found.image.label)
            for place, found in enumerate(shown, 1)
        ]
        heading = f"The {len(shown)} most suspect of {len(self.dataset):,} labels"
        paths = [found.image.path for found in shown]
        return pictures_sheet(paths, captions, heading, _NOTE, options=self.dataset.options)


def find_suspect_labels(
    dataset: XrayDataset,
    *,
    confidences: Mapping[str, Mapping[str, float]] | None = None,
    folds: int = 5,
    seed: int = 0,
    progress: bool | Callable[[int, int], None] = False,
) -> SuspectLabels:
    """Finds images whose label may be wrong, by confident learning (Northcutt 2021).

    Confidences are out of fold: whole patients are left out, a model learns from the others, and
    judges those left out. By default the model is a logistic regression on the descriptors of
    ``CaseIndex`` (about 2 ms an image); no version is trained, and nothing leaves the machine.

    An image confidently belongs to a label if its confidence reaches the mean confidence that
    images of this label have in it; of several such labels, to the one of highest confidence. It is
    a suspect if this is not its own label. Suspects are ranked by self-confidence, that of their
    own label (Northcutt, Jiang and Chuang, "Confident learning", JAIR 70, 2021).

    A suspect is a question to a reader, not an error. Errors that all images of a kind share cannot
    be found.

    Args:
        dataset: images on disk, of two labels or more. Rare labels may be merged before.
        confidences: name of an image to its confidences by label, 0 to 1, from models that did not
            learn from the image's patient; then the images are not read.
        folds: number of parts of whole patients, 2 or more.
        seed: of the folds.
        progress: True for a bar, or a function that gets images done and images in all.

    Raises:
        LabelsError: fewer than two labels.
        SplitError: a label has fewer patients than there are folds.
        DataError: images lie in S3 or cannot be used, or confidences are missing or not within 0
            and 1; all are named.
        MissingExtraError: the extra ``science`` is not installed.
    """
    needs_science("find_suspect_labels")
    if len(dataset.labels) < 2:
        raise LabelsError(
            "Labels can only be compared where there are two or more.",
            hint="Read the dataset with a rule that gives several labels.",
        )
    shares = (
        out_of_fold(dataset, folds, seed, progress)
        if confidences is None
        else _given(dataset, confidences)
    )
    return rank_suspects(dataset, shares)


def _given(dataset: XrayDataset, confidences: Mapping[str, Mapping[str, float]]) -> Shares:
    """Images x labels, from confidences of the user's."""
    rows = [
        [confidences.get(image.name, {}).get(label, np.nan) for label in dataset.labels]
        for image in dataset
    ]
    shares = np.array(rows, dtype=np.float64)
    unusable = np.flatnonzero(~((shares >= 0) & (shares <= 1)).all(axis=1))
    bad = [dataset.images[row].name for row in unusable]
    if bad:
        raise DataError(
            f"{len(bad):,} of {len(dataset):,} images have no confidence between 0 and 1 for each "
            f"of {', '.join(dataset.labels)}:\n{list_paths(bad)}",
            hint="Give the confidences by the images' names: {image.name: {label: confidence}}.",
        )
    return shares


def out_of_fold(
    dataset: XrayDataset,
    folds: int,
    seed: int,
    progress: bool | Callable[[int, int], None],  # noqa: FBT001 - as find_suspect_labels takes it
) -> Shares:
    """Images x labels, by models that did not learn from the image's patient."""
    from sklearn.linear_model import LogisticRegression  # noqa: PLC0415 - needs the extra
    from threadpoolctl import (  # type: ignore[import-untyped]  # noqa: PLC0415 - of scikit-learn
        threadpool_limits,
    )

    splits = dataset.folds(folds, seed=seed)
    vectors = CaseIndex.build(dataset, progress=progress).vectors.astype(np.float64)
    place = {image: row for row, image in enumerate(dataset)}
    given = label_places(dataset)
    shares = np.zeros((len(dataset), len(dataset.labels)))
    for split in splits:
        train, test = ([place[image] for image in part] for part in (split.train, split.test))
        with threadpool_limits(1):  # matrices so small are slower on several threads
            model = LogisticRegression(C=_STRENGTH, max_iter=_STEPS)
            model.fit(vectors[train], given[train])
        shares[np.ix_(test, model.classes_)] = model.predict_proba(vectors[test])
    return shares


def label_places(dataset: XrayDataset) -> Places:
    """The place of each image's label among the dataset's labels."""
    places = {label: place for place, label in enumerate(dataset.labels)}
    return np.array([places[image.label] for image in dataset])


def rank_suspects(dataset: XrayDataset, shares: Shares) -> SuspectLabels:
    """The suspects of a dataset by confidences, images x labels."""
    given, labels = label_places(dataset), dataset.labels
    likely = confident_labels(given, shares)
    counts: dict[tuple[str, str], int] = {}
    for own, other in zip(given[likely >= 0], likely[likely >= 0], strict=True):
        pair = (labels[own], labels[other])
        counts[pair] = counts.get(pair, 0) + 1
    own_share = shares[np.arange(len(given)), given]
    rows = np.flatnonzero((likely >= 0) & (likely != given))
    suspects = tuple(
        Suspect(
            image=dataset.images[row],
            likely=labels[likely[row]],
            self_confidence=float(own_share[row]),
            confidence=float(shares[row, likely[row]]),
        )
        for row in rows[np.argsort(own_share[rows], kind="stable")]
    )
    return SuspectLabels(dataset, suspects, counts)


def confident_labels(given: Places, shares: Shares) -> Places:
    """The label that each image confidently belongs to, by its place; -1 if there is none.

    Args:
        given: the place of each image's own label.
        shares: images x labels, 0 to 1.
    """
    least = np.array([_mean(shares[given == label, label]) for label in range(shares.shape[1])])
    confident = np.where(shares >= least, shares, -1.0)
    return np.where(confident.max(axis=1) >= 0, confident.argmax(axis=1), -1)


def _mean(values: Shares) -> float:
    """The mean, less what rounding may add; above 1 where there are none."""
    return float(values.mean()) - 1e-6 if len(values) else 2.0

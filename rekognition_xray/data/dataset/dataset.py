"""``XrayDataset``: an immutable, ordered collection of images."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import attrs

from rekognition_xray.data.dataset.prepared import prepare_dataset
from rekognition_xray.data.dataset.split import draw_folds, draw_split, official_split
from rekognition_xray.data.manifests import Manifest
from rekognition_xray.data.reading import (
    KERMANY,
    PUBLISHED,
    VERSION,
    KermanyRule,
    Names,
    PublishedCounts,
    as_rule,
    download,
    of_entries,
    read_download,
    read_folder,
    stated,
)
from rekognition_xray.data.splitting import random_split_leakage
from rekognition_xray.data.xrays import Labelling, Part, Rejected, Xray
from rekognition_xray.errors import EmptyDatasetError, list_paths
from rekognition_xray.labels import in_order

if TYPE_CHECKING:
    from concurrent.futures import Executor

    from rekognition_xray.data.dataset.audit import Audit
    from rekognition_xray.data.dataset.prepared import Prepared
    from rekognition_xray.data.dataset.split import Audited, Split
    from rekognition_xray.data.preparing import PrepareProgress
    from rekognition_xray.data.splitting import Leakage


def _ordered(images: Iterable[Xray]) -> tuple[Xray, ...]:
    return tuple(sorted(images, key=lambda image: (image.name, str(image.source))))


@attrs.frozen(repr=False)
class XrayDataset:
    """Images in the order of their names, whatever order they are given in.

    Attributes:
        images: the images.
        rejected: files that look like images and could not be taken; ``audit()`` reports them.
        labelling: where the labels come from.
        part: of which split this dataset is a part, if it is one.
    """

    images: tuple[Xray, ...] = attrs.field(converter=_ordered)
    rejected: tuple[Rejected, ...] = ()
    labelling: Labelling = attrs.field(factory=Labelling)
    part: Part | None = None

    @classmethod
    def from_folder(
        cls, folder: str | Path, *, names: Names = KERMANY, labelling: Labelling | None = None
    ) -> XrayDataset:
        """Reads a folder and all folders in it; only names are looked at, no file is opened.

        Hidden files, and files whose extension is not an image's, are left alone. Everything
        else is either in ``images`` or, with a reason, in ``rejected``.

        Args:
            folder: such as ``chest_xray``.
            names: what reads label, patient and official split from each path: ``KERMANY``,
                ``FOLDERS``, a ``TableNames``, a rule of your own, or a function from a path
                (relative to the folder) to an ImageName, a label, or None for a file that it does
                not know. A LabelsError that it raises rejects the file; any other error goes on.
            labelling: who made the labels, when and how, where that is known better than the
                rule can; without a name it keeps the rule's.

        Raises:
            FolderNotFoundError: no such folder.
            EmptyDatasetError: no file fits the rule.
        """
        rule = as_rule(names)
        images, rejected = read_folder(folder, rule)
        return cls(images, tuple(rejected), stated(labelling, rule))

    @classmethod
    def from_manifest(
        cls, manifest: str | Path | Manifest, *, names: Names | None = None
    ) -> XrayDataset:
        """Images that lie in S3, as a manifest lists them; nothing is asked of AWS.

        Labels, their origin and the part of a split come from the manifest, the patient is the
        pseudonym in each image's key. So what ``Manifest.of`` makes of the dataset is the manifest
        again. An image without a pseudonym is a group of its own, which is logged as a warning.

        Args:
            manifest: a file of JSON lines, or a manifest that was read already.
            names: a rule that reads patient and official split from the key instead; an entry
                whose label it does not confirm is rejected, and so is one that it cannot read.

        Raises:
            ManifestError: the file cannot be read, or has bad lines; all are named.
            EmptyDatasetError: no entry, or none that the rule confirms.
        """
        read = manifest if isinstance(manifest, Manifest) else Manifest.read(manifest)
        images, rejected = of_entries(read.entries, None if names is None else as_rule(names))
        if not images:
            listed = list_paths(f"{item.path}: {item.reason}" for item in rejected)
            message = f"The manifest gives no image.\n{listed}".rstrip()
            raise EmptyDatasetError(message, paths=[item.path for item in rejected])
        return cls(images, tuple(rejected), read.labelling, read.part)

    @classmethod
    def from_kaggle(
        cls,
        *,
        version: int | None = VERSION,
        folder: str | Path | None = None,
        names: KermanyRule = KERMANY,
        expected: PublishedCounts | None = PUBLISHED,
    ) -> XrayDataset:
        """Downloads the chest X-rays from Kaggle and counts them; needs the extra ``kaggle``.

        The set is ``paultimothymooney/chest-xray-pneumonia``: 5,856 images, about 2.3 GB to
        download once, since the archive holds them twice; here each counts once. Licence
        CC BY 4.0; cite Kermany, Zhang and Goldbaum (2018), Labeled Optical Coherence Tomography
        (OCT) and Chest X-Ray Images for Classification, Mendeley Data, V2,
        doi:10.17632/rscbjbr9sj.2.

        Args:
            version: of the set on Kaggle; None for the newest.
            folder: where to put it; by default the cache of ``kagglehub``.
            names: ``KERMANY``, or it by type or with two classes.
            expected: the images that must be there, by official split and label; None for no check.

        Raises:
            MissingExtraError: ``kagglehub`` is not installed.
            DataError: the download failed, or images are missing or too many; it says which.
        """
        images, rejected = read_download(download(version, folder), names, expected)
        return cls(images, tuple(rejected), names.labelling)

    @property
    def labels(self) -> tuple[str, ...]:
        """The labels that occur: normal, bacterial, viral first, others by name."""
        return in_order(image.label for image in self.images)

    @property
    def counts(self) -> Mapping[str, int]:
        """Images by label, in the order of ``labels``."""
        found = Counter(image.label for image in self.images)
        return {label: found[label] for label in self.labels}

    @property
    def patients(self) -> Mapping[str, int]:
        """Patients by label, in the order of ``labels``; one may count under several labels.

        An image without a patient counts as a patient of its own.
        """
        found = Counter(label for label, _ in {(image.label, image.group) for image in self.images})
        return {label: found[label] for label in self.labels}

    @property
    def patient_count(self) -> int:
        """Patients in all, each counted once."""
        return len({image.group for image in self.images})

    def audit(
        self,
        *,
        progress: bool | Callable[[int, int], None] | None = None,
        executor: Executor | None = None,
    ) -> Audit:
        """Looks at every image and says what is wrong; see ``rekognition_xray.data.auditing.audit.audit``."""
        from rekognition_xray.data.dataset.audit import run_audit  # noqa: PLC0415 - needs the extra

        return run_audit(self, progress=progress, executor=executor)

    def split(
        self,
        test: float = 0.2,
        *,
        validation: float | None = None,
        seed: int = 0,
        audit: Audited | None = None,
    ) -> Split:
        """Splits by whole patients into train, test and, where asked for, validation.

        See ``rekognition_xray.data.dataset.split.split``; ``audit`` keeps shared pictures together too.
        """
        return draw_split(self, test=test, validation=validation, seed=seed, audit=audit)

    def folds(
        self, k: int = 5, *, seed: int = 0, audit: Audited | None = None
    ) -> tuple[Split, ...]:
        """Cuts k folds of whole patients; see ``rekognition_xray.data.dataset.split.folds``."""
        return draw_folds(self, k=k, seed=seed, audit=audit)

    def official(self) -> Split:
        """The split of the official folders; see ``rekognition_xray.data.dataset.split.official``."""
        return official_split(self)

    def leakage(self, fraction: float = 0.2, seed: int = 0, *, repeats: int = 100) -> Leakage:
        """What a random split by image would put on both sides; nothing is split.

        See ``rekognition_xray.data.splitting.leakage.leakage``.
        """
        return random_split_leakage(self, fraction, seed, repeats=repeats)

    def prepare(
        self,
        folder: str | Path,
        *,
        executor: Executor | None = None,
        progress: bool | Callable[[PrepareProgress], None] | None = None,
        allow_burned_in: bool = False,
        held: Literal["error", "leave-out"] = "error",
    ) -> Prepared:
        """Prepares every image into a folder, as AWS will see it; calls no AWS.

        See ``rekognition_xray.data.preparing.preparing.prepare``.
        """
        return prepare_dataset(
            self,
            folder,
            executor=executor,
            progress=progress,
            allow_burned_in=allow_burned_in,
            held=held,
        )

    def __len__(self) -> int:
        return len(self.images)

    def __iter__(self) -> Iterator[Xray]:
        return iter(self.images)

    def tally(self) -> dict[str, object]:
        """Images and patients, in all and by label, as plain data ready for JSON."""
        return {
            "images": len(self),
            "patients": self.patient_count,
            "images_by_label": dict(self.counts),
            "patients_by_label": dict(self.patients),
        }

    def __repr__(self) -> str:
        counts = ", ".join(f"{label} {count}" for label, count in self.counts.items())
        part = f", part={self.part.name!r}" if self.part else ""
        rejected = f", rejected={len(self.rejected)}" if self.rejected else ""
        return f"<XrayDataset of {len(self)} images ({counts}){part}{rejected}>"

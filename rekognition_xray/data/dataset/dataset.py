"""``XrayDataset``: an immutable, ordered collection of images."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import attrs

from rekognition_xray.data.dataset.correction import correct_dataset
from rekognition_xray.data.dataset.prepared import prepare_dataset
from rekognition_xray.data.dataset.split import draw_folds, draw_split, official_split
from rekognition_xray.data.images import DEFAULT_OPTIONS, Gate, ImageOptions
from rekognition_xray.data.manifests import Manifest
from rekognition_xray.data.reading import (
    CUSTOM_VISION,
    KERMANY,
    PUBLISHED,
    VERSION,
    KermanyRule,
    Names,
    PublishedCounts,
    as_rule,
    download,
    images_of_entries,
    read_custom_vision,
    read_download,
    read_folder,
    resolve_labelling,
)
from rekognition_xray.data.splitting import random_split_leakage
from rekognition_xray.data.xrays import Labelling, Part, Rejected, Xray, XrayCollection
from rekognition_xray.errors import DataError, EmptyDatasetError, list_paths
from rekognition_xray.labels import in_order

if TYPE_CHECKING:
    from concurrent.futures import Executor

    from rekognition_xray.data.correcting import Reading
    from rekognition_xray.data.dataset.audit import Audit
    from rekognition_xray.data.dataset.correction import Corrected
    from rekognition_xray.data.dataset.prepared import Prepared
    from rekognition_xray.data.dataset.split import Audited, Split
    from rekognition_xray.data.preparing import PrepareProgress
    from rekognition_xray.data.splitting import Leakage


def _sort_images(images: Iterable[Xray]) -> tuple[Xray, ...]:
    return tuple(sorted(images, key=lambda image: (image.name, str(image.source))))


@attrs.frozen(repr=False)
class XrayDataset(XrayCollection):  # named as base: pyright sees no match through a converter
    """Images in the order of their names, whatever order they are given in.

    Attributes:
        images: the images.
        rejected: files that look like images and could not be taken; ``audit()`` reports them.
        labelling: where the labels come from.
        part: of which split this dataset is a part, if it is one.
        skipped: how many files of the folder were neither, by reason, such as hidden ones.
        options: how its images are read, by the audit, by ``prepare`` and by ``put_datasets``.
    """

    images: tuple[Xray, ...] = attrs.field(converter=_sort_images)
    rejected: tuple[Rejected, ...] = ()
    labelling: Labelling = attrs.field(factory=Labelling)
    part: Part | None = None
    skipped: Mapping[str, int] = attrs.field(factory=dict, eq=False, kw_only=True)
    options: ImageOptions = attrs.field(default=DEFAULT_OPTIONS, kw_only=True)

    @classmethod
    def from_folder(
        cls, folder: str | Path, *, names: Names = KERMANY, labelling: Labelling | None = None
    ) -> XrayDataset:
        """Reads a folder and all folders in it.

        Every file ends in ``images``, with a reason in ``rejected``, or is counted in ``skipped``:
        hidden files, ``__MACOSX``, and files that are no images. A file without the extension of
        an image is opened to see how it begins, since DICOM has names such as ``IM000001``; others
        are not. A dataset that holds itself once more, as Kaggle's archive does, is read once.

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
        images, rejected, skipped = read_folder(folder, rule)
        labels = resolve_labelling(labelling, rule)
        return cls(images, tuple(rejected), labels, skipped=skipped)

    @classmethod
    def from_manifest(
        cls,
        manifest: str | Path | Manifest,
        *,
        names: Names | None = None,
        attribute: str | None = None,
        without_boxes: str | None = None,
    ) -> XrayDataset:
        """Images that lie in S3, as a manifest lists them; nothing is asked of AWS.

        Labels, their origin and the part of a split come from the manifest, the patient is the
        pseudonym in each image's key. So what ``Manifest.of`` makes of the dataset is the manifest
        again. An image without a pseudonym is a group of its own, which is logged as a warning.

        Args:
            manifest: a file of JSON lines, or a manifest that was read already.
            names: a rule that reads patient and official split from the key instead; an entry
                whose label it does not confirm is rejected, and so is one that it cannot read.
            attribute: the label attribute to read where lines have several; see ``Manifest.read``.
            without_boxes: the label of an image without boxes; with it, the class of an image's
                boxes is its label.

        Raises:
            ManifestError: the file cannot be read, or has bad lines; all are named.
            EmptyDatasetError: no entry, or none that the rule confirms.
        """
        read = (
            manifest
            if isinstance(manifest, Manifest)
            else Manifest.read(manifest, attribute=attribute, without_boxes=without_boxes)
        )
        images, rejected = images_of_entries(
            read.entries, None if names is None else as_rule(names)
        )
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

    @classmethod
    def from_custom_vision(cls, folder: str | Path, *, patient: str | None = None) -> XrayDataset:
        """Reads what was saved of a project of Azure Custom Vision (retired in September 2028).

        The folder holds the replies of its operation GetTaggedImages as ``*.json``, and the
        images, each named by its id, such as ``<id>.jpg``. The tag is the label. Images with boxes,
        with several tags, or without a reply are rejected, each with its reason. Custom Vision
        knows no patients: without ``patient``, each image is a group of its own. So audit the
        images before you split them, since copies then show at least equal pictures.

        Args:
            folder: the folder.
            patient: the key of the images' metadata that identifies the patient, if one does.

        Raises:
            FolderNotFoundError: no such folder.
            DataError: a JSON file is no such reply; all are named.
            EmptyDatasetError: no image can be used.
        """
        images, rejected = read_custom_vision(Path(folder), patient)
        return cls(images, tuple(rejected), CUSTOM_VISION)

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

    def with_options(self, options: ImageOptions) -> XrayDataset:
        """The same images, to be read with other options; give the diagnoser the same ones.

        Raises:
            DataError: these are no ImageOptions.
        """
        if not isinstance(options, ImageOptions):
            raise DataError(
                f"{options!r} are no options for images.",
                hint="Give rx.ImageOptions(...), such as rx.ImageOptions(stretch=True).",
            )
        return attrs.evolve(self, options=options)

    def audit(
        self,
        *,
        gate: Gate | None = None,
        progress: bool | Callable[[int, int], None] | None = None,
        executor: Executor | None = None,
    ) -> Audit:
        """Decodes every image to the end and reports all findings together; nothing is changed.

        Errors: ``missing``, ``unreadable``, ``zero-bytes``, ``not-an-image``, ``truncated``,
        ``over-limits`` (under 64 px a side, over 20:1, or a decompression bomb), ``burned-in``,
        ``other-body-part``, ``lateral-view``, ``polarity``, ``not-an-xray`` and ``no-decoder`` of
        DICOM, ``no-window`` of floating-point pixels, ``no-label``, ``contradictory-labels`` (by
        name and folder, or the same pixels under two labels).

        Warnings: ``over-limits`` (over 4096 px a side or 15 MB: scaled down before upload),
        ``duplicate-files``, ``duplicate-pixels``, ``near-duplicates``,
        ``contradictory-near-duplicates``, ``duplicates-across-official-splits``,
        ``patients-across-official-splits``, ``too-few-labels``, ``few-images`` (under 10 of a
        label), ``imbalance`` (over 5 to 1), ``rgb-among-grey``, ``exif-orientation``,
        ``wrong-extension``, ``shortcut`` (one for each property of the files that predicts the
        label by itself).

        About 6 ms and 17 kB an image of 224 px, of one processor.

        Args:
            gate: asked of each image, such as an ``ImageGate``; what it refuses is an error,
                ``refused-by-gate``.
            progress: True for a bar, or a function that gets images done and images in all.
            executor: what to decode in; by default threads, one for each processor.

        Raises:
            DataError: images lie in S3; all are named.
            MissingExtraError: the extra ``science`` is not installed.
        """
        from rekognition_xray.data.dataset.audit import run_audit  # noqa: PLC0415 - needs the extra

        return run_audit(self, gate=gate, progress=progress, executor=executor)

    def split(
        self,
        test: float = 0.2,
        *,
        validation: float | None = None,
        seed: int = 0,
        audit: Audited | None = None,
    ) -> Split:
        """Puts whole patients into the parts so that each label has the shares asked for.

        Every label has images in every part. Shares, and the labels' proportions in each part, come
        as near as whole patients allow; see ``rekognition_xray.data.splitting.drawing.deal``.
        scikit-learn's StratifiedGroupKFold is not used: it cuts equal folds only (1/2, 1/3, ...).

        Equal images, seeds and duplicates give equal splits, in any order, on any machine and
        Python.

        Args:
            test: share of the images for test, between 0 and 1, both excluded.
            validation: share of the images for a third part, to choose thresholds on; together with
                ``test`` below 1.
            seed: another number, another split.
            audit: an audit of this dataset; it keeps patients who share a picture together.

        Raises:
            SplitError: shares that leave nothing for a part, a label of too few patients, no way to
                have every label in every part, or an audit of another dataset.
        """
        return draw_split(self, test=test, validation=validation, seed=seed, audit=audit)

    def folds(
        self, k: int = 5, *, seed: int = 0, audit: Audited | None = None
    ) -> tuple[Split, ...]:
        """Cuts the images into k parts of whole patients; each is the test part of one split.

        The parts are dealt like those of ``split``: as equal in size and labels as whole patients
        allow, with every label in every one of them, and no extra package. Each fold has a
        fingerprint of its own.

        Args:
            k: number of folds, 2 or more.
            seed: another number, other folds.
            audit: an audit of this dataset; it keeps patients who share a picture together.

        Raises:
            SplitError: k below 2, a label of fewer than k patients, no way to have every label in
                every fold, or an audit of another dataset.
        """
        return draw_folds(self, k=k, seed=seed, audit=audit)

    def official(self) -> Split:
        """The split of the official folders, as published figures use it.

        The folder ``val`` of the chest X-ray set counts as train: it holds 16 images and no viral
        one. Where patients cross the folders by the dataset's rule a warning says how many. By the
        number alone (``KERMANY``) 170 patients of that set do, but its numbers seem to be counted
        apart for bacteria and virus; read it with ``KERMANY.by_type()``, by which none does.

        Raises:
            SplitError: images outside of the official folders, or a folder without images.
        """
        return official_split(self)

    def leakage(self, fraction: float = 0.2, seed: int = 0, *, repeats: int = 100) -> Leakage:
        """Draws random splits by image and counts who stands on both sides. Draws nothing for use.

        This is how the article's model was judged, and what DistributeDatasetEntries does.

        Args:
            fraction: share of the images for the test, between 0 and 1, both excluded.
            seed: of the split that is reported in full.
            repeats: seeds that mean and range are taken over, 1 or more.

        Raises:
            SplitError: a share or a number of repeats that draws nothing, or too few images.
        """
        return random_split_leakage(self, fraction, seed, repeats=repeats)

    def prepare(
        self,
        folder: str | Path,
        *,
        executor: Executor | None = None,
        progress: bool | Callable[[PrepareProgress], None] | None = None,
        gate: Gate | None = None,
        held: Literal["error", "leave-out"] = "error",
    ) -> Prepared:
        """Prepares every image of a dataset into a folder, as ``prepare_image`` does it.

        A result lies in ``<folder>/<first two digits of sha256>/<sha256>.<jpg or png>``; images
        with equal pixels share it. What was done stands in ``<folder>/ledger.jsonl`` (see
        ``ledger.read_ledger``), image by image as it is done: a run that was killed, or that met
        bad images or a full disk, is completed by the next one. An image whose path, size and time
        of change are the ledger's is not opened again, unless the software is another one.

        Args:
            folder: where to; it is made. Two runs at once do no harm, and some work twice.
            executor: where to prepare: any ``concurrent.futures.Executor``; by default threads, one
                for each processor. Processes decode faster. Its workers read the images and write
                the results themselves, so workers on other machines need both folders under the
                same paths.
            progress: True for a bar, or a function that gets a PrepareProgress.
            gate: asked before each image is prepared, such as an ``ImageGate``.
            held: what becomes of images that a gate refuses, or that only an option would release
                (see ImageOptions): ``error`` counts them among the bad ones, ``leave-out`` goes on
                without them and names them in ``Prepared.held``.

        Raises:
            AuditError: images that cannot be used, all of them with their reasons; the others are
                prepared.
            PreparedFolderError: the folder cannot be written, for lack of space for example.
            DataError: the ledger is damaged, or a worker process died.
            MissingExtraError: there is DICOM among the images, and the extra ``dicom`` is missing.
        """
        return prepare_dataset(
            self,
            folder,
            executor=executor,
            progress=progress,
            gate=gate,
            held=held,
        )

    def corrected(self, readings: Iterable[Reading], *, change_test: bool = False) -> Corrected:
        """The dataset with the labels that people read, and a record of each reading.

        Images, patients and the part of a split stay. So does ``labelling``: each line of a
        manifest names it, and ``put_datasets`` sends the changed lines only. Who changed which
        label is in the record; keep it with the dataset.

        Split first, then correct (``Split.corrected`` does it for all parts): a split that is
        drawn after a correction may put a patient into another part.

        Args:
            readings: any order; of one reader the last reading of an image counts. They find their
                image by path, address or name within the dataset.
            change_test: changes labels of the test part, too. By default readings of it are
                recorded as ``held``: figures before and after a change of the test labels cannot be
                compared.

        Raises:
            ReadingsError: readings of images that the dataset does not hold, readers who contradict
                each other, or labels that no image has; all of them together.
        """
        return correct_dataset(self, readings, change_test=change_test)

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

"""What must hold of a train and a test part before they become, or are used as, datasets."""

from __future__ import annotations

import tempfile
import warnings
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import attrs

from rekognition_xray.cloud.aws import Aws, aws_errors
from rekognition_xray.cloud.datasets.calls import DatasetType
from rekognition_xray.cloud.quotas import Quotas, how_to_raise
from rekognition_xray.cloud.tags import (
    LEAKING,
    LEAKS,
    SPLIT,
    is_value,
    read_tags,
    remove_tags,
    write_tags,
)
from rekognition_xray.data.dataset import XrayDataset
from rekognition_xray.data.manifests import MAX_ENTRIES, MAX_LABELS, Manifest
from rekognition_xray.data.preparing import PreparedFile
from rekognition_xray.data.pseudonyms import pseudonym_in
from rekognition_xray.data.splitting import Leak, shared_pictures
from rekognition_xray.data.xrays import Part, Xray
from rekognition_xray.errors import (
    AuditError,
    DataError,
    LabelsError,
    ManifestError,
    ManifestFault,
    PatientLeakWarning,
    SplitError,
    list_paths,
)

_SMALL: Final[Mapping[DatasetType, int]] = {"TRAIN": 28_000, "TEST": 7_000}
REGIONAL_LIMITS: Final[Mapping[str, Mapping[DatasetType, int]]] = {
    "ap-south-1": _SMALL,
    "eu-west-2": _SMALL,
}
"""Regions where a dataset holds fewer entries than the 250,000 of all others."""
_MAX_TESTED: Final = 1_000

_ALLOW: Final = "Or pass allow_leaks=True, knowing that the figures come out too good."


def check_dataset_size(
    counts: Mapping[str, int],
    kind: DatasetType,
    *,
    region: str,
    quotas: Quotas | None = None,
    total: int | None = None,
) -> None:
    """Refuses a dataset that is larger than the service's guide allows; makes no call.

    Args:
        counts: images by label.
        kind: which of a project's two datasets.
        region: the project's Region; two have smaller datasets.
        quotas: of the account; by default AWS's own.
        total: entries, where that is not the sum of the images by label.

    Raises:
        ManifestError: no images, more than the quota (250,000 by default), more than 250 labels,
            or more than 1,000 test images of a label.
    """
    total = sum(counts.values()) if total is None else total
    limit = (quotas or Quotas()).images
    if limit == Quotas().images:
        limit = REGIONAL_LIMITS.get(region, {}).get(kind, limit)
    crowded = sorted(label for label, count in counts.items() if count > _MAX_TESTED)
    many = f"more than {_MAX_TESTED:,} images of {', '.join(crowded)}"
    labels = f"{len(counts)} labels, where {MAX_LABELS} are taken"
    images = f"{total:,} images, where {region} takes {limit:,}"
    rules = (
        (total == 0, "empty-manifest", "no images"),
        (total > limit, "ERROR_MANIFEST_ROWS_EXCEEDS_MAXIMUM", images),
        (len(counts) > MAX_LABELS, "ERROR_MANIFEST_TOO_MANY_LABELS", labels),
        (kind == "TEST" and bool(crowded), "too-many-test-images", many),
    )
    faults = [ManifestFault(None, code, reason) for broken, code, reason in rules if broken]
    if faults:
        raise ManifestError(
            f"The {kind} dataset would be outside the service's limits",
            faults=faults,
            hint="Take another share for the test part, or fewer images."
            + (f" {how_to_raise('images', MAX_ENTRIES)}" if total > limit else ""),
        )


def check_rejected(*parts: XrayDataset | None) -> None:
    """Raises AuditError where files that look like images did not become images."""
    rejected = dict.fromkeys(item for part in parts if part for item in part.rejected)
    if rejected:
        raise AuditError(
            f"{len(rejected)} files of the dataset have no usable label; nothing was uploaded:\n"
            + list_paths(f"{item.path}: {item.reason}" for item in rejected),
            paths=[item.path for item in rejected],
            hint="Rename or remove them, or leave them out knowingly: "
            "attrs.evolve(dataset, rejected=()).",
        )


def check_options(train: XrayDataset, test: XrayDataset | None) -> None:
    """Raises DataError where train and test would be read with different options."""
    if test is not None and test.options != train.options:
        raise DataError(
            f"The images for training would be read with {train.options}, those for the test with "
            f"{test.options}; nothing was uploaded.",
            hint="Give both the same: train.with_options(options), test.with_options(options).",
        )


def check_labels(train: XrayDataset, test: XrayDataset | None) -> None:
    """Raises LabelsError where a part has fewer than two labels, or the test some of its own."""
    for name, part in (("training", train), ("test", test)):
        if part is not None and len(part.labels) < 2:
            raise LabelsError(
                f"The {name} dataset holds only the label {', '.join(part.labels) or '(none)'}; "
                "nothing was uploaded."
            )
    unknown = set(test.labels) - set(train.labels) if test is not None else set()
    if unknown:
        raise LabelsError(
            f"Only the test dataset holds {', '.join(sorted(unknown))}; nothing was uploaded.",
            hint="Every label that is tested has to be trained.",
        )


def check_leaks(found: Iterable[Leak], *, allowed: bool, stopped: str, stacklevel: int = 3) -> bool:
    """Whether there are leaks. They are refused, or reported as a warning where they are allowed.

    Args:
        found: the leaks.
        allowed: whether the user allowed them.
        stopped: what was not done because of them, as the end of a sentence.
        stacklevel: of the warning; by default it points to the caller of our caller.

    Raises:
        SplitError: all leaks, with all their images.
    """
    leaks = list(found)
    if not leaks:
        return False
    if not allowed:
        raise SplitError(
            f"Train and test are not apart; {stopped}.\n" + "\n".join(map(_reporter, leaks)),
            paths=[image.source for leak in leaks for image in leak.images],
            hint=" ".join(dict.fromkeys([*(leak.hint for leak in leaks), _ALLOW])),
        )
    warnings.warn(
        f"{'. '.join(leak.message for leak in leaks)}. Figures come out too good.",
        PatientLeakWarning,
        stacklevel=stacklevel,
    )
    return True


def warn_of_unknown(train: XrayDataset) -> None:
    """Warns where the service is to split images of unknown patients."""
    unknown = sum(image.patient is None for image in train)
    if unknown:
        warnings.warn(
            f"The patients of {unknown:,} of {len(train):,} images are not known, and the service "
            "splits by image: images of one patient may stand in train and test, and figures come "
            "out too good.",
            PatientLeakWarning,
            stacklevel=3,
        )


def images_of_parts(train: XrayDataset, test: XrayDataset | None) -> tuple[Xray, ...]:
    """The images of both parts, each once."""
    return tuple(dict.fromkeys([*train, *(test or ())]))


def datasets_by_type(
    train: XrayDataset, test: XrayDataset | None
) -> Mapping[DatasetType, XrayDataset]:
    """What becomes which dataset; without a test part the service will make parts of its own."""
    if test is None:
        return {"TRAIN": attrs.evolve(train, part=None)}
    return {"TRAIN": train, "TEST": test}


@contextmanager
def preparation_folder(work: str | Path | None) -> Iterator[str | Path]:
    """The folder for prepared images: the user's, or a temporary one."""
    if work is not None:
        yield work
        return
    with tempfile.TemporaryDirectory(prefix="rekognition-xray-") as folder:
        yield folder


def shared_prepared_pictures(
    train: XrayDataset, test: XrayDataset, files: Iterable[PreparedFile]
) -> Iterator[Leak]:
    """Which images have equal pixels across the two parts.

    An image in S3 is known by its key, where that is one of ours, and else only by its address.

    Args:
        train: the train part.
        test: the test part.
        files: the prepared images of both parts that lie on this machine.
    """
    digests = {item.image: item.sha256 for item in files}
    known = {*digests.values(), *(_digest_in(image.address) for image in test if image.address)}
    for image in (*train, *test):
        # Hardly any train image shares its digest with a test image: the others cost no more.
        digest = _digest_in(image.address or "")
        if digest in known and pseudonym_in(image.address or ""):
            digests[image] = digest
    return shared_pictures(train, test, digests)


def _digest_in(address: str) -> str:
    """The digest of the pixels in an address, if it is one of ours."""
    return address.rpartition("/")[2].partition(".")[0]


def note_leaks(aws: Aws, arns: Iterable[str], *, leaking: bool) -> None:
    """Tags datasets that leak, and takes the tag from those that do so no longer.

    Calls ListTagsForResource once for each, and TagResource or UntagResource where it needs to.
    """
    for arn in arns:
        noted = LEAKS in read_tags(aws, arn)
        if leaking and not noted:
            write_tags(aws, arn, LEAKING)
        elif noted and not leaking:
            remove_tags(aws, arn, LEAKING)


def tags_of_split(
    aws: Aws, train: str, test: str, *, allowed: bool, stacklevel: int = 4
) -> Mapping[str, str]:
    """The tags of a version that will be made from two datasets: their split, whether it leaks.

    The origin of a dataset is read from its first entry, since each entry names it. Calls
    ListDatasetEntries and ListTagsForResource once for each dataset; free.

    Args:
        aws: the AWS session.
        train: ARN of the one dataset.
        test: ARN of the other.
        allowed: whether the user allowed leaks.
        stacklevel: of the warning then, counted from ``check_leaks``.

    Raises:
        SplitError: the datasets are not two parts of one split, and leaks are not allowed.
    """
    ours, theirs = _part(aws, train), _part(aws, test)
    found = list(_unlike(ours, theirs))
    text = all(LEAKS in read_tags(aws, arn) for arn in (train, test))
    stopped = "no training was started"
    leaking = text or check_leaks(found, allowed=allowed, stopped=stopped, stacklevel=stacklevel)
    noted = dict(LEAKING) if leaking else {}
    if ours and theirs and not found and is_value(ours.fingerprint):
        noted[SPLIT] = ours.fingerprint
    return noted


def _reporter(leak: Leak) -> str:
    listed = list_paths(image.source for image in leak.images)
    return f"{leak.message}:\n{listed}" if listed else f"{leak.message}."


def _part(aws: Aws, arn: str) -> Part | None:
    """The part that a dataset's first entry names; None where others made it."""
    with aws_errors(arn):
        reply = aws.rekognition.list_dataset_entries(DatasetArn=arn, MaxResults=1)
    try:
        return Manifest.parse(reply["DatasetEntries"]).part if reply["DatasetEntries"] else None
    except ManifestError:
        return None


def _unlike(ours: Part | None, theirs: Part | None) -> Iterator[Leak]:
    if ours is None or theirs is None:
        return
    if ours.fingerprint != theirs.fingerprint:
        yield Leak(
            "The datasets of the project belong to different splits, "
            f"{ours.fingerprint} and {theirs.fingerprint}",
            hint="Put both parts of one split: put_datasets(train=..., test=..., replace=True).",
        )
    elif ours.name == theirs.name:
        yield Leak(
            f"Both datasets of the project hold images of the part {ours.name!r}: it was "
            "distributed by image, not by patient",
            hint="Put both parts of one split: put_datasets(train=..., test=..., replace=True).",
        )

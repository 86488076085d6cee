"""``audit``: looks at every image of a dataset, in threads, and says what is wrong with it."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Final

from tqdm import tqdm

from rekognition_xray.data.dataset import XrayDataset
from rekognition_xray.errors import DataError, MissingExtraError, list_paths

try:
    from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]  # of scikit-learn

    from rekognition_xray.data.auditing.checks import CHECKS
    from rekognition_xray.data.auditing.duplicates import Duplicates, find_duplicates
    from rekognition_xray.data.auditing.evidence import Evidence
    from rekognition_xray.data.auditing.findings import Audit, Finding, Unusable
    from rekognition_xray.data.auditing.looks import Look, Looks, look_at
    from rekognition_xray.data.auditing.shortcuts import Shortcut, shortcuts
except ModuleNotFoundError as error:
    if (error.name or "").partition(".")[0] not in {"numpy", "scipy", "sklearn", "threadpoolctl"}:
        raise
    raise MissingExtraError("science", needed_for="An audit") from error

__all__ = ["Audit", "Duplicates", "Finding", "Shortcut", "Unusable", "audit"]

_BATCH: Final = 32

Progress = bool | Callable[[int, int], None] | None


def audit(
    dataset: XrayDataset, *, progress: Progress = None, executor: Executor | None = None
) -> Audit:
    """Decodes every image to the end and reports all findings together; nothing is changed.

    Errors: ``missing``, ``unreadable``, ``zero-bytes``, ``not-an-image``, ``truncated``,
    ``over-limits`` (under 64 px a side, over 20:1, or a decompression bomb), ``burned-in``,
    ``not-a-image`` and ``no-decoder`` of DICOM, ``no-label``, ``contradictory-labels`` (by name
    and folder, or the same pixels under two labels).

    Warnings: ``over-limits`` (over 4096 px a side or 15 MB: scaled down before upload),
    ``duplicate-files``, ``duplicate-pixels``, ``near-duplicates``,
    ``contradictory-near-duplicates``, ``duplicates-across-official-splits``,
    ``patients-across-official-splits``, ``too-few-labels``, ``few-images`` (under 10 of a label),
    ``imbalance`` (over 5 to 1), ``rgb-among-grey``, ``exif-orientation``, ``wrong-extension``,
    ``shortcut`` (one for each property of the files that tells the label by itself).

    About 6 ms and 17 kB an image of 224 px, of one processor.

    Args:
        dataset: images on disk; its rejected files are reported too.
        progress: True for a bar, or a function that gets images done and images in all.
        executor: what to decode in; threads, one for each processor, unless told.

    Raises:
        DataError: images lie in S3; all are named.
        MissingExtraError: the extra ``science`` is not installed.
    """
    _refuse_images_in_s3(dataset)
    looks = _look_at(dataset, progress, executor)
    with threadpool_limits(1):  # the arrays are small: more threads only wait for each other
        evidence = Evidence(dataset, looks, find_duplicates(looks), shortcuts(looks))
    found = [finding for check in CHECKS for finding in check(evidence)]
    found.sort(key=lambda finding: finding.severity)  # "error" sorts before "warning"
    unusable = tuple(
        Unusable(image, seen.fault, seen.reason) for image, seen in looks.items() if seen.fault
    )
    return Audit(
        tuple(found), len(dataset), evidence.duplicates, evidence.shortcuts, unusable, dataset
    )


def _refuse_images_in_s3(dataset: XrayDataset) -> None:
    far = [image.address for image in dataset if image.address]
    if far:
        raise DataError(
            f"{len(far):,} of {len(dataset):,} images lie in S3, and an audit opens every image:\n"
            f"{list_paths(far)}",
            paths=far,
            hint="Fetch the images first (aws s3 sync), read the folder, and audit that.",
        )


def _look_at(dataset: XrayDataset, progress: Progress, executor: Executor | None) -> Looks:
    images = dataset.images
    batches = [
        [image.path for image in images[start : start + _BATCH]]
        for start in range(0, len(images), _BATCH)
    ]
    looks: list[Look] = []
    with _workers(executor) as pool, _told(progress, len(images)) as tell:
        for batch in pool.map(look_at, batches):
            looks += batch
            tell(len(looks))
    return dict(zip(images, looks, strict=True))


def _workers(executor: Executor | None) -> AbstractContextManager[Executor]:
    """Threads of our own, which end with the audit, or the caller's executor, which does not."""
    return ThreadPoolExecutor(os.cpu_count()) if executor is None else nullcontext(executor)


@contextmanager
def _told(progress: Progress, total: int) -> Iterator[Callable[[int], object]]:
    """A function to call with the number of images done."""
    if callable(progress):
        yield lambda done: progress(done, total)
    elif progress:
        with tqdm(total=total, unit="image", desc="audit") as bar:
            yield lambda done: bar.update(done - bar.n)
    else:
        yield lambda _: None

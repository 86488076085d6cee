"""``Prepared``: a dataset whose images lie in a folder as AWS will see them."""

from __future__ import annotations

import logging
from collections.abc import Callable, Generator, Iterator, Sequence
from concurrent.futures import BrokenExecutor, Executor, as_completed
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal, TypeAlias

import attrs
from tqdm import tqdm

from rekognition_xray._workers import worker_pool
from rekognition_xray.data.images import HELD_BACK, Gate
from rekognition_xray.data.preparing import (
    Developed,
    HeldBack,
    LedgerEntry,
    PreparationRun,
    PreparedFile,
    PrepareProgress,
    develop,
)
from rekognition_xray.data.xrays import Xray
from rekognition_xray.errors import AuditError, DataError, ImageError, list_paths

if TYPE_CHECKING:
    from rekognition_xray.data.dataset.dataset import XrayDataset


log = logging.getLogger(__name__)

Progress: TypeAlias = bool | Callable[[PrepareProgress], None] | None

_HELD: Final = HELD_BACK | {"no-window", "refused-by-gate"}
"""Codes of images that an option releases, or that a gate refuses."""


@attrs.frozen(repr=False)
class Prepared:
    """A dataset whose images lie prepared in a folder.

    Attributes:
        dataset: the dataset, without images that were held back.
        folder: where the files lie.
        files: one for each image, in the order of the dataset.
        made: images that were prepared in this run.
        cached: images that an earlier run had prepared.
        held: images that were held back, where ``held="leave-out"`` asked for that.
    """

    dataset: XrayDataset
    folder: Path
    files: tuple[PreparedFile, ...]
    made: int
    cached: int
    held: tuple[HeldBack, ...] = ()

    @property
    def bytes(self) -> int:
        """Bytes of all files, each counted once."""
        return sum({item.file: item.size for item in self.files}.values())

    def __len__(self) -> int:
        return len(self.files)

    def __iter__(self) -> Iterator[PreparedFile]:
        return iter(self.files)

    def to_dict(self) -> dict[str, object]:
        """Images, patients, folder, bytes, and what was held back; plain data ready for JSON."""
        return {
            **self.dataset.tally(),
            "folder": str(self.folder),
            "made": self.made,
            "cached": self.cached,
            "bytes": self.bytes,
            "held": [{"path": str(one.image.source), "reason": one.reason} for one in self.held],
        }

    def __str__(self) -> str:
        text = (
            f"{len(self):,} images lie prepared in {self.folder}, {self.bytes / 1e6:.1f} MB: "
            f"{self.made:,} made, {self.cached:,} known from an earlier run"
        )
        held = (f"{one.image.source}: {one.reason}" for one in self.held)
        return "\n".join([text, *held])

    def __repr__(self) -> str:
        held = f", {len(self.held)} held back" if self.held else ""
        return f"<Prepared of {len(self)} images in {self.folder}: {self.made} made{held}>"


def prepare_dataset(
    dataset: XrayDataset,
    folder: str | Path,
    *,
    executor: Executor | None = None,
    progress: Progress = None,
    gate: Gate | None = None,
    held: Literal["error", "leave-out"] = "error",
) -> Prepared:
    """See ``XrayDataset.prepare``, which documents arguments and errors."""
    root = Path(folder).expanduser().absolute()
    run = PreparationRun.begin(root, dataset.images, options=dataset.options, gate=gate)
    try:
        with (
            _reporter(progress, run) as report,
            worker_pool(executor) as pool,
            closing(_develop_all(pool, run)) as developed,
        ):
            for images, found in developed:
                run.take(images, found)
                report()
    except BrokenExecutor as error:
        raise _broken(run, error) from error
    log.info("%s: %d images made, %d there already", run.root, len(run.made), len(run.cached))
    return _result(dataset, run, leave_out=held == "leave-out")


def _develop_all(
    pool: Executor, run: PreparationRun
) -> Generator[tuple[list[Xray], list[Developed]], None, None]:
    """What the workers answer, as it comes in; what has not begun at the end is given up."""
    images = {pool.submit(develop, batch): images for images, batch in run.batches()}
    try:
        for future in as_completed(images):
            yield images[future], future.result()
    finally:
        for future in images:
            future.cancel()


@contextmanager
def _reporter(progress: Progress, run: PreparationRun) -> Iterator[Callable[[], None]]:
    """A function to call when the run has got on; it is called once at the beginning."""
    with tqdm(
        total=len(run.images), unit="image", desc="preparing", disable=progress is not True
    ) as bar:

        def report() -> None:
            bar.update(run.progress.done - bar.n)
            if callable(progress):
                progress(run.progress)

        report()
        yield report


def _result(dataset: XrayDataset, run: PreparationRun, *, leave_out: bool) -> Prepared:
    held = {
        image: fault for image, fault in run.faults.items() if leave_out and fault.code in _HELD
    }
    bad = [(image, fault) for image, fault in run.faults.items() if image not in held]
    if bad:
        raise _refusal(run, bad)
    files = tuple(_file(image, entry, run.root) for image in dataset if (entry := run.entry(image)))
    return Prepared(
        attrs.evolve(dataset, images=[item.image for item in files]) if held else dataset,
        run.root,
        files,
        made=len(run.made),
        cached=len(run.cached),
        held=tuple(HeldBack(image, held[image].reason) for image in dataset if image in held),
    )


def _file(image: Xray, entry: LedgerEntry, root: Path) -> PreparedFile:
    return PreparedFile(
        image,
        entry.file(root),
        entry.sha256,
        entry.extension,
        entry.size,
        entry.width,
        entry.height,
    )


def _broken(run: PreparationRun, error: BrokenExecutor) -> DataError:
    left = [image.source for images, _ in run.batches() for image in images]
    done = run.progress.done
    return DataError(
        f"A worker died ({error}). {done} of {len(run.images)} images are done and kept; one of "
        "the first of these may be the cause:\n" + list_paths(left),
        paths=left,
        hint="An image may crash its decoder or need more memory than there is: look at the first "
        "of them, then run it again, with fewer workers.",
    )


def _refusal(run: PreparationRun, bad: Sequence[tuple[Xray, ImageError]]) -> AuditError:
    faults = sorted(bad, key=lambda item: item[0].name)
    hints = dict.fromkeys(fault.hint for _, fault in faults)
    if any(fault.code in _HELD for _, fault in faults):
        hints["Or leave such images out by prepare(..., held='leave-out')."] = None
    return AuditError(
        f"{len(faults)} of {len(run.images)} images cannot be used:\n"
        + list_paths(f"[{fault.code}] {fault.message}" for _, fault in faults),
        paths=[image.source for image, _ in faults],
        hint=" ".join(hints),
    )

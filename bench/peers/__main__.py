"""All figures beside those of other libraries, in one table, ratios first: ``make bench-peers``.

Each job is a process of its own, and the jobs of a row take turns; figures are medians of the
rounds. "ours is 2.00x" says that a peer took twice our seconds. Peers that are not installed are
named. ``BEFORE=path`` adds the same work by another checkout, ``FULL=1`` takes the sizes that count
(about an hour on two cores; else about ten minutes), ``ROWS="upload,audit"`` only some rows. The
audit and the learner need the real images, at $XRAYS or in ../shared/xrays beside the repository.
"""

from __future__ import annotations

import importlib.util
import io
import json
import math
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final, NamedTuple

from jobs import contents, write_journal, xrays
from PIL import Image, ImageEnhance

HERE: Final = Path(__file__).parent
CHECKOUT: Final = HERE.parents[1]
FULL: Final = bool(os.environ.get("FULL"))
ROUNDS: Final = 5 if FULL else 3


class Run(NamedTuple):
    """What a job took and found."""

    seconds: float
    cpu: float
    mb: float
    found: str = ""


class FailedError(Exception):
    """A job that did not end well: other versions of a library, or of this one, may lack a name."""


class Row(NamedTuple):
    """One line of work: our job, and the peers' with the modules that they need."""

    size: int
    full: int
    unit: str
    ours: str
    peers: dict[str, tuple[str, str]]
    prepare: Callable[[Path, int], None] | None = None
    with_images: bool = False

    @property
    def taken(self) -> int:
        return self.full if FULL else self.size


def write_manifest(path: Path, size: int) -> None:
    with path.open("w", encoding="ascii") as file:
        for line in contents(size):
            file.write(json.dumps(line, separators=(",", ":")) + "\n")


def cropped(image: Image.Image, share: float) -> Image.Image:
    width, height = image.size
    edges = share * width, share * height, (1 - share) * width, (1 - share) * height
    return image.crop(tuple(map(round, edges)))


def gamma(image: Image.Image, exponent: float) -> Image.Image:
    return image.point([round(255 * (value / 255) ** exponent) for value in range(256)])


CHANGES: Final[tuple[tuple[Callable[[Image.Image], Image.Image], int], ...]] = (
    (lambda image: image, 60),
    (lambda image: image, 30),
    (lambda image: image.resize((image.width // 2, image.height // 2)), 90),
    (lambda image: image.resize((300, 200)), 90),
    (lambda image: ImageEnhance.Brightness(image).enhance(1.3), 90),
    (lambda image: ImageEnhance.Contrast(image).enhance(0.6), 90),
    (lambda image: gamma(image, 0.6), 90),
    (lambda image: cropped(image, 0.05), 90),
    (lambda image: gamma(cropped(image, 0.04), 0.7), 60),
)
"""Changes of an image, and the quality that it is saved with."""


def plant(folder: Path, size: int) -> None:
    """Real images, and among them a changed copy of each twelfth under another patient."""
    import rekognition_xray as rx

    images = tuple(rx.XrayDataset.from_folder(xrays() / "chest_xray"))
    chosen = images[:: max(1, len(images) // size)][:size]
    pairs = []
    for number, image in enumerate(chosen):
        inside = image.path.relative_to(xrays() / "chest_xray")
        target = folder / "audited" / inside
        target.parent.mkdir(parents=True, exist_ok=True)
        target.symlink_to(image.path.resolve())
        if number % 12 or len(pairs) >= 360:
            continue
        change, quality = CHANGES[len(pairs) % len(CHANGES)]
        name = f"IM-{9000 + len(pairs)}-0001.jpeg"
        if "person" in target.name:
            kind = "virus" if "virus" in target.name else "bacteria"
            name = f"person{90_000 + len(pairs)}_{kind}_{len(pairs)}.jpeg"
        buffer = io.BytesIO()
        change(Image.open(image.path).convert("L")).save(buffer, "JPEG", quality=quality)
        target.with_name(name).write_bytes(buffer.getvalue())
        pairs.append((target.name, name))
    (folder / "planted.json").write_text(json.dumps(pairs))


ROWS: Final = {
    "put_datasets": Row(5_000, 250_000, "entries", "put_datasets", {}),
    "journal": Row(
        100_000,
        1_000_000,
        "lines",
        "journal_opened",
        {
            "opened again": ("journal_opened_again", "rekognition_xray"),
            "loop of json": ("journal_json", "json"),
            "loop of orjson": ("journal_orjson", "orjson"),
        },
        lambda folder, size: write_journal(folder / "journal.jsonl", size),
    ),
    "manifest read": Row(
        100_000,
        250_000,
        "lines",
        "manifest_read",
        {
            "loop of orjson": ("read_by_orjson", "orjson"),
            "polars": ("read_by_polars", "polars"),
        },
        lambda folder, size: write_manifest(folder / "given.manifest", size),
    ),
    "manifest written": Row(
        100_000,
        250_000,
        "lines",
        "manifest_written",
        {
            "loop of orjson": ("written_by_orjson", "orjson"),
            "polars": ("written_by_polars", "polars"),
        },
    ),
    "audit": Row(
        400,
        4_167,
        "images",
        "audit",
        {
            "cleanvision": ("audit_by_cleanvision", "cleanvision"),
            "imagededup": ("audit_by_imagededup", "imagededup"),
        },
        plant,
        with_images=True,
    ),
    "fast": Row(
        300,
        4_167,
        "images",
        "fast_trained",
        {"decoding alone": ("decoded", "PIL")},
        with_images=True,
    ),
    "evaluation": Row(
        1_000,
        10_000,
        "images",
        "evaluated",
        {"one AUROC, joblib": ("one_auroc_by_joblib", "joblib")},
    ),
}
UPLOADS: Final = ((1_500, 60_000), (20, 20_000_000))
SLOW: Final = ("boto3, 64 threads", "rclone", "aws")


def run(job: str, folder: Path, size: int, checkout: Path) -> Run:
    command = [sys.executable, "-W", "ignore", str(HERE / "jobs.py"), job, str(folder), str(size)]
    environment = {**os.environ, "PYTHONPATH": str(checkout)}
    done = subprocess.run(command, env=environment, capture_output=True, check=False)
    if done.returncode:
        raise FailedError(done.stderr.decode(errors="replace").strip().rpartition("\n")[2])
    return Run(**json.loads(done.stdout.strip().rpartition(b"\n")[2]))


def measure(row: Row) -> tuple[dict[str, Run], list[str]]:
    """Medians of our job and the peers', and what was not measured, with the reason."""
    jobs = {"ours": (row.ours, CHECKOUT)}
    missing = {name for name, (_, module) in row.peers.items() if not there(module)}
    absent = [f"{name}: not installed" for name in sorted(missing)]
    if before := os.environ.get("BEFORE"):
        jobs["the build before"] = (row.ours, Path(before).resolve())
    jobs |= {name: (job, CHECKOUT) for name, (job, _) in row.peers.items() if name not in missing}
    runs: dict[str, list[Run]] = {name: [] for name in jobs}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        if row.prepare is not None:
            row.prepare(folder, row.taken)
        for _ in range(ROUNDS):
            for client in tuple(runs):
                job, checkout = jobs[client]
                try:
                    runs[client].append(run(job, folder, row.taken, checkout))
                except FailedError as error:
                    absent.append(f"{client}: {error}")
                    del runs[client]
    return {client: middle(seen) for client, seen in runs.items()}, absent


def there(module: str) -> bool:
    return importlib.util.find_spec(module) is not None


def middle(runs: list[Run]) -> Run:
    figures = (statistics.median(values) for values in zip(*(r[:3] for r in runs), strict=True))
    return Run(*figures, runs[-1].found)


def uploads() -> Iterator[tuple[str, int, dict[str, Run], list[str]]]:
    """By ``bench/upload.py``, whose clients are no jobs of Python alone."""
    leave_out = "" if FULL else "|".join(SLOW)
    for count, size in UPLOADS:
        command = [sys.executable, str(HERE.parent / "upload.py"), "table"]
        given = [str(count), str(size), str(ROUNDS), leave_out]
        printed = subprocess.run([*command, *given], check=True, stdout=subprocess.PIPE).stdout
        made = json.loads(printed.strip().rpartition(b"\n")[2])
        found = {name: Run(*figures) for name, figures in made["runs"].items()}
        absent = [f"{name}: not installed" for name in made["absent"]]
        yield f"upload, {count:,} files of {size / 1000:,.0f} KB", count, found, absent


def show(title: str, unit: str, size: int, found: dict[str, Run], absent: list[str]) -> None:
    print(f"{title} ({unit})")
    for name, figures in found.items():
        ratio = figures.seconds / found["ours"].seconds if "ours" in found else math.nan
        rate = size / figures.seconds
        print(
            f"  {name:20}{ratio:8.2f}x{rate:12,.0f}/s{figures.seconds:9.2f}{figures.cpu:9.2f}"
            f"{figures.mb:7.0f}  {figures.found}"
        )
    for name in absent:
        print(f"  {name}")
    sys.stdout.flush()


def main() -> None:
    chosen = os.environ.get("ROWS", "").split(",") if os.environ.get("ROWS") else None
    print(f"{'':22}{'ours is':>9}{'rate':>14}{'seconds':>9}{'CPU s':>9}{'MB':>7}")
    if chosen is None or "upload" in chosen:
        for title, count, found, absent in uploads():
            show(title, "files", count, found, absent)
    for title, row in ROWS.items():
        if chosen is not None and title not in chosen:
            continue
        if row.with_images and not (xrays() / "chest_xray").is_dir():
            print(f"{title}: no real images at {xrays()} (set XRAYS)")
            continue
        found, absent = measure(row)
        show(f"{title}, {row.taken:,}", row.unit, row.taken, found, absent)


if __name__ == "__main__":
    main()

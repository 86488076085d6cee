"""Manifests of 250,000 images: written, against a plain loop over ``json.dumps``, and read.

Each row is a process of its own: from nothing to a file on disk, or from the file to a manifest.
Seconds are those of the processor; peak memory is the whole process, interpreter and entries
included. Rows take turns, and of three runs the fastest counts. The plain loop checks nothing and
orders nothing. With a former checkout its rows are run in turn: ``bench/manifest.py [CHECKOUT]``.
"""

from __future__ import annotations

import datetime
import json
import os
import random
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Final

try:
    from rekognition_xray.data.manifests import Entry, Manifest, file_lines, validate
    from rekognition_xray.data.xrays import Labelling, Part
except ImportError:  # a former checkout, where these had other places
    from rekognition_xray.data.films import Labelling, Part
    from rekognition_xray.data.manifest import Entry, Manifest, validate
    from rekognition_xray.data.manifest_reading import file_lines

IMAGES: Final = 250_000
RUNS: Final = 3
HERE: Final = Path(__file__).parent.parent
LABELS: Final = ("bacterial", "normal", "viral")
LABELLING: Final = Labelling("kermany", "readers of Kermany 2018", datetime.date(2018, 6, 2))
PART: Final = Part("train", "0123456789ab")


def entries() -> list[Entry]:
    """Images under pseudonyms and the hash of their content, in no order, as after an upload."""
    dice = random.Random(7)
    names = (f"{dice.randbytes(12).hex()}/{dice.randbytes(32).hex()}" for _ in range(IMAGES))
    return [
        Entry(f"s3://clinic-xrays/kermany/{name}.jpg", LABELS[number % len(LABELS)])
        for number, name in enumerate(names)
    ]


def write(path: Path) -> float:
    given = entries()
    began = time.process_time()
    Manifest(given, LABELLING, PART).write(path)
    return time.process_time() - began


def write_plain(path: Path) -> float:
    given = entries()
    job_name = Manifest(given[:1], LABELLING, PART).job_name
    began = time.process_time()
    with path.open("w", encoding="utf-8") as file:
        for entry in given:
            content = {
                "source-ref": entry.source_ref,
                "label": 1,
                "label-metadata": {
                    "confidence": 1,
                    "job-name": job_name,
                    "class-name": entry.label,
                    "human-annotated": "yes",
                    "creation-date": "2018-06-02T00:00:00.000Z",
                    "type": "groundtruth/image-classification",
                },
            }
            file.write(json.dumps(content, separators=(",", ":")) + "\n")
    return time.process_time() - began


def read(path: Path) -> float:
    began = time.process_time()
    manifest = Manifest.read(path)
    assert (len(manifest), manifest.labelling, manifest.part) == (IMAGES, LABELLING, PART)
    return time.process_time() - began


def read_bad(path: Path) -> float:
    """Every second line is bad: what `validate` makes of it."""
    began = time.process_time()
    lines = (line if n % 2 else line[:-40] for n, line in enumerate(file_lines(path)))
    assert len(validate(lines)) == IMAGES // 2
    return time.process_time() - began


JOBS: Final = {job.__name__: job for job in (write, write_plain, read, read_bad)}


def run(job: str, path: Path, checkout: Path) -> tuple[float, float]:
    """Seconds and peak of one run, with the package of a checkout."""
    printed = subprocess.check_output(
        [sys.executable, __file__, "--job", job, str(path)],
        text=True,
        env={**os.environ, "PYTHONPATH": str(checkout)},
    )
    seconds, peak = map(float, printed.split())
    return seconds, peak


def main(former: Path | None) -> None:
    checkouts = {"now": HERE, **({"before": former} if former else {})}
    rows = [
        (name, job) for job in JOBS for name in checkouts if name == "now" or job != "write_plain"
    ]
    with tempfile.TemporaryDirectory() as folder:
        paths = {job: Path(folder, "plain" if job == "write_plain" else "ours") for job in JOBS}
        runs = [[run(job, paths[job], checkouts[name]) for name, job in rows] for _ in range(RUNS)]
        assert sorted(paths["write"].open("rb")) == sorted(paths["write_plain"].open("rb"))
    for number, (name, job) in enumerate(rows):
        seconds = min(turn[number][0] for turn in runs)
        peak = max(turn[number][1] for turn in runs)
        print(
            f"{job:12}{name:7}{seconds:8.2f} s{IMAGES / seconds:12,.0f} lines/s"
            f"{peak / 1024:8.0f} MB peak"
        )


if __name__ == "__main__":
    if sys.argv[1:2] == ["--job"]:
        taken = JOBS[sys.argv[2]](Path(sys.argv[3]))
        print(taken, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
    else:
        main(Path(sys.argv[1]).resolve() if len(sys.argv) > 1 else None)

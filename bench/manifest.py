"""Manifests of 250,000 images: written, against a plain loop over ``json.dumps``, and read.

Each row is a process of its own: from nothing to a file on disk, or from the file to a manifest.
Peak memory is the whole process, interpreter and entries included. Of three runs the fastest
counts. The plain loop checks nothing and orders nothing.
"""

from __future__ import annotations

import datetime
import json
import random
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Final

from rekognition_xray.data.manifests import Entry, Manifest, file_lines, validate
from rekognition_xray.data.xrays import Labelling, Part

IMAGES: Final = 250_000
RUNS: Final = 3
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
    began = time.perf_counter()
    Manifest(given, LABELLING, PART).write(path)
    return time.perf_counter() - began


def write_plain(path: Path) -> float:
    given = entries()
    job_name = Manifest(given[:1], LABELLING, PART).job_name
    began = time.perf_counter()
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
    return time.perf_counter() - began


def read(path: Path) -> float:
    began = time.perf_counter()
    manifest = Manifest.read(path)
    assert (len(manifest), manifest.labelling, manifest.part) == (IMAGES, LABELLING, PART)
    return time.perf_counter() - began


def read_bad(path: Path) -> float:
    """Every second line is bad: what `validate` makes of it."""
    began = time.perf_counter()
    lines = (line if n % 2 else line[:-40] for n, line in enumerate(file_lines(path)))
    assert len(validate(lines)) == IMAGES // 2
    return time.perf_counter() - began


JOBS: Final = {job.__name__: job for job in (write, write_plain, read, read_bad)}


def measure(job: str, path: Path) -> float:
    """Runs a job in processes of its own, prints the row of the fastest, and tells its seconds."""
    command = [sys.executable, __file__, job, str(path)]
    rows = [
        tuple(map(float, subprocess.check_output(command, text=True).split())) for _ in range(RUNS)
    ]
    seconds, peak = min(row[0] for row in rows), max(row[1] for row in rows)
    print(f"{job:12}{seconds:8.2f} s{IMAGES / seconds:12,.0f} lines/s{peak / 1024:8.0f} MB peak")
    return seconds


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        ours, plain = Path(folder, "ours.manifest"), Path(folder, "plain.manifest")
        seconds = measure("write", ours)
        print(f"{measure('write_plain', plain) / seconds:.1f} times the lines of the plain loop")
        measure("read", ours)
        measure("read_bad", ours)
        # Last: what this process holds would count as the peak of those that it starts.
        assert sorted(ours.open("rb")) == sorted(plain.open("rb"))


if __name__ == "__main__":
    if len(sys.argv) > 1:
        taken = JOBS[sys.argv[1]](Path(sys.argv[2]))
        print(taken, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
    else:
        main()

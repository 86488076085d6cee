"""A bulk run's journal opened, and some of its answers taken, beside a plain loop over its lines.

Each row is a process of its own; of three runs the fastest counts. Seconds are those of the
processor, peak memory is the whole process. ``python bench/journal.py [LINES]``, else 100,000.
"""

from __future__ import annotations

import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

from rekognition_xray.clinic.diagnosis.journal import Journal

ARN: Final = "arn:aws:rekognition:us-east-1:111122223333:project/chest/version/v1/1690556751958"
RUNS: Final = 3
TAKEN: Final = 1000


def source(number: int) -> str:
    return f"chest_xray/train/PNEUMONIA/person{number}_virus_{number}.jpeg"


def write(path: Path, lines: int) -> None:
    with path.open("w", encoding="ascii") as file:
        for number in range(lines):
            line = {
                "rxray_journal": 1,
                "kind": "diagnosis",
                "file": [60_000 + number, 1_690_556_751_958_000_000 + number],
                "source": source(number),
                "finding": "viral",
                "confidences": {"normal": 0.01 + number * 1e-9, "bacterial": 0.29, "viral": 0.7},
                "referred": False,
                "reason": "highest confidence; no policy was given",
                "policy": None,
                "threshold": None,
                "version_arn": ARN,
                "image_sha256": f"{number:064x}",
                "request_id": "6b1d0000-1111-2222-3333-444455556666",
                "seconds": 0.1 / 3,
            }
            file.write(json.dumps(line) + "\n")


def opened(path: Path, lines: int) -> None:
    assert len(Journal(path, version_arn=ARN)) == lines


def taken(path: Path, lines: int) -> None:
    """Opened, and a thousand answers taken."""
    journal = Journal(path, version_arn=ARN)
    assert all(journal.last(source(number)) for number in range(0, lines, max(1, lines // TAKEN)))


def plain(path: Path, lines: int) -> None:
    """Python's own reader: no check, no index."""
    with path.open("rb") as file:
        assert sum("source" in json.loads(line) for line in file) == lines


JOBS: Final[dict[str, Callable[[Path, int], None]]] = {
    job.__name__: job for job in (plain, opened, taken)
}


def measure(job: str, path: Path, lines: int) -> float:
    """Prints the row of the fastest run, and gives its seconds."""
    command = [sys.executable, __file__, job, str(path), str(lines)]
    rows = [
        tuple(map(float, subprocess.check_output(command, text=True).split())) for _ in range(RUNS)
    ]
    seconds, peak = min(row[0] for row in rows), max(row[1] for row in rows)
    print(f"{job:8}{seconds:8.2f} s{lines / seconds:12,.0f} lines/s{peak / 1024:8.0f} MB peak")
    return seconds


def main(lines: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "journal.jsonl")
        write(path, lines)
        loop, ours, _ = (measure(job, path, lines) for job in JOBS)
        print(f"opened in {ours / loop:.2f} of the plain loop's time")


if __name__ == "__main__":
    if len(sys.argv) > 2:
        began = time.process_time()
        JOBS[sys.argv[1]](Path(sys.argv[2]), int(sys.argv[3]))
        spent = time.process_time() - began
        print(spent, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
    else:
        main(int(sys.argv[1]) if len(sys.argv) > 1 else 100_000)

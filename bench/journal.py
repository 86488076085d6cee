"""A bulk run's journal opened, and some of its answers taken, beside a plain loop over its lines.

Each row is a process of its own, the rows take turns, and of three runs the fastest counts. Seconds
are those of the processor, peak memory is the whole process. ``indexed`` opens by the index beside
the journal, ``skipped`` also asks for a thousand of its images as a run does, ``kept`` writes the
index. With a former checkout its ``opened`` is run in turn:
``python bench/journal.py [LINES] [CHECKOUT]``, else 100,000.
"""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

try:
    from rekognition_xray.clinic.diagnosis.journal import Journal
except ImportError:  # a former checkout, where it had another place
    from rekognition_xray.clinic.journal import Journal

ARN: Final = "arn:aws:rekognition:us-east-1:111122223333:project/chest/version/v1/1690556751958"
RUNS: Final = 3
HERE: Final = Path(__file__).parent.parent
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
    index_of(path).unlink(missing_ok=True)
    assert len(Journal(path, version_arn=ARN)) == lines


def kept(path: Path, lines: int) -> None:
    """Opened without an index, which is then written."""
    index_of(path).unlink(missing_ok=True)
    with Journal(path, version_arn=ARN).writing():
        assert index_of(path).stat().st_size > 24 * lines


def indexed(path: Path, lines: int) -> None:
    assert index_of(path).exists()
    assert len(Journal(path, version_arn=ARN)) == lines


def skipped(path: Path, lines: int) -> None:
    """Opened by the index, and a thousand images found to be known."""
    journal = Journal(path, version_arn=ARN)
    with journal.writing():
        step = max(1, lines // TAKEN)
        assert all(journal.last(source(number)) for number in range(0, lines, step))


def plain(path: Path, lines: int) -> None:
    """Python's own reader: no check, no index."""
    with path.open("rb") as file:
        assert sum("source" in json.loads(line) for line in file) == lines


def index_of(path: Path) -> Path:
    return path.with_name(f"{path.name}.rxray-index")


JOBS: Final[dict[str, Callable[[Path, int], None]]] = {
    job.__name__: job for job in (plain, opened, kept, indexed, skipped)
}


def run(job: str, path: Path, lines: int, checkout: Path) -> tuple[float, float]:
    """Seconds and peak of one run, with the package of a checkout."""
    printed = subprocess.check_output(
        [sys.executable, __file__, "--job", job, str(path), str(lines)],
        text=True,
        env={**os.environ, "PYTHONPATH": str(checkout)},
    )
    seconds, peak = map(float, printed.split())
    return seconds, peak


def main(lines: int, former: Path | None) -> None:
    rows = [(job, job, HERE) for job in JOBS]
    if former is not None:
        rows.insert(1, ("before", "opened", former))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "journal.jsonl")
        write(path, lines)
        runs = [[run(job, path, lines, checkout) for _, job, checkout in rows] for _ in range(RUNS)]
    loop = min(turn[0][0] for turn in runs)
    for number, (name, _, _) in enumerate(rows):
        seconds = min(turn[number][0] for turn in runs)
        peak = max(turn[number][1] for turn in runs)
        print(
            f"{name:8}{seconds / loop:6.2f} of the plain loop{seconds:8.2f} s"
            f"{lines / seconds:12,.0f} lines/s{peak / 1024:8.0f} MB peak"
        )


if __name__ == "__main__":
    if sys.argv[1:2] == ["--job"]:
        began = time.process_time()
        JOBS[sys.argv[2]](Path(sys.argv[3]), int(sys.argv[4]))
        spent = time.process_time() - began
        print(spent, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
    else:
        main(
            int(sys.argv[1]) if len(sys.argv) > 1 else 100_000,
            Path(sys.argv[2]).resolve() if len(sys.argv) > 2 else None,
        )

"""What ``import rekognition_xray``, and one name of each sub-package, costs beyond the interpreter.

Each time is what the processor gave a whole process, the least of 15, less that of
``python -c pass``: it is the same on a busy machine.
"""

from __future__ import annotations

import os
import sys
from typing import Final

RUNS: Final = 15
PROGRAMS: Final = {
    "import rekognition_xray": "import rekognition_xray",
    "... and PriceBook": "import rekognition_xray as rx; rx.PriceBook",
    "... and XrayDataset": "import rekognition_xray as rx; rx.XrayDataset",
    "... and Aws (boto3)": "import rekognition_xray as rx; rx.Aws",
    "... and Diagnoser": "import rekognition_xray as rx; rx.Diagnoser",
    "boto3 alone": "import boto3",
}


def milliseconds(program: str) -> float:
    """Processor time of one process that runs the program."""
    child = os.posix_spawn(sys.executable, [sys.executable, "-I", "-c", program], os.environ)
    _, status, used = os.wait4(child, 0)
    assert status == 0, program
    return (used.ru_utime + used.ru_stime) * 1000


def least(program: str) -> float:
    return min(milliseconds(program) for _ in range(RUNS))


def main() -> None:
    bare = least("pass")
    print(f"python -c pass: {bare:.0f} ms")
    for name, program in PROGRAMS.items():
        print(f"{name}: {least(program) - bare:+.0f} ms")


if __name__ == "__main__":
    main()

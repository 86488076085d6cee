"""The extra ``cli`` alone: the command is installed, helps, and estimates."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

COMMAND = Path(sys.executable).with_name("rekognition-xray")


def output(*arguments: str) -> str:
    return subprocess.run([COMMAND, *arguments], capture_output=True, text=True, check=True).stdout


for verb in ("audit", "train", "diagnose", "running", "stop"):
    assert verb in output("--help")
assert json.loads(output("estimate", "running", "--hours", "112", "--json"))

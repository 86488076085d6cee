"""The doors of clinic can be imported, and plain values used, without numpy."""

from __future__ import annotations

import subprocess
import sys

import pytest

HEAVY = ("numpy", "scipy", "sklearn", "pandas", "jinja2", "pydicom")


@pytest.mark.parametrize(
    "part",
    [
        "statistics",
        "policy",
        "evaluation",
        "report",
        "card",
        "diagnosis",
        "explanation",
        "cases",
    ],
)
def test_a_door_needs_no_extra(part: str) -> None:
    code = f"""
import importlib, sys
sys.modules.update(dict.fromkeys({HEAVY}))
importlib.import_module("rekognition_xray.clinic.{part}")
"""
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr


def test_a_policy_is_read_and_applied_without_numpy() -> None:
    code = f"""
import sys
sys.modules.update(dict.fromkeys({HEAVY}))
import rekognition_xray as rx
policy = rx.Policy.from_json(rx.Policy(threshold=0.5).to_json())
print(policy.decide({{"normal": 0.9, "bacterial": 0.1, "viral": 0.0}}).finding)
"""
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "normal"

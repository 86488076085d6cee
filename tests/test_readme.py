"""The README's Python runs as written; only the films and paths it speaks of are supplied."""

from __future__ import annotations

import random
import re
import shutil
from pathlib import Path

import pytest

from rekognition_xray.data.phantoms import make_phantoms

ROOT = Path(__file__).parents[1]


def python_blocks(page: Path) -> list[str]:
    return re.findall(r"^```python\n(.*?)^```", page.read_text("utf-8"), re.DOTALL | re.MULTILINE)


@pytest.fixture
def films(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """A folder as the README's reader has it: ``chest_xray``, one film apart, and a few paths."""
    monkeypatch.chdir(tmp_path)
    make_phantoms(Path("chest_xray"), patients=160, seed=7)
    paths = sorted(Path("chest_xray").rglob("*.jpeg"))
    shutil.copy(random.Random(7).choice(paths), "patient.jpeg")
    return paths[:5]


@pytest.mark.heavy
def test_the_first_screen_runs_as_written(
    films: list[Path], capsys: pytest.CaptureFixture[str]
) -> None:
    (sample,) = python_blocks(ROOT / "README.md")
    exec(compile(sample, "README.md", "exec"), {"paths": films})
    assert Path("evaluation.html").stat().st_size > 10_000
    assert len(Path("today.jsonl").read_text("utf-8").splitlines()) >= 5
    assert "patient.jpeg" in capsys.readouterr().out

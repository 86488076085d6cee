"""The README's Python runs as written; only the folder of films it speaks of is supplied."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from rekognition_xray.data.phantoms import make_phantoms

ROOT = Path(__file__).parents[1]


def python_blocks(page: Path) -> list[str]:
    return re.findall(r"^```python\n(.*?)^```", page.read_text("utf-8"), re.DOTALL | re.MULTILINE)


@pytest.fixture
def films(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder as the README's reader has it: ``chest_xray`` in the current one."""
    monkeypatch.chdir(tmp_path)
    make_phantoms(Path("chest_xray"), patients=160, seed=7, heights=(200, 260))


@pytest.mark.heavy
@pytest.mark.usefixtures("films")
def test_the_first_screen_runs_as_written(capsys: pytest.CaptureFixture[str]) -> None:
    (sample,) = python_blocks(ROOT / "README.md")
    names: dict[str, object] = {}
    exec(compile(sample, "README.md", "exec"), names)
    paths = names["paths"]
    assert isinstance(paths, list)
    assert Path("evaluation.html").stat().st_size > 10_000
    assert len(Path("today.jsonl").read_text("utf-8").splitlines()) >= len(paths)
    assert str(paths[0]) in capsys.readouterr().out

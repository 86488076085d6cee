"""A journal of a few images that exist, and one that is damaged."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image

from rekognition_xray.clinic.policy import REFERRED

from ...support.journals import diagnose, write_journal


@pytest.fixture
def journal(tmp_path: Path) -> Path:
    """Two referred images, one suspect, one whose file is no image, and two of the rest."""
    folder = tmp_path / "images"
    folder.mkdir()
    for number in range(6):
        Image.linear_gradient("L").rotate(30 * number).resize((120, 100)).save(
            folder / f"{number}.png"
        )
    (folder / "3.png").write_text("Dear colleague", encoding="utf-8")
    doubt = {"normal": 0.45, "viral": 0.55}
    ill, well = {"normal": 0.1, "viral": 0.9}, {"normal": 0.9, "viral": 0.1}
    return write_journal(
        tmp_path / "journal.jsonl",
        [
            diagnose(folder / "0.png", doubt, finding=REFERRED, referred=True),
            diagnose(folder / "1.png", doubt, finding=REFERRED, referred=True),
            diagnose(folder / "2.png", ill),
            diagnose(folder / "3.png", ill),
            diagnose(folder / "4.png", well),
            diagnose(folder / "5.png", well),
        ],
    )

"""The reference page says of every operation what these tests do, no more and no less."""

from __future__ import annotations

import os
from pathlib import Path

from rekognition_xray.local.http import OPERATIONS

from . import cases, reference

PAGE = Path(__file__).parents[3] / "docs" / "reference" / "local-cloud.md"


def test_the_page_shows_the_table_of_these_tests():
    text = PAGE.read_text(encoding="utf-8")
    before, _, rest = text.partition(reference.START)
    _, _, after = rest.partition(reference.END)
    wanted = f"{before}{reference.START}\n\n{reference.table()}\n\n{reference.END}{after}"
    if os.environ.get("WRITE_REFERENCE"):
        PAGE.write_text(wanted, encoding="utf-8")
    assert text == wanted, "WRITE_REFERENCE=1 pytest tests/local/conformance writes it anew"


def test_every_operation_has_its_row():
    assert set(reference.STATES) == set(cases.OPERATIONS) == set(OPERATIONS)
    assert set(reference.DIFFERENCES) <= set(OPERATIONS)

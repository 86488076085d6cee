"""A browser for the tests of the evaluation page."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from ....support.chromium import Browser, chromium


@pytest.fixture(scope="session")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    with chromium(tmp_path_factory.mktemp("chromium")) as started:
        yield started

"""Files are replaced only when they are complete."""

from __future__ import annotations

from pathlib import Path

import pytest

from rekognition_xray._files import atomic_write


def test_a_file_is_replaced_and_can_be_read_by_others(tmp_path: Path) -> None:
    path = tmp_path / "page.html"
    path.write_bytes(b"old")
    with atomic_write(path) as stream:
        stream.write(b"new")
        assert path.read_bytes() == b"old"
    assert path.read_bytes() == b"new"
    assert path.stat().st_mode & 0o777 == 0o644
    assert list(tmp_path.iterdir()) == [path]


def test_after_an_error_the_old_file_is_left_and_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "page.html"
    path.write_bytes(b"old")
    with pytest.raises(UnicodeEncodeError), atomic_write(path) as stream:
        stream.writelines(text.encode("ascii") for text in ("half", "é"))
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_private_file_is_for_the_user_alone_at_any_time(tmp_path: Path) -> None:
    path = tmp_path / "cases.json"
    with atomic_write(path, private=True):
        (half,) = tmp_path.iterdir()
        assert half.stat().st_mode & 0o777 == 0o600
    assert path.stat().st_mode & 0o777 == 0o600

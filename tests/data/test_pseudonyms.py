from __future__ import annotations

import logging
import os
import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import platformdirs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rekognition_xray.data.pseudonyms import (
    KEY_VARIABLE,
    PseudonymKey,
    key_path,
    object_key,
    pseudonym_in,
)
from rekognition_xray.errors import PseudonymKeyError

STORE = "s3://clinic-xrays/kermany"
KEY = PseudonymKey(b"sixteen bytes or more")
SHA = "0123456789abcdef" * 4


@pytest.fixture
def home(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """An empty user's data directory, and no key in the environment."""
    monkeypatch.delenv(KEY_VARIABLE, raising=False)
    folder = tmp_path / "data" / "rekognition-xray"
    monkeypatch.setattr(platformdirs, "user_data_path", lambda *_, **__: folder)
    return folder


def test_a_pseudonym_is_24_hex_digits_and_the_same_every_time() -> None:
    assert KEY.pseudonym("person12") == "3d7bc7059eaab177d24db0ef"


@given(st.text(), st.text())
def test_different_patients_have_different_pseudonyms(one: str, other: str) -> None:
    assert (KEY.pseudonym(one) == KEY.pseudonym(other)) is (one == other)


def test_another_key_gives_other_pseudonyms() -> None:
    assert KEY.pseudonym("person12") != PseudonymKey(b"another key of bytes").pseudonym("person12")


def test_the_secret_is_not_shown() -> None:
    assert "sixteen" not in repr(KEY)
    assert "sixteen" not in str(KEY)


def test_a_key_given_wins(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(KEY_VARIABLE, "from the environment")
    assert PseudonymKey.find("from the argument", store=STORE).secret == b"from the argument"
    assert PseudonymKey.find(b"from the argument", store=STORE).secret == b"from the argument"


def test_the_environment_comes_second(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    PseudonymKey.find(store=STORE)
    monkeypatch.setenv(KEY_VARIABLE, "from the environment")
    assert PseudonymKey.find(store=STORE).secret == b"from the environment"


def test_an_empty_variable_counts_as_none(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(KEY_VARIABLE, "")
    assert len(PseudonymKey.find(store=STORE).secret) == 64


def test_else_a_key_is_made_once_per_store_and_kept(home: Path) -> None:
    made = PseudonymKey.find(store=STORE)
    assert PseudonymKey.find(store=STORE) == made
    assert PseudonymKey.find(store=f"{STORE}/") == made
    assert PseudonymKey.find(store="s3://clinic-xrays/other") != made
    assert len(list(home.iterdir())) == 2


@pytest.mark.skipif(os.name != "posix", reason="modes are a matter of POSIX")
def test_a_kept_key_can_be_read_by_its_owner_alone(home: Path) -> None:
    PseudonymKey.find(store=STORE)
    assert stat.S_IMODE(key_path(STORE).stat().st_mode) == 0o600


@pytest.mark.skipif(os.name != "posix", reason="modes are a matter of POSIX")
def test_a_kept_key_that_others_can_read_is_warned_of(
    home: Path, caplog: pytest.LogCaptureFixture
) -> None:
    PseudonymKey.find(store=STORE)
    key_path(STORE).chmod(0o644)
    with caplog.at_level(logging.WARNING):
        PseudonymKey.find(store=STORE)
    assert "chmod 600" in caplog.text


def test_the_text_of_a_kept_key_can_move_to_another_machine(home: Path) -> None:
    kept = PseudonymKey.find(store=STORE)
    assert PseudonymKey.find(key_path(STORE).read_text().strip(), store="elsewhere") == kept


def test_of_many_that_make_a_key_at_once_all_get_the_same(home: Path) -> None:
    with ThreadPoolExecutor(8) as pool:
        keys = set(pool.map(lambda _: PseudonymKey.find(store=STORE), range(32)))
    assert len(keys) == 1
    assert [path.name for path in home.iterdir()] == [key_path(STORE).name]


@pytest.mark.parametrize("key", ["", "too short", b"", b"15 bytes......"])
def test_a_key_that_could_be_guessed_is_refused(home: Path, key: str | bytes) -> None:
    with pytest.raises(PseudonymKeyError, match="16 or more"):
        PseudonymKey.find(key, store=STORE)


def test_a_kept_key_that_was_cut_off_is_refused_by_path(home: Path) -> None:
    PseudonymKey.find(store=STORE)
    key_path(STORE).write_text("abc")
    with pytest.raises(PseudonymKeyError, match=key_path(STORE).name):
        PseudonymKey.find(store=STORE)


def test_a_place_where_no_key_can_be_kept_is_an_error_that_says_what_to_do(home: Path) -> None:
    home.parent.write_text("a file where a folder should be")
    with pytest.raises(PseudonymKeyError, match="cannot be kept") as caught:
        PseudonymKey.find(store=STORE)
    assert KEY_VARIABLE in caught.value.hint


@pytest.mark.parametrize("prefix", ["kermany", "/kermany/", "kermany/"])
def test_a_key_is_prefix_pseudonym_and_content(prefix: str) -> None:
    assert object_key(prefix, "p" * 24, SHA, "jpg") == f"kermany/{'p' * 24}/{SHA}.jpg"


@pytest.mark.parametrize("prefix", ["", "/"])
def test_an_empty_prefix_is_left_out(prefix: str) -> None:
    assert object_key(prefix, "p" * 24, SHA, "png") == f"{'p' * 24}/{SHA}.png"


prefixes = st.text(alphabet=st.characters(exclude_categories=["Cs"]), max_size=40)


@given(prefixes, st.text(), st.sampled_from(["jpg", "png"]))
def test_the_pseudonym_is_found_in_key_and_address(
    prefix: str, patient: str, extension: str
) -> None:
    pseudonym = KEY.pseudonym(patient)
    key = object_key(prefix, pseudonym, SHA, extension)
    assert pseudonym_in(f"s3://clinic-xrays/{key}") == pseudonym
    if not key.startswith("s3://"):
        assert pseudonym_in(key) == pseudonym


@pytest.mark.parametrize(
    "key",
    [
        "",
        "kermany/IM-0115-0001.jpeg",
        f"kermany/{SHA}.jpg",
        f"kermany/{'a' * 23}/{SHA}.jpg",
        f"kermany/{'a' * 25}/{SHA}.jpg",
        f"kermany/{'A' * 24}/{SHA}.jpg",
        f"kermany/{'a' * 24}/{SHA}.gif",
        f"kermany/{'a' * 24}/{SHA}.jpg.bak",
        f"kermany/{'a' * 24}/{SHA[:-1]}.jpg",
        f"s3://{'a' * 24}/{SHA}.jpg",
    ],
)
def test_any_other_key_has_no_pseudonym(key: str) -> None:
    assert pseudonym_in(key) is None

"""Keyed pseudonyms of patients, and the keys of S3 objects that carry them."""

from __future__ import annotations

import hashlib
import hmac
import logging
import os
import re
import secrets
import tempfile
from pathlib import Path
from typing import Final

import attrs
import platformdirs

from rekognition_xray.errors import PseudonymKeyError

logger = logging.getLogger(__name__)

KEY_VARIABLE: Final = "REKOGNITION_XRAY_KEY"
"""Environment variable that holds the key."""
MIN_KEY_BYTES: Final = 16
"""A shorter key could be found by trying."""

_DIGITS: Final = 24
_KEY: Final = re.compile(r"(?:.*/)?([0-9a-f]{24})/[0-9a-f]{64}\.(?:jpg|png)", re.DOTALL)


@attrs.frozen
class PseudonymKey:
    """The secret that turns patients into pseudonyms.

    Whoever holds it can find out whether a known patient is in a store, so keep it apart from the
    images. Keep it safe, too: the images stay readable without it, and datasets and models go on
    working, but nobody can find out any more which of them are a given patient's.

    - ``storage.forget`` finds nobody: what a patient has a right to cannot be done, short of
      deleting the whole store.
    - A new key gives other pseudonyms to the same patients: every image is uploaded a second time,
      under other keys, and a dataset that mixes both takes one patient for two, who may then stand
      in train and in test. Start a new prefix with a new key.

    A key that has become known is replaced in the same way: new key, new prefix, old images
    deleted.

    Attributes:
        secret: the key's bytes; never shown.
    """

    secret: bytes = attrs.field(repr=False)

    @classmethod
    def find(cls, key: str | bytes | None = None, *, store: str) -> PseudonymKey:
        """Finds the key of a store.

        The argument wins; else the variable ``REKOGNITION_XRAY_KEY``; else a random key that is
        made once per store and kept in the user's data directory, readable to its owner alone.
        To move on to another machine, set the variable there to the text in that file.

        Args:
            key: a secret of 16 bytes or more; text counts as UTF-8.
            store: where the images go, such as ``s3://clinic-xrays/kermany``.

        Raises:
            PseudonymKeyError: too short, or a kept key cannot be read or written.
        """
        given = key if key is not None else os.environ.get(KEY_VARIABLE) or None
        if given is not None:
            return cls(_check_key(given, "the key given"))
        path = key_path(store)
        try:
            return cls(_check_key(_read_or_make(path), str(path)))
        except OSError as error:
            raise PseudonymKeyError(
                f"The key for pseudonyms of {store} cannot be kept in {path}: {error.strerror}.",
                paths=(path,),
            ) from error

    def pseudonym(self, group: str) -> str:
        """24 hex digits (96 bits of HMAC-SHA256) that stand for a patient; equal for equal ones."""
        message = group.encode("utf-8", "surrogateescape")
        return hmac.new(self.secret, message, hashlib.sha256).hexdigest()[:_DIGITS]


def key_path(store: str) -> Path:
    """Where the key of a store is kept on this machine, whether it exists yet or not."""
    name = hashlib.sha256(store.rstrip("/").encode()).hexdigest()[:16]
    return platformdirs.user_data_path("rekognition-xray", appauthor=False) / f"{name}.key"


def object_key(prefix: str, pseudonym: str, sha256: str, extension: str) -> str:
    """``<prefix>/<pseudonym>/<sha256>.<extension>``; an empty prefix is left out."""
    path = f"{pseudonym}/{sha256}.{extension}"
    return f"{prefix.strip('/')}/{path}" if prefix.strip("/") else path


def pseudonym_in(key_or_uri: str) -> str | None:
    """The pseudonym in a key of ``object_key`` or its ``s3://`` address; None in any other."""
    key = key_or_uri
    if key.startswith("s3://"):
        key = key.removeprefix("s3://").partition("/")[2]
    found = _KEY.fullmatch(key)
    return found[1] if found else None


def _check_key(key: str | bytes, source: str) -> bytes:
    secret = key.encode("utf-8", "surrogateescape") if isinstance(key, str) else bytes(key)
    if len(secret) < MIN_KEY_BYTES:
        raise PseudonymKeyError(
            f"The key for pseudonyms ({source}) has {len(secret)} bytes; "
            f"it needs {MIN_KEY_BYTES} or more."
        )
    return secret


def _read_or_make(path: Path) -> str:
    if not path.exists():
        _make(path)
    if os.name == "posix" and path.stat().st_mode & 0o077:
        logger.warning("%s can be read by others; run: chmod 600 %s", path, path)
    return path.read_text("utf-8").strip()


def _make(path: Path) -> None:
    """Writes a new key; of several processes that try at once, one wins and all use its key."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=".key-")  # mkstemp makes mode 0600
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as stream:
            stream.write(f"{secrets.token_hex(32)}\n")
            stream.flush()
            os.fsync(stream.fileno())
        os.link(name, path)  # refuses an existing file, where a rename would replace it
        logger.info("a new key for pseudonyms was made: %s", path)
    except FileExistsError:
        logger.debug("another process made %s first", path)
    finally:
        Path(name).unlink(missing_ok=True)

"""``Peer``: another DICOM application, by its AE title and address."""

from __future__ import annotations

import re
from typing import Final

import attrs

from rekognition_xray.errors import InvalidRequestError

_PEER: Final = re.compile(r"(?P<title>[^@]+)@(?P<host>[^@:]+):(?P<port>\d{1,5})")
_TITLE: Final = re.compile(r"(?=.*\S)[ -\[\]-~]{1,16}")  # PS3.5, VR AE: no backslash


@attrs.frozen
class Peer:
    """Where answers are sent.

    Attributes:
        ae_title: of the peer.
        host: its address.
        port: its port.
    """

    ae_title: str
    host: str
    port: int

    @classmethod
    def parse(cls, text: str) -> Peer:
        """A peer from ``TITLE@host:port``.

        Raises:
            InvalidRequestError: it is not written so.
        """
        found = _PEER.fullmatch(text)
        if found is None or not 0 < int(found["port"]) < 65536:
            raise InvalidRequestError(
                f"{text!r} names no peer.", hint="Write TITLE@host:port, such as PACS@10.0.0.5:104."
            )
        return cls(check_title(found["title"]), found["host"], int(found["port"]))

    def __str__(self) -> str:
        return f"{self.ae_title}@{self.host}:{self.port}"


def check_title(title: str) -> str:
    """The AE title, if it is one.

    Raises:
        InvalidRequestError: it is not.
    """
    if not _TITLE.fullmatch(title):
        raise InvalidRequestError(
            f"{title!r} is no AE title.",
            hint="An AE title has 1 to 16 characters of ASCII, not all blanks, and no backslash.",
        )
    return title

"""Page tokens: opaque, bound to the operation and its filters, stale in another cloud."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import secrets

from rekognition_xray.local.failures import ServiceError
from rekognition_xray.local.state.records import Members

_TAG = 12


class Pager:
    """Makes and reads page tokens of one local cloud."""

    def __init__(self) -> None:
        self._secret = secrets.token_bytes(32)

    def token(self, scope: str, asked: Members, position: str) -> str:
        """A token for the position of the next page."""
        body = position.encode()
        return base64.urlsafe_b64encode(self._tag(scope, asked, body) + body).decode()

    def position(self, scope: str, asked: Members) -> str | None:
        """Where the asked page begins; None for the first. Raises InvalidPaginationToken."""
        token = asked.get("NextToken")
        if not token:
            return None
        try:
            raw = base64.b64decode(token, altchars=b"-_", validate=True)
        except ValueError as error:
            raise ServiceError("InvalidPaginationTokenException") from error
        tag, body = raw[:_TAG], raw[_TAG:]
        if not hmac.compare_digest(tag, self._tag(scope, asked, body)):
            raise ServiceError("InvalidPaginationTokenException")
        return body.decode()

    def _tag(self, scope: str, asked: Members, body: bytes) -> bytes:
        filters = {k: v for k, v in asked.items() if k not in {"NextToken", "MaxResults"}}
        bound = json.dumps([scope, filters], sort_keys=True).encode() + b"\0" + body
        return hmac.new(self._secret, bound, hashlib.sha256).digest()[:_TAG]


def page_size(asked: Members, *, usual: int = 100) -> int:
    """How many results to show: MaxResults, else `usual`."""
    size: int = asked.get("MaxResults", usual)
    return size

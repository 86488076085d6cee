"""A local cloud on the wire whose refusals of a shape cannot be mistaken for any other."""

from __future__ import annotations

import http.client
import json
from collections.abc import Iterator
from typing import Any, Final

import attrs
import pytest

from rekognition_xray.local import Assumptions, LocalCloud

SIGNED: Final = (
    "AWS4-HMAC-SHA256 Credential=123456789012/20260102/us-east-1/rekognition/aws4_request, "
    "SignedHeaders=host;x-amz-date, Signature=0"
)


@attrs.frozen
class Reply:
    """An HTTP status, the JSON of the body, and the error code where there is one."""

    status: int
    document: dict[str, Any]

    @property
    def code(self) -> str | None:
        return self.document.get("__type")


@attrs.frozen
class Wire:
    """One keep-alive connection to a local cloud, without a client library in between."""

    cloud: LocalCloud
    connection: http.client.HTTPConnection

    def ask(self, operation: str, members: Any) -> Reply:
        headers = {
            "Authorization": SIGNED,
            "Content-Type": "application/x-amz-json-1.1",
            "X-Amz-Target": f"RekognitionService.{operation}",
        }
        body = json.dumps(members).encode()
        try:
            return self._exchange(body, headers)
        except ConnectionError:  # closed by the server, which other tests have kept idle too long
            self.connection.close()
            return self._exchange(body, headers)

    def _exchange(self, body: bytes, headers: dict[str, str]) -> Reply:
        self.connection.request("POST", "/", body, headers)
        reply = self.connection.getresponse()
        return Reply(reply.status, json.loads(reply.read()))


@pytest.fixture(scope="session")
def wire() -> Iterator[Wire]:
    chosen = Assumptions(shape_error="ValidationException", page_size_error="ValidationException")
    with LocalCloud(buckets=["images"], assumptions=chosen, check=True) as cloud:
        host, port = cloud.endpoint_url.removeprefix("http://").split(":")
        connection = http.client.HTTPConnection(host, int(port), timeout=60)
        try:
            yield Wire(cloud, connection)
        finally:
            connection.close()

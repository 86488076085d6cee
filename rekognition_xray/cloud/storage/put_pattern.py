"""What boto3 sends for one PutObject, as the pattern of many others.

boto3's work for a call takes more processor time than all the rest of an upload. Most of it gives
the same result each time: where the bucket's endpoint is, which headers a call has, how the
connection is made. So boto3 sends one object, and the heads of the other requests are written after
that one: with their own key, length, checksum and signature.

A pattern is made only where it is sure to give what boto3 would. Our signature of boto3's own
request must be boto3's. Nobody may watch or change calls of the client. There must be no proxy, no
certificate of the client's, and TLS must be verified.
"""

from __future__ import annotations

import datetime as dt
import functools
import hashlib
import hmac
import re
import ssl
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path
from types import FunctionType
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote, urlsplit

import attrs
import botocore
from botocore.client import BaseClient
from botocore.httpsession import URLLib3Session, get_cert_path

if TYPE_CHECKING:
    from botocore.awsrequest import AWSPreparedRequest
    from botocore.credentials import Credentials
    from types_boto3_s3 import S3Client

_EVENTS: Final = (
    "provide-client-params",
    "before-parameter-build",
    "before-endpoint-resolution",
    "before-call",
    "request-created",
    "choose-signer",
    "before-sign",
    "before-send",
    "response-received",
    "before-parse",
    "needs-retry",
    "after-call",
    "after-call-error",
)
_KNOWN: Final = ("botocore.", "boto3.", "rekognition_xray.cloud.")
_STUBS: Final = "botocore.stub"
_BOTOCORE: Final = str(Path(botocore.__file__).parent)
_CALLED: Final = ((BaseClient, "_make_api_call"), (URLLib3Session, "send"))
"""Methods of a call that tracers and recorders put theirs in the place of."""
_OF_EACH: Final = frozenset(
    {
        "amz-sdk-invocation-id",
        "authorization",
        "content-length",
        "content-type",
        "expect",
        "host",
        "x-amz-checksum-sha256",
        "x-amz-content-sha256",
        "x-amz-date",
        "x-amz-security-token",
    }
)
"""Headers that each request has of its own, or that are not sent: boto3's number of a call."""
_AUTHORIZATION: Final = re.compile(
    r"AWS4-HMAC-SHA256 Credential=[^/]+/\d{8}/(?P<region>[^/]+)/s3/aws4_request, "
    r"SignedHeaders=(?P<signed>[^,]+), Signature=[0-9a-f]{64}"
)
_noted: ContextVar[list[AWSPreparedRequest] | None] = ContextVar("_noted", default=None)


@contextmanager
def noting(client: S3Client) -> Iterator[list[AWSPreparedRequest]]:
    """The PutObject requests of a client that calls of this thread send within the block."""
    client.meta.events.register("before-send.s3.PutObject", _note, unique_id=__name__)
    found: list[AWSPreparedRequest] = []
    token = _noted.set(found)
    try:
        yield found
    finally:
        _noted.reset(token)


def _note(request: AWSPreparedRequest, **_: object) -> None:
    """Handler of botocore's event ``before-send``; it stays, and does nothing outside the block."""
    found = _noted.get()
    if found is not None:
        found.append(request)


@attrs.frozen
class PutPattern:
    """The heads of PutObject requests to one bucket.

    Attributes:
        host: where they are sent.
        port: its port.
        tls: how the connection is encrypted and the server verified; None for plain HTTP.
        authority: host, and port where it is not the scheme's own, as requests name them.
        folder: what stands before the key in the path.
        fixed: headers that all requests share.
        signed: names of the headers that are signed, in order.
        region: the Region that signatures are for.
        credentials: where the keys come from; they are refreshed there.
    """

    host: str
    port: int
    tls: ssl.SSLContext | None
    authority: str
    folder: str
    fixed: Mapping[str, str]
    signed: tuple[str, ...]
    region: str
    credentials: Credentials = attrs.field(repr=False)
    _day_keys: dict[tuple[str, str | None], bytes] = attrs.field(
        factory=dict, init=False, repr=False, eq=False
    )

    def head(self, key: str, *, size: int, sha256: str, checksum: str, content_type: str) -> bytes:
        """Request line and headers for one object, signed now.

        Args:
            key: the object's key.
            size: bytes of the body.
            sha256: the body's digest in hex, which is signed: S3 refuses any other body.
            checksum: the same in base 64, which S3 keeps beside the object.
            content_type: the object's type.

        Raises:
            BotoCoreError: the credentials could not be refreshed.
        """
        keys = self.credentials.get_frozen_credentials()
        headers = {
            **self.fixed,
            "host": self.authority,
            "content-type": content_type,
            "content-length": str(size),
            "x-amz-checksum-sha256": checksum,
            "x-amz-content-sha256": sha256,
            "x-amz-date": f"{_now():%Y%m%dT%H%M%SZ}",
        }
        if keys.token:
            headers["x-amz-security-token"] = keys.token
        path = self.folder + _quoted(key)
        headers["authorization"] = self._authorization(
            path, headers, keys.access_key, keys.secret_key
        )
        lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        return f"PUT {path} HTTP/1.1\r\n{lines}\r\n".encode()

    def _authorization(
        self, path: str, headers: Mapping[str, str], access_key: str | None, secret_key: str | None
    ) -> str:
        """AWS's signature of version 4, as its documentation defines it for S3."""
        stamp, names = headers["x-amz-date"], ";".join(self.signed)
        values = "".join(f"{name}:{headers[name]}\n" for name in self.signed)
        request = f"PUT\n{path}\n\n{values}\n{names}\n{headers['x-amz-content-sha256']}"
        parts = stamp[:8], self.region, "s3", "aws4_request"
        scope, digest = "/".join(parts), hashlib.sha256(request.encode()).hexdigest()
        text = f"AWS4-HMAC-SHA256\n{stamp}\n{scope}\n{digest}"
        day = parts[0], secret_key
        if day not in self._day_keys:
            self._day_keys[day] = functools.reduce(_hmac, parts, f"AWS4{secret_key}".encode())
        return (
            f"AWS4-HMAC-SHA256 Credential={access_key}/{scope}, SignedHeaders={names}, "
            f"Signature={_hmac(self._day_keys[day], text).hex()}"
        )

    def signs_like(self, sent: AWSPreparedRequest) -> bool:
        """Whether our signature of boto3's own request is boto3's."""
        keys, headers = self.credentials.get_frozen_credentials(), _headers(sent)
        if headers.get("x-amz-security-token") != keys.token:
            return False
        path = urlsplit(sent.url).path
        made = self._authorization(
            path, {**headers, "host": self.authority}, keys.access_key, keys.secret_key
        )
        return made == headers["authorization"]


def put_pattern(
    client: object, credentials: Credentials | None, sent: AWSPreparedRequest, key: str
) -> PutPattern | None:
    """The pattern of a PutObject that boto3 sent; None where boto3 had better send all.

    Args:
        client: the client that sent it.
        credentials: the session's.
        sent: the request.
        key: the key of its object.
    """
    if credentials is None or not _is_plain(client):
        return None
    parts, headers = urlsplit(sent.url), _headers(sent)
    form = _AUTHORIZATION.fullmatch(headers.get("authorization", ""))
    path = _quoted(key)
    if form is None or parts.hostname is None or parts.query or not parts.path.endswith(f"/{path}"):
        return None
    port, usual = parts.port, {"http": 80, "https": 443}[parts.scheme]
    name = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    try:
        tls = _tls(client, sent.url)
    except _NotDirectError:
        return None
    pattern = PutPattern(
        host=parts.hostname,
        port=port or usual,
        tls=tls,
        authority=name if port in {None, usual} else f"{name}:{port}",
        folder=parts.path.removesuffix(path),
        fixed={name: value for name, value in headers.items() if name not in _OF_EACH},
        signed=tuple(form["signed"].split(";")),
        region=form["region"],
        credentials=credentials,
    )
    return pattern if pattern.signs_like(sent) else None


class _NotDirectError(Exception):
    """The client makes its connections in a way that is left to boto3."""


def _is_plain(client: object) -> bool:
    """Whether all that happens in a PutObject is botocore's and ours.

    A handler of somebody else may change, answer or record each call (moto's does), and so may a
    method that was put in the place of botocore's (those of tracers are). Where a later botocore
    keeps its handlers elsewhere, boto3 sends, and that is all.
    """
    if not isinstance(client, BaseClient) or "put_object" in vars(client):
        return False
    if not all(map(_is_botocores, _CALLED)):
        return False
    emitter = getattr(client.meta.events, "_emitter", None)
    search = getattr(getattr(emitter, "_handlers", None), "prefix_search", None)
    if search is None:
        return False
    return all(
        _is_known(handler) for event in _EVENTS for handler in search(f"{event}.s3.PutObject")
    )


def _is_botocores(method: tuple[type, str]) -> bool:
    found = vars(method[0]).get(method[1])
    code = getattr(found, "__code__", None) if isinstance(found, FunctionType) else None
    return code is not None and code.co_filename.startswith(_BOTOCORE)


def _is_known(handler: object) -> bool:
    if isinstance(handler, functools.partial):
        handler = handler.func
    if getattr(handler, "enabled", True) is False:  # moto's is there once moto is imported
        return True
    module = str(getattr(handler, "__module__", ""))
    return module.startswith(_KNOWN) and module != _STUBS


def _tls(client: Any, url: str) -> ssl.SSLContext | None:
    """How connections are encrypted, as the client's are.

    Raises:
        _NotDirectError: a proxy, a certificate of the client's, or TLS that is not verified.
    """
    http = getattr(getattr(client, "_endpoint", None), "http_session", None)
    proxies = getattr(http, "_proxy_config", None)
    verify = getattr(http, "_verify", None)
    if type(http) is not URLLib3Session or proxies is None or proxies.proxy_url_for(url):
        raise _NotDirectError
    if url.startswith("http:"):
        return None
    if not verify or vars(http).get("_cert_file", "unknown") is not None:
        raise _NotDirectError
    try:
        return ssl.create_default_context(cafile=get_cert_path(verify))
    except OSError as error:  # no file of certificates
        raise _NotDirectError from error


def _headers(sent: AWSPreparedRequest) -> dict[str, str]:
    """Headers with names in lower case, and values as they are signed."""
    return {name.lower(): " ".join(_text(value).split()) for name, value in sent.headers.items()}


def _text(value: Any) -> str:
    return value.decode("latin-1") if isinstance(value, bytes) else str(value)


def _now() -> dt.datetime:
    return dt.datetime.now(dt.UTC)


def _quoted(key: str) -> str:
    return quote(key, safe="/~")


def _hmac(key: bytes, text: str) -> bytes:
    return hmac.digest(key, text.encode(), "sha256")

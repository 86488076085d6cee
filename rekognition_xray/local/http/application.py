"""The WSGI application: routes requests to Rekognition or S3, limits their size, answers them."""

from __future__ import annotations

import logging
import re
import uuid
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Final
from xml.parsers.expat import ExpatError
from xml.sax.saxutils import escape

import attrs

from rekognition_xray.local.failures import ServiceError, retry_header
from rekognition_xray.local.http.checksums import BodyRefused, checked_body
from rekognition_xray.local.http.operations import answer
from rekognition_xray.local.http.protocol import CONTENT_TYPE, render_error
from rekognition_xray.local.state import Caller, World

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

logger = logging.getLogger(__name__)

_DEFAULT_ACCOUNT: Final = "123456789012"
_MAX_BODY: Final = 16 << 20
_REASONS: Final = {
    400: "Bad Request",
    403: "Forbidden",
    413: "Payload Too Large",
    500: "Internal Server Error",
    501: "Not Implemented",
}
_SCOPE: Final = re.compile(
    r"(?:Credential=|X-Amz-Credential=)([^/,&\s]+?)(?:/|%2F)\d{8}(?:/|%2F)"
    r"([a-z0-9-]+)(?:/|%2F)([a-z0-9-]+)(?:/|%2F)aws4_request"
)
_SIGNING_NAME: Final = "rekognition"
_S3: Final = frozenset({"s3", "s3express"})
_VIRTUAL_HOST: Final = re.compile(r"([a-z0-9][a-z0-9.\-]+)\.localhost(:\d+)?")


@attrs.frozen
class Signature:
    """The signature of a request: the caller, and the service that it is for."""

    caller: Caller
    service: str


class Application:
    """The WSGI application of one local cloud."""

    def __init__(self, world: World, *, region: str, check: bool) -> None:
        self._world = world
        self._region = region
        self._check = check

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Answers one request, whatever it is and whatever goes wrong."""
        try:
            signed = self._signature(environ)
            if "HTTP_X_AMZ_TARGET" in environ:
                return self._rekognition(environ, start_response, signed)
            if signed is not None and signed.service not in _S3:
                return _reply_error(_no_such_service(signed.service), start_response)
            return self._s3(environ, start_response, signed)
        except Exception:
            logger.exception("%s %s", environ.get("REQUEST_METHOD"), environ.get("PATH_INFO"))
            return _reply_error(ServiceError("InternalServerError"), start_response)

    def _rekognition(
        self, environ: WSGIEnvironment, start_response: StartResponse, signed: Signature | None
    ) -> Iterable[bytes]:
        try:
            body = _body(environ)
            target = _target(environ)
            caller = _rekognition_caller(signed)
            reply = answer(self._world, caller, target, body, check=self._check)
        except ServiceError as error:
            return _reply_error(error, start_response)
        return _reply("200 OK", reply, str(uuid.uuid4()), start_response)

    def _s3(
        self, environ: WSGIEnvironment, start_response: StartResponse, signed: Signature | None
    ) -> Iterable[bytes]:
        caller = signed.caller if signed else Caller(_DEFAULT_ACCOUNT, self._region)
        environ["HTTP_X_MOTO_ACCOUNT_ID"] = caller.account
        _by_path(environ)
        try:
            with checked_body(environ):
                return self._world.objects.serve(environ, start_response)
        except BodyRefused as refused:
            return _reply_s3("400 Bad Request", refused.code, str(refused), start_response)
        except ExpatError as error:
            return _reply_s3("400 Bad Request", "MalformedXML", f"No XML: {error}", start_response)
        except ValueError as error:  # numbers and dates that moto does not check
            return _reply_s3("400 Bad Request", "InvalidArgument", str(error), start_response)
        except Exception:
            logger.exception("S3: %s %s", environ["REQUEST_METHOD"], environ["PATH_INFO"])
            text = "We encountered an internal error. Please try again."
            status = "500 Internal Server Error"
            return _reply_s3(status, "InternalError", text, start_response)

    def _signature(self, environ: WSGIEnvironment) -> Signature | None:
        text = environ.get("HTTP_AUTHORIZATION") or environ.get("QUERY_STRING", "")
        found = _SCOPE.search(text)
        if found is None:
            return None
        key, region, service = found.groups()
        account = key if re.fullmatch(r"\d{12}", key) else _DEFAULT_ACCOUNT
        return Signature(Caller(account, region), service)


def _body(environ: WSGIEnvironment) -> bytes:
    length = int(environ.get("CONTENT_LENGTH") or 0)
    if length > _MAX_BODY:
        raise ServiceError(
            "RequestEntityTooLargeException", f"The body has {length} bytes, more than {_MAX_BODY}."
        )
    body: bytes = environ["wsgi.input"].read(length)
    return body


def _target(environ: WSGIEnvironment) -> str:
    target: str = environ["HTTP_X_AMZ_TARGET"]
    if environ["REQUEST_METHOD"] != "POST" or environ["PATH_INFO"] not in {"", "/"}:
        raise ServiceError("UnknownOperationException", f"{target} takes POST to / only.")
    return target


def _rekognition_caller(signed: Signature | None) -> Caller:
    if signed is None:
        raise ServiceError("MissingAuthenticationTokenException", "Missing Authentication Token")
    if signed.service != _SIGNING_NAME:
        raise ServiceError(
            "InvalidSignatureException",
            f"Credential should be scoped to correct service: '{_SIGNING_NAME}'.",
        )
    return signed.caller


def _by_path(environ: WSGIEnvironment) -> None:
    """Gives moto the form that it reads best: bucket in the path, the path as it was sent."""
    path = environ.get("REQUEST_URI") or environ["PATH_INFO"]
    virtual = _VIRTUAL_HOST.fullmatch(environ.get("HTTP_HOST", ""))
    if virtual is not None:
        path = f"/{virtual[1]}{path}"
        environ["PATH_INFO"] = f"/{virtual[1]}{environ['PATH_INFO']}"
    environ["RAW_URI"] = path
    environ["HTTP_HOST"] = f"localhost:{environ['SERVER_PORT']}"


def _no_such_service(service: str) -> ServiceError:
    if service == _SIGNING_NAME:
        return ServiceError("UnknownOperationException", "The request has no X-Amz-Target.")
    text = f"{service} is not offered by the local cloud; it has rekognition and s3."
    return ServiceError("NotImplementedException", text)


def _reply_error(error: ServiceError, start_response: StartResponse) -> Iterable[bytes]:
    request_id = str(uuid.uuid4())
    status = f"{error.status} {_REASONS[error.status]}"
    body, headers = render_error(error, request_id), retry_header(error.retry_after)
    return _reply(status, body, request_id, start_response, headers)


def _reply_s3(
    status: str, code: str, message: str, start_response: StartResponse
) -> Iterable[bytes]:
    request_id = str(uuid.uuid4())
    body = (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        f"<Error><Code>{code}</Code><Message>{escape(message)}</Message>"
        f"<RequestId>{request_id}</RequestId></Error>"
    ).encode()
    headers = [("Content-Type", "application/xml"), ("x-amz-request-id", request_id)]
    start_response(status, [*headers, ("Content-Length", str(len(body)))])
    return [body]


def _reply(
    status: str,
    body: bytes,
    request_id: str,
    start_response: StartResponse,
    headers: Sequence[tuple[str, str]] = (),
) -> Iterable[bytes]:
    start_response(
        status,
        [
            ("Content-Type", CONTENT_TYPE),
            ("Content-Length", str(len(body))),
            ("x-amzn-RequestId", request_id),
            *headers,
        ],
    )
    return [body]

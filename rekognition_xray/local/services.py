"""The operations of Rekognition and S3, read from botocore's models of both services."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Final
from urllib.parse import parse_qsl, urlsplit

import attrs
import botocore.session
from botocore.model import OperationModel, ServiceModel

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment

_PARTS: Final = {"/": 0, "/{Bucket}": 1, "/{Bucket}/{Key+}": 2}
_LOCAL_HOST: Final = ".localhost"


@attrs.frozen
class _Form:
    """How to recognise a request of one operation: method, parts of the path (0 to 2), marks.

    `marks` are ``?name`` or ``?name=value`` of the query, and names of headers.
    """

    method: str
    parts: int
    marks: frozenset[str]

    def fits(self, asked: _Form) -> bool:
        return (self.method, self.parts) == (
            asked.method,
            asked.parts,
        ) and self.marks <= asked.marks


@cache
def service_model() -> ServiceModel:
    """The shapes and operations of Rekognition, as botocore ships them."""
    loader = botocore.session.Session().get_component("data_loader")
    return ServiceModel(loader.load_service_model("rekognition", "service-2"), "rekognition")


def is_s3_operation(name: str) -> bool:
    """Whether S3 has such an operation, and its requests can be recognised."""
    return name in _forms()


def s3_operations(environ: WSGIEnvironment) -> frozenset[str]:
    """The operation that an S3 request asks for; several where they are the same on the wire."""
    asked = _form_of(environ)
    fitting = {name: len(form.marks) for name, form in _forms().items() if form.fits(asked)}
    most = max(fitting.values(), default=0)
    return frozenset(name for name, marks in fitting.items() if marks == most)


def _form_of(environ: WSGIEnvironment) -> _Form:
    path = environ["PATH_INFO"].strip("/")
    host = environ.get("HTTP_HOST", "").partition(":")[0]
    parts = (1 if path else 0) + (1 if "/" in path else 0)
    if host.endswith(_LOCAL_HOST):
        parts = 2 if path else 1
    query = parse_qsl(environ.get("QUERY_STRING", ""), keep_blank_values=True)
    marks = {f"?{name}" for name, _ in query} | {f"?{name}={value}" for name, value in query}
    marks |= {
        name.removeprefix("HTTP_").replace("_", "-").lower()
        for name in environ
        if name.startswith("HTTP_")
    }
    return _Form(environ["REQUEST_METHOD"], parts, frozenset(marks))


@cache
def _forms() -> dict[str, _Form]:
    loader = botocore.session.Session().get_component("data_loader")
    model = ServiceModel(loader.load_service_model("s3", "service-2"), "s3")
    found = {name: _form(model.operation_model(name)) for name in model.operation_names}
    return {name: form for name, form in found.items() if form is not None}


def _form(operation: OperationModel) -> _Form | None:
    uri = urlsplit(operation.http["requestUri"])
    if uri.path not in _PARTS:
        return None
    marks = {f"?{mark}" for mark in uri.query.split("&") if mark}
    shape = operation.input_shape
    places = [shape.members[name].serialization for name in shape.required_members] if shape else []
    for place in places:
        if place.get("location") == "querystring":
            marks.add(f"?{place['name']}")
        elif place.get("location") == "header":
            marks.add(place["name"].lower())
    return _Form(operation.http["method"], _PARTS[uri.path], frozenset(marks))

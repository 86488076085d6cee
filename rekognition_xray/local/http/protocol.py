"""AWS JSON 1.1: from the body of a request to checked members, from a reply or error to a body."""

from __future__ import annotations

import json
import logging
from typing import Any, Final

from botocore.model import OperationModel

from rekognition_xray.local.assumptions import Assumptions
from rekognition_xray.local.failures import ServiceError
from rekognition_xray.local.http.shapes import Problem, ShapeReader
from rekognition_xray.local.services import service_model
from rekognition_xray.local.state import Members

logger = logging.getLogger(__name__)

TARGET: Final = "RekognitionService."
CONTENT_TYPE: Final = "application/x-amz-json-1.1"


def operation_model(target: str) -> OperationModel:
    """The operation that an X-Amz-Target names. Raises UnknownOperationException."""
    name = target.removeprefix(TARGET)
    if not target.startswith(TARGET) or name not in service_model().operation_names:
        raise ServiceError("UnknownOperationException", f"Unknown operation: {target}")
    return service_model().operation_model(name)


def parse(operation: OperationModel, body: bytes, assumptions: Assumptions) -> Members:
    """The members of a request. Raises `ServiceError` for a body or value that does not fit."""
    reading = ShapeReader()
    document = _document(body)
    if operation.input_shape is None:
        return {}
    members: Members = reading.read(operation.input_shape, document) or {}
    if reading.problems:
        raise _refusal(operation.name, reading.problems, assumptions)
    return members


def render(operation: OperationModel, reply: Members, *, check: bool) -> bytes:
    """The body of a reply; with `check` the reply has to fit the model in every detail."""
    if check and operation.output_shape is not None:
        reading = ShapeReader(strict=True)
        reading.read(operation.output_shape, reply)
        if reading.problems:
            texts = "; ".join(problem.text for problem in reading.problems)
            raise AssertionError(f"the reply to {operation.name} breaks the model: {texts}")
    return json.dumps(reply, ensure_ascii=False, separators=(",", ":")).encode()


def render_error(error: ServiceError, request_id: str) -> bytes:
    """The body of an error, in the form that AWS documents."""
    return json.dumps(
        {
            "__type": error.code,
            "Code": error.code,
            "Logref": request_id,
            "Message": error.message,
        },
        ensure_ascii=False,
    ).encode()


def _document(body: bytes) -> Any:
    try:
        return json.loads(body or b"{}", parse_constant=_no_constant)
    except (ValueError, RecursionError) as error:
        raise ServiceError("SerializationException", "The body is not valid JSON.") from error


def _no_constant(name: str) -> float:
    raise ValueError(f"{name} is not JSON")


def _refusal(name: str, problems: list[Problem], assumptions: Assumptions) -> ServiceError:
    texts = "; ".join(f"{problem.member}: {problem.text}" for problem in problems)
    logger.warning("%s was refused: %s", name, texts)
    wrong_types = [problem.text for problem in problems if problem.kind == "type"]
    if wrong_types:
        return ServiceError("SerializationException", "; ".join(wrong_types))
    if any(problem.member == "MaxResults" for problem in problems):
        return _constraint_error(assumptions.page_size_error, problems)
    return _constraint_error(assumptions.shape_error, problems)


def _constraint_error(code: str, problems: list[Problem]) -> ServiceError:
    if code != "ValidationException":
        return ServiceError(code)
    texts = "; ".join(
        problem.text.replace("': Member", "' failed to satisfy constraint: Member")
        for problem in problems
    )
    noun = "error" if len(problems) == 1 else "errors"
    return ServiceError(code, f"{len(problems)} validation {noun} detected: {texts}")

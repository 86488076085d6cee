"""A web service that diagnoses images, with a model that runs only as long as the service does.

POST an image (JPEG, PNG or DICOM) as the body of a request to /diagnoses. It is read up to a limit,
held in memory, prepared, and forgotten: no image, no file name and no tag is written or logged. The
service has no access control, so put it behind your own sign-in and TLS.

Usage, to try it on this machine without a port: python examples/fastapi_service.py
In production, with one worker, in the folder of this file:
    RXRAY_VERSION=arn:aws:... RXRAY_POLICY=policy.json uvicorn fastapi_service:app

On AWS the model costs 4 USD an hour and unit from start to stop. The library stops it when the
service ends, when it may have cost MAX_COST, and after IDLE seconds without an image; after that
the service answers 503 until it is started again. If the service is killed,
examples/lambda_stop_expired.py stops its model.
"""

from __future__ import annotations

import logging
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Annotated

from fastapi import Depends, FastAPI, HTTPException, Request
from fastapi.concurrency import contextmanager_in_threadpool
from fastapi.responses import JSONResponse
from pydantic import BaseModel

import rekognition_xray as rx
from rekognition_xray.clinic.notices import NOTICE, TYPE_NOTICE
from rekognition_xray.cloud import meter
from rekognition_xray.errors import ImageError

MAX_BYTES = 64 * 2**20  # of an upload; a DICOM image of 16 bits can have 40 MB
MAX_COST, IDLE = "32.00", 3600.0
BODY = {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}}
log = logging.getLogger(__name__)


class Answer(BaseModel):
    """The answer of the service for an image."""

    finding: str
    referred: bool
    reason: str
    confidences: dict[str, float]
    version: str
    request_id: str
    notice: str = f"{NOTICE} {TYPE_NOTICE}"


@asynccontextmanager
async def lifespan(service: FastAPI) -> AsyncIterator[None]:
    """Keeps the model running. In a thread: a start takes minutes, and signals are the server's."""
    version = rx.ModelVersion.from_arn(os.environ["RXRAY_VERSION"], aws=rx.Aws())
    policy = rx.Policy.from_json(Path(os.environ["RXRAY_POLICY"]).read_text("utf-8"))
    running = version.running(max_cost=MAX_COST, idle_stop=IDLE)
    async with contextmanager_in_threadpool(running) as model:
        service.state.diagnoser = rx.Diagnoser(model, policy=policy)
        yield


app = FastAPI(title="A second opinion on chest X-rays", description=NOTICE, lifespan=lifespan)


async def image_of(request: Request) -> bytes:
    """The body, up to the limit; the length in its header is not trusted."""
    image = bytearray()
    async for piece in request.stream():
        image += piece
        if len(image) > MAX_BYTES:
            raise HTTPException(413, f"An image may have {MAX_BYTES / 2**20:.0f} MB.")
    return bytes(image)


@app.post("/diagnoses", openapi_extra={"requestBody": {"required": True, "content": BODY}})
def diagnose(image: Annotated[bytes, Depends(image_of)], request: Request) -> Answer:
    """One image; the call to AWS takes its time in a thread."""
    diagnosis = request.app.state.diagnoser.diagnose(image)
    return Answer(version=diagnosis.version_arn, **diagnosis.to_dict())


@app.get("/health")
def health(request: Request) -> JSONResponse:
    """200 while images can be diagnosed, else 503. Calls AWS, which is free; do not poll often."""
    version = request.app.state.diagnoser.version
    status = version.describe().status
    price = f"{version.run.per_hour} {version.run.currency} per hour"
    return JSONResponse({"model": status, "price": price}, 200 if status == "RUNNING" else 503)


@app.exception_handler(rx.XrayError)
def refused(_request: Request, error: rx.XrayError) -> JSONResponse:
    """Errors of the image go to the client; all others go to the log."""
    if isinstance(error, ImageError):
        return JSONResponse({"detail": error.reason, "code": error.code}, 422)
    log.error("%s: %s", type(error).__name__, error)
    later = {"Retry-After": "2"} if error.retryable else None
    return JSONResponse({"detail": "The model is not available now."}, 503, headers=later)


if __name__ == "__main__":
    from _practice import practice
    from fastapi.testclient import TestClient

    with practice() as images:
        with TestClient(app) as client:
            print("health:", client.get("/health").json())
            for image in {image.label: image for image in images}.values():
                reply = client.post("/diagnoses", content=image.path.read_bytes())
                print(f"an image labelled {image.label}: {reply.status_code} {reply.json()}")
            reply = client.post("/diagnoses", content=b"not an image")
            print(f"no image: {reply.status_code} {reply.json()}")
            reply = client.post("/diagnoses", content=bytes(MAX_BYTES + 1))
            print(f"too much: {reply.status_code} {reply.json()}")

            rx.Aws().rekognition.stop_project_version(ProjectVersionArn=os.environ["RXRAY_VERSION"])
            reply = client.post("/diagnoses", content=image.path.read_bytes())
            print(f"the model was stopped by hand: {reply.status_code} {reply.json()}")
            print("health:", client.get("/health").json())
        print("the service has ended; models still running:", len(meter.running(rx.Aws())))

"""Throughput of the local cloud over HTTP: eight keep-alive clients in raw sockets, one server.

The server and the clients are processes of their own, as they are where an application is tested
against ``serve``; boto3 as a client would cost more than the server. Run it with ``make bench``.
"""

from __future__ import annotations

import base64
import http.client
import io
import json
import multiprocessing
import shlex
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

import boto3
import numpy as np
from PIL import Image

from rekognition_xray.local.session import local_session

CLIENTS: Final = 8
SECONDS: Final = 4.0
SIDE: Final = 224
BUCKET: Final = "images"
SIGNED: Final = (
    "AWS4-HMAC-SHA256 Credential=123456789012/20260102/us-east-1/rekognition/aws4_request, "
    "SignedHeaders=host;x-amz-date, Signature=0"
)
Members = dict[str, Any]


@contextmanager
def serving() -> Iterator[str]:
    """A server process; gives its address."""
    command = [sys.executable, "-m", "rekognition_xray.local", "serve", "--port", "0"]
    with subprocess.Popen(
        [*command, "--bucket", BUCKET], stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        address = ""
        for row in process.stdout:
            if row.startswith("export AWS_ENDPOINT_URL="):
                address = shlex.split(row)[1].partition("=")[2]
            if row.startswith("# ready"):
                break
        try:
            yield address
        finally:
            process.terminate()
            process.communicate()


def image(label: str, number: int) -> bytes:
    """A noisy square of SIDE pixels, brighter for one label than for the other."""
    noise = np.random.default_rng([number, len(label)]).normal(0, 15, (SIDE, SIDE))
    noise += {"normal": 80, "viral": 160}[label]
    noise[: SIDE // 2] -= 40 if label == "viral" else 0
    buffer = io.BytesIO()
    Image.fromarray(noise.clip(0, 255).astype("uint8")).save(buffer, "JPEG", quality=95)
    return buffer.getvalue()


def line(key: str, label: str) -> str:
    """A manifest line for one image."""
    metadata = {
        "confidence": 1,
        "job-name": "labeling-job/finding",
        "class-name": label,
        "human-annotated": "yes",
        "creation-date": "2026-01-02T03:04:05.678",
        "type": "groundtruth/image-classification",
    }
    data = {"source-ref": f"s3://{BUCKET}/{key}", "finding": 1, "finding-metadata": metadata}
    return json.dumps(data)


def prepare(session: boto3.Session, per_label: int = 100) -> tuple[str, str, str]:
    """Trains and starts a model; gives the ARNs of its project, a dataset and itself."""
    s3, rekognition = session.client("s3"), session.client("rekognition")
    lines = []
    for label in ("normal", "viral"):
        for number in range(per_label):
            key = f"{label}/{number}.jpeg"
            s3.put_object(Bucket=BUCKET, Key=key, Body=image(label, number))
            lines.append(line(key, label))
    project = rekognition.create_project(ProjectName="bench")["ProjectArn"]
    dataset = ""
    for kind, part in (("TRAIN", lines[::2]), ("TEST", lines[1::2])):
        s3.put_object(Bucket=BUCKET, Key=f"{kind}.manifest", Body="\n".join(part))
        place = {"S3Object": {"Bucket": BUCKET, "Name": f"{kind}.manifest"}}
        dataset = rekognition.create_dataset(
            ProjectArn=project, DatasetType=kind, DatasetSource={"GroundTruthManifest": place}
        )["DatasetArn"]
        rekognition.describe_dataset(DatasetArn=dataset)
    version = rekognition.create_project_version(
        ProjectArn=project, VersionName="v1", OutputConfig={"S3Bucket": BUCKET}
    )["ProjectVersionArn"]
    rekognition.get_waiter("project_version_training_completed").wait(ProjectArn=project)
    rekognition.start_project_version(ProjectVersionArn=version, MinInferenceUnits=1)
    rekognition.get_waiter("project_version_running").wait(ProjectArn=project)
    return project, dataset, version


def client(address: str, operation: str, body: bytes, begin: Any, waits: Any) -> None:
    """Sends one request again and again; puts the wait for each reply, in seconds."""
    host, _, port = address.removeprefix("http://").partition(":")
    connection = http.client.HTTPConnection(host, int(port), timeout=60)
    headers = {
        "Authorization": SIGNED,
        "Content-Type": "application/x-amz-json-1.1",
        "X-Amz-Target": f"RekognitionService.{operation}",
    }
    seen = []
    begin.wait()
    end = time.monotonic() + SECONDS
    while (sent := time.monotonic()) < end:
        connection.request("POST", "/", body, headers)
        reply = connection.getresponse()
        answer = reply.read()
        if reply.status != 200:
            raise RuntimeError(f"{operation}: {reply.status} {answer.decode()}")
        seen.append(time.monotonic() - sent)
    connection.close()
    waits.put(seen)


def measure(address: str, operation: str, members: Members) -> str:
    """One row of the table: replies a second over all clients, and how long one waits."""
    context = multiprocessing.get_context("spawn")
    begin, waits = context.Barrier(CLIENTS), context.Queue()
    body = json.dumps(members).encode()
    processes = [
        context.Process(target=client, args=(address, operation, body, begin, waits))
        for _ in range(CLIENTS)
    ]
    for process in processes:
        process.start()
    seen = np.concatenate([waits.get(timeout=120) for _ in processes])
    for process in processes:
        process.join()
    middle, high = np.percentile(seen, (50, 99)) * 1000
    return f"{operation:26}{len(seen) / SECONDS:10.0f}{middle:12.1f}{high:12.1f}"


def main() -> None:
    with serving() as address:
        session = local_session(address, access_key="123456789012", region="us-east-1")
        project, dataset, version = prepare(session)
        member = {"Bytes": base64.b64encode(image("viral", 7)).decode()}
        asked: dict[str, Members] = {
            "DescribeProjects": {},
            "DescribeDataset": {"DatasetArn": dataset},
            "DescribeProjectVersions": {"ProjectArn": project},
            "ListTagsForResource": {"ResourceArn": version},
            "ListDatasetEntries": {"DatasetArn": dataset, "MaxResults": 10},
            "DetectCustomLabels": {"ProjectVersionArn": version, "Image": member},
        }
        print(f"{CLIENTS} keep-alive clients, images of {SIDE} pixels, learner fast")
        print(f"{'operation':26}{'calls/s':>10}{'median ms':>12}{'p99 ms':>12}")
        for operation, members in asked.items():
            print(measure(address, operation, members), flush=True)


if __name__ == "__main__":
    main()

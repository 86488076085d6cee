"""A local cloud for each test, on one port, so that boto3's slow clients are made only once."""

from __future__ import annotations

import io
import json
import socket
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import attrs
import boto3
import numpy as np
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError
from PIL import Image

from rekognition_xray.local import LocalCloud
from rekognition_xray.local.cloud import ACCOUNT
from rekognition_xray.local.session import local_session

from ..support.learner import MeanLearner

BUCKET = "images"
Members = dict[str, Any]


LEVELS = {"normal": 60, "bacterial": 130, "viral": 200}


def image(
    label: str, number: int = 0, *, size: tuple[int, int] = (80, 64), kind: str = "JPEG"
) -> bytes:
    """A noisy square; its brightness tells the label, and so does the place of a dark band."""
    width, height = size
    grey = np.random.default_rng([number, *label.encode()]).normal(0, 12, (height, width))
    grey += LEVELS.get(label, 20)
    band = height * sorted(LEVELS).index(label) // 3 if label in LEVELS else height
    grey[band : band + height // 3] -= 50
    grey = grey.clip(0, 255).astype("uint8")
    buffer = io.BytesIO()
    Image.fromarray(grey).save(buffer, kind)
    return buffer.getvalue()


def label_attribute(label: str, name: str = "finding") -> Members:
    return {
        name: 1,
        f"{name}-metadata": {
            "confidence": 1,
            "job-name": "labeling-job/by-hand",
            "class-name": label,
            "human-annotated": "yes",
            "creation-date": "2026-01-02T03:04:05.678",
            "type": "groundtruth/image-classification",
        },
    }


def line(key: str, *labels: str, bucket: str = BUCKET) -> str:
    data: Members = {"source-ref": f"s3://{bucket}/{key}"}
    for number, label in enumerate(labels):
        data |= label_attribute(label, f"finding{number}")
    return json.dumps(data)


@attrs.frozen
class Desk:
    """A user's view of one local cloud: clients, and the steps that many tests begin with."""

    cloud: LocalCloud
    rekognition: Any
    s3: Any

    def call(self, operation: str, **members: Any) -> Members:
        """The reply to one operation, named as on the wire."""
        return self.rekognition._make_api_call(operation, members)

    def refused(self, operation: str, **members: Any) -> str:
        """The code of the error that an operation answers with."""
        with pytest.raises(ClientError) as caught:
            self.call(operation, **members)
        return caught.value.response["Error"]["Code"]

    def put(self, key: str, data: bytes | str, bucket: str = BUCKET) -> None:
        self.s3.put_object(Bucket=bucket, Key=key, Body=data)

    def put_images(
        self, per_label: int = 6, labels: Sequence[str] = ("normal", "viral")
    ) -> list[str]:
        """Uploads images and tells their manifest lines."""
        lines = []
        for label in labels:
            for number in range(per_label):
                key = f"{label}/{number}.jpeg"
                self.put(key, image(label, number))
                lines.append(line(key, label))
        return lines

    def project(self, name: str = "pneumonia") -> str:
        return self.call("CreateProject", ProjectName=name)["ProjectArn"]

    def manifest(self, lines: Sequence[str], key: str = "all.manifest") -> Members:
        self.put(key, "\n".join(lines))
        return {"GroundTruthManifest": {"S3Object": {"Bucket": BUCKET, "Name": key}}}

    def dataset(self, project: str, kind: str = "TRAIN", lines: Sequence[str] | None = None) -> str:
        """A dataset whose creation has ended."""
        source = (
            {} if lines is None else {"DatasetSource": self.manifest(lines, f"{kind}.manifest")}
        )
        arn = self.call("CreateDataset", ProjectArn=project, DatasetType=kind, **source)[
            "DatasetArn"
        ]
        self.described(arn)
        return arn

    def filled(self, seconds: float = 60) -> str:
        """A project with both datasets, at pace manual: they are done after so many seconds."""
        project, lines = self.project(), self.put_images(2)
        for kind in ("TRAIN", "TEST"):
            self.dataset(project, kind, lines)
            self.cloud.advance(seconds)
        return project

    def described(self, dataset: str) -> Members:
        return self.call("DescribeDataset", DatasetArn=dataset)["DatasetDescription"]

    def entries(self, dataset: str, **filters: Any) -> list[Members]:
        found = self.call("ListDatasetEntries", DatasetArn=dataset, **filters)["DatasetEntries"]
        return [json.loads(text) for text in found]

    def train(self, project: str, name: str = "v1", **members: Any) -> str:
        """A version whose training has ended, one way or the other."""
        output = members.pop("OutputConfig", {"S3Bucket": BUCKET, "S3KeyPrefix": "models"})
        arn = self.call(
            "CreateProjectVersion",
            ProjectArn=project,
            VersionName=name,
            OutputConfig=output,
            **members,
        )["ProjectVersionArn"]
        self.version(arn)
        return arn

    def version(self, arn: str) -> Members:
        project, _, rest = arn.partition("/version/")
        name = rest.split("/")[0]
        found = self.call(
            "DescribeProjectVersions", ProjectArn=self._project_arn(project), VersionNames=[name]
        )["ProjectVersionDescriptions"]
        return found[0] if found else {}

    def trained(self, **images: Any) -> str:
        """A version that is trained on a few images, tested on others of the same."""
        project = self.project()
        lines = self.put_images(**images)
        self.dataset(project, "TRAIN", lines[::2])
        self.dataset(project, "TEST", lines[1::2])
        return self.train(project)

    def running(self, **images: Any) -> str:
        arn = self.trained(**images)
        self.call("StartProjectVersion", ProjectVersionArn=arn, MinInferenceUnits=1)
        assert self.version(arn)["Status"] == "RUNNING"
        return arn

    def object(self, place: Mapping[str, Any]) -> str:
        """The text of a result file, by what Describe says of its place."""
        where = place["S3Object"]
        return self.s3.get_object(Bucket=where["Bucket"], Key=where["Name"])["Body"].read().decode()

    def _project_arn(self, beginning: str) -> str:
        name = beginning.rpartition("/")[2]
        found = self.call("DescribeProjects", ProjectNames=[name])["ProjectDescriptions"]
        return found[0]["ProjectArn"]


@pytest.fixture(scope="session")
def port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as free:
        return free.getsockname()[1]


@pytest.fixture(scope="session")
def session(port: int) -> boto3.Session:
    return local_session(f"http://127.0.0.1:{port}", access_key=ACCOUNT, region="us-east-1")


@pytest.fixture(scope="session")
def clients(session: boto3.Session) -> tuple[Any, Any]:
    # One attempt: botocore would repeat LimitExceeded and faults, and wait in between.
    # No validation: what botocore checks has to be checked by the service too.
    once = Config(retries={"total_max_attempts": 1}, parameter_validation=False)
    return session.client("rekognition", config=once), session.client("s3", config=once)


@pytest.fixture
def learner() -> MeanLearner:
    return MeanLearner()


OpenDesk = Callable[..., Desk]


@pytest.fixture
def open_desk(port: int, clients: tuple[Any, Any], learner: MeanLearner) -> Iterator[OpenDesk]:
    """Starts a local cloud with the settings that a test wants; it ends with the test."""
    started: list[LocalCloud] = []

    def opened(**settings: Any) -> Desk:
        settings = {"buckets": [BUCKET], "learner": learner, "check": True, **settings}
        cloud = LocalCloud(port=port, **settings)
        cloud.start()
        started.append(cloud)
        return Desk(cloud, *clients)

    yield opened
    for cloud in started:
        cloud.close()


@pytest.fixture
def desk(open_desk: OpenDesk) -> Desk:
    return open_desk()


@pytest.fixture(name="line")
def line_() -> Callable[..., str]:
    """Writes a manifest line: `line("key", "label", ...)`."""
    return line


@pytest.fixture(name="image")
def image_() -> Callable[..., bytes]:
    """Draws an image: `image("label", number, size=(w, h), kind="JPEG")`."""
    return image

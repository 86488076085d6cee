"""`serve --data` killed at random moments: what was answered is there again afterwards."""

from __future__ import annotations

import http.client
import json
import random
import shlex
import signal
import subprocess
import sys
import threading
import time

import attrs
import pytest

from rekognition_xray.local.session import local_session

pytestmark = pytest.mark.heavy

SIGNATURE = (
    "AWS4-HMAC-SHA256 Credential=123456789012/20260101/us-east-1/rekognition/aws4_request, x"
)
POLICY = json.dumps(
    {
        "Statement": {
            "Effect": "Allow",
            "Principal": "*",
            "Action": "rekognition:CopyProjectVersion",
            "Resource": "*",
        }
    }
)


class RefusedError(Exception):
    pass


@attrs.define
class Served:
    """One process of the command, and a way to ask it."""

    process: subprocess.Popen
    url: str
    rows: list[str]

    def ask(self, operation, **members):
        """The reply. Raises OSError or HTTPException when the process is gone."""
        connection = http.client.HTTPConnection(self.url.removeprefix("http://"), timeout=30)
        try:
            headers = {
                "X-Amz-Target": f"RekognitionService.{operation}",
                "Authorization": SIGNATURE,
            }
            connection.request("POST", "/", json.dumps(members), headers)
            reply = connection.getresponse()
            found = json.loads(reply.read())
        finally:
            connection.close()
        if reply.status != 200:
            raise RefusedError(found["__type"])
        return found

    def kill(self):
        self.process.send_signal(signal.SIGKILL)
        self.process.communicate(timeout=20)


@pytest.fixture
def serve(tmp_path):
    started = []

    def served(*arguments):
        command = [sys.executable, "-m", "rekognition_xray.local", "serve", "--port", "0"]
        process = subprocess.Popen(
            [*command, "--data", str(tmp_path / "data"), *arguments],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        started.append(process)
        rows = []
        for row in iter(process.stdout.readline, ""):
            rows.append(row)
            if row.startswith("# ready"):
                (url,) = [
                    shlex.split(one.partition("=")[2])[0] for one in rows if "ENDPOINT_URL=" in one
                ]
                return Served(process, url, rows)
        raise AssertionError(process.stderr.read())

    yield served
    for process in started:
        process.kill()
        process.communicate()


@attrs.define
class Diary:
    """What was answered, by project; `open` is the project of the request that was not."""

    projects: dict[str, dict] = attrs.field(factory=dict)
    open: str = ""

    def write(self, cloud, number):
        """A few requests about one new project, and sometimes the end of an old one."""
        self.open = name = f"p{number}"
        arn = cloud.ask("CreateProject", ProjectName=name)["ProjectArn"]
        about = self.projects[name] = {"arn": arn, "tags": {}, "policies": {}, "datasets": {}}
        cloud.ask("TagResource", ResourceArn=arn, Tags={"a": name})
        about["tags"]["a"] = name
        for policy in ("x", "y"):
            about["policies"][policy] = cloud.ask(
                "PutProjectPolicy", ProjectArn=arn, PolicyName=policy, PolicyDocument=POLICY
            )["PolicyRevisionId"]
        dataset = cloud.ask("CreateDataset", ProjectArn=arn, DatasetType="TRAIN")["DatasetArn"]
        cloud.ask("DescribeDataset", DatasetArn=dataset)
        about["datasets"][dataset] = 0
        if len(self.projects) > 3 and (number % 3 == 0 or len(self.projects) > 50):  # of 100
            self._end_one(cloud)

    def _end_one(self, cloud):
        name = next(iter(self.projects))
        self.open, about = name, self.projects[name]
        for dataset in list(about["datasets"]):
            cloud.ask("DeleteDataset", DatasetArn=dataset)
            cloud.ask("DescribeProjects", ProjectNames=[name])
        cloud.ask("DeleteProject", ProjectArn=about["arn"])
        del self.projects[name]
        self.open = ""

    def compare(self, cloud):
        """Asserts that the cloud knows what was answered, and drops what was not."""
        found = {}
        token = ""
        while token is not None:
            page = cloud.ask("DescribeProjects", NextToken=token)
            found |= {one["ProjectArn"].split("/")[1]: one for one in page["ProjectDescriptions"]}
            token = page.get("NextToken")
        assert found.keys() - {self.open} == self.projects.keys() - {self.open}
        for name, about in self.projects.items():
            if name != self.open:
                self._compare_one(cloud, found[name], about)
        self._drop(cloud, found.get(self.open))

    def _compare_one(self, cloud, shown, about):
        arn = about["arn"]
        assert shown["ProjectArn"] == arn
        assert cloud.ask("ListTagsForResource", ResourceArn=arn)["Tags"] == about["tags"]
        listed = cloud.ask("ListProjectPolicies", ProjectArn=arn)["ProjectPolicies"]
        assert {one["PolicyName"]: one["PolicyRevisionId"] for one in listed} == about["policies"]
        states = {one["DatasetArn"]: one["Status"] for one in shown["Datasets"]}
        assert states == dict.fromkeys(about["datasets"], "CREATE_COMPLETE")

    def _drop(self, cloud, shown):
        self.projects.pop(self.open, None)
        if shown is None:
            return
        for dataset in shown["Datasets"]:
            assert dataset["Status"] in {"CREATE_COMPLETE", "CREATE_FAILED"}
            cloud.ask("DeleteDataset", DatasetArn=dataset["DatasetArn"])
            cloud.ask("DescribeProjects", ProjectNames=[self.open])
        cloud.ask("DeleteProject", ProjectArn=shown["ProjectArn"])
        cloud.ask("DescribeProjects", ProjectNames=[self.open])


@pytest.mark.parametrize("rounds", [3, pytest.param(50, marks=pytest.mark.soak)])
def test_what_was_answered_outlives_a_kill_at_any_moment(serve, rounds):
    draw, diary, number = random.Random(7), Diary(), 0
    cloud = serve()
    for _ in range(rounds):
        killer = threading.Timer(draw.uniform(0.05, 0.6), cloud.process.kill)
        killer.start()
        before = number
        try:
            while True:
                number += 1
                diary.write(cloud, number)
        except (OSError, http.client.HTTPException, ValueError):
            killer.join()
        assert number > before
        cloud.kill()
        cloud = serve()
        diary.compare(cloud)


def ended(cloud, **names):
    """The version's description once its work has ended."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        (shown,) = cloud.ask("DescribeProjectVersions", **names)["ProjectVersionDescriptions"]
        if not shown["Status"].endswith(("ING", "PROGRESS")) or shown["Status"] == "RUNNING":
            return shown
    raise AssertionError(shown)


def test_models_detect_after_a_kill_and_a_training_that_was_cut_off_has_failed(serve, image, line):
    cloud = serve("--bucket", "images")
    assert not any("S3 objects ended" in row for row in cloud.rows)
    s3 = local_session(cloud.url, access_key="123456789012", region="us-east-1").client("s3")
    lines = []
    for number in range(16):
        label = ("normal", "viral")[number % 2]
        s3.put_object(Bucket="images", Key=f"{number}.jpeg", Body=image(label, number))
        lines.append(line(f"{number}.jpeg", label))
    s3.put_object(Bucket="images", Key="all.manifest", Body="\n".join(lines).encode())
    source = {"GroundTruthManifest": {"S3Object": {"Bucket": "images", "Name": "all.manifest"}}}
    project = cloud.ask("CreateProject", ProjectName="p")["ProjectArn"]
    for kind in ("TRAIN", "TEST"):
        dataset = cloud.ask(
            "CreateDataset", ProjectArn=project, DatasetType=kind, DatasetSource=source
        )["DatasetArn"]
        cloud.ask("DescribeDataset", DatasetArn=dataset)
    order = {"ProjectArn": project, "OutputConfig": {"S3Bucket": "images"}}
    first = cloud.ask("CreateProjectVersion", VersionName="v1", **order)["ProjectVersionArn"]
    assert ended(cloud, ProjectArn=project)["Status"] == "TRAINING_COMPLETED"
    cloud.ask("StartProjectVersion", ProjectVersionArn=first, MinInferenceUnits=1)
    assert ended(cloud, ProjectArn=project)["Status"] == "RUNNING"
    place = {"S3Object": {"Bucket": "images", "Name": "1.jpeg"}}
    labels = cloud.ask("DetectCustomLabels", ProjectVersionArn=first, Image=place)["CustomLabels"]
    cloud.ask("CreateProjectVersion", VersionName="v2", **order)
    cloud.kill()

    cloud = serve("--bucket", "images")
    assert any("S3 objects ended" in row for row in cloud.rows)
    cut = ended(cloud, ProjectArn=project, VersionNames=["v2"])
    assert cut["Status"] == "TRAINING_FAILED"
    assert "cut off" in cut["StatusMessage"]
    assert ended(cloud, ProjectArn=project, VersionNames=["v1"])["Status"] == "RUNNING"
    s3 = local_session(cloud.url, access_key="123456789012", region="us-east-1").client("s3")
    s3.put_object(Bucket="images", Key="1.jpeg", Body=image("viral", 1))
    again = cloud.ask("DetectCustomLabels", ProjectVersionArn=first, Image=place)["CustomLabels"]
    assert again == labels
    shown = cloud.ask("DescribeDataset", DatasetArn=dataset)["DatasetDescription"]
    assert shown["StatusMessage"].startswith("15 of the first 16 images are not in S3")

"""Many clients at once mix all operations: nobody meets a fault, nothing stays half done."""

from __future__ import annotations

import base64
import http.client
import json
import random
import re
import threading
import time
from collections import Counter

import attrs
import pytest

from rekognition_xray.local.http import OPERATIONS
from rekognition_xray.local.services import service_model

SCOPE = "AWS4-HMAC-SHA256 Credential={}/20260102/us-east-1/{}/aws4_request, Signature=0"
LABELS = ("normal", "viral")
TRANSIENT = re.compile(r"CREATING|.*_IN_PROGRESS|STARTING|STOPPING|DELETING")
NO_ANSWER = 90  # seconds; a client that waits longer has met a deadlock


def modelled(operation):
    return {shape.name for shape in service_model().operation_model(operation).error_shapes}


@attrs.define
class Wire:
    """One account's keep-alive connection; collects what may not happen."""

    address: str
    account: str
    faults: list[str]
    asked: Counter[str] = attrs.field(factory=Counter)
    granted: Counter[str] = attrs.field(factory=Counter)
    _connection: http.client.HTTPConnection | None = None

    def ask(self, operation, **members):
        """The reply's members, or none after a refusal that the model knows."""
        headers = {
            "Authorization": SCOPE.format(self.account, "rekognition"),
            "X-Amz-Target": f"RekognitionService.{operation}",
        }
        status, body = self.send("POST", "/", json.dumps(members).encode(), headers)
        document = json.loads(body)
        self.asked[operation] += 1
        if status == 200:
            self.granted[operation] += 1
            return document
        if status != 400 or document["__type"] not in modelled(operation):
            self.faults.append(f"{operation} {members}: {status} {document}")
        return {}

    def put(self, key, data=b""):
        headers = {"Authorization": SCOPE.format(self.account, "s3")}
        status, body = self.send("PUT", f"/{self.account}/{key}", data, headers)
        if status != 200:
            self.faults.append(f"PUT {key}: {status} {body.decode()}")

    def send(self, method, path, body, headers):
        if self._connection is None:
            host, port = self.address.removeprefix("http://").split(":")
            self._connection = http.client.HTTPConnection(host, int(port), timeout=NO_ANSWER)
        self._connection.request(method, path, body, headers)
        reply = self._connection.getresponse()
        return reply.status, reply.read()

    def close(self):
        if self._connection is not None:
            self._connection.close()


class Client:
    """Does one thing after another at random, with what its account's clients know of."""

    def __init__(self, wire, known, image, line, seed):
        self.wire, self.known, self.image, self.line = wire, known, image, line
        self.random = random.Random(seed)
        self.steps = [getattr(self, name) for name in dir(Client) if name.startswith("do_")]
        self.weights = [0.15 if "_delete" in step.__name__ else 1 for step in self.steps]

    def step(self):
        self.random.choices(self.steps, self.weights)[0]()

    def pick(self, kind):
        return self.random.choice([*self.known[kind], _absent(kind)])

    def remember(self, kind, arn):
        if arn is not None:
            self.known[kind] = (*self.known[kind], arn)[-12:]

    def do_create_project(self):
        name = f"p{self.random.randrange(6)}"
        self.remember("project", self.wire.ask("CreateProject", ProjectName=name).get("ProjectArn"))

    def do_describe_projects(self):
        for shown in self.wire.ask("DescribeProjects").get("ProjectDescriptions", ()):
            for dataset in shown["Datasets"]:
                self.remember("dataset", dataset["DatasetArn"])

    def do_delete_project(self):
        self.wire.ask("DeleteProject", ProjectArn=self.pick("project"))

    def do_create_dataset(self):
        members = {
            "ProjectArn": self.pick("project"),
            "DatasetType": self.random.choice(("TRAIN", "TEST")),
        }
        if members["DatasetType"] == "TRAIN" or self.random.random() < 0.5:
            place = {"S3Object": {"Bucket": self.wire.account, "Name": "all.manifest"}}
            members["DatasetSource"] = {"GroundTruthManifest": place}
        self.remember("dataset", self.wire.ask("CreateDataset", **members).get("DatasetArn"))

    def do_describe_dataset(self):
        self.wire.ask("DescribeDataset", DatasetArn=self.pick("dataset"))

    def do_delete_dataset(self):
        self.wire.ask("DeleteDataset", DatasetArn=self.pick("dataset"))

    def do_update(self):
        number, label = self.random.randrange(9), self.random.choice(LABELS)
        text = self.line(f"{label}/{number}", label, bucket=self.wire.account)
        changes = {"GroundTruth": base64.b64encode(text.encode()).decode()}
        self.wire.ask("UpdateDatasetEntries", DatasetArn=self.pick("dataset"), Changes=changes)

    def do_distribute(self):
        one = self.pick("dataset")
        siblings = [arn for arn in self.known["dataset"] if _project(arn) == _project(one)]
        pair = [{"Arn": one}, {"Arn": self.random.choice([*siblings, one])}]
        self.wire.ask("DistributeDatasetEntries", Datasets=pair)

    def do_list(self):
        self.wire.ask("ListDatasetEntries", DatasetArn=self.pick("dataset"), MaxResults=3)
        self.wire.ask("ListDatasetLabels", DatasetArn=self.pick("dataset"))

    def do_train(self):
        made = self.wire.ask(
            "CreateProjectVersion",
            ProjectArn=self.pick("project"),
            VersionName=f"v{self.random.randrange(6)}",
            OutputConfig={"S3Bucket": self.wire.account, "S3KeyPrefix": "out"},
        )
        self.remember("version", made.get("ProjectVersionArn"))

    def do_describe_versions(self):
        found = self.wire.ask("DescribeProjectVersions", ProjectArn=self.pick("project"))
        for shown in found.get("ProjectVersionDescriptions", ()):
            self.remember("version", shown["ProjectVersionArn"])

    def do_copy(self):
        source = self.pick("version")
        made = self.wire.ask(
            "CopyProjectVersion",
            SourceProjectArn=self.pick("project"),
            SourceProjectVersionArn=source,
            DestinationProjectArn=self.pick("project"),
            VersionName=f"c{self.random.randrange(6)}",
            OutputConfig={"S3Bucket": self.wire.account},
        )
        self.remember("version", made.get("ProjectVersionArn"))

    def do_start(self):
        arn = self.pick("version")
        self.wire.ask("StartProjectVersion", ProjectVersionArn=arn, MinInferenceUnits=1)

    def do_stop(self):
        self.wire.ask("StopProjectVersion", ProjectVersionArn=self.pick("version"))

    def do_delete_version(self):
        self.wire.ask("DeleteProjectVersion", ProjectVersionArn=self.pick("version"))

    def do_detect(self):
        image = {"Bytes": base64.b64encode(self.image).decode()}
        for _ in range(3):
            arn = self.pick("version")
            self.wire.ask("DetectCustomLabels", ProjectVersionArn=arn, Image=image)

    def do_policies(self):
        project = self.pick("project")
        statement = {
            "Effect": "Allow",
            "Principal": "*",
            "Action": "rekognition:CopyProjectVersion",
            "Resource": "*",
        }
        document = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
        self.wire.ask(
            "PutProjectPolicy", ProjectArn=project, PolicyName="all", PolicyDocument=document
        )
        self.wire.ask("ListProjectPolicies", ProjectArn=project)

    def do_delete_policy(self):
        self.wire.ask("DeleteProjectPolicy", ProjectArn=self.pick("project"), PolicyName="all")

    def do_tags(self):
        arn = self.pick(self.random.choice(("project", "dataset", "version")))
        self.wire.ask("TagResource", ResourceArn=arn, Tags={"k": "v", "l": "w"})
        self.wire.ask("ListTagsForResource", ResourceArn=arn)
        self.wire.ask("UntagResource", ResourceArn=arn, TagKeys=["k"])

    def do_put_object(self):
        self.wire.put(f"loose/{self.random.randrange(20)}", b"x" * self.random.randrange(2000))


def _project(arn):
    return arn.split("/")[1]


def _absent(kind):
    tail = {"project": "", "dataset": "/dataset/train", "version": "/version/v"}[kind]
    return f"arn:aws:rekognition:us-east-1:123456789012:project/absent{tail}/1234567890123"


def soak(desk, image, line, *, clients, accounts, seconds):
    """Lets the clients work side by side; counts what was asked for, and what was granted."""
    faults, wires, workers = [], [], []
    numbers = [f"{number:012}" for number in range(1, accounts + 1)]
    for account in numbers:
        wire = Wire(desk.cloud.endpoint_url, account, faults)
        _prepare(wire, image, line)
        wires.append(wire)
    known = {number: dict.fromkeys(("project", "dataset", "version"), ()) for number in numbers}
    end = time.monotonic() + seconds

    def work(client):
        try:
            while time.monotonic() < end and not faults:
                client.step()
        except Exception as error:  # noqa: BLE001 - whatever it is, the test tells it
            faults.append(f"a client gave up: {error!r}")

    for number in range(clients):
        account = numbers[number % accounts]
        wire = Wire(desk.cloud.endpoint_url, account, faults)
        wires.append(wire)
        client = Client(wire, known[account], image("viral"), line, number)
        workers.append(threading.Thread(target=work, args=(client,)))
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(seconds + NO_ANSWER)
    assert not faults
    assert not any(worker.is_alive() for worker in workers)
    for wire in wires[:accounts]:
        _check_at_rest(wire)
    assert not faults
    for wire in wires:
        wire.close()
    return (
        sum((wire.asked for wire in wires), Counter()),
        sum((wire.granted for wire in wires), Counter()),
    )


def _prepare(wire, image, line):
    wire.put("")
    lines = []
    for label in LABELS:
        for number in range(6):
            wire.put(f"{label}/{number}", image(label, number))
            lines.append(line(f"{label}/{number}", label, bucket=wire.account))
    wire.put("all.manifest", "\n".join(lines).encode())


def _check_at_rest(wire):
    """Once nobody works any more, every resource has come to rest, and all views of it agree."""
    projects = wire.ask("DescribeProjects")["ProjectDescriptions"]
    running = 0
    for project in projects:
        versions = wire.ask("DescribeProjectVersions", ProjectArn=project["ProjectArn"])
        shown = versions["ProjectVersionDescriptions"]
        running += sum(version["Status"] == "RUNNING" for version in shown)
        for version in shown:
            assert not TRANSIENT.fullmatch(version["Status"]), version
        for dataset in project["Datasets"]:
            assert not TRANSIENT.fullmatch(dataset["Status"]), dataset
            _check_entries(wire, dataset)
        assert project["Status"] == "CREATED"
    assert running <= 2


def _check_entries(wire, dataset):
    arn = dataset["DatasetArn"]
    stats = wire.ask("DescribeDataset", DatasetArn=arn)["DatasetDescription"]["DatasetStats"]
    if dataset["Status"] != "CREATE_FAILED":
        entries = wire.ask("ListDatasetEntries", DatasetArn=arn)["DatasetEntries"]
        labels = wire.ask("ListDatasetLabels", DatasetArn=arn)["DatasetLabelDescriptions"]
        references = [json.loads(entry)["source-ref"] for entry in entries]
        assert len(set(references)) == len(references) == stats["TotalEntries"]
        assert len(labels) == stats["TotalLabels"]


def test_a_few_clients_mix_all_operations_without_a_fault(desk, image, line):
    asked, _ = soak(desk, image, line, clients=12, accounts=3, seconds=3)
    assert asked.keys() == OPERATIONS.keys()


@pytest.mark.soak
def test_two_hundred_clients_mix_all_operations_for_a_minute_without_a_fault(
    desk, image, line, capsys
):
    asked, granted = soak(desk, image, line, clients=200, accounts=20, seconds=60)
    with capsys.disabled():
        print(f"\n{asked.total()} asked: {asked}\n{granted.total()} granted: {granted}")  # noqa: T201
    assert granted.keys() == asked.keys() == OPERATIONS.keys()

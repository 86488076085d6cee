"""Every operation in every state of a dataset and of a version.

The tables are those of AWS's documentation. A cell that it leaves open says `ASSUMED`: there the
cloud of these tests is configured with an answer, and has to answer that.
"""

from __future__ import annotations

import io
import itertools

import attrs
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError
from PIL import Image

from rekognition_xray.local import Assumptions, Limits, LocalCloud
from rekognition_xray.local.manifests import Entry
from rekognition_xray.local.services import service_model
from rekognition_xray.local.state import Dataset, Version

OK, IN_USE, NOT_READY = "ok", "ResourceInUseException", "ResourceNotReadyException"
ASSUMED = "AssumedException"
ACCOUNT = "arn:aws:rekognition:us-east-1:123456789012:"
LINE = b'{"source-ref":"s3://images/new.jpeg"}'

CLOSED = Assumptions(
    failed_dataset_update=ASSUMED,
    failed_dataset_training=ASSUMED,
    busy_dataset_listing=ASSUMED,
    dataset_deletion=ASSUMED,
    busy_dataset_training=ASSUMED,
    unready_distribution=ASSUMED,
    failed_update=ASSUMED,
    failed_version_start=ASSUMED,
    unstartable_version=ASSUMED,
    unstoppable_version=ASSUMED,
    undeletable_version=ASSUMED,
    uncopyable_version=ASSUMED,
    startable=frozenset({"TRAINING_COMPLETED", "COPYING_COMPLETED", "STOPPED"}),
    copyable=frozenset({"TRAINING_COMPLETED", "COPYING_COMPLETED", "STOPPED"}),
)
OPEN = attrs.evolve(
    CLOSED,
    failed_update=None,
    startable=CLOSED.startable | {"FAILED"},
    copyable=CLOSED.copyable | {"RUNNING"},
)

DATASET_STATES = (
    *("CREATE_IN_PROGRESS", "UPDATE_IN_PROGRESS", "CREATE_COMPLETE", "UPDATE_COMPLETE"),
    *("CREATE_FAILED", "UPDATE_FAILED", "DELETE_IN_PROGRESS"),
)
DATASETS = {
    "DescribeDataset": (OK, OK, OK, OK, OK, OK, OK),
    "UpdateDatasetEntries": (IN_USE, IN_USE, OK, OK, ASSUMED, ASSUMED, ASSUMED),
    "DistributeDatasetEntries": (NOT_READY, NOT_READY, OK, OK, ASSUMED, ASSUMED, ASSUMED),
    "ListDatasetEntries": (NOT_READY, ASSUMED, OK, OK, ASSUMED, OK, ASSUMED),
    "ListDatasetLabels": (NOT_READY, ASSUMED, OK, OK, ASSUMED, OK, ASSUMED),
    "DeleteDataset": (IN_USE, IN_USE, OK, OK, OK, OK, ASSUMED),
    "CreateProjectVersion": (ASSUMED, ASSUMED, OK, OK, ASSUMED, ASSUMED, ASSUMED),
}
VERSION_STATES = tuple(service_model().shape_for("ProjectVersionStatus").enum)
STARTED = {"TRAINING_COMPLETED", "COPYING_COMPLETED", "STOPPED"}
DELETED = {
    *("TRAINING_COMPLETED", "TRAINING_FAILED", "STOPPED", "FAILED"),
    *("COPYING_COMPLETED", "COPYING_FAILED", "DEPRECATED", "EXPIRED"),
}
VERSIONS = {
    "DescribeProjectVersions": dict.fromkeys(VERSION_STATES, OK),
    "StartProjectVersion": {state: OK if state in STARTED else ASSUMED for state in VERSION_STATES},
    "StopProjectVersion": {
        state: OK if state in {"RUNNING", "STARTING"} else ASSUMED for state in VERSION_STATES
    },
    "DeleteProjectVersion": {
        **dict.fromkeys(VERSION_STATES, ASSUMED),
        **dict.fromkeys(DELETED, OK),
        **dict.fromkeys(("TRAINING_IN_PROGRESS", "RUNNING"), IN_USE),
    },
    "CopyProjectVersion": {state: OK if state in STARTED else ASSUMED for state in VERSION_STATES},
    "DetectCustomLabels": {**dict.fromkeys(VERSION_STATES, NOT_READY), "RUNNING": OK},
}
DATASET_CELLS = [
    (operation, state, answer)
    for operation, answers in DATASETS.items()
    for state, answer in zip(DATASET_STATES, answers, strict=True)
]
VERSION_CELLS = [
    (operation, state, answer)
    for operation, answers in VERSIONS.items()
    for state, answer in answers.items()
]
OPENED_DATASET_CELLS = [
    (operation, "UPDATE_FAILED", OK)
    for operation in ("UpdateDatasetEntries", "DistributeDatasetEntries", "CreateProjectVersion")
]
OPENED_VERSION_CELLS = [
    ("StartProjectVersion", "FAILED", OK),
    ("CopyProjectVersion", "RUNNING", OK),
]


@attrs.frozen
class Certain:
    """Learns nothing and is sure of one label: states are what these tests are about."""

    name: str = "certain"
    labels: tuple[str, ...] = ("x",)

    def fit(self, examples, *, seed, progress, stopped):
        raise NotImplementedError

    def load(self, folder):
        return self

    def save(self, folder):
        raise NotImplementedError

    def confidences(self, image):
        return {"x": 1.0}


@attrs.frozen
class Bench:
    """A cloud whose clock stands still, and resources put into the state that is asked for."""

    world: object
    client: object
    numbers: itertools.count = attrs.field(factory=itertools.count)

    def call(self, operation, **members):
        return self.client._make_api_call(operation, members)

    def answer(self, operation, members):
        """Ok, or the code of the error."""
        try:
            self.call(operation, **members)
        except ClientError as error:
            return error.response["Error"]["Code"]
        return OK

    def project(self):
        name = f"p{next(self.numbers)}"
        return name, self.call("CreateProject", ProjectName=name)["ProjectArn"]

    def dataset(self, name, project, kind, state):
        stamp = self.world.clock.stamp()
        arn = f"{ACCOUNT}project/{name}/dataset/{kind.lower()}/{stamp}"
        made = Dataset(
            arn, project, kind, stamp / 1000, stamp / 1000, state, "As asked.", "SUCCESS"
        )
        with self.world.store.transaction():
            self.world.store.datasets.put(made)
        return arn

    def version(self, name, project, state):
        stamp = self.world.clock.stamp()
        arn = f"{ACCOUNT}project/{name}/version/v/{stamp}"
        given = {"OutputConfig": {"S3Bucket": "images", "S3KeyPrefix": ""}}
        given |= {"TrainingData": {}, "TestingData": {}, "SourceProjectVersionArn": arn}
        made = Version(
            arn=arn,
            project_arn=project,
            account="123456789012",
            region="us-east-1",
            name="v",
            created=stamp / 1000,
            status=state,
            message="As asked.",
            given=given,
            outcome={"shown": {}, "thresholds": {"x": 0.5}},
        )
        with self.world.store.transaction():
            self.world.store.versions.put(made)
        return arn

    def forget(self, arn):
        with self.world.store.transaction():
            self.world.store.versions.delete(arn)


@pytest.fixture(scope="module", params=["closed", "open"])
def bench(request):
    cloud = LocalCloud(
        buckets=["images"],
        pace="manual",
        learner=Certain(),
        check=True,
        assumptions=CLOSED if request.param == "closed" else OPEN,
        limits=Limits(projects=None, running_versions=None, trainings=None),
    )
    once = Config(retries={"total_max_attempts": 1}, parameter_validation=False)
    with cloud:
        client = cloud.session().client("rekognition", config=once)
        yield Bench(cloud._front.term.world, client)
        client.close()


@pytest.fixture(scope="module")
def picture():
    buffer = io.BytesIO()
    Image.new("L", (64, 64)).save(buffer, "PNG")
    return buffer.getvalue()


def check_dataset(bench, operation, state, answer):
    name, project = bench.project()
    train = bench.dataset(name, project, "TRAIN", state)
    about = {"DatasetArn": train}
    if operation == "UpdateDatasetEntries":
        about["Changes"] = {"GroundTruth": LINE}
    if operation in {"DistributeDatasetEntries", "CreateProjectVersion"}:
        test = bench.dataset(name, project, "TEST", "CREATE_COMPLETE")
        about = {"Datasets": [{"Arn": test}, {"Arn": train}]}
        entry = Entry("s3://images/a", LINE.decode(), (), labelled=False, faulty=False)
        with bench.world.store.transaction():
            bench.world.store.entries.upsert(train, [entry])
    if operation == "CreateProjectVersion":
        about = {"ProjectArn": project, "VersionName": "v", "OutputConfig": {"S3Bucket": "images"}}
    assert bench.answer(operation, about) == answer


def check_version(bench, operation, state, answer, picture):
    name, project = bench.project()
    arn = bench.version(name, project, state)
    about = {"ProjectVersionArn": arn}
    if operation == "StartProjectVersion":
        about["MinInferenceUnits"] = 1
    if operation == "DetectCustomLabels":
        about["Image"] = {"Bytes": picture}
    if operation == "DescribeProjectVersions":
        about = {"ProjectArn": project}
    if operation == "CopyProjectVersion":
        about = {
            "SourceProjectArn": project,
            "SourceProjectVersionArn": arn,
            "DestinationProjectArn": project,
            "VersionName": "copy",
            "OutputConfig": {"S3Bucket": "images"},
        }
    try:
        assert bench.answer(operation, about) == answer
    finally:
        bench.forget(arn)


closed = pytest.mark.parametrize("bench", ["closed"], indirect=True)
opened = pytest.mark.parametrize("bench", ["open"], indirect=True)


@closed
@pytest.mark.parametrize(("operation", "state", "answer"), DATASET_CELLS)
def test_the_table_of_datasets(bench, operation, state, answer):
    check_dataset(bench, operation, state, answer)


@opened
@pytest.mark.parametrize(("operation", "state", "answer"), OPENED_DATASET_CELLS)
def test_cells_of_datasets_that_an_assumption_opens(bench, operation, state, answer):
    check_dataset(bench, operation, state, answer)


@closed
@pytest.mark.parametrize(("operation", "state", "answer"), VERSION_CELLS)
def test_the_table_of_versions(bench, operation, state, answer, picture):
    check_version(bench, operation, state, answer, picture)


@opened
@pytest.mark.parametrize(("operation", "state", "answer"), OPENED_VERSION_CELLS)
def test_cells_of_versions_that_an_assumption_opens(bench, operation, state, answer, picture):
    check_version(bench, operation, state, answer, picture)


def test_no_state_of_the_model_is_left_out():
    assert set(DATASET_STATES) == set(service_model().shape_for("DatasetStatus").enum)
    assert set().union(*VERSIONS.values()) == set(VERSION_STATES)

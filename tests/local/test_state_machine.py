"""Random operations, one after another, against a model of the service that fits on a page."""

from __future__ import annotations

import json

import pytest
from botocore.config import Config
from botocore.exceptions import ClientError
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from rekognition_xray.local import Assumptions

LABELS = ("normal", "viral")
BUCKET = "images"
CHOSEN = Assumptions(
    duplicate_project="ResourceInUseException",
    duplicate_dataset="ResourceAlreadyExistsException",
    duplicate_version="ResourceInUseException",
    stoppable=frozenset({"RUNNING"}),
    startable=frozenset({"TRAINING_COMPLETED", "STOPPED"}),
)
"""What AWS leaves open is chosen here, so that the model below knows what to expect."""

names = st.sampled_from(("a", "b"))
kinds = st.sampled_from(("TRAIN", "TEST"))
versions = st.sampled_from(("v1", "v2"))
contents = st.dictionaries(
    st.integers(0, 5), st.sampled_from((*LABELS, None)), min_size=1, max_size=6
)


class Project:
    """The model of a project: entries by type, states of versions by name."""

    def __init__(self, arn):
        self.arn = arn
        self.datasets, self.dataset_arns = {}, {}
        self.versions, self.version_arns = {}, {}
        self.tags, self.policies = {}, {}


class Machine(RuleBasedStateMachine):
    """An account of its own in the local cloud, beside the model of what it holds."""

    def __init__(self, cloud, account, line):
        super().__init__()
        session = cloud.session(account)
        self.client = session.client(
            "rekognition", config=Config(retries={"total_max_attempts": 1})
        )
        self.line, self.bucket = line, f"{BUCKET}-{account}"
        self.projects = {}

    def ask(self, operation, **members):
        return self.client._make_api_call(operation, members)

    def refused(self, code, operation, **members):
        with pytest.raises(ClientError) as caught:
            self.ask(operation, **members)
        found = caught.value.response["Error"]["Code"]
        assert found == code, (operation, found)

    def outcome(self, code, operation, **members):
        """Asks for what has to be refused with `code`, or to be granted where that is None."""
        if code is None:
            return self.ask(operation, **members)
        self.refused(code, operation, **members)
        return None

    def arn(self, name):
        absent = "arn:aws:rekognition:us-east-1:123456789012:project/x/1234567890123"
        return self.projects[name].arn if name in self.projects else absent

    def dataset_arn(self, name, kind):
        absent = self.arn(name).replace("/1", f"/dataset/{kind.lower()}/1")
        return self.projects[name].dataset_arns.get(kind, absent) if self.has(name) else absent

    def version_arn(self, name, version):
        absent = self.arn(name).replace("/1", f"/version/{version}/1")
        return self.projects[name].version_arns.get(version, absent) if self.has(name) else absent

    def has(self, name):
        return name in self.projects

    def lines(self, entries):
        return "\n".join(
            self.line(f"{number}.jpeg", *filter(None, [label]), bucket=self.bucket)
            for number, label in entries.items()
        )

    def entries(self, arn):
        found = self.ask("ListDatasetEntries", DatasetArn=arn)["DatasetEntries"]
        return dict(map(_number_and_label, map(json.loads, found)))

    @rule(name=names)
    def create_project(self, name):
        code = "ResourceInUseException" if self.has(name) else None
        made = self.outcome(code, "CreateProject", ProjectName=name)
        if made:
            self.projects[name] = Project(made["ProjectArn"])

    @rule(name=names)
    def delete_project(self, name):
        code = None if self.has(name) else "ResourceNotFoundException"
        if self.has(name) and (self.projects[name].datasets or self.projects[name].versions):
            code = "ResourceInUseException"
        if self.outcome(code, "DeleteProject", ProjectArn=self.arn(name)):
            del self.projects[name]

    @rule(name=names, kind=kinds)
    def create_dataset(self, name, kind):
        code = None if self.has(name) else "ResourceNotFoundException"
        if self.has(name) and kind in self.projects[name].datasets:
            code = "ResourceAlreadyExistsException"
        arn = self.arn(name)
        made = self.outcome(code, "CreateDataset", ProjectArn=arn, DatasetType=kind)
        if made:
            self.projects[name].dataset_arns[kind] = made["DatasetArn"]
            self.projects[name].datasets[kind] = {}

    @rule(name=names, kind=kinds)
    def delete_dataset(self, name, kind):
        known = self.has(name) and kind in self.projects[name].datasets
        code = None if known else "ResourceNotFoundException"
        self.outcome(code, "DeleteDataset", DatasetArn=self.dataset_arn(name, kind))
        if known:
            del self.projects[name].datasets[kind], self.projects[name].dataset_arns[kind]

    @rule(name=names, kind=kinds, entries=contents)
    def update(self, name, kind, entries):
        known = self.has(name) and kind in self.projects[name].datasets
        code = None if known else "ResourceNotFoundException"
        arn = self.dataset_arn(name, kind)
        changes = {"GroundTruth": self.lines(entries).encode()}
        self.outcome(code, "UpdateDatasetEntries", DatasetArn=arn, Changes=changes)
        if known:
            self.projects[name].datasets[kind] |= entries

    @rule(name=names)
    def distribute(self, name):
        project = self.projects.get(name)
        if project is None or len(project.datasets) < 2:
            return
        train, test = project.datasets["TRAIN"], project.datasets["TEST"]
        pair = [{"Arn": project.dataset_arns[kind]} for kind in ("TEST", "TRAIN")]
        if test or not train:
            self.refused("InvalidParameterException", "DistributeDatasetEntries", Datasets=pair)
            return
        self.ask("DistributeDatasetEntries", Datasets=pair)
        for kind, arn in project.dataset_arns.items():
            self.ask("DescribeDataset", DatasetArn=arn)
            project.datasets[kind] = self.entries(arn)
        assert project.datasets["TRAIN"] | project.datasets["TEST"] == train
        assert not project.datasets["TRAIN"].keys() & project.datasets["TEST"].keys()

    @rule(name=names, version=versions)
    def train(self, name, version):
        project = self.projects.get(name)
        code = None if project else "ResourceNotFoundException"
        if project and version in project.versions:
            code = "ResourceInUseException"
        elif project and len(project.datasets) < 2:
            code = "InvalidParameterException"
        output = {"S3Bucket": self.bucket, "S3KeyPrefix": "out"}
        members = {"ProjectArn": self.arn(name), "VersionName": version, "OutputConfig": output}
        made = self.outcome(code, "CreateProjectVersion", **members)
        if made:
            project.version_arns[version] = made["ProjectVersionArn"]
            known = [set(filter(None, entries.values())) for entries in project.datasets.values()]
            good = known == [set(LABELS)] * 2
            # What becomes of poorer data is tested where manifests are.
            shown = self.statuses(name)[version]
            assert shown == "TRAINING_COMPLETED" if good else shown.startswith("TRAINING_")
            project.versions[version] = shown

    @rule(name=names, version=versions)
    def start(self, name, version):
        state, code = self.state(name, version)
        running = sum(
            state == "RUNNING" for one in self.projects.values() for state in one.versions.values()
        )
        if state not in {None, "TRAINING_COMPLETED", "STOPPED"}:
            code = "ResourceInUseException"
        elif state is not None and running >= 2:
            code = "LimitExceededException"
        arn = self.version_arn(name, version)
        if self.outcome(code, "StartProjectVersion", ProjectVersionArn=arn, MinInferenceUnits=1):
            self.projects[name].versions[version] = "RUNNING"

    @rule(name=names, version=versions)
    def stop(self, name, version):
        state, code = self.state(name, version)
        if state not in {None, "RUNNING"}:
            code = "ResourceInUseException"
        arn = self.version_arn(name, version)
        if self.outcome(code, "StopProjectVersion", ProjectVersionArn=arn):
            self.projects[name].versions[version] = "STOPPED"

    @rule(name=names, version=versions)
    def delete_version(self, name, version):
        state, code = self.state(name, version)
        if state == "RUNNING":
            code = "ResourceInUseException"
        arn = self.version_arn(name, version)
        if self.outcome(code, "DeleteProjectVersion", ProjectVersionArn=arn):
            del self.projects[name].versions[version], self.projects[name].version_arns[version]

    @rule(name=names, version=versions)
    def detect(self, name, version):
        state, code = self.state(name, version)
        if state not in {None, "RUNNING"}:
            code = "ResourceNotReadyException"
        image = {"S3Object": {"Bucket": self.bucket, "Name": "0.jpeg"}}
        members = {"ProjectVersionArn": self.version_arn(name, version), "Image": image}
        found = self.outcome(code, "DetectCustomLabels", MinConfidence=0, **members)
        if found:
            assert {one["Name"] for one in found["CustomLabels"]} <= set(LABELS)

    @rule(name=names, tags=st.dictionaries(st.sampled_from("kl"), st.sampled_from("vw")))
    def tag(self, name, tags):
        code = None if self.has(name) else "ResourceNotFoundException"
        self.outcome(code, "TagResource", ResourceArn=self.arn(name), Tags=tags)
        if code is None:
            self.projects[name].tags |= tags

    @rule(name=names, keys=st.lists(st.sampled_from("klm"), unique=True))
    def untag(self, name, keys):
        code = None if self.has(name) else "ResourceNotFoundException"
        self.outcome(code, "UntagResource", ResourceArn=self.arn(name), TagKeys=keys)
        for key in keys if code is None else ():
            self.projects[name].tags.pop(key, None)

    def state(self, name, version):
        known = self.projects[name].versions.get(version) if self.has(name) else None
        return known, None if known else "ResourceNotFoundException"

    def statuses(self, name):
        found = self.ask("DescribeProjectVersions", ProjectArn=self.arn(name))
        shown = found["ProjectVersionDescriptions"]
        return {one["ProjectVersionArn"].split("/")[3]: one["Status"] for one in shown}

    @invariant()
    def every_view_agrees_with_the_model(self):
        shown = self.ask("DescribeProjects")["ProjectDescriptions"]
        found = {one["ProjectArn"].split("/")[1]: one for one in shown}
        assert found.keys() == self.projects.keys()
        for name, project in self.projects.items():
            kinds_shown = {one["DatasetType"] for one in found[name]["Datasets"]}
            assert kinds_shown == project.datasets.keys()
            assert self.statuses(name) == project.versions
            tags = self.ask("ListTagsForResource", ResourceArn=project.arn)["Tags"]
            assert tags == project.tags
            for kind, arn in project.dataset_arns.items():
                assert self.entries(arn) == project.datasets[kind]
                described = self.ask("DescribeDataset", DatasetArn=arn)["DatasetDescription"]
                labels = list(filter(None, project.datasets[kind].values()))
                assert described["DatasetStats"] == {
                    "TotalEntries": len(project.datasets[kind]),
                    "LabeledEntries": len(labels),
                    "TotalLabels": len(set(labels)),
                    "ErrorEntries": described["DatasetStats"]["ErrorEntries"],
                }


def _number_and_label(entry):
    number = int(entry["source-ref"].rpartition("/")[2].removesuffix(".jpeg"))
    metadata = entry.get("finding0-metadata")
    return number, metadata["class-name"] if metadata else None


def agree(open_desk, image, line, *, examples, steps):
    desk = open_desk(assumptions=CHOSEN, buckets=[])
    accounts = iter(range(10**6))

    def machine():
        account = f"{next(accounts):012}"
        s3 = desk.cloud.session(account).client("s3")
        s3.create_bucket(Bucket=f"{BUCKET}-{account}")
        for number in range(6):
            data = image(LABELS[number % 2], number)
            s3.put_object(Bucket=f"{BUCKET}-{account}", Key=f"{number}.jpeg", Body=data)
        return Machine(desk.cloud, account, line)

    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=examples,
            stateful_step_count=steps,
            deadline=None,
            phases=(Phase.generate, Phase.shrink),
            suppress_health_check=list(HealthCheck),
        ),
    )


def test_some_random_operations_leave_no_difference_to_the_model(open_desk, image, line):
    agree(open_desk, image, line, examples=3, steps=30)


@pytest.mark.soak
def test_two_thousand_random_operations_leave_no_difference_to_the_model(open_desk, image, line):
    agree(open_desk, image, line, examples=40, steps=50)

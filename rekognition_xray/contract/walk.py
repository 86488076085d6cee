"""The walk through all operations and states, and what each step says about an assumption."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any, Final

import attrs

from rekognition_xray.cloud.aws import aws_errors
from rekognition_xray.contract.findings import Range, States, Value
from rekognition_xray.contract.recorder import Recorder, Reply
from rekognition_xray.contract.stage import (
    EACH,
    HEAVY,
    LABELS,
    PREFIX,
    Stage,
    entry,
    expect,
    odd_images,
    project_status,
    version_status,
)
from rekognition_xray.errors import TrainingFailedError, WaitTimeoutError

_TRAINING: Final = 86_400.0  # seconds that a training may take
_STARTING: Final = 3_600.0
_RESERVE: Final = 300.0  # seconds of the model that the stop may take
_SHORTEST: Final = 600.0  # for less than this a model is not started
_TRAINED: Final = ("TRAINING_COMPLETED", "TRAINING_FAILED")
_BURST: Final = 30  # calls without a pause, to meet the rate limit
_AFTER_TRAINING: Final = (
    "CopyProjectVersion",
    "DeleteProjectVersion",
    "DetectCustomLabels",
    "StartProjectVersion",
    "StopProjectVersion",
)


@attrs.frozen
class Budget:
    """What the run may cost, and the prices.

    Attributes:
        cap: for training and running together.
        training_hour: price of an hour of training.
        running_hour: price of an hour of one inference unit.
    """

    cap: Decimal
    training_hour: Decimal
    running_hour: Decimal

    def running_seconds(self, trained: float) -> float:
        """How long the model may run after a training that is billed for so many seconds."""
        left = self.cap - self.training_hour * Decimal(trained) / 3600
        return float(left / self.running_hour * 3600) if self.running_hour else _STARTING


@attrs.define
class Walk:
    """One walk.

    Attributes:
        stage: images and projects.
        say: reports each part of the walk.
        seen: value and evidence for each assumption that was met.
        running: the version that was started and not yet stopped.
    """

    stage: Stage
    say: Callable[[str], None]
    seen: dict[str, tuple[Value, str]] = attrs.field(factory=dict, init=False)
    running: str = attrs.field(default="", init=False)
    _projects: dict[str, str] = attrs.field(factory=dict, init=False)  # by version

    @property
    def _calls(self) -> Recorder:
        return self.stage.recorder

    def run(self, budget: Budget) -> None:
        """The whole walk. Stops what it starts; whoever calls it removes the rest.

        Args:
            budget: the model is not started if little of it is left, and stopped in time.
        """
        self.say("permissions, and calls that must be refused")
        main = self.stage.create_project("main")
        self._check_permissions(main)
        self._refused_calls(main)
        self.say("images and datasets")
        image = self.stage.upload_images()
        odd = self.stage.create_project("odd")
        self._tags_and_policies(odd)
        self._unreadable_manifest(odd)
        self._dropped_lines(odd)
        self._failed_dataset(odd)
        self._repeated_lines(odd)
        self._distribution(odd)
        self.say("a training that fails (not billed)")
        self._failed_training(odd)
        self.say("the training")
        version, billed = self._training(main)
        seconds = budget.running_seconds(billed) - _RESERVE
        if seconds < _SHORTEST:
            self.say(
                f"the training took {billed / 3600:.1f} h: too little is left to run the model"
            )
        else:
            self.say("the running model")
            self._run_model(version, main, odd, image, seconds)
        self.say("deletions")
        self._delete_project(main)
        self._delete_project(odd)

    # -- without anything that bills ---------------------------------------------------------------

    def _check_permissions(self, project: str) -> None:
        """Calls what is needed after the training, for a version that is not there."""
        gone = f"{project.replace(':project/', ':project/none-')}"
        name, _, stamp = gone.rpartition("/")
        version = f"{name}/version/none/{stamp}"
        requests: dict[str, dict[str, Any]] = {
            "CopyProjectVersion": {
                "SourceProjectArn": gone,
                "SourceProjectVersionArn": version,
                "DestinationProjectArn": project,
                "VersionName": "none",
                "OutputConfig": self.stage.output,
            },
            "DetectCustomLabels": {"Image": {"Bytes": b"none"}, "ProjectVersionArn": version},
            "StartProjectVersion": {"ProjectVersionArn": version, "MinInferenceUnits": 1},
        }
        for operation in _AFTER_TRAINING:
            self._calls.call(operation, **requests.get(operation, {"ProjectVersionArn": version}))

    def _refused_calls(self, project: str) -> None:
        reply = self._calls.call("DescribeProjects", ProjectNames=["no such name!"])
        self._see_code("shape_error", reply, "DescribeProjects with a name that has a space")
        reply = self._calls.call("DescribeProjects", MaxResults=1000)
        self._see_code("page_size_error", reply, "DescribeProjects with MaxResults 1000")
        reply = self._calls.call("CreateProject", ProjectName=f"{PREFIX}-main")
        self._see_code("duplicate_project", reply, "CreateProject with a name that is taken")
        parts = project.split(":")
        parts[4] = "210987654321" if parts[4] != "210987654321" else "123456789012"
        reply = self._calls.call("DescribeProjectVersions", ProjectArn=":".join(parts))
        self._see_code("foreign_arn", reply, "DescribeProjectVersions of another account")

    def _tags_and_policies(self, project: str) -> None:
        call = self._calls.call
        expect(call("TagResource", ResourceArn=project, Tags={"color": "blue"}))
        expect(call("ListTagsForResource", ResourceArn=project))
        expect(call("UntagResource", ResourceArn=project, TagKeys=["color"]))
        policy: dict[str, Any] = {
            "ProjectArn": project,
            "PolicyName": "share",
            "PolicyDocument": _policy(project),
        }
        expect(call("PutProjectPolicy", **policy))
        reply = call("PutProjectPolicy", **policy)
        self._see_code("duplicate_policy", reply, "PutProjectPolicy again, without a revision")
        expect(call("ListProjectPolicies", ProjectArn=project))
        expect(call("DeleteProjectPolicy", ProjectArn=project, PolicyName="share"))

    def _unreadable_manifest(self, project: str) -> None:
        source = {"Bucket": self.stage.bucket, "Name": f"{PREFIX}/manifests/none.manifest"}
        reply = self._calls.call(
            "CreateDataset",
            ProjectArn=project,
            DatasetType="TRAIN",
            DatasetSource={"GroundTruthManifest": {"S3Object": source}},
        )
        value = reply.code
        if not reply.code:
            dataset = str(reply.members["DatasetArn"])
            value = self.stage.settle(dataset)
            self.stage.delete_dataset(dataset)
        self.seen["unreadable_manifest"] = (value, "CreateDataset from a manifest that is missing")

    def _dropped_lines(self, project: str) -> None:
        """Datasets of 20 lines of which 3 and 5 are no JSON: where is the limit?"""
        statuses = []
        for bad in (3, 5):
            good = self.stage.lines(0, 10)[: 20 - bad]
            dataset = self.stage.create_dataset(project, "TRAIN", good + ["no JSON"] * bad)
            statuses.append(self.stage.settle(dataset) == "CREATE_COMPLETE")
            self.stage.delete_dataset(dataset)
        found = {
            (True, True): Range(0.25, 1.0),
            (True, False): Range(0.15, 0.25),
            (False, False): Range(0.0, 0.15),
        }
        value = found.get((statuses[0], statuses[1]))
        self.seen["terminal_error_share"] = (value, "datasets with 15 % and 25 % of bad lines")

    def _failed_dataset(self, project: str) -> None:
        call = self._calls.call
        lines = [*self.stage.lines(0, 4), *["no JSON"] * 24]
        dataset = self.stage.create_dataset(project, "TRAIN", lines)
        if self.stage.settle(dataset) == "CREATE_FAILED":
            changes = {"GroundTruth": self.stage.lines(0, 1)[0].encode()}
            reply = call("UpdateDatasetEntries", DatasetArn=dataset, Changes=changes)
            self._see_code("failed_dataset_update", reply, "UpdateDatasetEntries after a failure")
            reply = call("ListDatasetEntries", DatasetArn=dataset)
            self._see_code("busy_dataset_listing", reply, "ListDatasetEntries after a failure")
            other = self.stage.create_dataset(project, "TEST", None)
            both = [{"Arn": dataset}, {"Arn": other}]
            reply = call("DistributeDatasetEntries", Datasets=both)
            self._see_code("unready_distribution", reply, "DistributeDatasetEntries likewise")
            reply = self._create_version(project, "none")
            self._see_code("failed_dataset_training", reply, "CreateProjectVersion likewise")
            self.stage.delete_dataset(other)
        expect(call("DeleteDataset", DatasetArn=dataset))
        reply = call("DeleteDataset", DatasetArn=dataset)
        if reply.code not in {"", "ResourceNotFoundException"}:
            self._see_code("dataset_deletion", reply, "DeleteDataset while it is deleted")
        self.stage.wait_until_gone(dataset)

    def _repeated_lines(self, project: str) -> None:
        call, image = self._calls.call, self.stage.image(LABELS[0], 0)
        lines = [entry(image, "first"), entry(image, "last"), *self.stage.lines(1, 10)]
        dataset = self.stage.create_dataset(project, "TRAIN", lines)
        expect(call("ListDatasetLabels", DatasetArn=dataset))
        value = self._label_of(dataset, image)
        self.seen["repeated_source_ref"] = (value, "two lines of a manifest name one image")
        reply = call("CreateDataset", ProjectArn=project, DatasetType="TRAIN")
        self._see_code("duplicate_dataset", reply, "CreateDataset of a type that is there")
        image = self.stage.image(LABELS[1], 1)
        self._update(dataset, [entry(image, "first"), entry(image, "last")])
        value = self._label_of(dataset, image)
        self.seen["repeated_in_update"] = (value, "two lines of an update name one image")
        if self._update(dataset, ["no JSON"] * 40) == "UPDATE_FAILED":
            changes = {"GroundTruth": self.stage.lines(2, 3)[0].encode()}
            reply = call("UpdateDatasetEntries", DatasetArn=dataset, Changes=changes)
            self.seen["failed_update"] = (
                reply.code or None,
                "UpdateDatasetEntries after an update that failed",
            )
            self.stage.settle(dataset)
        self.stage.delete_dataset(dataset)

    def _label_of(self, dataset: str, image: str) -> str:
        reply = self._calls.call(
            "ListDatasetEntries", DatasetArn=dataset, SourceRefContains=image.rpartition("/")[2]
        )
        (line,) = expect(reply)["DatasetEntries"] or ("{}",)
        return str(json.loads(line).get("finding-metadata", {}).get("class-name", "none"))

    def _update(self, dataset: str, lines: list[str]) -> str:
        changes = {"GroundTruth": "\n".join(lines).encode()}
        reply = self._calls.call("UpdateDatasetEntries", DatasetArn=dataset, Changes=changes)
        return self.stage.settle(dataset) if not reply.code else reply.code

    def _distribution(self, project: str) -> None:
        half = EACH // 2
        unlabelled = [
            entry(self.stage.image(label, at), None) for at in range(half, EACH) for label in LABELS
        ]
        train = self.stage.create_dataset(
            project, "TRAIN", [*self.stage.lines(0, half), *unlabelled]
        )
        test = self.stage.create_dataset(project, "TEST", None)
        both = [{"Arn": train}, {"Arn": test}]
        expect(self._calls.call("DistributeDatasetEntries", Datasets=both))
        self.stage.settle(train)
        self.stage.settle(test)
        reply = self._calls.call("ListDatasetEntries", DatasetArn=test, Labeled=False)
        moved = bool(expect(reply)["DatasetEntries"])
        self.seen["unlabelled_distribution"] = (
            "like the rest" if moved else "stay",
            "unlabelled entries in the test dataset after DistributeDatasetEntries",
        )
        self.stage.delete_dataset(test)
        self.stage.delete_dataset(train)

    def _failed_training(self, project: str) -> None:
        """A training on one label alone, which the service refuses; and what its version allows."""
        train = self.stage.create_dataset(project, "TRAIN", self.stage.lines(0, 4, LABELS[:1]))
        test = self.stage.create_dataset(project, "TEST", self.stage.lines(4, 8, LABELS[:1]))
        reply = self._create_version(project, "failed")
        if reply.code:
            return
        version = str(reply.members["ProjectVersionArn"])
        if self._wait_version(version, _TRAINED, _TRAINING) == "TRAINING_FAILED":
            reply = self._calls.call(
                "StartProjectVersion", ProjectVersionArn=version, MinInferenceUnits=1
            )
            if not reply.code:  # it must not bill until the end of the run
                self._calls.call("StopProjectVersion", ProjectVersionArn=version)
            self._see_code("failed_version_start", reply, "StartProjectVersion after a failure")
            reply = self._copy(version, project, project)
            self._see_code("uncopyable_version", reply, "CopyProjectVersion after a failure")
        self._delete_version(version, "TRAINING_FAILED")
        self.stage.delete_dataset(test)
        self.stage.delete_dataset(train)

    # -- what bills --------------------------------------------------------------------------------

    def _run_model(
        self, version: str, project: str, other: str, image: bytes, seconds: float
    ) -> None:
        """Starts the model, asks it, and stops it when that is done or the time is up."""
        try:
            self._running(version, project, other, image, seconds)
        except WaitTimeoutError as error:
            self.say(f"the model is stopped early: {error.message}")
        finally:
            if self.running:
                self._stop(self.running)

    def _training(self, project: str) -> tuple[str, float]:
        """The trained version, and the seconds that its training is billed for."""
        third = EACH // 3
        train = self.stage.create_dataset(project, "TRAIN", self.stage.lines(0, 2 * third))
        self.stage.create_dataset(project, "TEST", self.stage.lines(2 * third, EACH))
        changes = {"GroundTruth": "\n".join(self.stage.lines(0, 2 * third)).encode()}
        expect(self._calls.call("UpdateDatasetEntries", DatasetArn=train, Changes=changes))
        reply = self._create_version(project, "v1")
        if reply.code:
            self._see_code("busy_dataset_training", reply, "CreateProjectVersion during an update")
            self.stage.settle(train)
            reply = self._create_version(project, "v1")
        version = str(expect(reply)["ProjectVersionArn"])
        reply = self._create_version(project, "v1")
        self._see_code("duplicate_version", reply, "CreateProjectVersion with the same name")
        seen = self._calls.call("DescribeProjectVersions", ProjectArn=project, VersionNames=["v1"])
        if version_status(seen) == "TRAINING_IN_PROGRESS":
            reply = self._calls.call(
                "StartProjectVersion", ProjectVersionArn=version, MinInferenceUnits=1
            )
            self._see_code("unstartable_version", reply, "StartProjectVersion during the training")
        began = self._calls.aws.clock.now()
        status = self._wait_version(version, _TRAINED, _TRAINING)
        elapsed = self._calls.aws.clock.now() - began
        seen = self._calls.call("DescribeProjectVersions", ProjectArn=project, VersionNames=["v1"])
        (described,) = expect(seen)["ProjectVersionDescriptions"]
        if status != "TRAINING_COMPLETED":
            raise TrainingFailedError(
                f"The training of the run failed: {described.get('StatusMessage', status)}",
                hint="AWS does not bill it. Try again; if it fails again, send us the message.",
            )
        self._snapshot(described)
        reply = self._calls.call("StopProjectVersion", ProjectVersionArn=version)
        self._see_code("unstoppable_version", reply, "StopProjectVersion of a trained version")
        return version, max(elapsed, described.get("BillableTrainingTimeInSeconds", 0))

    def _snapshot(self, version: Mapping[str, Any]) -> None:
        """Reads the testing snapshot: does each line list every label?"""
        (asset,) = version["TestingDataResult"]["Output"]["Assets"]
        place = asset["GroundTruthManifest"]["S3Object"]
        with aws_errors(f"s3://{place['Bucket']}/{place['Name']}"):
            found = self._calls.aws.s3.get_object(Bucket=place["Bucket"], Key=place["Name"])
            text = found["Body"].read().decode()
        name = "rekognition-custom-labels-evaluation-{}-metadata"
        listed = [
            sum(name.format(number) in line for number in range(len(LABELS)))
            for line in map(json.loads, text.splitlines())
        ]
        every = all(count == len(LABELS) for count in listed)
        lines = f"{len(listed)} lines of the testing snapshot"
        evidence = f"{lines} list {min(listed)} to {max(listed)} of {len(LABELS)} labels"
        self.seen["snapshot_labels"] = ("every" if every else "predicted", evidence)

    def _running(
        self, version: str, project: str, other: str, image: bytes, seconds: float
    ) -> None:
        call, began = self._calls.call, self._calls.aws.clock.now()
        self.running = version
        expect(call("StartProjectVersion", ProjectVersionArn=version, MinInferenceUnits=1))
        seen = call("DescribeProjectVersions", ProjectArn=project, VersionNames=["v1"])
        if version_status(seen) == "STARTING":
            reply = call("DeleteProjectVersion", ProjectVersionArn=version)
            self._see_code("undeletable_version", reply, "DeleteProjectVersion during the start")
        started = ("RUNNING", "FAILED", "gone")
        status = self._wait_version(version, started, min(_STARTING, seconds))
        if status != "RUNNING":
            self.running = ""
            self.say(f"the model did not start: it is {status}")
            return
        expect(self._detect(version, image))
        self._limits(version)
        self._rates()
        left = seconds - (self._calls.aws.clock.now() - began)
        if left > 0:
            self._copy_running(version, project, other, left)

    def _limits(self, version: str) -> None:
        replies = {}
        for name, body in odd_images().items():
            self._calls.name_image(name, body)
            replies[name] = self._detect(version, body)
        self._detect(version, b"no image")
        below, at = replies["square-63.png"].code, replies["square-64.png"].code
        least: Value = 64 if below and not at else Range(65, 4096) if at else Range(1, 63)
        self.seen["image_side_min"] = (least, "DetectCustomLabels at 63 and 64 pixels")
        most = Range(1, HEAVY - 1) if replies["heavy.png"].code else Range(HEAVY, 64 << 20)
        self.seen["image_bytes"] = (most, f"DetectCustomLabels with {HEAVY:,} bytes")

    def _copy_running(self, version: str, project: str, other: str, seconds: float) -> None:
        document = _policy(project)
        reply = self._calls.call(
            "PutProjectPolicy", ProjectArn=project, PolicyName="own", PolicyDocument=document
        )
        reply = self._copy(version, project, other)
        allowed = States({"RUNNING": not reply.code})
        self.seen["copyable"] = (allowed, "CopyProjectVersion of a running version")
        if not reply.code:
            copy = str(reply.members["ProjectVersionArn"])
            self._wait_version(copy, ("COPYING_COMPLETED", "COPYING_FAILED"), seconds)
            self._delete_version(copy, "COPYING_COMPLETED")
        self._calls.call("DeleteProjectPolicy", ProjectArn=project, PolicyName="own")

    def _rates(self) -> None:
        for _ in range(_BURST):
            reply = self._calls.call("DescribeProjects", once=True, MaxResults=1)
            if reply.code:
                wait = getattr(reply.error, "retry_after", None)
                self.seen["retry_after"] = (wait is not None, f"{reply.code} of DescribeProjects")
                return

    def _stop(self, version: str) -> None:
        expect(self._calls.call("StopProjectVersion", ProjectVersionArn=version))
        self._wait_version(version, ("STOPPED",), _STARTING)
        self.running = ""

    def _delete_project(self, project: str) -> None:
        """Deletes a project with what it still has; leftovers of earlier steps go afterwards."""
        seen = self._calls.call("DescribeProjectVersions", ProjectArn=project)
        for version in expect(seen)["ProjectVersionDescriptions"]:
            self._projects[version["ProjectVersionArn"]] = project
            self._delete_version(version["ProjectVersionArn"], version["Status"])
        name = project.split("/")[-2]
        seen = self._calls.call("DescribeProjects", ProjectNames=[name])
        for found in expect(seen)["ProjectDescriptions"]:
            for dataset in found.get("Datasets", []):
                self.stage.delete_dataset(dataset["DatasetArn"])
        expect(self._calls.call("DeleteProject", ProjectArn=project))
        self._calls.wait(
            "DescribeProjects", project_status, ("gone",), budget=1800, ProjectNames=[name]
        )

    def _delete_version(self, version: str, state: str) -> None:
        reply = self._calls.call("DeleteProjectVersion", ProjectVersionArn=version)
        before, _ = self.seen.get("deletable", (States({}), ""))
        known = before.allowed if isinstance(before, States) else {}
        allowed = States({**known, state: not reply.code})
        self.seen["deletable"] = (allowed, "DeleteProjectVersion in these states")
        if not reply.code:
            self._wait_version(version, ("gone",), 1800)

    # -- helpers -----------------------------------------------------------------------------------

    def _create_version(self, project: str, name: str) -> Reply:
        reply = self._calls.call(
            "CreateProjectVersion",
            ProjectArn=project,
            VersionName=name,
            OutputConfig=self.stage.output,
        )
        return self._owned(reply, project)

    def _copy(self, version: str, source: str, target: str) -> Reply:
        reply = self._calls.call(
            "CopyProjectVersion",
            SourceProjectArn=source,
            SourceProjectVersionArn=version,
            DestinationProjectArn=target,
            VersionName="copy",
            OutputConfig=self.stage.output,
        )
        return self._owned(reply, target)

    def _owned(self, reply: Reply, project: str) -> Reply:
        if not reply.code:
            self._projects[str(reply.members["ProjectVersionArn"])] = project
        return reply

    def _detect(self, version: str, image: bytes) -> Reply:
        return self._calls.call(
            "DetectCustomLabels",
            ProjectVersionArn=version,
            Image={"Bytes": image},
            MinConfidence=0.0,
        )

    def _wait_version(self, version: str, until: tuple[str, ...], budget: float) -> str:
        return self._calls.wait(
            "DescribeProjectVersions",
            version_status,
            until,
            budget=budget,
            ProjectArn=self._projects[version],
            VersionNames=[version.split("/")[-2]],
        )

    def _see_code(self, assumption: str, reply: Reply, evidence: str) -> None:
        self.seen[assumption] = (reply.code or "no error", evidence)


def _policy(project: str) -> str:
    account = project.split(":")[4]
    statement = {
        "Effect": "Allow",
        "Principal": {"AWS": f"arn:aws:iam::{account}:root"},
        "Action": "rekognition:CopyProjectVersion",
        "Resource": f"{project.rpartition('/')[0]}/version/*",
    }
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})

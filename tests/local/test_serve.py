"""`python -m rekognition_xray.local serve` as a process, used by the AWS command line."""

from __future__ import annotations

import base64
import json
import os
import shlex
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from botocore import xform_name

from rekognition_xray.local.__main__ import main
from rekognition_xray.local.http import OPERATIONS

ROOT = Path(__file__).parents[2]

# One process for all commands: to start the command line takes longer than most commands do.
COMMANDS = """
import contextlib, io, json, sys
from awscli.clidriver import create_clidriver
for row in sys.stdin:
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        code = create_clidriver().main(json.loads(row))
    print(json.dumps([code, out.getvalue(), err.getvalue()]), flush=True)
"""


@pytest.fixture
def serve():
    """Starts the command and tells its process and the variables that it printed."""
    started = []

    def served(*arguments):
        command = [
            sys.executable,
            "-m",
            "rekognition_xray.local",
            "serve",
            "--port",
            "0",
            *arguments,
        ]
        process = subprocess.Popen(
            command,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        started.append(process)
        printed = {}
        for row in iter(process.stdout.readline, ""):
            if row.startswith("# ready"):
                return process, printed
            if row.startswith("#"):
                continue
            name, _, value = row.removeprefix("export ").strip().partition("=")
            printed[name] = shlex.split(value)[0]
        raise AssertionError(process.stderr.read())

    yield served
    for process in started:
        process.kill()
        process.communicate()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_prints_what_to_export_and_at_the_end_the_bill(serve, number):
    process, variables = serve("--bucket", "images")
    assert variables["AWS_ENDPOINT_URL"].startswith("http://127.0.0.1:")
    process.send_signal(number)
    out, err = process.communicate(timeout=20)
    assert process.returncode == 0
    assert out.splitlines()[0] == "# AWS would have charged, in all"
    assert out.splitlines()[-1].split() == ["total", "$0.00"]
    assert err == ""


@pytest.mark.skipif(not hasattr(signal, "SIGUSR1"), reason="signals of POSIX")
def test_it_prints_the_bill_so_far_when_asked_and_goes_on(serve):
    process, _ = serve()
    process.send_signal(signal.SIGUSR1)
    assert process.stdout.readline() == "# AWS would have charged, so far\n"
    assert process.poll() is None


class CommandLine:
    """The AWS command line in the environment that `serve` printed; notes which commands it ran."""

    def __init__(self, variables):
        self.process = subprocess.Popen(
            [sys.executable, "-c", COMMANDS],
            env={**os.environ, **variables, "AWS_PAGER": ""},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self.ran = set()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.communicate()

    def aws(self, *arguments):
        print(json.dumps([*arguments, "--output", "json"]), file=self.process.stdin, flush=True)
        code, out, err = json.loads(self.process.stdout.readline())
        assert code == 0, err
        return json.loads(out) if out.strip().startswith("{") else {}

    def __call__(self, command, **options):
        """Runs `aws rekognition`; values that are no text are passed as JSON."""
        self.ran.add(command)
        words = []
        for name, value in options.items():
            text = value if isinstance(value, str) else json.dumps(value)
            words += [f"--{name.replace('_', '-')}", text]
        return self.aws("rekognition", command, *words)

    def wait(self, waiter, project, version):
        names = ("--project-arn", project, "--version-names", version)
        self.aws("rekognition", "wait", waiter, *names)


class CommandLine2(CommandLine):
    """Version 2 of the command line, which is a program of its own and takes blobs in base64."""

    def __init__(self, program, variables):
        self.program = [program, "--endpoint-url", variables["AWS_ENDPOINT_URL"]]
        self.environment = {**os.environ, **variables, "AWS_PAGER": ""}
        self.ran = set()

    def aws(self, *arguments):
        done = subprocess.run(
            [*self.program, *arguments, "--output", "json"],
            env=self.environment,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout) if done.stdout.strip().startswith("{") else {}

    def __call__(self, command, **options):
        if "changes" in options:
            blob = base64.b64encode(options["changes"]["GroundTruth"].encode()).decode()
            options["changes"] = {"GroundTruth": blob}
        if command == "create-project":
            options.pop("tags", None)  # 2.9, as Debian 12 has it, does not know them
        return super().__call__(command, **options)


def second_version():
    """The program `aws` of version 2, wherever PATH has it."""
    for folder in os.get_exec_path():
        program = shutil.which("aws", path=folder)
        if program is not None:
            shown = subprocess.run(
                [program, "--version"], capture_output=True, text=True, check=False
            )
            if shown.stdout.startswith("aws-cli/2"):
                return program
    return None


OUTPUT = "S3Bucket=images,S3KeyPrefix=out"


def fill(rekognition, folder, image, line):
    """A project with two datasets; tells their ARNs."""
    lines = []
    for number in range(20):
        label = ("normal", "viral")[number % 2]
        (folder / f"{number}.jpeg").write_bytes(image(label, number))
        lines.append(line(f"x/{number}.jpeg", label))
    (folder / "all.manifest").write_text("\n".join(lines[:18]))
    changes = {"GroundTruth": "\n".join(lines[18:])}
    rekognition.aws("s3", "cp", "--recursive", "--only-show-errors", str(folder), "s3://images/x/")

    project = rekognition("create-project", project_name="p", tags={"owner": "clinic"})
    project = project["ProjectArn"]
    place = {"S3Object": {"Bucket": "images", "Name": "x/all.manifest"}}
    train = rekognition(
        "create-dataset",
        project_arn=project,
        dataset_type="TRAIN",
        dataset_source={"GroundTruthManifest": place},
    )["DatasetArn"]
    test = rekognition("create-dataset", project_arn=project, dataset_type="TEST")["DatasetArn"]
    described = rekognition("describe-dataset", dataset_arn=train)["DatasetDescription"]
    assert described["Status"] == "CREATE_COMPLETE"
    rekognition("update-dataset-entries", dataset_arn=train, changes=changes)
    described = rekognition("describe-dataset", dataset_arn=train)["DatasetDescription"]
    assert described["DatasetStats"]["TotalEntries"] == 20
    rekognition("distribute-dataset-entries", datasets=[{"Arn": train}, {"Arn": test}])
    shown = rekognition("describe-projects")["ProjectDescriptions"][0]["Datasets"]
    assert {dataset["Status"] for dataset in shown} == {"UPDATE_COMPLETE"}
    entries = rekognition("list-dataset-entries", dataset_arn=test)["DatasetEntries"]
    assert len(entries) == 4
    labels = rekognition("list-dataset-labels", dataset_arn=train)["DatasetLabelDescriptions"]
    assert [one["LabelName"] for one in labels] == ["normal", "viral"]
    return project, train, test


def train_and_detect(rekognition, project, image_path):
    """A trained version that is left running."""
    version = rekognition(
        "create-project-version", project_arn=project, version_name="v1", output_config=OUTPUT
    )["ProjectVersionArn"]
    rekognition.wait("project-version-training-completed", project, "v1")
    rekognition("tag-resource", resource_arn=version, tags={"stage": "beta", "old": "yes"})
    rekognition("untag-resource", resource_arn=version, tag_keys=["old"])
    tags = rekognition("list-tags-for-resource", resource_arn=version)
    assert tags == {"Tags": {"stage": "beta"}}

    rekognition("start-project-version", project_version_arn=version, min_inference_units="1")
    rekognition.wait("project-version-running", project, "v1")
    shown = rekognition("describe-project-versions", project_arn=project)
    assert shown["ProjectVersionDescriptions"][0]["Status"] == "RUNNING"
    found = rekognition(
        "detect-custom-labels",
        project_version_arn=version,
        image_bytes=f"fileb://{image_path}",
        min_confidence="0",
    )
    assert found["CustomLabels"][0]["Name"] == "viral"
    return version


def share(rekognition, project, version):
    """A policy that comes and goes, and a copy in another project."""
    statement = {
        "Effect": "Allow",
        "Principal": {"AWS": "arn:aws:iam::111122223333:root"},
        "Action": "rekognition:CopyProjectVersion",
        "Resource": "*",
    }
    document = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    rekognition(
        "put-project-policy", project_arn=project, policy_name="share", policy_document=document
    )
    policies = rekognition("list-project-policies", project_arn=project)["ProjectPolicies"]
    assert [one["PolicyName"] for one in policies] == ["share"]
    rekognition("delete-project-policy", project_arn=project, policy_name="share")
    other = rekognition("create-project", project_name="q")["ProjectArn"]
    copy = rekognition(
        "copy-project-version",
        source_project_arn=project,
        source_project_version_arn=version,
        destination_project_arn=other,
        version_name="v1",
        output_config=OUTPUT,
    )["ProjectVersionArn"]
    shown = rekognition("describe-project-versions", project_arn=other)
    assert shown["ProjectVersionDescriptions"][0]["Status"] == "COPYING_COMPLETED"
    return other, copy


@pytest.mark.heavy
def test_the_aws_command_line_walks_through_every_operation(serve, tmp_path, image, line):
    pytest.importorskip("awscli", reason="the AWS command line is not installed")
    _, variables = serve("--bucket", "images", "--check")
    with CommandLine(variables) as rekognition:
        walk(rekognition, tmp_path, image, line)
        assert rekognition.ran == {xform_name(name, "-") for name in OPERATIONS}


@pytest.mark.heavy
def test_version_2_of_the_command_line_trains_and_detects(serve, tmp_path, image, line):
    program = second_version()
    if program is None:
        pytest.skip("version 2 of the AWS command line is not on PATH")
    _, variables = serve("--bucket", "images", "--check")
    rekognition = CommandLine2(program, variables)
    project, _, _ = fill(rekognition, tmp_path, image, line)
    train_and_detect(rekognition, project, tmp_path / "1.jpeg")


def walk(rekognition, tmp_path, image, line):
    """Every operation, from the first project to the last one's deletion."""
    project, train, test = fill(rekognition, tmp_path, image, line)
    version = train_and_detect(rekognition, project, tmp_path / "1.jpeg")
    other, copy = share(rekognition, project, version)
    stopped = rekognition("stop-project-version", project_version_arn=version)
    assert stopped == {"Status": "STOPPING"}
    rekognition("describe-project-versions", project_arn=project)
    for arn in (version, copy):
        rekognition("delete-project-version", project_version_arn=arn)
    for arn in (train, test):
        rekognition("delete-dataset", dataset_arn=arn)
    for arn in (project, other):
        rekognition("describe-project-versions", project_arn=arn)
    rekognition("describe-projects")
    for arn in (project, other):
        assert rekognition("delete-project", project_arn=arn) == {"Status": "DELETING"}
    assert rekognition("describe-projects") == {"ProjectDescriptions": []}


@pytest.mark.heavy
@pytest.mark.parametrize("taken", ["ResourceInUseException", "ResourceAlreadyExistsException"])
def test_the_sdk_for_javascript_walks_from_bucket_to_deletion(serve, tmp_path, image, line, taken):
    """Public programs wait for either error where the name of a project is taken."""
    node, modules = shutil.which("node"), ROOT / ".venv" / "node"
    if node is None or not (modules / "ready").exists():
        pytest.skip("node and the AWS SDK for JavaScript are not installed: make .venv/node/ready")
    lines = []
    for number in range(12):
        label = ("normal", "viral")[number % 2]
        (tmp_path / f"{number}.jpeg").write_bytes(image(label, number))
        lines.append(line(f"x/{number}.jpeg", label, bucket="from-javascript"))
    (tmp_path / "all.manifest").write_text("\n".join(lines))
    _, variables = serve("--check", "--assume", f"duplicate_project={taken}")
    walk_in_javascript = ROOT / "tests" / "javascript" / "walk.mjs"
    done = subprocess.run(
        [node, walk_in_javascript, modules, tmp_path],
        env={**os.environ, **variables},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == {
        "objects": 13,
        "taken": taken,
        "projects": 3,
        "dataset": "CREATE_COMPLETE",
        "moved": 2,
        "labels": ["normal", "viral"],
        "trained": "SUCCESS",
        "running": "SUCCESS",
        "found": "viral",
        "inS3": "normal",
        "refused": ["InvalidImageFormatException", True],
        "stopped": "STOPPED",
        "left": 0,
    }


def test_a_port_that_is_taken_is_reported_in_one_line(desk, capsys):
    port = desk.cloud.endpoint_url.rpartition(":")[2]
    assert main(["serve", "--port", port]) == 2
    assert capsys.readouterr().err.startswith("cannot start: ")


def test_prices_that_are_none_are_reported_in_one_line(tmp_path, capsys):
    (tmp_path / "prices.json").write_text('{"lunch": 1}')
    assert main(["serve", "--port", "0", "--prices", str(tmp_path / "prices.json")]) == 2
    assert "lunch" in capsys.readouterr().err

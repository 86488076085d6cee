"""`python -m rekognition_xray.local serve` as a process, used by the AWS command line."""

from __future__ import annotations

import json
import os
import shlex
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from rekognition_xray.local.__main__ import main

AWS = Path(sys.executable).with_name("aws")


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
            name, _, value = row.removeprefix("export ").strip().partition("=")
            printed[name] = shlex.split(value)[0]
        raise AssertionError(process.stderr.read())

    yield served
    for process in started:
        process.kill()
        process.communicate()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_prints_what_to_export_and_at_the_end_the_bill(serve, number):
    process, variables = serve("--bucket", "films")
    assert variables["AWS_ENDPOINT_URL"].startswith("http://127.0.0.1:")
    process.send_signal(number)
    out, err = process.communicate(timeout=20)
    assert process.returncode == 0
    assert out.splitlines()[0] == "# AWS would have charged"
    assert out.splitlines()[-1].split() == ["total", "$0.00"]
    assert err == ""


@pytest.mark.skipif(not AWS.exists(), reason="the AWS command line is not installed")
def test_the_aws_command_line_walks_the_whole_path(serve, tmp_path, film, line):
    _, variables = serve("--bucket", "films", "--check")
    environment = {**os.environ, **variables, "AWS_PAGER": ""}

    def aws(*arguments):
        done = subprocess.run(
            [AWS, *arguments, "--output", "json"],
            env=environment,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout) if done.stdout.strip().startswith("{") else {}

    def rekognition(command, **options):
        words = [part for name, value in options.items() for part in (f"--{name}", value)]
        return aws("rekognition", command, *(word.replace("_", "-", 0) for word in words))

    (tmp_path / "films").mkdir()
    lines = []
    for number in range(12):
        label = ("normal", "viral")[number % 2]
        (tmp_path / "films" / f"{number}.jpeg").write_bytes(film(label, number))
        lines.append(line(f"x/{number}.jpeg", label))
    (tmp_path / "films" / "all.manifest").write_text("\n".join(lines))
    aws("s3", "cp", "--recursive", "--only-show-errors", str(tmp_path / "films"), "s3://films/x/")
    project = rekognition("create-project", **{"project-name": "p"})["ProjectArn"]
    source = json.dumps(
        {"GroundTruthManifest": {"S3Object": {"Bucket": "films", "Name": "x/all.manifest"}}}
    )
    for kind in ("TRAIN", "TEST"):
        rekognition(
            "create-dataset",
            **{"project-arn": project, "dataset-type": kind, "dataset-source": source},
        )
    version = rekognition(
        "create-project-version",
        **{
            "project-arn": project,
            "version-name": "v1",
            "output-config": "S3Bucket=films,S3KeyPrefix=out",
        },
    )["ProjectVersionArn"]
    aws(
        *("rekognition", "wait", "project-version-training-completed"),
        *("--project-arn", project, "--version-names", "v1"),
    )
    rekognition(
        "start-project-version", **{"project-version-arn": version, "min-inference-units": "1"}
    )
    found = rekognition("describe-project-versions", **{"project-arn": project})
    assert found["ProjectVersionDescriptions"][0]["Status"] == "RUNNING"
    labels = rekognition(
        "detect-custom-labels",
        **{
            "project-version-arn": version,
            "image-bytes": f"fileb://{tmp_path}/films/1.jpeg",
            "min-confidence": "0",
        },
    )["CustomLabels"]
    assert labels[0]["Name"] == "viral"
    stopped = rekognition("stop-project-version", **{"project-version-arn": version})
    assert stopped == {"Status": "STOPPING"}


def test_a_port_that_is_taken_is_told_in_one_line(desk, capsys):
    port = desk.cloud.endpoint_url.rpartition(":")[2]
    assert main(["serve", "--port", port]) == 2
    assert capsys.readouterr().err.startswith("cannot start: ")


def test_prices_that_are_none_are_told_in_one_line(tmp_path, capsys):
    (tmp_path / "prices.json").write_text('{"lunch": 1}')
    assert main(["serve", "--port", "0", "--prices", str(tmp_path / "prices.json")]) == 2
    assert "lunch" in capsys.readouterr().err

"""``diagnose``, ``running`` and ``stop``: what bills is agreed to and ends."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import urllib.request
from pathlib import Path

import jsonschema
import pytest

import rekognition_xray as rx
from rekognition_xray.data.correcting import read_readings

from ..support.journals import diagnose, write_journal
from ..support.readings import read_as
from .conftest import Run, World


def test_a_model_that_does_not_run_is_not_started_unasked(run: Run, world: World, image: str):
    done = run("diagnose", "lungs/v1", image)
    assert done.exit_code == 1
    assert "does not run" in done.stderr
    assert "Add --start" in done.stderr
    assert "4.00 USD per hour" in done.stderr
    assert world.status in {"TRAINING_COMPLETED", "STOPPED"}


def test_a_model_that_runs_is_asked_and_left_running(run: Run, world: World, image: str):
    world.start()
    done = run("diagnose", "lungs/v1", image)
    assert done.exit_code == 0, done.output
    assert done.stdout.startswith(f"{image}: ")
    assert "Not a medical device" in done.stderr
    assert world.status == "RUNNING"


def test_a_stay_is_agreed_to_priced_and_over_at_the_end(run: Run, world: World, image: str):
    words = ("diagnose", "lungs/v1", image, "--start")
    declined = run(*words, input="n\n")
    assert declined.exit_code == 1
    assert "4.00 USD per hour on 1 unit" in declined.stderr
    assert world.status != "RUNNING"
    agreed = run(*words, "--units", "2", input="y\n")
    assert agreed.exit_code == 0, agreed.output
    assert "8.00 USD per hour on 2 units" in agreed.stderr
    assert world.status == "STOPPED"


def test_json_is_a_line_to_each_image_and_a_summary(
    run: Run, world: World, tmp_path: Path, image: str
):
    bad = tmp_path / "bad.jpeg"
    bad.write_text("no image")
    images = world.folder / "chest_xray" / "train" / "NORMAL"
    journal = tmp_path / "journal.jsonl"
    words = ("diagnose", "lungs/v1", images, bad, "--start", "--yes", "--journal", journal)
    done = run(*words, "--json")
    assert done.exit_code == 3
    assert done.stderr == ""
    *answers, last = map(json.loads, done.stdout.splitlines())
    assert len(answers) == len(list(images.iterdir())) + 1
    for answer in answers[:-1]:
        jsonschema.validate(answer, rx.Diagnosis.json_schema())
    assert rx.FailedDiagnosis.from_dict(answers[-1]).source == str(bad)
    assert (last["summary"]["failed"], last["summary"]["remembered"]) == (1, 0)
    assert "Not a medical device" in last["notice"]
    again = json.loads(run(*words, "--json").stdout.splitlines()[-1])
    assert again["summary"]["calls"] == 0
    assert world.status == "STOPPED"


def test_a_policy_of_another_version_is_refused_before_anything_bills(
    run: Run, world: World, tmp_path: Path, image: str
):
    policy = tmp_path / "policy.json"
    other = world.version.arn.replace("/v1/", "/v7/")
    policy.write_text(rx.Policy(threshold=0.5, version_arn=other).to_json())
    done = run("diagnose", "lungs/v1", image, "--start", "--yes", "--policy", policy)
    assert done.exit_code == 1
    assert "The policy was made for" in done.stderr
    assert world.status != "RUNNING"


@pytest.mark.heavy
def test_ctrl_c_leaves_nothing_running(run: Run, world: World):
    world.cloud.faults.delay("DetectCustomLabels", 0.1)
    words = ("diagnose", "lungs/v1", "chest_xray", "--start", "--yes", "--json")
    process = subprocess.Popen(
        [sys.executable, "-m", "rekognition_xray", *words],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert "finding" in json.loads(process.stdout.readline())
    assert world.status == "RUNNING"
    process.send_signal(signal.SIGINT)
    rest, complaint = process.communicate(timeout=60)
    assert process.returncode == 130, complaint
    assert "summary" not in rest
    assert json.loads(complaint.splitlines()[-1])["error"]["message"] == "Interrupted."
    assert world.status == "STOPPED"


def test_a_stop_that_fails_after_ctrl_c_is_reported_first():
    from rekognition_xray.cli.errors import failed_stop
    from rekognition_xray.errors import StopFailedError

    interrupt = KeyboardInterrupt()
    assert failed_stop(interrupt) is None
    interrupt.__context__ = StopFailedError("it may go on billing")
    assert failed_stop(interrupt) is interrupt.__context__


def test_what_runs_is_listed_with_its_price(run: Run, world: World):
    assert run("running").stdout == "Nothing runs.\n"
    world.start()
    reported = run("running").stdout
    assert world.version.arn in reported
    assert reported.endswith("1 running: 4.00 USD per hour\n")
    found = json.loads(run("running", "--json").stdout)
    assert set(found) == {"running", "per_hour", "currency", "refused"}
    (one,) = found["running"]
    assert {"arn", "region", "status", "per_hour", "since", "cost", "owners", "leases"} <= set(one)
    assert (one["region"], one["per_hour"]) == ("us-east-1", "4.00")


def test_regions_that_refuse_do_not_hide_the_others(run: Run, world: World):
    world.start()
    world.cloud.faults.error("DescribeProjects", "AccessDeniedException")
    done = run("running", "--region", "eu-west-1", "--region", "us-east-1", "--json")
    assert done.exit_code == 1
    reported = json.loads(done.stdout)
    assert [one["region"] for one in reported["refused"]] == ["eu-west-1"]
    assert [one["region"] for one in reported["running"]] == ["us-east-1"]


def test_a_stop_asks_and_stops_and_may_be_repeated(run: Run, world: World):
    world.start()
    declined = run("stop", "lungs/v1", input="n\n")
    assert (declined.exit_code, world.status) == (1, "RUNNING")
    assert "nobody holds a lease on it" in declined.stderr
    stopped = run("stop", "lungs/v1", input="y\n")
    assert (stopped.exit_code, world.status) == (0, "STOPPED")
    assert stopped.stdout.startswith("stopped: ")
    again = json.loads(run("stop", world.version.arn, "--yes", "--json").stdout)
    assert again["models"] == [
        {
            "arn": world.version.arn,
            "stopped": False,
            "reason": "it does not run",
            "error": None,
        }
    ]


def test_what_nobody_claims_is_stopped_only_where_that_is_asked_for(run: Run, world: World):
    world.start()
    left = run("stop", "--expired", "--yes")
    assert (left.exit_code, world.status) == (0, "RUNNING")
    assert "left as it is" in left.stdout
    assert run("stop", "--expired", "--unleased", "--yes").exit_code == 0
    assert world.status == "STOPPED"


def test_a_stop_that_fails_is_an_error(run: Run, world: World):
    world.start()
    world.cloud.faults.error("StopProjectVersion", "AccessDeniedException")
    done = run("stop", "lungs/v1", "--yes")
    assert done.exit_code == 1
    assert "NOT STOPPED" in done.stdout
    assert "may still be billing" in done.stderr


@pytest.fixture
def journal(tmp_path: Path, image: str) -> Path:
    return write_journal(tmp_path / "j.jsonl", [diagnose(image, {"normal": 0.2, "viral": 0.8})])


def test_a_review_saves_each_reading_and_ends_with_ctrl_c(
    tmp_path: Path, journal: Path, image: str
):
    file = tmp_path / "readings.jsonl"
    words = ("review", journal, "--readings", file, "--port", "0", "--json")
    with subprocess.Popen(
        [sys.executable, "-m", "rekognition_xray", *map(str, words)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        started = json.loads(process.stdout.readline())
        assert (started["images"], started["readings"]) == (1, str(file))
        reading = read_as(image, "viral")
        data = json.dumps(reading.to_dict()).encode()
        with urllib.request.urlopen(f"{started['url']}readings", data) as reply:
            assert reply.read() == b"saved"
        process.send_signal(signal.SIGINT)
        assert (process.wait(20), process.stderr.read()) == (0, "")
    assert read_readings(file) == (reading,)


def test_a_review_is_written_as_one_file(run: Run, tmp_path: Path, journal: Path):
    done = run("review", journal, "--html", tmp_path / "page.html", "--show-findings")
    assert done.stdout == f"html: {tmp_path / 'page.html'}\n"
    assert '"blind": false' in (tmp_path / "page.html").read_text("utf-8")


def test_a_review_of_nothing_says_so(run: Run, tmp_path: Path):
    done = run("review", tmp_path / "none.jsonl")
    assert done.exit_code == 1
    assert "There is no journal" in done.stderr


def test_a_node_says_where_it_listens_and_ends_with_ctrl_c(world: World, tmp_path: Path):
    words = ("node", "lungs/v1", "--folder", tmp_path / "node", "--caller", "WARD")
    with subprocess.Popen(
        [sys.executable, "-m", "rekognition_xray", *map(str, words), "--port", "0", "--json"],
        env=os.environ | world.cloud.environment() | {"REKOGNITION_XRAY_KEY": "k" * 16},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            started = json.loads(process.stdout.readline())
            assert (started["ae_title"], started["host"]) == ("RXRAY", "127.0.0.1")
            with socket.create_connection(("127.0.0.1", started["port"]), timeout=10):
                pass
            process.send_signal(signal.SIGINT)
            assert process.wait(90) == 0
        finally:
            process.kill()  # else a node that does not end would hold up all tests
    assert (tmp_path / "node" / "inbox").is_dir()


def test_a_node_needs_a_peer_that_can_be_read(run: Run, world: World, tmp_path: Path):
    done = run(
        *("node", "lungs/v1", "--folder", tmp_path, "--caller", "WARD"),
        "--identified",
        "--peer",
        "x",
    )
    assert done.exit_code == 1
    assert "TITLE@host:port" in done.stderr

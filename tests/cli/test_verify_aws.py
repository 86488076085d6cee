"""``verify-aws``: the price first, nothing without --yes, and the same run as the library's."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import rekognition_xray as rx
from rekognition_xray import contract
from rekognition_xray.local import Assumptions, LocalCloud

from .conftest import invoke

WORDS = ("verify-aws", "--bucket", "clinic-xrays")


@pytest.fixture(scope="session")
def local_cloud_options() -> dict[str, object]:
    return {"buckets": ["clinic-xrays"]}


@pytest.mark.usefixtures("local_cloud")
def test_the_price_comes_first_and_nothing_starts_without_yes() -> None:
    done = invoke(*WORDS, "--max-cost", "8.00")
    assert done.exit_code == 1
    assert "total: 3.00 USD" in done.output
    assert "Nothing was started" in done.output
    assert rx.Aws().rekognition.describe_projects()["ProjectDescriptions"] == []


@pytest.mark.usefixtures("local_cloud")
def test_a_cap_must_be_named() -> None:
    done = invoke(*WORDS, "--yes")
    assert done.exit_code == 2
    assert "--max-cost" in done.output


@pytest.mark.usefixtures("local_cloud")
def test_a_budget_below_the_price_is_refused() -> None:
    done = invoke(*WORDS, "--yes", "--max-cost", "1.00")
    assert done.exit_code == 1
    assert "more than 1.00" in done.output


@pytest.mark.heavy
def test_a_run_reports_and_writes_a_transcript(local_cloud: LocalCloud, tmp_path: Path) -> None:
    path = tmp_path / "transcript.json"
    done = invoke(*WORDS, "--yes", "--max-cost", "8.00", "--json", "--transcript", path)
    assert done.exit_code == 0, done.output
    record = json.loads(done.stdout)
    assert not [one for one in record["findings"] if one["verdict"] == "differs"]
    assert len(contract.Transcript.load(path).calls) == record["calls"]
    assert local_cloud.bill.running == ()


@pytest.mark.usefixtures("local_cloud")
def test_remains_alone_can_be_removed() -> None:
    aws = rx.Aws()
    aws.rekognition.create_project(ProjectName="rxray-verify-odd", Tags={"rxray.verify": "x"})
    done = invoke(*WORDS, "--remove-only")
    assert done.output == "1 projects were removed.\n"
    assert aws.rekognition.describe_projects()["ProjectDescriptions"] == []


def test_an_assumption_can_be_served_otherwise() -> None:

    made = Assumptions.of({"startable": "STOPPED, FAILED", "terminal_error_share": "0.1"})
    assert made == Assumptions(startable=frozenset({"STOPPED", "FAILED"}), terminal_error_share=0.1)
    with pytest.raises(ValueError, match="there is no assumption colour"):
        Assumptions.of({"colour": "blue"})
    for name, text in (
        ("repeated_source_ref", "Last"),
        ("startable", "READY"),
        ("shape_error", ""),
    ):
        with pytest.raises(ValueError, match=name):
            Assumptions.of({name: text})
    with pytest.raises(ValueError, match="could not convert"):
        Assumptions.of({"terminal_error_share": "much"})


def test_an_assumption_that_is_none_is_wrong_usage() -> None:
    done = invoke("serve", "--port", "0", "--assume", "colour=blue")
    assert done.exit_code == 2
    assert "there is no assumption colour" in done.output


@pytest.mark.usefixtures("local_cloud")
def test_a_transcript_that_could_not_be_written_stops_the_run_before_it_begins(
    tmp_path: Path,
) -> None:
    path = tmp_path / "nowhere" / "transcript.json"
    done = invoke(*WORDS, "--yes", "--max-cost", "8.00", "--transcript", path)
    assert done.exit_code == 2
    assert rx.Aws().rekognition.describe_projects()["ProjectDescriptions"] == []

"""``train`` and ``evaluate``: the price first, nothing unasked, the library's figures."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import rekognition_xray as rx

from .conftest import BUCKET, OTHER, TRAIN, Run, World, bad_folder


def test_the_price_stands_before_the_upload_and_the_next_step_at_the_end(world: World):
    said = world.said.output
    assert said.index("24.00 USD") < said.index("images sent")
    assert "AWS has no call that stops a training" in said
    assert world.said.stdout.splitlines()[-1] == "next: rekognition-xray evaluate lungs/v1"


@pytest.mark.usefixtures("few")
def test_a_training_that_is_not_agreed_to_makes_nothing(run: Run, world: World):
    for answer in ("n\n", ""):
        done = run(*OTHER, "--test", "0.5", input=answer)
        assert done.exit_code == 1
        assert "Train other/v1? [y/N]" in done.stderr
        assert "Nothing was started" in done.stderr
    assert rx.CustomLabelsProject.find("other", aws=world.version.aws) is None


@pytest.mark.usefixtures("few")
def test_a_cap_below_the_estimate_refuses_before_anything_is_sent(run: Run, world: World):
    done = run(*OTHER, "--test", "0.5", "--max-cost", "0.10")
    assert done.exit_code == 1
    assert "more than the cap of 0.10" in done.stderr
    assert rx.CustomLabelsProject.find("other", aws=world.version.aws) is None


@pytest.mark.parametrize("words", [TRAIN, ("diagnose", "a/b", "x", "--start"), ("stop", "a/b")])
def test_json_asks_no_questions(run: Run, words: tuple[str, ...]):
    done = run(*words, "--json")
    assert done.exit_code == 2
    assert "asks no questions" in json.loads(done.stderr)["error"]["message"]


def test_the_same_training_is_found_again(run: Run, world: World):
    done = run(*TRAIN, "--json", "--max-cost", "24.00")
    reported = json.loads(done.stdout)
    assert (done.exit_code, reported["arn"]) == (0, world.version.arn)
    assert set(reported) == {
        *("arn", "project_arn", "split", "upload", "estimate", "billed", "version"),
    }
    assert (reported["upload"]["uploaded"], reported["upload"]["skipped"]) == (0, 60)
    assert set(reported["split"]) == {"fingerprint", "seed", "train", "test"}
    assert reported["version"]["trained"]
    assert reported["billed"]["currency"] == "USD"


def test_images_at_fault_end_a_training_with_3_unless_they_are_left_out(
    run: Run, world: World, few: Path, tmp_path: Path
):
    folder = bad_folder(tmp_path / "images", few)
    words = ["train", "bad/v1", folder, "--store", f"{BUCKET}/bad", "--output", f"{BUCKET}/models"]
    refused = run(*words, "--yes")
    assert refused.exit_code == 3
    assert "IM-9999-0001.jpeg" in refused.stderr
    assert rx.CustomLabelsProject.find("bad", aws=world.version.aws) is None
    asked = run(*words, "--clean", "--test", "0.5", input="n\n")
    assert "left out: " in asked.stderr
    assert "Train bad/v1?" in asked.stderr


def test_an_evaluation_says_what_it_is_not_for_and_writes_what_is_asked(run: Run, tmp_path: Path):
    page, card, policy = (tmp_path / name for name in ("page.html", "in/card.json", "policy.json"))
    words = ("--html", page, "--pictures", "--card", card, "--policy", policy)
    done = run("evaluate", "lungs/v1", *words, "--sensitivity", "0.9", "--resamples", "100")
    assert done.exit_code == 0, done.output
    assert "Not a medical device" in done.stdout
    assert "data:image/jpeg" in page.read_text("utf-8")
    assert json.loads(card.read_text("utf-8"))["name"] == "v1"
    assert rx.Policy.from_json(policy.read_bytes()).name in done.stdout


def test_a_policy_with_a_guarantee_says_what_holds(run: Run):
    words = ("--sensitivity", "0.5", "--confidence", "0.5", "--resamples", "100")
    done = run("evaluate", "lungs/v1", *words)
    assert done.exit_code == 0, done.output
    assert "guaranteed: sensitivity of at least 0.5 on new patients" in done.stdout


def test_the_json_of_an_evaluation_is_the_librarys(run: Run, world: World):
    reported = json.loads(run("evaluate", world.version.arn, "--resamples", "100", "--json").stdout)
    ours = rx.Evaluation.from_version(world.version, resamples=100).to_dict()
    assert set(reported) == {"evaluation", "policy", "files"}
    assert reported["evaluation"] == json.loads(json.dumps(ours))
    assert reported["policy"] is None
    assert "Not a medical device" in str(reported["evaluation"]["notices"])


def test_a_version_is_found_by_name_arn_and_use(run: Run, world: World):
    project = rx.CustomLabelsProject.find("lungs", aws=world.version.aws)
    missing = run("evaluate", "lungs/v9")
    assert missing.exit_code == 1
    assert "It has " in missing.stderr
    assert "lungs/v1" in missing.stderr
    project.promote(world.version)
    assert run("evaluate", "lungs", "--resamples", "100").exit_code == 0
    nobody = run("evaluate", "nobody/v1")
    assert "no project 'nobody' in us-east-1" in nobody.stderr

"""The command: what it prints, asks, refuses and ends with; its page is true, its examples run."""

from __future__ import annotations

import doctest
import importlib.util
import io
import json
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import tomllib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeAlias

import attrs
import jsonschema
import pytest
from click.testing import CliRunner, Result

import rekognition_xray as rx
from rekognition_xray.cli import commands
from rekognition_xray.cli.exits import EPILOG
from rekognition_xray.cli.wording import OPTIONS, for_a_shell
from rekognition_xray.cloud import meter
from rekognition_xray.data.phantoms import make_phantoms
from rekognition_xray.local import LocalCloud
from rekognition_xray.local.__main__ import parse
from rekognition_xray.testing import NoWaitClock

ROOT = Path(__file__).parents[1]
BUCKET = "s3://clinic-xrays"
TRAIN = (
    *("train", "lungs/v1", "chest_xray", "--test", "0.5"),
    *("--store", f"{BUCKET}/kermany", "--output", f"{BUCKET}/models"),
)
Run: TypeAlias = Callable[..., Result]


def _tool():
    spec = importlib.util.spec_from_file_location("cli_page", ROOT / "tools" / "cli_page.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


tool = _tool()
LEAVES = dict(tool.leaves())


@attrs.frozen
class World:
    """A local cloud on which v1 is trained, and the folder in which that was done."""

    cloud: LocalCloud
    folder: Path
    said: Result

    @property
    def version(self) -> rx.ModelVersion:
        aws = rx.Aws(self.cloud.session())
        version = rx.CustomLabelsProject.find("lungs", aws=aws).version("v1")
        assert version is not None
        return version

    @property
    def status(self) -> str:
        return self.version.describe().status

    def start(self) -> None:
        self.version.aws.rekognition.start_project_version(
            ProjectVersionArn=self.version.arn, MinInferenceUnits=1
        )
        assert self.status == "RUNNING"  # held until it is


def invoke(*words: str, **settings: object) -> Result:
    return CliRunner().invoke(commands, [str(word) for word in words], **settings)


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    folder = tmp_path_factory.mktemp("cli")
    make_phantoms(
        folder / "chest_xray", patients=60, films_per_patient=(1, 1), seed=3, heights=(80, 90)
    )
    with LocalCloud(buckets=["clinic-xrays"]) as cloud, pytest.MonkeyPatch.context() as patch:
        patch.setenv("REKOGNITION_XRAY_KEY", "a key for tests only")
        patch.chdir(folder)
        for name, value in cloud.environment().items():
            patch.setenv(name, value)
        said = invoke(*TRAIN, "--yes")
        assert said.exit_code == 0, said.output
        patch.undo()
        yield World(cloud, folder, said)


@pytest.fixture
def run(world: World, monkeypatch: pytest.MonkeyPatch, no_wait: NoWaitClock) -> Iterator[Run]:
    """Invokes the command in the world's folder and cloud; no model is left running."""
    monkeypatch.chdir(world.folder)
    for name, value in world.cloud.environment().items():
        monkeypatch.setenv(name, value)
    yield invoke
    world.cloud.faults.clear()
    meter.stop(world.version)


@pytest.fixture(scope="module")
def few(world: World) -> Path:
    """Six films of six patients, two of each label."""
    return make_phantoms(
        world.folder / "few", patients=6, films_per_patient=(1, 1), seed=1, heights=(70, 80)
    )


OTHER = ("train", "other/v1", "few", "--store", f"{BUCKET}/few", "--output", f"{BUCKET}/models")


@pytest.fixture
def film(world: World) -> str:
    return str(next((world.folder / "chest_xray").rglob("person*.jpeg")))


# -- the tree ------------------------------------------------------------------------------------


def test_there_is_a_command_to_each_verb_in_the_order_of_use():
    assert list(commands.commands) == [
        *("audit", "prepare", "estimate", "train", "evaluate"),
        *("diagnose", "running", "stop", "serve"),
    ]
    assert [*commands.commands["estimate"].commands] == [
        *("training", "running", "batch", "month", "upload"),
    ]


@pytest.mark.parametrize("path", LEAVES)
def test_every_command_has_help_json_and_exit_codes(path: str):
    done = invoke(*path.split()[1:], "-h")
    assert done.exit_code == 0
    assert "--json" in done.output
    assert "Exit codes:" in done.output
    assert "130 interrupted" in EPILOG
    first = done.output.splitlines()[2].strip()
    assert first.endswith(".")
    assert "..." not in first


def test_no_key_can_be_given_on_the_command_line():
    options = {
        word for leaf in LEAVES.values() for each in leaf.command.params for word in each.opts
    }
    assert "--key" not in options
    assert "--key-file" in options


def test_the_entry_point_is_the_module():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    assert project["scripts"] == {"rekognition-xray": "rekognition_xray.__main__:main"}


def test_serve_takes_what_the_local_cloud_takes():
    ours = {
        word for each in LEAVES["rekognition-xray serve"].command.params for word in each.opts
    } - {"-v", "--debug"}
    asked = vars(parse(["serve"]))
    assert ours == {f"--{name}" for name in asked}
    defaults = {each.name: each.default for each in LEAVES["rekognition-xray serve"].command.params}
    for name in ("port", "host", "region", "pace", "seed", "learner"):
        assert defaults[name] == asked[name]
    for each in LEAVES["rekognition-xray serve"].command.params:
        for choice in getattr(each.type, "choices", ()):
            assert vars(parse(["serve", each.opts[0], choice]))[each.name] == choice


# -- the page ------------------------------------------------------------------------------------

PAGE = (ROOT / "docs" / "reference" / "cli.md").read_text("utf-8")
_SERVED = "rekognition-xray serve --bucket clinic-xrays"


def examples() -> list[tuple[str, str]]:
    """Every line of the page that begins with a prompt, with the output below it."""
    found = []
    for block in re.findall(r"^```console\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE):
        for part in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
            line, _, shown = part.partition("\n")
            found.append((line, shown))
    return found


def test_synopsis_and_options_on_the_page_are_the_commands():
    assert tool.page(PAGE) == PAGE, "run: python tools/cli_page.py"
    marked = set(re.findall(r"<!-- ([a-z ]+) -->", PAGE)) - {"end", "shared options", "exit codes"}
    assert {f"rekognition-xray {what}" for what in marked} == set(LEAVES)


def test_every_command_has_an_example():
    lines = [line for line, _ in examples()]
    assert [path for path in LEAVES if not any(line.startswith(path) for line in lines)] == []


@pytest.mark.heavy
def test_the_examples_run_as_the_page_shows_them(run: Run, world: World):
    films = sorted((world.folder / "chest_xray" / "train" / "NORMAL").iterdir())[:3]
    (world.folder / "by_table").mkdir()
    for film in films:
        shutil.copy(film, world.folder / "by_table")
    rows = "".join(f"{film.name},normal\n" for film in films)
    (world.folder / "labels.csv").write_text(f"file,finding\n{rows}")
    for line, shown in examples():
        name, *words = shlex.split(line)
        if name != "rekognition-xray" or line == _SERVED:
            continue  # served by a test of its own
        done = run(*words)
        assert done.exit_code == 0, f"{line}\n{done.output}"
        if shown:
            options = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
            got = re.sub(r"(?m)^\.\.\.", "…", done.output)
            assert doctest.OutputChecker().check_output(shown, got, options), f"{line}\n{got}"


# -- audit, prepare ------------------------------------------------------------------------------


def bad_folder(folder: Path, source: Path) -> Path:
    shutil.copytree(source / "train", folder / "train", dirs_exist_ok=True)
    (folder / "train" / "NORMAL" / "IM-9999-0001.jpeg").write_text("no film")
    return folder


def test_findings_end_an_audit_with_3_and_json_names_all_files(few: Path, tmp_path: Path):
    folder = bad_folder(tmp_path / "films", few)
    done = invoke("audit", folder, "--json")
    assert done.exit_code == 3
    told = json.loads(done.stdout)
    assert told["errors"] >= 1
    assert str(folder / "train" / "NORMAL" / "IM-9999-0001.jpeg") in str(told["findings"])
    assert set(told) == {
        *("films", "patients", "films_by_label", "patients_by_label"),
        *("errors", "warnings", "findings"),
    }


def test_a_film_that_cannot_be_used_ends_prepare_with_3_and_a_hint(few: Path, tmp_path: Path):
    folder = bad_folder(tmp_path / "films", few)
    done = invoke("prepare", folder, tmp_path / "out")
    assert done.exit_code == 3
    assert done.stdout == ""
    assert "IM-9999-0001.jpeg" in done.stderr
    assert "What to do" in done.stderr
    assert "Traceback" not in done.output


def test_warnings_are_findings_only_where_that_is_asked_for(few: Path):
    assert invoke("audit", few).exit_code == 0
    strict = invoke("audit", few, "--strict")
    assert strict.exit_code == 3
    assert "few-films" in strict.stdout


def test_a_second_run_of_prepare_does_nothing_again(few: Path, tmp_path: Path):
    first, second = (
        json.loads(invoke("prepare", few, tmp_path / "out", "--json").stdout) for _ in range(2)
    )
    assert (first["made"], first["cached"]) == (second["cached"], second["made"])
    assert first["made"] == first["films"]
    assert first["held"] == []


@pytest.mark.parametrize(
    ("words", "code", "told"),
    [
        (("audit", "nowhere"), 1, "nowhere does not exist"),
        (("audit", "."), 1, "holds no image"),
        (("audit", ".", "--names", "kermani"), 2, "neither a file nor one of kermany"),
        (("audit", ".", "--column", "colour=x"), 2, "file, label, patient, split"),
        (("estimate", "training"), 2, "one of --hours, --films and --project"),
        (("estimate", "running", "--hours", "1", "--region", "eu-west-1"), 1, "eu-west-1"),
        (("estimate", "batch", "--films", "99999999", "--within", "1"), 1, "No plan answers"),
        (("train", "lungs", "--output", "s3://b/o"), 2, "not PROJECT/VERSION"),
        (("train", "a/b", "films", "--output", "s3://b/o"), 2, "--store is needed"),
        (("train", "a/b", "--output", "s3://b/o", "--max-cost", "much"), 2, "amount of money"),
        (("diagnose", "a/b", "x.png", "--max-cost", "5"), 2, "need --start"),
        (("evaluate", "a/b", "--policy", "p.json"), 2, "exactly one of --sensitivity"),
        (("stop",), 2, "--expired"),
        (("stop", "a/b", "--expired"), 2, "--expired"),
        (("running",), 1, "No Region is set"),
        (("running", "--profile", "nobody"), 1, "Name another --profile"),
        (("nonsense",), 2, "No such command"),
    ],
)
def test_what_is_refused_says_why_and_what_to_do(
    words: tuple[str, ...], code: int, told: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.chdir(tmp_path)
    plainly, as_json = invoke(*words), invoke(*words, "--json")
    assert (plainly.exit_code, as_json.exit_code) == (code, code)
    assert told in plainly.stderr
    assert plainly.stdout == as_json.stdout == ""
    assert "Traceback" not in plainly.output
    error = json.loads(as_json.stderr.splitlines()[-1])["error"]
    assert {"type", "message", "hint", "retryable", "paths"} <= set(error)
    assert error["hint"]
    if code == 1:
        assert "What to do: " in plainly.stderr


# -- estimate ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("words", "keys"),
    [
        (("training", "--hours", "1.308"), {"lines", "assumptions", "currency", "total"}),
        (("training", "--films", "100"), {"low", "high", "sources"}),
        (("running", "--hours", "4"), {"lines", "assumptions", "currency", "total"}),
        (
            ("batch", "--films", "100", "--within", "2"),
            {"images", "units", "work", "latest_start", "low", "high", "assumptions"},
        ),
        (
            ("month", "--films-per-day", "100"),
            {
                *("images_per_day", "days", "always_on", "article", "drained"),
                "assumptions",
                "saved",
            },
        ),
    ],
)
def test_estimates_have_the_keys_that_are_promised(words: tuple[str, ...], keys: set[str]):
    done = invoke("estimate", *words, "--json")
    assert done.exit_code == 0
    assert set(json.loads(done.stdout)) == keys


def test_prices_of_ones_own_count(tmp_path: Path):
    book = tmp_path / "prices.json"
    price = {"source": "the invoice", "as_of": "2026-11-01"}
    hours = {"training-hour": "2.00", "inference-unit-hour": "8.00"}
    told = {name: {"amount": amount, **price} for name, amount in hours.items()}
    book.write_text(json.dumps({"currency": "EUR", "regions": {"eu-west-1": told}}))
    words = ("estimate", "running", "--hours", "2", "--region", "eu-west-1", "--prices", book)
    assert "16.00 EUR" in invoke(*words).stdout


# -- train ---------------------------------------------------------------------------------------


def test_the_price_stands_before_the_upload_and_the_next_step_at_the_end(world: World):
    said = world.said.output
    assert said.index("24.00 USD") < said.index("films sent")
    assert "AWS has no call that stops a training" in said
    assert world.said.stdout.splitlines()[-1] == "next: rekognition-xray evaluate lungs/v1"


@pytest.mark.usefixtures("few")
def test_a_training_that_is_not_agreed_to_makes_nothing(run: Run, world: World):
    for answer in ("n\n", ""):
        done = run(*OTHER, "--test", "0.5", input=answer)
        assert done.exit_code == 1
        assert "Train other/v1? [y/N]" in done.stderr
        assert "Nothing was begun" in done.stderr
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
    told = json.loads(done.stdout)
    assert (done.exit_code, told["arn"]) == (0, world.version.arn)
    assert set(told) == {
        *("arn", "project_arn", "split", "upload", "estimate", "billed", "version"),
    }
    assert (told["upload"]["uploaded"], told["upload"]["skipped"]) == (0, 60)
    assert set(told["split"]) == {"fingerprint", "seed", "train", "test"}
    assert told["version"]["trained"]
    assert told["billed"]["currency"] == "USD"


def test_films_at_fault_end_a_training_with_3_unless_they_are_left_out(
    run: Run, world: World, few: Path, tmp_path: Path
):
    folder = bad_folder(tmp_path / "films", few)
    words = ["train", "bad/v1", folder, "--store", f"{BUCKET}/bad", "--output", f"{BUCKET}/models"]
    refused = run(*words, "--yes")
    assert refused.exit_code == 3
    assert "IM-9999-0001.jpeg" in refused.stderr
    assert rx.CustomLabelsProject.find("bad", aws=world.version.aws) is None
    asked = run(*words, "--clean", "--test", "0.5", input="n\n")
    assert "left out: " in asked.stderr
    assert "Train bad/v1?" in asked.stderr


# -- evaluate ------------------------------------------------------------------------------------


def test_an_evaluation_says_what_it_is_not_for_and_writes_what_is_asked(run: Run, tmp_path: Path):
    page, card, policy = (tmp_path / name for name in ("page.html", "in/card.json", "policy.json"))
    words = ("--html", page, "--pictures", "--card", card, "--policy", policy)
    done = run("evaluate", "lungs/v1", *words, "--sensitivity", "0.9", "--resamples", "100")
    assert done.exit_code == 0, done.output
    assert "Not a medical device" in done.stdout
    assert "data:image/jpeg" in page.read_text("utf-8")
    assert json.loads(card.read_text("utf-8"))["name"] == "v1"
    assert rx.Policy.from_json(policy.read_bytes()).name in done.stdout


def test_the_json_of_an_evaluation_is_the_librarys(run: Run, world: World):
    told = json.loads(run("evaluate", world.version.arn, "--resamples", "100", "--json").stdout)
    ours = rx.Evaluation.from_version(world.version, resamples=100).to_dict()
    assert set(told) == {"evaluation", "policy", "files"}
    assert told["evaluation"] == json.loads(json.dumps(ours))
    assert told["policy"] is None
    assert "Not a medical device" in str(told["evaluation"]["notices"])


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


# -- diagnose ------------------------------------------------------------------------------------


def test_a_model_that_does_not_run_is_not_started_unasked(run: Run, world: World, film: str):
    done = run("diagnose", "lungs/v1", film)
    assert done.exit_code == 1
    assert "does not run" in done.stderr
    assert "Add --start" in done.stderr
    assert "4.00 USD per hour" in done.stderr
    assert world.status in {"TRAINING_COMPLETED", "STOPPED"}


def test_a_model_that_runs_is_asked_and_left_running(run: Run, world: World, film: str):
    world.start()
    done = run("diagnose", "lungs/v1", film)
    assert done.exit_code == 0, done.output
    assert done.stdout.startswith(f"{film}: ")
    assert "Not a medical device" in done.stderr
    assert world.status == "RUNNING"


def test_a_stay_is_agreed_to_priced_and_over_at_the_end(run: Run, world: World, film: str):
    words = ("diagnose", "lungs/v1", film, "--start")
    declined = run(*words, input="n\n")
    assert declined.exit_code == 1
    assert "4.00 USD per hour on 1 unit" in declined.stderr
    assert world.status != "RUNNING"
    agreed = run(*words, "--units", "2", input="y\n")
    assert agreed.exit_code == 0, agreed.output
    assert "8.00 USD per hour on 2 units" in agreed.stderr
    assert world.status == "STOPPED"


def test_json_is_a_line_to_each_film_and_a_summary(
    run: Run, world: World, tmp_path: Path, film: str
):
    bad = tmp_path / "bad.jpeg"
    bad.write_text("no film")
    films = world.folder / "chest_xray" / "train" / "NORMAL"
    journal = tmp_path / "journal.jsonl"
    words = ("diagnose", "lungs/v1", films, bad, "--start", "--yes", "--journal", journal)
    done = run(*words, "--json")
    assert done.exit_code == 3
    assert done.stderr == ""
    *answers, last = map(json.loads, done.stdout.splitlines())
    assert len(answers) == len(list(films.iterdir())) + 1
    for answer in answers[:-1]:
        jsonschema.validate(answer, rx.Diagnosis.json_schema())
    assert rx.FailedDiagnosis.from_dict(answers[-1]).source == str(bad)
    assert (last["summary"]["failed"], last["summary"]["remembered"]) == (1, 0)
    assert "Not a medical device" in last["notice"]
    again = json.loads(run(*words, "--json").stdout.splitlines()[-1])
    assert again["summary"]["calls"] == 0
    assert world.status == "STOPPED"


def test_a_policy_of_another_version_is_refused_before_anything_bills(
    run: Run, world: World, tmp_path: Path, film: str
):
    policy = tmp_path / "policy.json"
    other = world.version.arn.replace("/v1/", "/v7/")
    policy.write_text(rx.Policy(threshold=0.5, version_arn=other).to_json())
    done = run("diagnose", "lungs/v1", film, "--start", "--yes", "--policy", policy)
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


def test_a_stop_that_fails_after_ctrl_c_is_told_first():
    from rekognition_xray.cli.exits import unstopped
    from rekognition_xray.errors import StopFailedError

    interrupt = KeyboardInterrupt()
    assert unstopped(interrupt) is None
    interrupt.__context__ = StopFailedError("it may go on billing")
    assert unstopped(interrupt) is interrupt.__context__


# -- running, stop -------------------------------------------------------------------------------


def test_what_runs_is_listed_with_its_price(run: Run, world: World):
    assert run("running").stdout == "Nothing runs.\n"
    world.start()
    told = run("running").stdout
    assert world.version.arn in told
    assert told.endswith("1 running: 4.00 USD per hour\n")
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
    told = json.loads(done.stdout)
    assert [one["region"] for one in told["refused"]] == ["eu-west-1"]
    assert [one["region"] for one in told["running"]] == ["us-east-1"]


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


# -- serve, the process --------------------------------------------------------------------------


def start(*words: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "rekognition_xray", *words],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


@pytest.mark.heavy
def test_a_served_cloud_is_reached_by_its_address_and_ends_with_its_bill(
    monkeypatch: pytest.MonkeyPatch,
):
    process = start("serve", "--port", "0", "--bucket", "clinic-xrays", "--json")
    try:
        ready = json.loads(process.stdout.readline())["ready"]
        url = ready["environment"].pop("AWS_ENDPOINT_URL")
        for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
            monkeypatch.setenv(name, ready["environment"][name])
        monkeypatch.setenv("AWS_ENDPOINT_URL_REKOGNITION", "http://127.0.0.1:9")  # it yields
        done = invoke("running", "--endpoint-url", url, "--region", "us-east-1")
        assert done.stdout == "Nothing runs.\n", done.output
        taken = invoke("serve", "--port", url.rpartition(":")[2], "--json")
        assert taken.exit_code == 1
        assert "in use" in json.loads(taken.stderr)["error"]["message"]
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=30)
        assert (process.returncode, err) == (0, "")
        assert json.loads(out)["bill"]["when"] == "in all"
    finally:
        process.kill()
        process.communicate()


def test_the_shell_completes_commands_and_options():
    words = {"COMP_WORDS": "rekognition-xray diagnose --st", "COMP_CWORD": "2"}
    environment = {**os.environ, **words, "_REKOGNITION_XRAY_COMPLETE": "bash_complete"}
    done = subprocess.run(
        [sys.executable, "-m", "rekognition_xray"],
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == "plain,--start\n"
    assert "_REKOGNITION_XRAY_COMPLETE=bash_source" in PAGE


def test_without_click_the_extra_is_named():
    code = (
        "import sys; sys.modules['click'] = None\n"
        "from rekognition_xray.__main__ import main; main()"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "pip install 'rekognition-xray[cli]'" in done.stderr
    assert "Traceback" not in done.stderr


def test_help_loads_nothing_heavy():
    code = (
        "import sys, rekognition_xray.cli\n"
        "print(*({'boto3', 'numpy', 'PIL', 'moto', 'tqdm'} & {*sys.modules}))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == ""


# -- words ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (RuntimeError("a mistake of ours"), "run it again with --debug"),
        (PermissionError(13, "Permission denied", "x.html"), "x.html: Permission denied"),
        (ImportError("X needs Y. What to do: pip install 'Z'"), "What to do: pip install 'Z'"),
    ],
)
def test_what_should_not_happen_shows_no_traceback_unless_asked_for(
    error: Exception, told: str, monkeypatch: pytest.MonkeyPatch
):
    def fail(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr(rx.XrayDataset, "from_folder", fail)
    done = invoke("audit", ".")
    assert done.exit_code == 1
    assert told in done.stderr
    assert "Traceback" not in done.output
    assert "Traceback" in invoke("audit", ".", "--debug").stderr


@pytest.mark.usefixtures("few")
def test_logs_are_shown_when_asked_for_and_are_json_beside_json(run: Run):
    silent, told = (
        run("estimate", "upload", "few", "--store", f"{BUCKET}/k"),
        run("estimate", "upload", "few", "--store", f"{BUCKET}/k", "-v", "--json"),
    )
    assert silent.stderr == ""
    logs = [json.loads(line)["log"] for line in told.stderr.splitlines()]
    assert logs
    assert {one["level"] for one in logs} == {"info"}


def test_a_bar_is_shown_on_a_terminal_and_never_beside_json(
    few: Path, monkeypatch: pytest.MonkeyPatch
):
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    words = ["audit", str(few)]
    shown = {}
    for extra in ([], ["--json"]):
        stream = Terminal()
        with monkeypatch.context() as patch:
            patch.setattr(sys, "stderr", stream)
            commands.main([*words, *extra], standalone_mode=False)
        shown[bool(extra)] = stream.getvalue()
    assert "audit: 100%" in shown[False]
    assert shown[True] == ""


def test_advice_names_options_and_not_arguments(run: Run, few: Path, tmp_path: Path):
    folder = bad_folder(tmp_path / "films", few)
    (folder / "stray.jpeg").write_text("")
    done = run("train", "a/v1", folder, *OTHER[3:], "--yes")
    assert "clean()" not in done.stderr
    assert "Or go on with train --clean, which" in done.stderr
    library = "\n".join(
        re.sub(r'"\n\s+f?"', "", file.read_text("utf-8"))
        for file in Path(rx.__file__).parent.rglob("*.py")
        if "cli" not in file.parts
    )
    assert [said for said in OPTIONS if said not in library] == []
    for said, meant in OPTIONS.items():
        assert for_a_shell(said) == meant

"""``serve``, the process, and words: logs, bars, hints, and no traceback."""

from __future__ import annotations

import io
import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

import rekognition_xray as rx
from rekognition_xray.cli import commands
from rekognition_xray.cli.errors import OPTIONS, for_a_shell

from .conftest import BUCKET, OTHER, PAGE, Run, bad_folder, invoke


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


@pytest.mark.parametrize(
    ("line", "offered"),
    [
        ("diagnose --star", "plain,--start"),
        ("audit --names kermany-t", "plain,kermany-two-class"),
        ("audit --names vin", "plain,vindr:"),
        ("audit --names lab", "file,lab"),
    ],
)
def test_the_shell_completes_commands_options_and_rules(line: str, offered: str):
    words = {"COMP_WORDS": f"rekognition-xray {line}", "COMP_CWORD": str(len(line.split()))}
    environment = {**os.environ, **words, "_REKOGNITION_XRAY_COMPLETE": "bash_complete"}
    done = subprocess.run(
        [sys.executable, "-m", "rekognition_xray"],
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == f"{offered}\n"
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


@pytest.mark.parametrize(
    ("error", "reported"),
    [
        (RuntimeError("a mistake of ours"), "run it again with --debug"),
        (PermissionError(13, "Permission denied", "x.html"), "x.html: Permission denied"),
        (ImportError("X needs Y. What to do: pip install 'Z'"), "What to do: pip install 'Z'"),
    ],
)
def test_what_should_not_happen_shows_no_traceback_unless_asked_for(
    error: Exception, reported: str, monkeypatch: pytest.MonkeyPatch
):
    def fail(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr(rx.XrayDataset, "from_folder", fail)
    done = invoke("audit", ".")
    assert done.exit_code == 1
    assert reported in done.stderr
    assert "Traceback" not in done.output
    assert "Traceback" in invoke("audit", ".", "--debug").stderr


@pytest.mark.usefixtures("few")
def test_logs_are_shown_when_asked_for_and_are_json_beside_json(run: Run):
    silent, reported = (
        run("estimate", "upload", "few", "--store", f"{BUCKET}/k"),
        run("estimate", "upload", "few", "--store", f"{BUCKET}/k", "-v", "--json"),
    )
    assert silent.stderr == ""
    logs = [json.loads(line)["log"] for line in reported.stderr.splitlines()]
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
    folder = bad_folder(tmp_path / "images", few)
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

"""Bulk runs for tests: many small images, faults, runs that are killed, and the memory used."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
import tracemalloc
from pathlib import Path

from PIL import Image

import rekognition_xray as rx
from rekognition_xray.clinic.diagnosis import request
from rekognition_xray.clinic.diagnosis.inputs import Sendable

DETECT = "DetectCustomLabels"
HERE = Path(__file__).parent


CHILD = """
import os, sys
import rekognition_xray as rx
import local_sessions

aws = rx.Aws(session=local_sessions.local())
calls = os.open(sys.argv[2], os.O_WRONLY | os.O_APPEND | os.O_CREAT)
for client in (aws.rekognition, aws.rekognition_once):
    events = client.meta.events
    detect = "call.rekognition.DetectCustomLabels"
    events.register("before-" + detect, lambda **_: os.write(calls, b"+") and None)
    events.register("after-" + detect, lambda **_: os.write(calls, b"-") and None)
version = rx.ModelVersion.from_arn(sys.argv[1], aws=aws)
paths = open(sys.argv[3], encoding="utf-8").read().split("\\n")
for _ in rx.Diagnoser(version).diagnose_many(paths, journal=sys.argv[4]):
    pass
"""


def entries(journal):
    return [json.loads(line) for line in journal.read_text("utf-8").splitlines()]


def many(folder, count, label="normal"):
    """Small images, each with pixels of its own."""
    folder.mkdir(exist_ok=True)
    paths = []
    for number in range(count):
        image = Image.new("L", (64, 64), 90)
        image.putpixel((number % 64, number // 64 % 64), 255)
        image.putpixel((number // 4096, 60), 200)
        paths.append(folder / f"{label}-{number:05}.png")
        image.save(paths[-1], compress_level=1)
    return paths


def ask_for_faults(cloud, *, throttles, others, stall, seed):
    """Throttles, and failures, resets and stalls: each so many percent of the calls."""
    faults = cloud.faults
    faults.error(DETECT, "ProvisionedThroughputExceededException", percent=throttles, seed=seed)
    faults.error(DETECT, "InternalServerError", percent=others, seed=seed + 1)
    faults.drop(DETECT, percent=others, seed=seed + 2)
    faults.delay(DETECT, stall, percent=others, seed=seed + 3)


def peak(diagnoser, monkeypatch, count, journal=None):
    """Most bytes that Python held while so many images were asked for, without any service."""

    def ready(image, *_, **__):
        return Sendable(str(image), b"", f"{hash(image):064x}"[-64:])

    def call(diagnoser, ready, *, once=False):
        return rx.Diagnosis(
            ready.source, "normal", {"normal": 1.0}, False, "", None, None,
            diagnoser.version.arn, ready.sha256, "r", 0.1,
        )  # fmt: skip

    monkeypatch.setattr("rekognition_xray.clinic.diagnosis.request.sendable", ready)
    monkeypatch.setattr(request, "call", call)
    tracemalloc.start()
    try:
        run = diagnoser.diagnose_many((f"image-{n}" for n in range(count)), journal=journal)
        assert sum(1 for _ in run) == count
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def kill_and_continue(clinic, folder, monkeypatch, *, images, kills, dice):
    """A run that is killed so often, and then ends: its journal, calls, and calls cut off."""
    monkeypatch.setenv("TEST_LOCAL_CLOUD", clinic.cloud.endpoint_url)
    monkeypatch.setenv("PYTHONPATH", str(HERE), prepend=os.pathsep)
    paths = many(folder / "images", images)
    (folder / "paths").write_text("\n".join(map(str, paths)), "utf-8")
    calls, journal = folder / "calls", folder / "journal.jsonl"
    command = [sys.executable, "-c", CHILD, clinic.version.arn, calls, folder / "paths", journal]
    cut = 0
    for kill in range(kills + 1):
        with subprocess.Popen(command) as child:
            if kill < kills:
                wanted = dice(kill)
                while (journal.stat().st_size if journal.exists() else 0) < wanted:
                    assert child.poll() is None
                    time.sleep(0.002)
                child.send_signal(signal.SIGKILL)
            child.wait()
        log = calls.read_text()
        if kill < kills:
            cut += log.count("+") - log.count("-") - cut
    assert child.returncode == 0
    asked = calls.read_text().count("+")
    sources = [one["source"] for one in entries(journal)]
    return sorted(map(str, paths)), sorted(sources), asked, cut

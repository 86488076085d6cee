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

import attrs
from PIL import Image

import rekognition_xray as rx
from rekognition_xray.clinic.diagnosis import request
from rekognition_xray.clinic.diagnosis.inputs import Sendable

DETECT = "DetectCustomLabels"
HERE = Path(__file__).parent


# Notes each image that it asks about, before, and each that it gives out, after.
CHILD = """
import base64, hashlib, json, os, sys
import rekognition_xray as rx
import local_sessions

notes = os.open(sys.argv[2], os.O_WRONLY | os.O_APPEND | os.O_CREAT)

def note(what, image):
    os.write(notes, f"{what} {image}\\n".encode())

def ask(params, **_):
    image = base64.b64decode(json.loads(params["body"])["Image"]["Bytes"])
    note("asked", hashlib.sha256(image).hexdigest())

aws = rx.Aws(session=local_sessions.local())
for client in (aws.rekognition, aws.rekognition_once):
    client.meta.events.register("before-call.rekognition.DetectCustomLabels", ask)
version = rx.ModelVersion.from_arn(sys.argv[1], aws=aws)
paths = open(sys.argv[3], encoding="utf-8").read().split("\\n")
for answer in rx.Diagnoser(version).diagnose_many(paths, journal=sys.argv[4]):
    note("given", answer.image_sha256)
"""


@attrs.frozen
class KilledRun:
    """What a run did that was killed several times and then ended.

    Attributes:
        images: all paths, sorted.
        answered: the path of each line of the journal, sorted.
        asked: how many calls there were.
        asked_in_vain: images that were asked about although the journal had their answer.
        lost: images whose answer was given out and was not in the journal after the kill.
    """

    images: list[str]
    answered: list[str]
    asked: int
    asked_in_vain: set[str]
    lost: set[str]


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


def kill_and_continue(clinic, folder, monkeypatch, *, images, kills, dice) -> KilledRun:
    """Kills a run once it has given out ``dice(kill)`` answers, so often, and then lets it end."""
    monkeypatch.setenv("TEST_LOCAL_CLOUD", clinic.cloud.endpoint_url)
    monkeypatch.setenv("PYTHONPATH", str(HERE), prepend=os.pathsep)
    paths = many(folder / "images", images)
    (folder / "paths").write_text("\n".join(map(str, paths)), "utf-8")
    journal = folder / "journal.jsonl"
    all_asked = 0
    asked_in_vain, lost, written = set(), set(), set()
    for life in range(kills + 1):
        notes = folder / f"notes-{life}"
        command = [sys.executable, "-c", CHILD, clinic.version.arn, notes, folder / "paths"]
        with subprocess.Popen([*command, journal]) as child:
            if life < kills:
                wanted = dice(life)
                while not notes.exists() or len(images_of(notes, "given")) < wanted:
                    assert child.poll() is None
                    time.sleep(0.002)
                child.send_signal(signal.SIGKILL)
            child.wait()
        asked, given = images_of(notes, "asked"), images_of(notes, "given")
        all_asked += len(asked)
        asked_in_vain |= written & set(asked)
        written = {one["image_sha256"] for one in whole_entries(journal)}
        lost |= set(given) - written
    assert child.returncode == 0
    sources = sorted(one["source"] for one in entries(journal))
    return KilledRun(sorted(map(str, paths)), sources, all_asked, asked_in_vain, lost)


def images_of(notes, what):
    lines = [line.split() for line in notes.read_text("ascii").splitlines()]
    return [line[1] for line in lines if line[0] == what]


def whole_entries(journal):
    """The entries of a journal whose last line may be cut off."""
    *lines, _ = journal.read_text("utf-8").split("\n")
    return [json.loads(line) for line in lines]

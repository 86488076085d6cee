"""Bulk runs at full size: killed again and again, a fifth of the calls faulty, a million images."""

from __future__ import annotations

import random

import attrs
import pytest

import rekognition_xray as rx

from ...support.bulk_runs import ask_for_faults, entries, kill_and_continue, many, peak

pytestmark = pytest.mark.soak


def test_killed_at_20_random_moments_of_5000_images_nothing_is_lost_or_written_twice(
    clinic, tmp_path, monkeypatch
):
    dice = random.Random(11)
    moments = sorted(dice.randrange(5000) for _ in range(20))
    run = kill_and_continue(
        clinic, tmp_path, monkeypatch, images=5000, kills=20, dice=moments.__getitem__
    )
    print(f"{run.asked - 5000} requests repeated")
    assert run.answered == run.images
    assert run.asked >= len(run.images)
    assert run.asked_in_vain == run.lost == set()


def test_10000_images_with_a_fifth_of_faulty_calls(clinic, tmp_path):
    aws = rx.Aws(session=clinic.cloud.session(), read_timeout=1.0)
    diagnoser = rx.Diagnoser(attrs.evolve(clinic.version, aws=aws))
    paths, journal = many(tmp_path / "images", 10_000), tmp_path / "journal.jsonl"
    ask_for_faults(clinic.cloud, throttles=5, others=5, stall=10, seed=5)
    run = diagnoser.diagnose_many(paths, journal=journal)
    assert [answer.source for answer in run] == [str(path) for path in paths]
    summary = run.summary(units=1)
    print(summary)
    assert (summary.diagnosed, summary.failed) == (10_000, 0)
    written = [one["source"] for one in entries(journal)]
    assert sorted(written) == [str(path) for path in paths]


def test_memory_stays_flat_at_a_million_images(clinic, tmp_path, monkeypatch):
    diagnoser = rx.Diagnoser(clinic.version)
    few = peak(diagnoser, monkeypatch, 2_000, tmp_path / "few.jsonl")
    most = peak(diagnoser, monkeypatch, 1_000_000, tmp_path / "many.jsonl")
    print(f"{few / 1e6:.1f} MB at 2,000 images, {most / 1e6:.1f} MB at 1,000,000")
    assert most < few + 2_000_000

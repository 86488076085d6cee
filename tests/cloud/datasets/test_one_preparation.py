"""``put_datasets`` reads, decodes and checks everything once."""

from __future__ import annotations

from collections import Counter
from typing import Any

import attrs
import pytest

import rekognition_xray as rx
from rekognition_xray.cloud import storage
from rekognition_xray.cloud.datasets import checks, putting
from rekognition_xray.cloud.projects import project as projects
from rekognition_xray.data.images import image as one_image
from rekognition_xray.data.preparing import worker

STORE = "s3://clinic-xrays/images"


@pytest.fixture
def decodes(monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    """How often each image was prepared, by its name."""
    counts: Counter[str] = Counter()
    real = worker.prepare_image

    def counted(data: bytes, *, name: str, **more: Any) -> object:
        counts[name] += 1
        return real(data, name=name, **more)

    monkeypatch.setattr(worker, "prepare_image", counted)
    return counts


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    """How often Pillow opened a file, and thus decoded it."""
    counts: Counter[str] = Counter()
    real = one_image.Image.open

    def counted(*given: Any, **more: Any) -> object:
        counts["opened"] += 1
        return real(*given, **more)

    monkeypatch.setattr(one_image.Image, "open", counted)
    return counts


def once(*parts: rx.XrayDataset) -> dict[str, int]:
    return {str(image.path): 1 for part in parts for image in part}


def test_each_image_is_decoded_once(
    project: rx.CustomLabelsProject, draw, decodes: Counter[str], opened: Counter[str]
) -> None:
    train, test = draw().split(test=0.4, seed=1)
    project.put_datasets(train=train, test=test, store=STORE)
    assert decodes == once(train, test)
    assert opened["opened"] == len(train) + len(test)


def test_each_image_is_decoded_once_without_a_test_part(
    project: rx.CustomLabelsProject, draw, decodes: Counter[str]
) -> None:
    train = draw(patients=6, images=1)
    project.put_datasets(train=train, store=STORE)
    assert decodes == once(train)


def test_images_in_s3_are_put_together_with_prepared_ones(
    project: rx.CustomLabelsProject, draw, decodes: Counter[str]
) -> None:
    train, test = draw().split(test=0.4, seed=1)
    there = [
        rx.Xray(f"s3://clinic-xrays/theirs/{label}.jpg", label, f"theirs-{label}")
        for label in ("normal", "viral")
    ]
    mixed = attrs.evolve(train, images=[*train, *there], part=None)
    receipt = project.put_datasets(
        train=mixed, test=attrs.evolve(test, part=None), store=STORE, allow_leaks=True
    )
    assert decodes == once(train, test)
    assert {receipt.addresses[image] for image in there} == {image.address for image in there}
    assert project.datasets()["TRAIN"].entries == len(mixed)


def test_store_takes_prepared_images_and_those_in_s3_together(
    aws: rx.Aws, draw, tmp_path, decodes: Counter[str]
) -> None:
    images = draw(labels=("normal",))
    prepared = images.prepare(tmp_path / "prepared")
    assert decodes == once(images)
    there = rx.Xray("s3://clinic-xrays/theirs/a.jpg", "normal")
    receipt = storage.store([*prepared, there], STORE, aws=aws)
    assert decodes == once(images)
    assert set(receipt.locations) == {*images, there}
    assert (receipt.plan.images, receipt.plan.elsewhere) == (len(images), 1)


def test_sizes_are_checked_once_for_each_dataset(
    project: rx.CustomLabelsProject, draw, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[str] = []
    real = checks.check_dataset_size

    def counted(counts: Any, kind: Any, **more: Any) -> None:
        seen.append(kind)
        real(counts, kind, **more)

    for module in (projects, putting):
        monkeypatch.setattr(module, "check_dataset_size", counted)
    train, test = draw().split(test=0.4, seed=1)
    project.put_datasets(train=train, test=test, store=STORE)
    assert seen == ["TRAIN", "TEST"]

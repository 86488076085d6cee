"""Images that lie in S3 already become datasets where they lie."""

from __future__ import annotations

from pathlib import Path

import pytest

import rekognition_xray as rx
from rekognition_xray import errors
from rekognition_xray.cloud import datasets, storage
from rekognition_xray.cloud.s3 import S3Location

STORE = "s3://clinic-xrays/store"


def lying(*addresses: str, label: str = "normal") -> list[rx.Xray]:
    return [rx.Xray(address, label) for address in addresses]


def keys(aws: rx.Aws) -> list[str]:
    return [
        item["Key"] for item in aws.s3.list_objects_v2(Bucket="clinic-xrays").get("Contents", [])
    ]


def test_images_in_s3_become_datasets_without_an_upload(
    project: rx.CustomLabelsProject, aws: rx.Aws
) -> None:
    def part(name: str) -> rx.XrayDataset:
        images = [
            rx.Xray(
                f"s3://clinic-xrays/theirs/{name} {label} ü+{n}.jpg", label, f"{name}{label}{n}"
            )
            for label in ("normal", "viral")
            for n in range(3)
        ]
        return rx.XrayDataset(images)

    train, test = part("train"), part("test")
    receipt = project.put_datasets(train=train, test=test, store=STORE)
    assert (receipt.uploaded, receipt.skipped, receipt.bytes_sent) == (0, 0, 0)
    assert receipt.addresses == {image: image.address for image in (*train, *test)}
    assert all(key.startswith("store/manifests/") for key in keys(aws))
    for kind, dataset in (("TRAIN", train), ("TEST", test)):
        held = datasets.read_manifest(aws, project.datasets()[kind].arn)
        assert {(e.source_ref, e.label) for e in held} == {(f.address, f.label) for f in dataset}


@pytest.mark.parametrize("key", ["a", "a/", "/a", "a//b.jpg", "a?b#c%20d.jpg", "ü\u2028 .jpg"])
def test_an_address_is_kept_to_the_letter(aws: rx.Aws, key: str) -> None:
    (image,) = lying(f"s3://clinic-xrays/{key}")
    receipt = storage.store([image], STORE, aws=aws)
    assert receipt.locations == {image: S3Location("clinic-xrays", key)}
    assert receipt.addresses == {image: image.address}


@pytest.mark.parametrize(
    "address", ["s3://clinic-xrays", "s3://clinic-xrays/", "s3:///a", "clinic/a"]
)
def test_an_address_without_bucket_or_key_is_refused(aws: rx.Aws, address: str) -> None:
    with pytest.raises(errors.StorageError, match="address"):
        storage.store(lying(address), STORE, aws=aws)


def test_images_of_two_buckets_are_refused(aws: rx.Aws) -> None:
    images = lying("s3://clinic-xrays/a.jpg", "s3://others/b.jpg")
    with pytest.raises(errors.StorageError, match="2 buckets, clinic-xrays, others"):
        storage.store(images, STORE, aws=aws)


def test_images_that_would_be_stored_in_another_bucket_are_refused_before_one_is_sent(
    aws: rx.Aws, draw
) -> None:
    images = [*draw(), *lying("s3://others/b.jpg")]
    with pytest.raises(errors.StorageError, match="2 buckets"):
        storage.store(images, STORE, aws=aws)
    assert keys(aws) == []


def test_the_bucket_of_the_images_has_to_be_there(aws: rx.Aws) -> None:
    for asked in (storage.store, storage.plan):
        with pytest.raises(errors.StorageError, match="no-such-bucket"):
            asked(lying("s3://no-such-bucket/a.jpg"), STORE, aws=aws)


def test_manifests_may_lie_in_another_bucket_than_the_images(
    project: rx.CustomLabelsProject, aws: rx.Aws
) -> None:
    aws.s3.create_bucket(Bucket="manifests")
    train = rx.XrayDataset(
        [*lying("s3://clinic-xrays/a"), *lying("s3://clinic-xrays/b", label="viral")]
    )
    test = rx.XrayDataset(
        [*lying("s3://clinic-xrays/c"), *lying("s3://clinic-xrays/d", label="viral")]
    )
    project.put_datasets(train=train, test=test, store="s3://manifests")
    assert keys(aws) == []
    assert project.datasets()["TRAIN"].entries == 2


def test_one_image_under_two_labels_is_refused(aws: rx.Aws) -> None:
    address = "s3://clinic-xrays/a.jpg"
    images = [rx.Xray(address, label) for label in ("normal", "viral")]
    with pytest.raises(errors.LabelsError, match=r"a\.jpg: normal, viral") as caught:
        storage.store(images, STORE, aws=aws)
    assert caught.value.paths == (address,)


def test_images_on_disk_go_beside_those_that_lie_in_the_bucket(aws: rx.Aws, draw) -> None:
    here, (there,) = list(draw()), lying("s3://clinic-xrays/theirs/a.jpg")
    receipt = storage.store([*here, there], STORE, aws=aws)
    assert receipt.uploaded == len(here)
    assert receipt.addresses[there] == there.address
    assert len(receipt.locations) == len(here) + 1
    assert not any(Path(key).name == "a.jpg" for key in keys(aws))

"""Images that lie in S3, opened by a manifest or by their names."""

from __future__ import annotations

import datetime
from collections.abc import Callable
from pathlib import PurePath

import pytest

import rekognition_xray as rx
from rekognition_xray.cloud.storage import open_dataset
from rekognition_xray.data.manifests import Entry, Manifest
from rekognition_xray.data.pseudonyms import PseudonymKey, object_key
from rekognition_xray.data.reading import covid_radiography
from rekognition_xray.errors import (
    AccessDeniedError,
    DataError,
    EmptyDatasetError,
    ManifestError,
    ServiceFaultError,
    StorageError,
)
from rekognition_xray.local import LocalCloud

BUCKET = "clinic-xrays"
NAMES = (
    "train/NORMAL/IM-0115-0001.jpeg",
    "train/PNEUMONIA/person1_bacteria_1.jpeg",
    "val/PNEUMONIA/person1_virus_2.jpeg",
)
Put = Callable[..., None]


@pytest.fixture
def put(aws: rx.Aws) -> Put:
    """Puts objects of one byte under keys."""

    def put(*keys: str, data: bytes = b"x") -> None:
        for key in keys:
            aws.s3.put_object(Bucket=BUCKET, Key=key, Body=data)

    return put


def stored(patient: str, content: int, prefix: str = "images") -> str:
    pseudonym = PseudonymKey(b"a key for tests only").pseudonym(patient)
    return object_key(prefix, pseudonym, f"{content:064x}", "jpg")


def manifest(*keys: str) -> Manifest:
    entries = [Entry(f"s3://{BUCKET}/{key}", "viral") for key in keys]
    return Manifest(entries, rx.Labelling("kermany", on=datetime.date(2018, 6, 2)))


def test_a_prefix_is_read_by_the_names_below_it(aws: rx.Aws, put: Put) -> None:
    put(*(f"chest/{name}" for name in NAMES))
    dataset = open_dataset(f"s3://{BUCKET}/chest", aws=aws)
    assert [(image.name, image.label, image.patient, image.split) for image in dataset] == [
        (NAMES[0], "normal", "IM-0115", "train"),
        (NAMES[1], "bacterial", "person1", "train"),
        (NAMES[2], "viral", "person1", "val"),
    ]
    assert [image.source for image in dataset] == [f"s3://{BUCKET}/chest/{name}" for name in NAMES]
    assert dataset.labelling == rx.KERMANY.labelling


@pytest.mark.parametrize("address", [f"s3://{BUCKET}", f"s3://{BUCKET}/"])
def test_a_whole_bucket_may_be_opened(aws: rx.Aws, put: Put, address: str) -> None:
    put(*NAMES)
    assert [image.source for image in open_dataset(address, aws=aws)] == [
        f"s3://{BUCKET}/{name}" for name in NAMES
    ]


def test_a_prefix_does_not_take_in_its_neighbours(aws: rx.Aws, put: Put) -> None:
    put(*(f"chest/{name}" for name in NAMES), "chest-old/IM-0001-0001.jpeg")
    assert len(open_dataset(f"s3://{BUCKET}/chest", aws=aws)) == 3
    assert len(open_dataset(rx.S3Location(BUCKET, "chest"), aws=aws)) == 3


def test_every_object_that_looks_like_an_image_ends_as_image_or_rejected(
    aws: rx.Aws, put: Put
) -> None:
    put("chest/", "chest/notes.txt", "chest/.cache/IM-0001-0001.jpeg", "chest/train/")
    put("chest/IM-0001-0001.PNG", "chest/häuser im schnee.jpg", "chest/NORMAL/person1_virus_2.jpg")
    dataset = open_dataset(f"s3://{BUCKET}/chest", aws=aws)
    assert [image.name for image in dataset] == ["IM-0001-0001.PNG"]
    assert {(item.path, item.code) for item in dataset.rejected} == {
        (f"s3://{BUCKET}/chest/häuser im schnee.jpg", "no-label"),
        (f"s3://{BUCKET}/chest/NORMAL/person1_virus_2.jpg", "contradictory-labels"),
    }


def test_a_prefix_of_more_than_one_page_is_read_to_its_end(
    aws: rx.Aws, put: Put, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(*(f"chest/IM-{number:04d}-0001.jpeg" for number in range(7)))
    paginator = aws.s3.get_paginator("list_objects_v2")
    paginate = paginator.paginate
    calls = []

    def in_small_pages(**arguments: str) -> object:
        for page in paginate(**arguments, PaginationConfig={"PageSize": 3}):
            calls.append(page)
            yield page

    monkeypatch.setattr(paginator, "paginate", in_small_pages)
    monkeypatch.setattr(aws.s3, "get_paginator", lambda _: paginator)
    assert len(open_dataset(f"s3://{BUCKET}/chest", aws=aws)) == 7
    assert len(calls) == 3


def test_what_a_rule_skips_is_skipped_and_counted_in_s3_too(aws: rx.Aws, put: Put) -> None:
    keys = ("COVID/images/1.png", "COVID/masks/1.png", "Normal/images/1.png", "Normal/notes")
    put(*(f"radiography/{key}" for key in keys), "radiography/__MACOSX/a.png")
    found = open_dataset(f"s3://{BUCKET}/radiography/", aws=aws, names=covid_radiography())
    assert found.counts == {"normal": 1, "covid": 1}
    assert found.skipped == {"in folders 'masks'": 1, "without the name of an image": 1}


def test_any_rule_reads_keys(aws: rx.Aws, put: Put) -> None:
    put("chest/ill/a.png", "chest/well/b.png")
    address = f"s3://{BUCKET}/chest"
    assert open_dataset(address, aws=aws, names=rx.FOLDERS).counts == {"ill": 1, "well": 1}

    def by_letter(path: PurePath) -> str:
        return path.stem

    said = rx.Labelling(by="Dr Who")
    dataset = open_dataset(address, aws=aws, names=by_letter, labelling=said)
    assert dataset.counts == {"a": 1, "b": 1}
    assert dataset.labelling == rx.Labelling("by_letter", by="Dr Who")


def test_a_table_reads_keys_and_its_lost_rows_are_addresses(aws: rx.Aws, put: Put) -> None:
    pandas = pytest.importorskip("pandas")
    put("chest/a.png", "chest/b.png")
    frame = pandas.DataFrame({"file": ["a.png", "c.png"], "label": ["x", "x"]})
    table = rx.TableNames.from_frame(frame, patient=None)
    dataset = open_dataset(f"s3://{BUCKET}/chest", aws=aws, names=table)
    assert [image.name for image in dataset] == ["a.png"]
    assert {item.path for item in dataset.rejected} == {
        f"s3://{BUCKET}/chest/b.png",
        f"s3://{BUCKET}/chest/c.png",
    }


def test_an_object_is_read_as_a_manifest(aws: rx.Aws, put: Put) -> None:
    written = manifest(stored("a", 1), stored("a", 2), stored("b", 3))
    put("images/manifests/train-0123.manifest", data=written.text().encode())
    dataset = open_dataset(f"s3://{BUCKET}/images/manifests/train-0123.manifest", aws=aws)
    assert Manifest.of(dataset) == written
    assert (len(dataset), dataset.patient_count) == (3, 2)


def test_a_manifest_is_read_in_pieces_however_they_fall(
    aws: rx.Aws, put: Put, monkeypatch: pytest.MonkeyPatch
) -> None:
    written = manifest(*(stored(str(number), number) for number in range(20)))
    put("m", data=written.text().replace("\n", "\r\n").encode())
    monkeypatch.setattr("rekognition_xray.cloud.storage.opening._CHUNK", 997)
    assert Manifest.of(open_dataset(f"s3://{BUCKET}/m", aws=aws)) == written


def test_a_manifest_with_names_takes_patients_from_keys(aws: rx.Aws, put: Put) -> None:
    put("m", data=manifest("person1_virus_2.jpeg", "person1_virus_3.jpeg").text().encode())
    dataset = open_dataset(f"s3://{BUCKET}/m", aws=aws, names=rx.KERMANY)
    assert (dataset.patient_count, dataset.labelling.rule) == (1, "kermany")


def test_a_slash_at_the_end_never_means_an_object(aws: rx.Aws, put: Put) -> None:
    put("chest", data=b"not a manifest")
    put("chest/IM-0001-0001.jpeg")
    assert len(open_dataset(f"s3://{BUCKET}/chest/", aws=aws)) == 1
    with pytest.raises(ManifestError, match=f"s3://{BUCKET}/chest is no sound manifest"):
        open_dataset(f"s3://{BUCKET}/chest", aws=aws)


def test_all_bad_lines_of_a_manifest_are_named(aws: rx.Aws, put: Put) -> None:
    put("m", data=b"{}\n" + manifest(stored("a", 1)).text().encode() + b"[]\n")
    with pytest.raises(ManifestError) as caught:
        open_dataset(f"s3://{BUCKET}/m", aws=aws)
    assert [fault.line for fault in caught.value.faults] == [1, 3]
    assert caught.value.paths == (f"s3://{BUCKET}/m",)


@pytest.mark.parametrize("data", [b"", b"\xff\xd8\xff\xe0" * 999, b"x" * 3_000_000])
def test_what_is_no_manifest_is_refused(aws: rx.Aws, put: Put, data: bytes) -> None:
    put("m", data=data)
    with pytest.raises((ManifestError, EmptyDatasetError)):
        open_dataset(f"s3://{BUCKET}/m", aws=aws)


def test_an_object_larger_than_any_manifest_is_not_read(
    aws: rx.Aws, put: Put, monkeypatch: pytest.MonkeyPatch
) -> None:
    put("m", data=manifest(stored("a", 1)).text().encode())
    monkeypatch.setattr("rekognition_xray.cloud.storage.opening._LARGEST", 10)
    with pytest.raises(ManifestError, match="more than any manifest"):
        open_dataset(f"s3://{BUCKET}/m", aws=aws)


def test_the_address_of_one_image_is_refused(aws: rx.Aws) -> None:
    with pytest.raises(DataError, match="is one image") as caught:
        open_dataset(f"s3://{BUCKET}/chest/IM-0001-0001.jpeg", aws=aws)
    assert caught.value.paths == (f"s3://{BUCKET}/chest/IM-0001-0001.jpeg",)


@pytest.mark.parametrize("names", [None, rx.FOLDERS])
def test_a_store_of_this_library_points_to_its_manifests(
    aws: rx.Aws, put: Put, names: rx.XrayDataset | None
) -> None:
    put(stored("a", 1), stored("b", 2), "images/manifests/train-0123.manifest")
    with pytest.raises(EmptyDatasetError, match="pseudonyms, which contain no label") as caught:
        open_dataset(f"s3://{BUCKET}/images", aws=aws, names=names)
    assert f"s3://{BUCKET}/images/manifests/train-0123.manifest" in caught.value.hint
    assert len(caught.value.paths) == 2


def test_a_store_without_a_manifest_says_where_one_should_lie(aws: rx.Aws, put: Put) -> None:
    put(stored("a", 1))
    with pytest.raises(EmptyDatasetError) as caught:
        open_dataset(f"s3://{BUCKET}/images", aws=aws)
    assert f"s3://{BUCKET}/images/manifests/" in caught.value.hint


def test_a_bucket_that_does_not_exist_is_an_error(aws: rx.Aws) -> None:
    for address in ("s3://no-such-bucket/images", "s3://no-such-bucket/images/"):
        with pytest.raises(StorageError, match="'no-such-bucket' was not found"):
            open_dataset(address, aws=aws)


def test_a_prefix_with_nothing_or_nothing_usable_is_an_error(aws: rx.Aws, put: Put) -> None:
    with pytest.raises(EmptyDatasetError, match="holds no image, nothing"):
        open_dataset(f"s3://{BUCKET}/images", aws=aws)
    put("images/notes.txt")
    with pytest.raises(EmptyDatasetError, match="only 1 other objects"):
        open_dataset(f"s3://{BUCKET}/images", aws=aws)
    put("images/holiday.jpg")
    with pytest.raises(EmptyDatasetError, match=r"holiday\.jpg: the name fits no pattern"):
        open_dataset(f"s3://{BUCKET}/images", aws=aws)


def test_what_is_no_address_is_an_error(aws: rx.Aws) -> None:
    with pytest.raises(StorageError, match="not an address"):
        open_dataset("images", aws=aws)


def test_an_object_that_may_not_be_read_is_an_error(
    aws: rx.Aws, cloud: LocalCloud, put: Put
) -> None:
    put("m", data=manifest(stored("a", 1)).text().encode())
    cloud.faults.error("GetObject", "AccessDenied", status=403)
    with pytest.raises(AccessDeniedError, match="GetObject"):
        open_dataset(f"s3://{BUCKET}/m", aws=aws)


def test_a_prefix_may_be_listed_by_who_may_not_read_objects(
    aws: rx.Aws, cloud: LocalCloud, put: Put
) -> None:
    put(*(f"chest/{name}" for name in NAMES))
    cloud.faults.error("GetObject", "AccessDenied", status=403)
    assert len(open_dataset(f"s3://{BUCKET}/chest", aws=aws)) == 3


def test_a_prefix_that_may_not_be_listed_is_an_error(
    aws: rx.Aws, cloud: LocalCloud, put: Put
) -> None:
    put("chest/IM-0001-0001.jpeg")
    cloud.faults.error("ListObjectsV2", "AccessDenied", status=403)
    with pytest.raises(AccessDeniedError, match="ListObjectsV2"):
        open_dataset(f"s3://{BUCKET}/chest/", aws=aws)


def test_a_service_that_fails_is_an_error_of_the_library(
    cloud: LocalCloud, put: Put, aws: rx.Aws
) -> None:
    put("m", data=manifest(stored("a", 1)).text().encode())
    cloud.faults.error("GetObject", "InternalError", status=500, times=99)
    once = rx.Aws(session=cloud.session(), attempts=1)
    with pytest.raises(ServiceFaultError):
        open_dataset(f"s3://{BUCKET}/m", aws=once)


def test_it_is_reached_as_users_write_it() -> None:
    from rekognition_xray.cloud import storage

    assert storage.open_dataset is open_dataset

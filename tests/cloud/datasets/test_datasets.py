"""Datasets become what a manifest says: kept, updated, made anew, or refused with all untouched."""

from __future__ import annotations

import datetime
import json
from collections.abc import Callable, Iterator
from pathlib import Path

import attrs
import pytest
from botocore.exceptions import ClientError

import rekognition_xray as rx
from rekognition_xray import errors
from rekognition_xray.cloud import datasets
from rekognition_xray.cloud.s3 import S3Location
from rekognition_xray.data.manifests import Entry, Manifest
from rekognition_xray.data.xrays import Labelling, Part
from rekognition_xray.local import LocalCloud

from ...support.readings import read_as

STORE = S3Location("clinic-xrays", "images")
KERMANY = Labelling("kermany", "readers of Kermany 2018", datetime.date(2018, 6, 2))
LABELS = ("bacterial", "normal", "viral")
Put = Callable[..., None]
Calls = list[str]


def images(
    *numbers: int, part: Part | None = None, label: str = "", bucket: str = "clinic-xrays"
) -> Manifest:
    """A manifest of images by number; each has a label of its own by default."""
    entries = [
        Entry(f"s3://{bucket}/images/{number:03}.jpg", label or LABELS[number % 3])
        for number in numbers
    ]
    return Manifest(entries, KERMANY, part)


@pytest.fixture
def calls(aws: rx.Aws) -> Iterator[Calls]:
    """Names of the operations that change more than a tag, in the order of the calls."""
    made: Calls = []

    def note(model, **_: object) -> None:
        if not model.name.startswith(("Describe", "List", "Head", "Get", "Tag")):
            made.append(model.name)

    clients = (aws.rekognition, aws.s3)
    for client in clients:
        client.meta.events.register("before-call", note, unique_id="calls")
    yield made
    for client in clients:
        client.meta.events.unregister("before-call", note, unique_id="calls")


@pytest.fixture
def put(project: rx.CustomLabelsProject, calls: Calls) -> Put:
    """Puts manifests, ``put(TRAIN=..., TEST=...)``; `calls` then names what this took."""

    def put(*, replace: bool = False, **manifests: Manifest) -> None:
        calls.clear()
        datasets.put_manifests(project.aws, project.arn, manifests, store=STORE, replace=replace)

    return put


def held(project: rx.CustomLabelsProject, kind: str) -> Manifest:
    return datasets.read_manifest(
        project.aws, datasets.dataset_arns(project.aws, project.arn)[kind]
    )


def test_a_dataset_is_what_its_manifest_says(
    project: rx.CustomLabelsProject, put: Put, calls: Calls
) -> None:
    train, test = images(1, 2, 3, part=Part("train", "ab")), images(4, 5, part=Part("test", "ab"))
    put(TRAIN=train, TEST=test)
    assert (held(project, "TRAIN"), held(project, "TEST")) == (train, test)
    assert calls == ["PutObject", "CreateDataset"] * 2


def test_the_manifest_lies_in_the_store_as_it_is_written(
    project: rx.CustomLabelsProject, put: Put
) -> None:
    put(TRAIN=images(1, 2))
    (item,) = project.aws.s3.list_objects_v2(Bucket="clinic-xrays")["Contents"]
    assert item["Key"].startswith("images/manifests/train-")
    body = project.aws.s3.get_object(Bucket="clinic-xrays", Key=item["Key"])["Body"].read()
    assert body.decode() == images(1, 2).text()


def test_a_dataset_that_holds_these_lines_is_kept(put: Put, calls: Calls) -> None:
    put(TRAIN=images(1, 2, 3))
    put(TRAIN=images(3, 2, 1))
    assert calls == []


@pytest.fixture
def listed(aws: rx.Aws) -> Iterator[list[str]]:
    """The datasets whose entries are listed, once for each page."""
    arns: list[str] = []
    events, event = (
        aws.rekognition.meta.events,
        "provide-client-params.rekognition.ListDatasetEntries",
    )
    events.register(event, note := lambda params, **_: arns.append(params["DatasetArn"]))
    yield arns
    events.unregister(event, note)


def test_a_dataset_that_nobody_has_changed_is_not_listed_to_see_that(
    put: Put, listed: list[str]
) -> None:
    put(TRAIN=images(1, 2, 3), TEST=images(4))
    put(TRAIN=images(3, 2, 1), TEST=images(4))
    assert listed == []


def test_what_others_change_in_a_dataset_is_put_right(
    project: rx.CustomLabelsProject, put: Put, calls: Calls
) -> None:
    put(TRAIN=images(1, 2, 3))
    arn = project.datasets()["TRAIN"].arn
    changes = {"GroundTruth": images(2, label="normal").text().encode()}
    project.aws.rekognition.update_dataset_entries(DatasetArn=arn, Changes=changes)
    put(TRAIN=images(1, 2, 3))
    assert calls == ["UpdateDatasetEntries"]
    assert held(project, "TRAIN") == images(1, 2, 3)


def test_a_dataset_that_was_listed_once_and_is_as_wanted_is_not_listed_again(
    project: rx.CustomLabelsProject, put: Put, listed: list[str]
) -> None:
    put(TRAIN=images(1, 2, 3))
    arn = project.datasets()["TRAIN"].arn
    project.aws.rekognition.untag_resource(ResourceArn=arn, TagKeys=["rxray.entries"])
    put(TRAIN=images(1, 2, 3))
    put(TRAIN=images(1, 2, 3))
    assert listed == [arn]


def test_changed_lines_that_the_service_dropped_are_sent_again(
    project: rx.CustomLabelsProject, put: Put, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(TRAIN=images(*range(1, 10)))
    wanted, whole = images(*range(1, 10), label="viral"), Manifest.blobs

    def spoilt(lines: Manifest) -> Iterator[bytes]:
        for blob in whole(lines):
            yield blob.replace(b"s3://clinic-xrays/images/003", b"nowhere", 1)

    with monkeypatch.context() as dropping:
        dropping.setattr(Manifest, "blobs", spoilt)
        put(TRAIN=wanted)  # the number of entries is right all the same
    put(TRAIN=wanted)
    assert held(project, "TRAIN") == wanted


def test_who_may_not_write_tags_puts_datasets_all_the_same(
    aws: rx.Aws, project: rx.CustomLabelsProject, put: Put, listed: list[str]
) -> None:
    def refuse(**_: object) -> None:
        raise ClientError({"Error": {"Code": "AccessDeniedException"}}, "TagResource")

    events, event = aws.rekognition.meta.events, "before-call.rekognition.TagResource"
    events.register(event, refuse)
    put(TRAIN=images(1, 2, 3))
    put(TRAIN=images(1, 2, 3))
    events.unregister(event, refuse)
    assert listed == [project.datasets()["TRAIN"].arn]


def test_new_images_are_sent_to_the_dataset_that_is_there(
    project: rx.CustomLabelsProject, put: Put, calls: Calls
) -> None:
    put(TRAIN=images(1, 2, 3))
    before = project.datasets()["TRAIN"].arn
    put(TRAIN=images(1, 2, 3, 4, 5))
    assert calls == ["UpdateDatasetEntries"]
    assert held(project, "TRAIN") == images(1, 2, 3, 4, 5)
    assert project.datasets()["TRAIN"].arn == before


def test_only_what_is_new_or_changed_is_sent(project: rx.CustomLabelsProject, put: Put) -> None:
    put(TRAIN=images(1, 2, 3, 4))
    sent: list[bytes] = []
    event = "provide-client-params.rekognition.UpdateDatasetEntries"
    events = project.aws.rekognition.meta.events
    events.register(event, spy := lambda params, **_: sent.append(params["Changes"]["GroundTruth"]))
    relabelled = [*images(1, 2, 3), *images(4, label="viral"), *images(5)]
    put(TRAIN=Manifest(relabelled, KERMANY))
    events.unregister(event, spy)
    assert held(project, "TRAIN").entries == tuple(relabelled)
    assert [list(Manifest.parse(blob)) for blob in sent] == [relabelled[3:]]


def test_lines_of_another_split_are_all_sent_again_so_that_none_tells_of_the_old_one(
    project: rx.CustomLabelsProject, put: Put, calls: Calls
) -> None:
    put(TRAIN=images(1, 2, part=Part("train", "ab")))
    put(TRAIN=images(1, 2, 3, part=Part("train", "cd")))
    assert calls == ["UpdateDatasetEntries"]
    assert held(project, "TRAIN") == images(1, 2, 3, part=Part("train", "cd"))


def test_entries_that_would_have_to_vanish_are_refused_unless_replacing_is_allowed(
    project: rx.CustomLabelsProject, put: Put, calls: Calls
) -> None:
    put(TRAIN=images(1, 2, 3))
    before = project.datasets()["TRAIN"].arn
    with pytest.raises(
        errors.AlreadyExistsError, match="TRAIN dataset with other entries"
    ) as output:
        put(TRAIN=images(1, 2, 4))
    assert "replace=True" in output.value.hint
    assert calls == []
    put(TRAIN=images(1, 2, 4), replace=True)
    assert held(project, "TRAIN") == images(1, 2, 4)
    assert project.datasets()["TRAIN"].arn != before
    assert calls == ["PutObject", "DeleteDataset", "CreateDataset"]


def test_neither_dataset_is_changed_where_one_is_refused(
    project: rx.CustomLabelsProject, put: Put, calls: Calls
) -> None:
    put(TRAIN=images(1, 2), TEST=images(3, 4))
    with pytest.raises(errors.AlreadyExistsError, match="TEST"):
        put(TRAIN=images(1, 2, 3), TEST=images(4))  # image 3 would stand on both sides
    assert calls == []
    assert (held(project, "TRAIN"), held(project, "TEST")) == (images(1, 2), images(3, 4))


def test_images_of_the_other_dataset_are_not_put_beside_it(
    project: rx.CustomLabelsProject, put: Put, calls: Calls
) -> None:
    put(TRAIN=images(1, 2), TEST=images(3, 4))
    with pytest.raises(errors.AlreadyExistsError, match="other dataset"):
        put(TRAIN=images(1, 2, 3))
    assert calls == []
    put(TRAIN=images(1, 2, 3), replace=True)
    assert list(project.datasets()) == ["TRAIN"]


def test_a_dataset_that_the_service_has_distributed_is_kept(
    project: rx.CustomLabelsProject, put: Put, calls: Calls
) -> None:
    whole = images(*range(30))
    put(TRAIN=whole)
    datasets.distribute_entries(project.aws, project.arn)
    counts = {kind: seen.entries for kind, seen in project.datasets().items()}
    assert counts == {"TRAIN": 24, "TEST": 6}
    for replace in (False, True):
        put(TRAIN=whole, replace=replace)
        assert calls == []
    assert {kind: seen.entries for kind, seen in project.datasets().items()} == counts


def test_a_dataset_whose_creation_failed_is_made_anew_when_allowed(
    project: rx.CustomLabelsProject, aws: rx.Aws, put: Put
) -> None:
    bad = STORE / "bad.manifest"
    aws.s3.put_object(Bucket=bad.bucket, Key=bad.key, Body=b"no manifest")
    with pytest.raises(errors.DatasetFailedError, match="CREATE_FAILED"):
        datasets.create_dataset(aws, project.arn, "TRAIN", bad)
    with pytest.raises(errors.DatasetFailedError, match="CREATE_FAILED"):
        datasets.update_dataset(aws, datasets.dataset_arns(aws, project.arn)["TRAIN"], images(1))
    with pytest.raises(errors.AlreadyExistsError):
        put(TRAIN=images(1, 2))
    put(TRAIN=images(1, 2), replace=True)
    assert held(project, "TRAIN") == images(1, 2)


def test_a_dataset_that_others_filled_is_not_touched_unless_allowed(
    project: rx.CustomLabelsProject, aws: rx.Aws, put: Put, calls: Calls
) -> None:
    content = json.loads(images(1).text())
    content |= {"other": 1, "other-metadata": content["label-metadata"] | {"class-name": "x"}}
    place = STORE / "theirs.manifest"
    aws.s3.put_object(Bucket=place.bucket, Key=place.key, Body=json.dumps(content))
    datasets.create_dataset(aws, project.arn, "TRAIN", place)
    with pytest.raises(errors.AlreadyExistsError):
        put(TRAIN=images(1, 2))
    assert calls == []
    put(TRAIN=images(1, 2), replace=True)
    assert held(project, "TRAIN") == images(1, 2)


def test_an_empty_dataset_is_filled(project: rx.CustomLabelsProject, put: Put) -> None:
    datasets.create_dataset(project.aws, project.arn, "TRAIN", None)
    put(TRAIN=images(1, 2))
    assert held(project, "TRAIN") == images(1, 2)


@pytest.fixture
def dataset(project: rx.CustomLabelsProject, put: Put) -> str:
    """The ARN of a dataset of three images."""
    put(TRAIN=images(1, 2, 3))
    return datasets.dataset_arns(project.aws, project.arn)["TRAIN"]


def test_large_updates_go_blob_by_blob(
    aws: rx.Aws, dataset: str, calls: Calls, monkeypatch: pytest.MonkeyPatch
) -> None:
    more = images(*range(3, 60))
    limit = len(more.text()) // 3
    monkeypatch.setattr(Manifest.blobs, "__defaults__", (limit,))
    calls.clear()
    seen = datasets.update_dataset(aws, dataset, more)
    assert calls == ["UpdateDatasetEntries"] * 4
    assert seen.entries == 59
    assert datasets.read_manifest(aws, dataset) == images(*range(1, 60))


def test_blobs_are_as_large_as_the_service_takes(aws: rx.Aws) -> None:
    shape = aws.rekognition.meta.service_model.shape_for("GroundTruthBlob")
    assert Manifest.blobs.__defaults__ == (shape.metadata["max"],)


def test_an_update_waits_for_a_dataset_that_is_busy(
    cloud: LocalCloud, aws: rx.Aws, dataset: str, calls: Calls
) -> None:
    cloud.faults.error("UpdateDatasetEntries", "ResourceInUseException", times=3)
    assert datasets.update_dataset(aws, dataset, images(4)).entries == 4
    assert calls[-4:] == ["UpdateDatasetEntries"] * 4


def test_an_update_that_fails_says_why_and_can_be_repeated(
    project: rx.CustomLabelsProject, aws: rx.Aws, dataset: str, put: Put
) -> None:
    with pytest.raises(errors.DatasetFailedError, match="multiple S3 buckets"):
        datasets.update_dataset(aws, dataset, images(4, bucket="another"))
    assert datasets.describe_dataset(aws, dataset).status == "UPDATE_FAILED"
    put(TRAIN=images(1, 2, 3, 4))
    assert held(project, "TRAIN") == images(1, 2, 3, 4)


def test_lines_that_the_service_drops_are_noticed(
    project: rx.CustomLabelsProject, put: Put, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(TRAIN=images(1, 2))
    whole = Manifest.blobs

    def spoilt(lines: Manifest) -> Iterator[bytes]:
        for blob in whole(lines):
            yield blob.replace(b"s3://clinic-xrays/images/003", b"nowhere", 1)

    monkeypatch.setattr(Manifest, "blobs", spoilt)
    with pytest.raises(
        errors.DatasetFailedError, match="holds 8 entries and should hold 9"
    ) as output:
        put(TRAIN=images(*range(1, 10)))
    assert "1 that were sent are not there:\n  - s3://clinic-xrays/images/003.jpg" in str(
        output.value
    )


@pytest.mark.parametrize(
    ("kind", "counts", "region", "code"),
    [
        ("TRAIN", {}, "us-east-1", "empty-manifest"),
        ("TRAIN", {"a": 250_001}, "us-east-1", "ERROR_MANIFEST_ROWS_EXCEEDS_MAXIMUM"),
        ("TRAIN", {"a": 20_000, "b": 8_001}, "ap-south-1", "ERROR_MANIFEST_ROWS_EXCEEDS_MAXIMUM"),
        (
            "TEST",
            {str(n): 100 for n in range(71)},
            "eu-west-2",
            "ERROR_MANIFEST_ROWS_EXCEEDS_MAXIMUM",
        ),
        ("TRAIN", {str(n): 1 for n in range(251)}, "us-east-1", "ERROR_MANIFEST_TOO_MANY_LABELS"),
        ("TEST", {"a": 1_001, "b": 1}, "us-east-1", "too-many-test-images"),
    ],
)
def test_datasets_beyond_the_limits_are_refused(kind, counts, region: str, code: str) -> None:
    with pytest.raises(errors.ManifestError, match=kind) as caught:
        datasets.check_dataset_size(counts, kind, region=region)
    assert [fault.code for fault in caught.value.faults] == [code]


@pytest.mark.parametrize(
    ("kind", "counts", "region"),
    [
        ("TRAIN", {"a": 250_000}, "us-east-1"),
        ("TRAIN", {"a": 28_000}, "ap-south-1"),
        ("TEST", {str(n): 1_000 for n in range(7)}, "eu-west-2"),
        ("TEST", {str(n): 1_000 for n in range(250)}, "us-east-1"),
    ],
)
def test_datasets_at_the_limits_are_not_refused(kind, counts, region: str) -> None:
    datasets.check_dataset_size(counts, kind, region=region)


def test_limits_are_checked_before_anything_is_sent(put: Put, calls: Calls) -> None:
    with pytest.raises(errors.ManifestError, match="empty-manifest"):
        put(TRAIN=images(1, 2), TEST=attrs.evolve(images(1), entries=()))
    assert calls == []


def test_limits_of_a_project_are_checked_before_an_image_is_looked_at(
    project: rx.CustomLabelsProject, calls: Calls
) -> None:
    def part(name: str, count: int) -> rx.XrayDataset:
        made = [rx.Xray(Path(f"{name}{n}.jpeg"), LABELS[n % 2]) for n in range(count)]
        return rx.XrayDataset(made)

    with pytest.raises(errors.ManifestError, match="more than 1,000 images of bacterial"):
        project.put_datasets(train=part("a", 4), test=part("b", 2001), store=STORE)
    assert calls == []


def test_a_corrected_dataset_sends_its_changed_lines_and_no_image(
    project: rx.CustomLabelsProject, draw, calls: Calls
) -> None:
    split = draw(patients=3).split(test=0.4, seed=1)
    project.put_datasets(train=split.train, test=split.test, store=STORE)
    wrong = next(image for image in split.train if image.label == "viral")
    corrected, _ = split.corrected([read_as(wrong.source, "bacterial")])
    calls.clear()
    receipt = project.put_datasets(train=corrected.train, test=corrected.test, store=STORE)
    assert calls == ["UpdateDatasetEntries"]
    assert receipt.uploaded == 0
    assert project.labels("TRAIN") == corrected.train.counts

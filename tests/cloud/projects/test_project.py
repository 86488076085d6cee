"""Projects: images become datasets, whole or not at all, and trainings start or say why not."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import attrs
import pytest
from PIL import Image

import rekognition_xray as rx
from rekognition_xray import errors
from rekognition_xray.cloud import datasets

STORE = "s3://clinic-xrays/images"


def keys(aws: rx.Aws) -> list[str]:
    reply = aws.s3.list_objects_v2(Bucket="clinic-xrays")
    return [item["Key"] for item in reply.get("Contents", [])]


def untouched(project: rx.CustomLabelsProject) -> bool:
    return not keys(project.aws) and not project.datasets()


def test_a_project_is_created_once_and_opened_afterwards(aws: rx.Aws) -> None:
    first = rx.CustomLabelsProject.get_or_create("pneumonia", aws=aws)
    assert first.name == "pneumonia"
    assert rx.CustomLabelsProject.get_or_create("pneumonia", aws=aws) == first
    assert rx.CustomLabelsProject.find("other", aws=aws) is None


@pytest.mark.parametrize("name", ["", "with space", "ümlaut", "a/b", "x" * 256, "a\n"])
def test_a_name_that_aws_would_refuse_is_refused_with_the_rule(aws: rx.Aws, name: str) -> None:
    with pytest.raises(errors.InvalidRequestError, match="name of a project") as caught:
        rx.CustomLabelsProject.get_or_create(name, aws=aws)
    assert "1 to 255" in caught.value.hint


def test_datasets_hold_what_was_put(project: rx.CustomLabelsProject, draw) -> None:
    train, test = draw().split(test=0.4, seed=1)
    receipt = project.put_datasets(train=train, test=test, store=STORE)
    found = project.datasets()
    for kind, part in (("TRAIN", train), ("TEST", test)):
        assert (found[kind].entries, found[kind].labelled) == (len(part), len(part))
        assert (found[kind].labels, found[kind].with_errors) == (3, 0)
        listed = datasets.read_manifest(project.aws, found[kind].arn)
        assert Counter(entry.label for entry in listed) == Counter(image.label for image in part)
        sent = {str(receipt.locations[image]): image.label for image in part}
        assert {entry.source_ref: entry.label for entry in listed} == sent


def test_the_manifest_names_rule_split_and_part(project: rx.CustomLabelsProject, draw) -> None:
    split = draw().split(test=0.4, seed=1)
    project.put_datasets(train=split.train, test=split.test, store=STORE)
    client = project.aws.rekognition
    line = client.list_dataset_entries(DatasetArn=project.datasets()["TEST"].arn)["DatasetEntries"][
        0
    ]
    assert "rekognition-xray?rule=kermany&" in line
    assert f"&part=test&split={split.fingerprint}" in line
    assert "2018-06-02" in line


def test_keys_tell_no_patient(project: rx.CustomLabelsProject, draw) -> None:
    dataset = draw()
    train, test = dataset.split(test=0.4, seed=1)
    receipt = project.put_datasets(train=train, test=test, store=STORE)
    folders = {image.group: set() for image in dataset}
    for image, place in receipt.locations.items():
        assert image.path.stem not in place.key
        assert str(image.patient) not in place.key
        folders[image.group].add(place.key.rsplit("/", 1)[0])
    assert all(len(found) == 1 for found in folders.values())
    assert len(set.union(*folders.values())) == len(folders)


def test_only_pixels_are_sent(project: rx.CustomLabelsProject, draw) -> None:
    dataset = draw()
    named = dataset.images[0].path
    image = Image.open(named)
    exif = image.getexif()
    exif[0x010E] = "Doe^Jane 1999-01-02"
    image.save(named, exif=exif, comment=b"Doe^Jane")
    assert b"Doe^Jane" in named.read_bytes()
    train, test = dataset.split(test=0.4, seed=1)
    project.put_datasets(train=train, test=test, store=STORE)
    for key in keys(project.aws):
        body = project.aws.s3.get_object(Bucket="clinic-xrays", Key=key)["Body"].read()
        assert b"Doe" not in body


def test_putting_again_sends_nothing_and_keeps_the_datasets(
    project: rx.CustomLabelsProject, draw
) -> None:
    train, test = draw().split(test=0.4, seed=1)
    first = project.put_datasets(train=train, test=test, store=STORE)
    before = project.datasets()
    again = project.put_datasets(train=train, test=test, store=STORE)
    assert (again.uploaded, again.skipped) == (0, first.uploaded)
    assert project.datasets() == before


def test_other_entries_replace_a_dataset_only_when_asked(
    project: rx.CustomLabelsProject, draw
) -> None:
    train, test = draw().split(test=0.4, seed=1)
    project.put_datasets(train=train, test=test, store=STORE)
    before = project.datasets()
    train, test = draw().split(test=0.4, seed=2)
    with pytest.raises(errors.AlreadyExistsError, match="other entries") as caught:
        project.put_datasets(train=train, test=test, store=STORE)
    assert "replace=True" in caught.value.hint
    assert project.datasets() == before
    project.put_datasets(train=train, test=test, store=STORE, replace=True)
    assert project.datasets()["TEST"].arn != before["TEST"].arn
    assert project.datasets()["TEST"].entries == len(test)


def test_one_label_alone_is_refused(project: rx.CustomLabelsProject, draw) -> None:
    with pytest.raises(errors.LabelsError, match="only the label normal"):
        project.put_datasets(train=draw(labels=("normal",)), store=STORE)
    assert untouched(project)


def test_a_label_that_is_only_tested_is_refused(project: rx.CustomLabelsProject, draw) -> None:
    train = draw("a", labels=("normal", "bacterial"))
    test = draw("b", first=500)
    with pytest.raises(errors.LabelsError, match="Only the test dataset holds viral"):
        project.put_datasets(train=train, test=test, store=STORE)
    assert untouched(project)


def test_every_bad_image_is_named_and_nothing_is_sent(
    project: rx.CustomLabelsProject, draw
) -> None:
    dataset = draw()
    good, empty, text, cut, small = (image.path for image in dataset.images[:5])
    empty.write_bytes(b"")
    text.write_text("this is no image")
    cut.write_bytes(good.read_bytes()[:300])
    Image.new("L", (63, 64)).save(small)
    train, test = dataset.split(test=0.4, seed=1)
    with pytest.raises(errors.AuditError, match="4 of 12 images") as caught:
        project.put_datasets(train=train, test=test, store=STORE)
    assert set(caught.value.paths) == {empty, text, cut, small}
    for path in (empty, text, cut, small):
        assert str(path) in str(caught.value)
    assert untouched(project)


def test_a_file_without_a_label_is_refused_until_it_is_left_out_knowingly(
    project: rx.CustomLabelsProject, draw, tmp_path: Path
) -> None:
    draw()
    stray = tmp_path / "images" / "train" / "NORMAL" / "holiday.jpeg"
    stray.write_bytes(b"")
    dataset = draw()
    split = dataset.split(test=0.4, seed=1)
    with pytest.raises(errors.AuditError, match="no usable label") as caught:
        project.put_datasets(train=split.train, test=split.test, store=STORE)
    assert caught.value.paths == (stray,)
    assert untouched(project)
    train, test = attrs.evolve(dataset, rejected=()).split(test=0.4, seed=1)
    assert project.put_datasets(train=train, test=test, store=STORE).uploaded == 12


def test_equal_pixels_under_two_labels_are_refused(
    project: rx.CustomLabelsProject, draw, tmp_path: Path
) -> None:
    train, test = draw().split(test=0.4, seed=1)
    by_label = {image.label: image.path for image in train}
    by_label["viral"].write_bytes(by_label["normal"].read_bytes())
    with pytest.raises(errors.LabelsError, match="Equal pixels") as caught:
        project.put_datasets(train=train, test=test, store=STORE)
    assert set(caught.value.paths) == {by_label["viral"], by_label["normal"]}
    assert untouched(project)


def test_a_missing_bucket_is_named_with_the_command_that_makes_it(
    project: rx.CustomLabelsProject, draw
) -> None:
    train, test = draw().split(test=0.4, seed=1)
    with pytest.raises(errors.StorageError, match="no-such-bucket") as caught:
        project.put_datasets(train=train, test=test, store="s3://no-such-bucket/x")
    assert "aws s3 mb s3://no-such-bucket" in caught.value.hint
    assert not project.datasets()


@pytest.mark.parametrize("address", ["clinic-xrays/images", "http://x/y", "s3://", "s3:///images"])
def test_an_address_that_is_not_in_s3_is_refused(
    project: rx.CustomLabelsProject, draw, address: str
) -> None:
    with pytest.raises(errors.StorageError, match="not an address"):
        project.put_datasets(train=draw(), store=address)

"""Leaks between train and test: refused before anything is sent, or reported and noted in tags."""

from __future__ import annotations

from pathlib import Path

import attrs
import pytest

import rekognition_xray as rx
from rekognition_xray import errors
from rekognition_xray.cloud import datasets
from rekognition_xray.cloud.s3 import S3Location
from rekognition_xray.data.dataset import Xray
from rekognition_xray.data.dataset.dataset import Part
from rekognition_xray.data.manifests import Manifest
from rekognition_xray.local import LocalCloud

STORE = "s3://clinic-xrays/images"
MODELS = "s3://clinic-xrays/models"


def keys(aws: rx.Aws) -> list[str]:
    reply = aws.s3.list_objects_v2(Bucket="clinic-xrays")
    return [item["Key"] for item in reply.get("Contents", [])]


def untouched(project: rx.CustomLabelsProject) -> bool:
    return not keys(project.aws) and not project.datasets()


def test_a_patient_on_both_sides_is_refused(project: rx.CustomLabelsProject, draw) -> None:
    dataset = draw()
    with pytest.raises(errors.SplitError, match="6 patients") as caught:
        project.put_datasets(train=dataset, test=dataset, store=STORE)
    assert len(caught.value.paths) == 12
    assert "allow_leaks=True" in caught.value.hint
    assert untouched(project)


def test_a_leak_that_is_allowed_is_warned_of_and_noted_on_datasets_and_versions(
    project: rx.CustomLabelsProject, draw
) -> None:
    dataset = draw()
    train, test = dataset.split(test=0.4, seed=1)
    leaking = attrs.evolve(train, images=[*train, *test.images[:1]])
    with pytest.warns(errors.PatientLeakWarning, match="1 patient in train and in test") as warned:
        project.put_datasets(train=leaking, test=test, store=STORE, allow_leaks=True)
    assert {warning.filename for warning in warned} == {__file__}
    assert tags_of_datasets(project) == [{"rxray.leaks": "allowed"}] * 2
    version = project.train("v1", output=MODELS)
    assert reported(version) == {"rxray.leaks": "allowed", "rxray.split": train.part.fingerprint}
    version.wait_until_trained()
    project.put_datasets(train=train, test=test, store=STORE, replace=True)
    assert tags_of_datasets(project) == [{}, {}]


def reported(version: rx.ModelVersion) -> dict[str, str]:
    """The tags of a version without those by which it is found again."""
    found_by = {"rxray.training", "rxray.images"}
    return {key: value for key, value in version.tags().items() if key not in found_by}


def tags_of_datasets(project: rx.CustomLabelsProject) -> list[dict[str, str]]:
    """The tags of both datasets without that on their entries."""
    arns = [description.arn for description in project.datasets().values()]
    client = project.aws.rekognition
    found = [client.list_tags_for_resource(ResourceArn=arn)["Tags"] for arn in arns]
    return [{key: text for key, text in tags.items() if key != "rxray.entries"} for tags in found]


def copies_across(split: rx.Split) -> tuple[Path, Path]:
    """An image of the test part becomes a copy of one of another patient in the train part."""
    label = split.test.images[0].label
    ours = next(image.path for image in split.train if image.label == label)
    theirs = split.test.images[0].path
    theirs.write_bytes(ours.read_bytes())
    return ours, theirs


def test_equal_pixels_of_two_patients_in_train_and_test_are_refused_before_anything_is_sent(
    project: rx.CustomLabelsProject, draw
) -> None:
    split = draw().split(test=0.4, seed=1)
    copies = copies_across(split)
    with pytest.raises(errors.SplitError, match="1 picture with equal pixels") as caught:
        project.put_datasets(train=split.train, test=split.test, store=STORE)
    assert set(caught.value.paths) == set(copies)
    assert "audit=" in caught.value.hint
    assert untouched(project)
    with pytest.warns(errors.PatientLeakWarning, match="equal pixels"):
        project.put_datasets(train=split.train, test=split.test, store=STORE, allow_leaks=True)
    assert set(project.datasets()) == {"TRAIN", "TEST"}


def test_parts_of_two_splits_are_refused(project: rx.CustomLabelsProject, draw) -> None:
    one, other = draw("a").split(test=0.4, seed=1), draw("b", first=500).split(test=0.4, seed=1)
    with pytest.raises(errors.SplitError, match="different splits") as caught:
        project.put_datasets(train=one.train, test=other.test, store=STORE)
    for split in (one, other):
        assert split.fingerprint in str(caught.value)
    assert untouched(project)


def test_images_of_unknown_patients_are_compared_by_place_and_name(
    project: rx.CustomLabelsProject, draw
) -> None:
    unknown = attrs.evolve(
        draw(), images=[attrs.evolve(image, patient=None) for image in draw().images]
    )
    renamed = [attrs.evolve(image, name=f"other/{image.name}") for image in unknown]
    for images in (unknown.images, renamed):
        test = attrs.evolve(unknown, images=images)
        with pytest.raises(errors.SplitError, match="12 images of unknown patients"):
            project.put_datasets(train=unknown, test=test, store=STORE)


def test_images_that_lie_in_s3_are_taken_from_there_and_compared_by_their_keys(
    project: rx.CustomLabelsProject, draw
) -> None:
    split = draw().split(test=0.4, seed=1)
    receipt = project.put_datasets(train=split.train, test=split.test, store=STORE)
    stored = keys(project.aws)

    def there(part: rx.XrayDataset) -> rx.XrayDataset:
        images = [attrs.evolve(image, source=receipt.addresses[image]) for image in part]
        return attrs.evolve(part, images=images)

    before = project.datasets()
    again = project.put_datasets(train=there(split.train), test=there(split.test), store=STORE)
    assert (again.uploaded, project.datasets()) == (0, before)
    assert keys(project.aws) == stored

    seen = split.train.images[0]
    key = receipt.locations[seen].key.rpartition("/")[2]
    copied = Xray(f"s3://clinic-xrays/images/{'0' * 24}/{key}", seen.label, "someone else")
    test = attrs.evolve(there(split.test), images=[*there(split.test), copied])
    with pytest.raises(errors.SplitError, match="1 picture") as caught:
        project.put_datasets(train=split.train, test=test, store=STORE)
    assert set(caught.value.paths) == {seen.path, copied.source}


def test_prepared_images_are_kept_for_the_next_run_where_there_is_a_folder_for_them(
    project: rx.CustomLabelsProject, draw, tmp_path: Path
) -> None:
    train, test = draw().split(test=0.4, seed=1)
    work = tmp_path / "prepared"
    project.put_datasets(train=train, test=test, store=STORE, work=work)
    assert len([path for path in work.rglob("*.jpg") if path.is_file()]) == 12


def test_the_services_own_split_is_refused_where_patients_have_several_images(
    project: rx.CustomLabelsProject, draw
) -> None:
    dataset = draw(patients=10)
    with pytest.raises(errors.SplitError, match="30 patients with more than one image") as caught:
        project.put_datasets(train=dataset, store=STORE)
    assert "test=" in caught.value.hint
    assert untouched(project)
    with pytest.warns(errors.PatientLeakWarning, match="by image, not by patient"):
        project.put_datasets(train=dataset, store=STORE, allow_leaks=True)
    found = project.datasets()
    assert (found["TRAIN"].entries, found["TEST"].entries) == (48, 12)
    assert found["TEST"].labels == 3
    assert reported(project.train("v1", output=MODELS)) == {"rxray.leaks": "allowed"}


def test_the_services_own_split_cannot_cut_a_patient_of_one_image(
    project: rx.CustomLabelsProject, draw
) -> None:
    project.put_datasets(train=draw(patients=20, images=1).split().train, store=STORE)
    assert project.datasets()["TEST"].entries == 10
    assert reported(project.train("v1", output=MODELS)) == {}


def test_the_services_own_split_of_unknown_patients_is_warned_of(
    project: rx.CustomLabelsProject, draw
) -> None:
    dataset = draw(patients=10)
    unknown = [attrs.evolve(image, patient=None) for image in dataset]
    with pytest.warns(errors.PatientLeakWarning, match="60 of 60 images are not known"):
        project.put_datasets(train=attrs.evolve(dataset, images=unknown), store=STORE)


def test_a_version_bears_the_fingerprint_of_its_split_besides_the_users_tags(
    project: rx.CustomLabelsProject, draw
) -> None:
    split = draw().split(test=0.4, seed=1)
    project.put_datasets(train=split.train, test=split.test, store=STORE)
    version = project.train("v1", output=MODELS, tags={"clinic": "north"})
    assert reported(version) == {"clinic": "north", "rxray.split": split.fingerprint}


def test_datasets_of_which_nobody_reported_the_split_are_trained_without_a_fingerprint(
    project: rx.CustomLabelsProject, draw
) -> None:
    train, test = (attrs.evolve(part, part=None) for part in draw().split(test=0.4, seed=1))
    project.put_datasets(train=train, test=test, store=STORE)
    assert reported(project.train("v1", output=MODELS)) == {}


def test_tags_that_may_not_be_read_stop_no_training(
    project: rx.CustomLabelsProject, draw, cloud: LocalCloud
) -> None:
    split = draw().split(test=0.4, seed=1)
    project.put_datasets(train=split.train, test=split.test, store=STORE)
    cloud.faults.error("ListTagsForResource", "AccessDeniedException")
    assert "rxray.split" in project.train("v1", output=MODELS).tags()


def test_a_training_on_parts_of_two_splits_is_refused_unless_allowed(
    project: rx.CustomLabelsProject, draw
) -> None:
    split = draw().split(test=0.4, seed=1)
    receipt = project.put_datasets(train=split.train, test=split.test, store=STORE)
    other = attrs.evolve(split.test, part=Part("test", "0123456789ab"))
    datasets.delete_dataset(project.aws, project.datasets()["TEST"].arn)
    manifest, place = Manifest.of(other, receipt.addresses), S3Location.parse(STORE)
    datasets.put_manifests(project.aws, project.arn, {"TEST": manifest}, store=place, replace=False)
    with pytest.raises(errors.SplitError, match="0123456789ab") as caught:
        project.train("v1", output=MODELS)
    assert "no training was started" in str(caught.value)
    assert project.versions() == ()
    with pytest.warns(errors.PatientLeakWarning, match="different splits") as warned:
        version = project.train("v1", output=MODELS, allow_leaks=True)
    assert warned[0].filename == __file__
    assert reported(version) == {"rxray.leaks": "allowed"}


def test_a_training_on_datasets_that_somebody_distributed_by_image_is_refused(
    project: rx.CustomLabelsProject, draw
) -> None:
    split = draw(patients=10).split(test=0.4, seed=1)
    project.put_datasets(train=split.train, test=split.test, store=STORE)
    datasets.delete_dataset(project.aws, project.datasets()["TEST"].arn)
    datasets.distribute_entries(project.aws, project.arn)
    with pytest.raises(errors.SplitError, match="distributed by image"):
        project.train("v1", output=MODELS)


@pytest.mark.parametrize(
    "tags",
    [
        {"": "x"},
        {"k" * 129: "x"},
        {"k": "v" * 257},
        {"aws:k": "x"},
        {"rxray.split": "x"},
        {"k": "a;b"},
        {"k\n": "x"},
        {f"k{n}": "" for n in range(201)},
    ],
)
def test_tags_that_aws_would_refuse_are_refused_before_anything_starts(
    project: rx.CustomLabelsProject, tags: dict[str, str]
) -> None:
    with pytest.raises(errors.TrainingRefusedError, match="no tags for a version"):
        project.train("v1", output=MODELS, tags=tags)


def test_tags_in_any_script_are_taken(project: rx.CustomLabelsProject, draw) -> None:
    train, test = draw().split(test=0.4, seed=1)
    project.put_datasets(train=train, test=test, store=STORE)
    tags = {"клиника Nord": "Zürich 2026_.:/=+-@", "empty": ""}
    assert tags.items() <= project.train("v1", output=MODELS, tags=tags).tags().items()

"""Forgetting: shown first, complete, and safe to repeat wherever it was cut off."""

from __future__ import annotations

import json
from pathlib import Path

import platformdirs
import pytest

import rekognition_xray as rx
from rekognition_xray import errors
from rekognition_xray.cloud import datasets, forgetting, storage
from rekognition_xray.cloud.tags import write_tags
from rekognition_xray.data.pseudonyms import KEY_VARIABLE, PseudonymKey
from rekognition_xray.local import LocalCloud
from rekognition_xray.testing import NoWaitClock

BUCKET = "clinic-xrays"
STORE = f"s3://{BUCKET}/images"

pytestmark = pytest.mark.usefixtures("no_wait")


def yes(_: forgetting.ForgetPlan) -> bool:
    return True


def objects(aws: rx.Aws) -> list[str]:
    """Every version of every object and every delete marker, by key."""
    found = aws.s3.list_object_versions(Bucket=BUCKET)
    return [item["Key"] for name in ("Versions", "DeleteMarkers") for item in found.get(name, [])]


def contents(aws: rx.Aws) -> bytes:
    """Everything in the bucket that is text."""
    keys = [key for key in dict.fromkeys(objects(aws)) if not key.endswith((".jpg", ".png"))]
    return b"".join(aws.s3.get_object(Bucket=BUCKET, Key=key)["Body"].read() for key in keys)


def entries(project: rx.CustomLabelsProject) -> dict[str, dict[str, str]]:
    return {
        kind: {
            entry.source_ref: entry.label for entry in datasets.read_manifest(project.aws, seen.arn)
        }
        for kind, seen in project.datasets().items()
    }


@pytest.fixture
def split(project: rx.CustomLabelsProject, draw) -> rx.Split:
    """Images in both datasets of the project, before anything is forgotten."""
    found = draw(patients=2).split(test=0.4, seed=1)
    project.put_datasets(train=found.train, test=found.test, store=STORE)
    return found


@pytest.fixture
def patient(split: rx.Split) -> str:
    """Somebody whose images are learned from."""
    return split.train.images[0].group


@pytest.fixture
def people(patient: str, pseudonym: str) -> tuple[str, str]:
    return patient, pseudonym


@pytest.fixture
def pseudonym(patient: str) -> str:
    return PseudonymKey.find(store=STORE).pseudonym(patient)


def test_the_images_leave_s3_and_the_datasets_and_all_others_stay(
    aws: rx.Aws, project: rx.CustomLabelsProject, patient: str, pseudonym: str
) -> None:
    before = entries(project)
    done = forgetting.forget(patient, STORE, aws=aws, confirm=yes)
    assert done.done
    assert entries(project) == {
        kind: {ref: label for ref, label in held.items() if pseudonym not in ref}
        for kind, held in before.items()
    }
    assert before["TRAIN"] != entries(project)["TRAIN"]
    assert done.datasets == (project.datasets()["TRAIN"].arn,)
    assert not [key for key in objects(aws) if pseudonym in key]
    assert pseudonym.encode() not in contents(aws)
    assert not [key for key in objects(aws) if "forgetting" in key]


def test_it_is_shown_first_and_without_a_yes_nothing_changes(
    aws: rx.Aws, project: rx.CustomLabelsProject, patient: str, pseudonym: str
) -> None:
    before, held = objects(aws), entries(project)
    shown: list[forgetting.ForgetPlan] = []
    answer = forgetting.forget(patient, STORE, aws=aws, confirm=shown.append)
    assert not answer.done
    assert (objects(aws), entries(project)) == (before, held)
    (plan,) = shown
    assert len(plan.images) == 2
    assert len(plan.manifests) == 1
    text = str(plan)
    assert f"{pseudonym} in {STORE}" in text
    assert "2 images in 2 object versions" in text
    count = len(held["TRAIN"])
    assert f"TRAIN of pneumonia: {count} entries become {count - 2}" in text
    assert patient not in text, "the plan may be logged"


def test_an_image_names_its_patient(
    aws: rx.Aws, project: rx.CustomLabelsProject, split: rx.Split, pseudonym: str
) -> None:
    forgetting.forget(split.train.images[0], STORE, aws=aws, confirm=yes)
    assert not [key for key in objects(aws) if pseudonym in key]


def test_all_versions_and_delete_markers_of_a_versioned_bucket_go(
    aws: rx.Aws, project: rx.CustomLabelsProject, draw
) -> None:
    versioning = {"Status": "Enabled"}
    aws.s3.put_bucket_versioning(Bucket=BUCKET, VersioningConfiguration=versioning)
    dataset = draw(patients=2)
    image = dataset.images[0]
    place = storage.store(dataset, STORE, aws=aws).locations[image]
    aws.s3.put_object(Bucket=BUCKET, Key=place.key, Body=b"an older version")
    aws.s3.delete_object(Bucket=BUCKET, Key=place.key)
    assert objects(aws).count(place.key) == 3
    done = forgetting.forget(image, STORE, aws=aws, confirm=yes)
    assert done.deleted == 4
    folder = place.key.rsplit("/", 1)[0]
    assert not [key for key in objects(aws) if key.startswith(folder)]
    assert len(objects(aws)) == len(dataset) - 2


def test_entries_keep_their_origin_and_datasets_their_tags(
    aws: rx.Aws, project: rx.CustomLabelsProject, split: rx.Split, patient: str
) -> None:
    write_tags(aws, project.datasets()["TRAIN"].arn, {"owner": "radiology"})
    forgetting.forget(patient, STORE, aws=aws, confirm=yes)
    arn = project.datasets()["TRAIN"].arn
    manifest = datasets.read_manifest(aws, arn)
    assert manifest.part == split.train.part
    assert manifest.labelling.rule == split.train.labelling.rule
    assert aws.rekognition.list_tags_for_resource(ResourceArn=arn)["Tags"] == {"owner": "radiology"}


def test_versions_that_have_learned_and_files_that_list_the_keys_are_named_and_stay(
    aws: rx.Aws, trained: rx.ModelVersion
) -> None:
    project = rx.CustomLabelsProject(aws, trained.project_arn)
    (ref, *_) = entries(project)["TRAIN"]
    seen = trained.describe()
    line = read_first_line(aws, seen.training_output, ref)
    shown: list[forgetting.ForgetPlan] = []

    def note(plan: forgetting.ForgetPlan) -> bool:
        shown.append(plan)
        return True

    forgetting.forget(patient_of(ref, trained), STORE, aws=aws, confirm=note)
    (plan,) = shown
    assert plan.remains.learned == (trained.arn,)
    assert seen.training_output in plan.remains.files
    assert f"{trained.arn} keeps what it has learned" in str(plan)
    assert trained.describe().status == seen.status
    assert read_first_line(aws, seen.training_output, ref) == line


def read_first_line(aws: rx.Aws, place: rx.S3Location | None, ref: str) -> str:
    assert place is not None
    body = aws.s3.get_object(Bucket=place.bucket, Key=place.key)["Body"].read().decode()
    return next(line for line in body.splitlines() if ref in line)


def patient_of(ref: str, trained: rx.ModelVersion) -> str:
    """The group behind a pseudonym: found by trying, as whoever holds the key can."""
    key = PseudonymKey.find(store=STORE)
    numbers = [*range(1, 6), *range(1001, 1006), *range(2001, 2006)]
    names = [f"IM-{n:04d}" for n in numbers] + [f"person{n}" for n in numbers]
    return next(name for name in names if f"/{key.pseudonym(name)}/" in ref)


def test_a_result_file_that_cannot_be_read_is_named(
    aws: rx.Aws, cloud: LocalCloud, trained: rx.ModelVersion
) -> None:
    project = rx.CustomLabelsProject(aws, trained.project_arn)
    (ref, *_) = entries(project)["TEST"]
    place = trained.describe().testing_output
    assert place is not None
    aws.s3.delete_object(Bucket=BUCKET, Key=place.key)
    shown: list[forgetting.ForgetPlan] = []
    forgetting.forget(patient_of(ref, trained), STORE, aws=aws, confirm=shown.append)
    assert shown[0].remains.unread == (place,)


class CloudClock(NoWaitClock):
    """Time passes in the cloud, and only there, while somebody waits for it."""

    cloud: LocalCloud

    def sleep(self, seconds: float) -> None:
        super().sleep(seconds)
        self.cloud.advance(seconds)


def test_a_project_that_is_training_is_not_touched(draw) -> None:
    clock = CloudClock()
    with LocalCloud(buckets=[BUCKET], pace="manual") as cloud:
        clock.cloud = cloud
        aws = rx.Aws(cloud.session(), clock=clock)
        project = rx.CustomLabelsProject.get_or_create("slow", aws=aws)
        train, test = draw(patients=3).split(test=0.4, seed=1)
        project.put_datasets(train=train, test=test, store=STORE)
        project.train("v1", output=f"s3://{BUCKET}/models")
        before = objects(aws)
        with pytest.raises(errors.InUseError, match="is being trained") as reported:
            forgetting.forget(train.images[0], STORE, aws=aws, confirm=yes)
        assert "wait_until_trained" in reported.value.hint
        assert set(before) <= set(objects(aws))


def test_only_the_projects_that_are_named_are_touched(
    aws: rx.Aws, project: rx.CustomLabelsProject, split: rx.Split, patient: str
) -> None:
    other = rx.CustomLabelsProject.get_or_create("other", aws=aws)
    other.put_datasets(train=split.train, test=split.test, store=STORE)
    before = entries(project)
    forgetting.forget(patient, STORE, aws=aws, confirm=yes, projects=[other])
    assert entries(project) == before
    assert entries(other) != before


def test_images_of_the_same_patient_in_another_store_stay(
    aws: rx.Aws, project: rx.CustomLabelsProject, split: rx.Split, patient: str, pseudonym: str
) -> None:
    storage.store(split.train, f"s3://{BUCKET}/elsewhere", aws=aws)
    forgetting.forget(patient, STORE, aws=aws, confirm=yes)
    left = {key.split("/")[0] for key in objects(aws) if pseudonym in key}
    assert left == {"elsewhere"}


def test_the_last_patient_leaves_an_empty_dataset(aws: rx.Aws, draw) -> None:
    from rekognition_xray.cloud.s3 import S3Location
    from rekognition_xray.data.manifests import Manifest

    dataset = draw(labels=("normal",), patients=1)
    receipt = storage.store(dataset, STORE, aws=aws)
    project = rx.CustomLabelsProject.get_or_create("one", aws=aws)
    manifest = Manifest.of(dataset, receipt.addresses)
    where = S3Location.parse(STORE)
    datasets.put_manifests(aws, project.arn, {"TRAIN": manifest}, store=where, replace=False)
    forgetting.forget(dataset.images[0], STORE, aws=aws, confirm=yes)
    assert project.datasets()["TRAIN"].entries == 0
    assert not objects(aws)


# Not found


def test_a_patient_whom_nobody_stored_is_reported(aws: rx.Aws, split: rx.Split) -> None:
    with pytest.raises(errors.NotFoundError, match="Nothing under the pseudonym") as reported:
        forgetting.forget("person999", STORE, aws=aws, confirm=yes)
    assert "person999" not in str(reported.value)
    assert "another key" in reported.value.hint


def test_another_key_finds_nobody_and_says_so(aws: rx.Aws, patient: str) -> None:
    with pytest.raises(errors.NotFoundError) as reported:
        forgetting.forget(patient, STORE, aws=aws, confirm=yes, key="another key altogether")
    assert "another key gives the same patient another pseudonym" in reported.value.hint


def test_a_lost_key_is_reported_and_none_is_made(
    aws: rx.Aws, patient: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.delenv(KEY_VARIABLE)
    monkeypatch.setattr(platformdirs, "user_data_path", lambda *_, **__: tmp_path / "keys")
    with pytest.raises(errors.NotFoundError, match="No key for the pseudonyms"):
        forgetting.forget(patient, STORE, aws=aws, confirm=yes)
    assert not (tmp_path / "keys").exists()


# Cut off


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize(
    "cut",
    [
        ("PutObject", 0),  # the new manifest
        ("PutObject", 1),  # the journal
        ("DeleteDataset", 0),
        ("CreateDataset", 0),
        ("TagResource", 0),
        ("DeleteObjects", 0),  # images and manifests
        ("DeleteObjects", 1),  # the journal
    ],
)
def test_wherever_it_is_cut_off_the_next_run_completes_it(
    cloud: LocalCloud,
    project: rx.CustomLabelsProject,
    cut: tuple[str, int],
    when: str,
    people: tuple[str, str],
) -> None:
    (operation, calls), (patient, pseudonym) = cut, people
    write_tags(project.aws, project.datasets()["TRAIN"].arn, {"owner": "radiology"})
    wanted = {
        kind: {ref: label for ref, label in held.items() if pseudonym not in ref}
        for kind, held in entries(project).items()
    }
    aws = rx.Aws(cloud.session(), clock=project.aws.clock)
    cut_off(aws, operation, calls, when)
    with pytest.raises(KeyboardInterrupt):
        forgetting.forget(patient, STORE, aws=aws, confirm=yes)
    if (operation, calls, when) == ("DeleteObjects", 1, "after"):  # all had been done
        with pytest.raises(errors.NotFoundError):
            forgetting.forget(patient, STORE, aws=project.aws, confirm=yes)
    else:
        assert forgetting.forget(patient, STORE, aws=project.aws, confirm=yes).done
    assert entries(project) == wanted
    arn = project.datasets()["TRAIN"].arn
    tags = project.aws.rekognition.list_tags_for_resource(ResourceArn=arn)["Tags"]
    assert tags == {"owner": "radiology"}
    assert not [key for key in objects(project.aws) if pseudonym in key]
    assert pseudonym.encode() not in contents(project.aws)


def cut_off(aws: rx.Aws, operation: str, calls: int, when: str) -> None:
    """Ends the program at the n-th call of an operation, before it is sent or after the reply."""
    service, client = ("s3", aws.s3) if "Object" in operation else ("rekognition", None)
    met = []

    def strike(**_: object) -> None:
        met.append(operation)
        if len(met) == calls + 1:
            raise KeyboardInterrupt

    moment = {"before": "before-call", "after": "after-call"}[when]
    for one in [client] if client else [aws.rekognition, aws.rekognition_once]:
        one.meta.events.register(f"{moment}.{service}.{operation}", strike)


def test_what_s3_refuses_to_delete_is_listed_and_the_next_run_tries_again(
    cloud: LocalCloud, project: rx.CustomLabelsProject, patient: str
) -> None:
    aws = rx.Aws(cloud.session(), clock=project.aws.clock)

    def refuse(parsed: dict[str, object], **_: object) -> None:
        refused = {"Key": "images/x", "Code": "AccessDenied", "Message": "locked"}
        parsed["Errors"] = [refused]

    aws.s3.meta.events.register("after-call.s3.DeleteObjects", refuse)
    with pytest.raises(errors.StorageError, match="images/x: AccessDenied: locked") as reported:
        forgetting.forget(patient, STORE, aws=aws, confirm=yes)
    assert "object lock" in reported.value.hint
    assert forgetting.forget(patient, STORE, aws=project.aws, confirm=yes).done


def test_images_that_come_back_meanwhile_are_found(
    cloud: LocalCloud, project: rx.CustomLabelsProject, patient: str, pseudonym: str
) -> None:
    aws = rx.Aws(cloud.session(), clock=project.aws.clock)
    back = f"images/{pseudonym}/{'0' * 64}.jpg"

    def put_back(**_: object) -> None:
        project.aws.s3.put_object(Bucket=BUCKET, Key=back, Body=b"stored by somebody else")

    aws.s3.meta.events.register("after-call.s3.DeleteObjects", put_back)
    with pytest.raises(errors.StorageError, match="are left") as reported:
        forgetting.forget(patient, STORE, aws=aws, confirm=yes)
    assert back in str(reported.value)
    assert forgetting.forget(patient, STORE, aws=project.aws, confirm=yes).done
    assert back not in objects(project.aws)


def test_a_damaged_journal_is_reported(aws: rx.Aws, patient: str, pseudonym: str) -> None:
    key = f"images/forgetting/{pseudonym}/datasets.json"
    aws.s3.put_object(Bucket=BUCKET, Key=key, Body=json.dumps({"x": 1}).encode())
    with pytest.raises(errors.StorageError, match="no journal"):
        forgetting.forget(patient, STORE, aws=aws, confirm=yes)

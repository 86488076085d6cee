"""Trainings that fail: the service's message, and every line that its reports name."""

from __future__ import annotations

import json

import attrs
import pytest

import rekognition_xray as rx
from rekognition_xray import errors
from rekognition_xray.cloud.failures import faults, named_errors, settled_badly
from rekognition_xray.cloud.s3 import S3Location, write_object
from rekognition_xray.cloud.version_description import VersionDescription
from rekognition_xray.local import LocalCloud

STORE = "s3://clinic-xrays/images"
MODELS = "s3://clinic-xrays/models"


@pytest.fixture
def failed(project: rx.CustomLabelsProject, draw) -> rx.ModelVersion:
    """A version whose training has failed: half of its images were deleted before."""
    train, test = draw().split(test=0.4, seed=1)
    receipt = project.put_datasets(train=train, test=test, store=STORE)
    for image in (*train.images[::2], *test.images[:1]):
        place = receipt.locations[image]
        project.aws.s3.delete_object(Bucket=place.bucket, Key=place.key)
    return project.train("v1", output=MODELS)


def test_a_failed_training_tells_the_services_message_and_the_bad_lines(
    failed: rx.ModelVersion,
) -> None:
    with pytest.raises(errors.TrainingFailedError, match="too many invalid rows") as caught:
        failed.wait_until_trained()
    about, *lines = caught.value.faults
    assert (about.dataset, about.line, about.code) == (
        "TRAIN",
        None,
        "ERROR_TOO_MANY_INVALID_ROWS_IN_MANIFEST",
    )
    assert [fault.dataset for fault in lines] == ["TRAIN"] * 3 + ["TEST"]
    assert {fault.code for fault in lines} == {"ERROR_INVALID_IMAGE"}
    keys = {item["Key"] for item in stored(failed.aws)}
    for fault in lines:
        assert fault.line
        assert fault.source_ref.startswith(f"{STORE}/")
        assert fault.source_ref.removeprefix("s3://clinic-xrays/") not in keys
        assert str(fault) in str(caught.value)
    train = [fault.line for fault in lines[:-1]]
    assert train == sorted(set(train))
    assert "train under a new version name" in caught.value.hint


def stored(aws: rx.Aws) -> list[dict[str, str]]:
    return aws.s3.list_objects_v2(Bucket="clinic-xrays")["Contents"]


def test_a_failed_training_asked_for_again_is_still_the_failed_one(
    failed: rx.ModelVersion,
) -> None:
    project = rx.CustomLabelsProject(failed.aws, failed.project_arn)
    assert project.train("v1", output=MODELS) == failed
    with pytest.raises(errors.TrainingFailedError):
        failed.wait_until_trained()
    with pytest.raises(errors.UnreachableStateError, match="TRAINING_FAILED"), failed.running():
        pytest.fail("nothing runs")


@pytest.mark.usefixtures("no_wait")
@pytest.mark.parametrize("code", ["AccessDenied", "NoSuchKey"])
def test_reports_that_cannot_be_read_do_not_hide_the_failure(
    failed: rx.ModelVersion, cloud: LocalCloud, code: str
) -> None:
    cloud.faults.error("GetObject", code, times=3)
    with pytest.raises(errors.TrainingFailedError, match="too many invalid rows") as caught:
        failed.wait_until_trained()
    assert [fault.code for fault in caught.value.faults] == ["unreadable-report"] * 3
    assert "ManifestWithValidation" in str(caught.value)
    assert code in str(caught.value)


def test_a_failure_without_reports_is_reported_by_its_message_alone(
    project: rx.CustomLabelsProject, cloud: LocalCloud, draw
) -> None:
    train, test = draw().split(test=0.4, seed=1)
    project.put_datasets(train=train, test=test, store=STORE)
    cloud.faults.fail_training("Unable to write to output S3 bucket.")
    with pytest.raises(errors.TrainingFailedError, match="Unable to write to output") as caught:
        project.train("v1", output=MODELS).wait_until_trained()
    assert caught.value.faults == ()


def test_faults_of_both_datasets_together_are_reported(
    project: rx.CustomLabelsProject, cloud: LocalCloud, draw
) -> None:
    train, test = draw().split(test=0.4, seed=1)
    project.put_datasets(train=train, test=test, store=STORE)
    cloud.faults.fail_training("ERROR_INSUFFICIENT_LABEL_OVERLAP")
    with pytest.raises(errors.TrainingFailedError) as caught:
        project.train("v1", output=MODELS).wait_until_trained()
    (fault,) = caught.value.faults
    assert (fault.dataset, fault.line) == ("", None)
    assert str(fault).startswith("ERROR_INSUFFICIENT_LABEL_OVERLAP: ")


ERROR = {"code": "ERROR_X", "message": "An X."}


@pytest.mark.parametrize("key", ["errors", "cl-errors"])
@pytest.mark.parametrize(
    "part",
    [
        lambda reported: reported,
        lambda reported: {"label": 1, "label-metadata": {"class-name": "normal", **reported}},
        lambda reported: {"boxes": {"annotations": [{"left": 0}, {"left": 1, **reported}]}},
        lambda reported: {"boxes": {"image_size": [], **reported}},
    ],
    ids=["line", "metadata", "annotation", "attribute"],
)
def test_errors_are_found_in_every_part_of_a_line(part, key: str) -> None:
    line = {"source-ref": "s3://b/k", **part({key: [ERROR]})}
    assert list(named_errors(line)) == [("ERROR_X", "An X.")]


@pytest.mark.parametrize("line", ["errors", ["errors"], 3, None, {"errors": "x"}, {"errors": [3]}])
def test_lines_of_another_shape_name_nothing(line: object) -> None:
    assert list(named_errors(line)) == []


def described(**places: S3Location) -> VersionDescription:
    return VersionDescription("arn:x/version/v1/1", "v1", "TRAINING_FAILED", "It broke.", **places)


@pytest.mark.parametrize("text", ["not JSON", "[]", '{"statistics": 3}'])
def test_a_summary_of_another_shape_is_named(aws: rx.Aws, text: str) -> None:
    place = S3Location("clinic-xrays", "summary.json")
    write_object(aws, place, text.encode(), content_type="application/json")
    (fault,) = faults(aws, described(manifest_summary=place))
    assert fault.code == "unreadable-report"
    assert str(place) in fault.message


def test_a_line_that_is_no_json_ends_the_reading_and_keeps_what_was_found(aws: rx.Aws) -> None:
    place = S3Location("clinic-xrays", "lines.json")
    lines = [json.dumps({"source-ref": "s3://b/k", "errors": [ERROR]}), "{errors", "{}"]
    write_object(aws, place, "\n".join(lines).encode(), content_type="application/json")
    first, second = faults(aws, described(training_validation=place))
    assert (first.line, first.source_ref) == (1, "s3://b/k")
    assert second.code == "unreadable-report"


@pytest.mark.parametrize(
    ("status", "leaf"),
    [
        ("TRAINING_FAILED", errors.TrainingFailedError),
        ("COPYING_FAILED", errors.CopyFailedError),
        ("DELETING", errors.UnreachableStateError),
    ],
)
def test_each_bad_end_is_an_error_of_its_own(
    aws: rx.Aws, status: str, leaf: type[errors.XrayError]
) -> None:
    seen = attrs.evolve(described(), status=status)
    assert type(settled_badly(aws, seen)) is leaf

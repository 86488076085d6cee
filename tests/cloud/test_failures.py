"""What the library does when a service fails: asked again, distinguished, never left on."""

from __future__ import annotations

from pathlib import Path

import pytest

import rekognition_xray as rx
from rekognition_xray import errors
from rekognition_xray.cloud import meter, storage
from rekognition_xray.data.images import prepare_image
from rekognition_xray.local import Faults, LocalCloud

pytestmark = pytest.mark.usefixtures("no_wait")


@pytest.fixture
def faults(cloud: LocalCloud) -> Faults:
    return cloud.faults


@pytest.mark.parametrize("code", ["ThrottlingException", "InternalServerError"])
def test_a_passing_failure_is_not_noticed(
    project: rx.CustomLabelsProject, faults: Faults, code: str
) -> None:
    fault = faults.error("DescribeProjects", code, times=4)
    assert rx.CustomLabelsProject.find("pneumonia", aws=project.aws) == project
    assert fault.met == 4


@pytest.mark.parametrize(
    ("code", "leaf"),
    [
        ("ThrottlingException", errors.ThrottledError),
        ("ProvisionedThroughputExceededException", errors.ThrottledError),
        ("InternalServerError", errors.ServiceFaultError),
        ("AccessDeniedException", errors.AccessDeniedError),
    ],
)
def test_a_lasting_failure_is_an_error_of_its_kind(
    aws: rx.Aws, faults: Faults, code: str, leaf: type[errors.AwsError]
) -> None:
    faults.error("DescribeProjects", code, percent=100)
    with pytest.raises(leaf) as reported:
        rx.CustomLabelsProject.find("pneumonia", aws=aws)
    assert (reported.value.operation, reported.value.code) == ("DescribeProjects", code)
    assert reported.value.request_id


def test_a_page_of_a_proxy_is_a_fault_of_the_service(aws: rx.Aws, faults: Faults) -> None:
    faults.html("DescribeProjects", percent=100)
    with pytest.raises(errors.ServiceFaultError):
        rx.CustomLabelsProject.find("pneumonia", aws=aws)


def test_a_connection_that_is_lost_once_is_not_noticed(
    project: rx.CustomLabelsProject, faults: Faults
) -> None:
    faults.drop("DescribeProjects")
    assert rx.CustomLabelsProject.find("pneumonia", aws=project.aws) == project


def test_a_connection_that_is_always_lost_is_an_error(aws: rx.Aws, faults: Faults) -> None:
    faults.drop("DescribeProjects", percent=100)
    with pytest.raises(errors.ConnectionFailedError):
        rx.CustomLabelsProject.find("pneumonia", aws=aws)


def test_a_creation_that_was_not_answered_can_be_repeated(aws: rx.Aws, faults: Faults) -> None:
    faults.drop("CreateProject", when="after")
    with pytest.raises(errors.ConnectionFailedError):
        rx.CustomLabelsProject.get_or_create("pneumonia", aws=aws)
    assert rx.CustomLabelsProject.get_or_create("pneumonia", aws=aws).name == "pneumonia"


def test_images_arrive_through_a_storage_that_slows_down(
    project: rx.CustomLabelsProject, faults: Faults, draw
) -> None:
    train, test = draw().split(test=0.4, seed=1)
    fault = faults.error("PutObject", "SlowDown", percent=50, times=4)  # an image has 5 attempts
    receipt = project.put_datasets(train=train, test=test, store="s3://clinic-xrays/images")
    assert receipt.uploaded == len(train) + len(test)
    assert fault.met == 4


@pytest.fixture
def hasty(cloud: LocalCloud) -> rx.Aws:
    """Waits two seconds for a reply, and asks twice."""
    return rx.Aws(cloud.session(), read_timeout=2.0, attempts=2)


def arrived(aws: rx.Aws, dataset: rx.XrayDataset) -> set[Path]:
    """The images that lie in S3."""
    reply = aws.s3.list_objects_v2(Bucket="clinic-xrays")
    names = {item["Key"].rsplit("/", 1)[1] for item in reply.get("Contents", [])}
    return {image.path for image in dataset if f"{prepare_image(image.path).sha256}.jpg" in names}


@pytest.fixture
def one_round(monkeypatch: pytest.MonkeyPatch) -> None:
    """Images that met a fault are not sent again at the end."""
    monkeypatch.setattr("rekognition_xray.cloud.storage.upload._PAUSES", ())


@pytest.mark.heavy
@pytest.mark.usefixtures("one_round")
@pytest.mark.parametrize(
    ("strike", "code"),
    [
        (lambda faults: faults.error("PutObject", "InternalError", percent=80), "InternalError"),
        (lambda faults: faults.error("PutObject", "SlowDown", percent=80), "SlowDown"),
        (lambda faults: faults.html("PutObject", percent=80), "500"),
        (lambda faults: faults.drop("PutObject", percent=80), ""),
        (lambda faults: faults.drop("PutObject", when="after", percent=80), ""),
        (lambda faults: faults.delay("PutObject", 9.0, times=7), ""),
        (lambda faults: faults.error("PutObject", "ExpiredToken", percent=80), "ExpiredToken"),
        (lambda faults: faults.error("PutObject", "AccessDenied", percent=80), "AccessDenied"),
    ],
    ids=["500", "503", "proxy", "reset", "reset-after", "stall", "expired", "denied"],
)
def test_every_image_arrives_or_is_named_and_a_second_run_completes_the_first(
    cloud: LocalCloud, hasty: rx.Aws, draw, strike, code: str
) -> None:
    dataset = draw(labels=("normal",), patients=12, images=1)
    fault = strike(cloud.faults)
    with pytest.raises(errors.UploadError) as reported:
        storage.store(dataset, "s3://clinic-xrays/images", aws=hasty, threads=4)
    cloud.faults.clear()
    failed = reported.value
    assert fault.met
    assert failed.code == code
    assert 0 < len(failed.failures) < 12
    assert all(reason and str(path) in str(failed) for path, reason in failed.failures)
    there = arrived(hasty, dataset)  # an image whose reply was lost may be there and named
    assert {image.path for image in dataset} - there <= set(failed.paths)
    again = storage.store(dataset, "s3://clinic-xrays/images", aws=hasty)
    assert again.uploaded <= 12 - len(there)
    assert again.uploaded + again.skipped == 12
    assert len(arrived(hasty, dataset)) == 12


def test_what_met_a_passing_fault_is_sent_again_at_the_end(
    cloud: LocalCloud, hasty: rx.Aws, draw
) -> None:
    dataset = draw(labels=("normal",), patients=12, images=1)
    fault = cloud.faults.error("PutObject", "InternalError", percent=100, times=24)
    assert storage.store(dataset, "s3://clinic-xrays/images", aws=hasty).uploaded == 12
    assert fault.met == 24  # each image twice, which is all that one round tries


def test_credentials_that_expire_half_way_end_the_upload_at_once(
    cloud: LocalCloud, hasty: rx.Aws, draw
) -> None:
    dataset = draw(labels=("normal",), patients=12, images=1)
    expired = cloud.faults.error("PutObject", "ExpiredToken", percent=100)
    with pytest.raises(errors.UploadError, match="12 of 12 images") as reported:
        storage.store(dataset, "s3://clinic-xrays/images", aws=hasty, threads=2)
    assert expired.met <= 2, "nobody asks again with credentials that have expired"
    assert "aws sso login" in reported.value.hint
    assert len(reported.value.failures) == 12


def test_an_s3_that_fails_always_is_given_up(cloud: LocalCloud, aws: rx.Aws, draw) -> None:
    once = rx.Aws(cloud.session(), attempts=1)
    dataset = draw(labels=("normal",), patients=100, images=1)
    refused = cloud.faults.error("PutObject", "InternalError", percent=100)
    with pytest.raises(errors.UploadError, match="100 of 100 images") as reported:
        storage.store(dataset, "s3://clinic-xrays/images", aws=once, threads=4)
    assert 64 <= refused.met < 100
    assert reported.value.retryable


def test_a_listing_that_is_refused_uploads_nothing(cloud: LocalCloud, aws: rx.Aws, draw) -> None:
    cloud.faults.error("ListObjectsV2", "AccessDenied")
    sent = cloud.faults.error("PutObject", "AccessDenied", percent=100)
    with pytest.raises(errors.AccessDeniedError):
        storage.store(draw(labels=("normal",)), "s3://clinic-xrays/images", aws=aws)
    assert sent.met == 0
    cloud.faults.clear()


def test_a_training_fails_with_the_services_message(
    project: rx.CustomLabelsProject, faults: Faults, draw
) -> None:
    train, test = draw().split(test=0.4, seed=1)
    project.put_datasets(train=train, test=test, store="s3://clinic-xrays/images")
    faults.fail_training("ERROR_INVALID_PERMISSIONS_IMAGES_S3_BUCKET")
    with pytest.raises(errors.TrainingFailedError, match="permissions for the images S3 bucket"):
        project.train("v1", output="s3://clinic-xrays/models").wait_until_trained()


def test_a_start_that_fails_is_an_error_and_bills_nothing(
    cloud: LocalCloud, faults: Faults, trained: rx.ModelVersion
) -> None:
    faults.fail_start()
    with pytest.raises(errors.UnreachableStateError, match="FAILED"), trained.running():
        pytest.fail("nothing runs")
    assert cloud.bill.running == ()


def test_a_model_whose_start_was_not_answered_is_stopped(
    cloud: LocalCloud, faults: Faults, trained: rx.ModelVersion
) -> None:
    faults.drop("StartProjectVersion", when="after")
    with pytest.raises(errors.ConnectionFailedError), trained.running():
        pytest.fail("nobody knows whether it runs")
    assert trained.describe().status == "STOPPED"
    assert cloud.bill.running == ()


def test_a_stop_that_hangs_is_reported_with_price_and_command(
    faults: Faults, trained: rx.ModelVersion
) -> None:
    fault = faults.hang_stop()
    late = pytest.raises(errors.StopFailedError, match="still STOPPING after 1800 s")
    with late as reported, trained.running():
        pass
    assert "stop-project-version" in reported.value.hint
    fault.release()
    meter.stop(trained)
    assert trained.describe().status == "STOPPED"


def test_a_stop_that_is_refused_at_first_is_asked_for_again(
    cloud: LocalCloud, faults: Faults, trained: rx.ModelVersion
) -> None:
    faults.error("StopProjectVersion", "ResourceInUseException", times=3)
    with trained.running():
        pass
    assert cloud.bill.running == ()


def test_detection_outlives_a_throttle(faults: Faults, trained: rx.ModelVersion, draw) -> None:
    image = prepare_image(draw().images[0].path).data
    with trained.running() as model:
        faults.error("DetectCustomLabels", "ProvisionedThroughputExceededException", times=3)
        assert model.detect(image).confidences

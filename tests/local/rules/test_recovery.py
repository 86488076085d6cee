from __future__ import annotations

import pytest

from rekognition_xray.local import LocalCloud


@pytest.fixture
def reopen(open_desk, tmp_path):
    """Opens a cloud on the same folder, each time with the clock that is asked for."""

    def opened(**settings):
        return open_desk(data=tmp_path / "state", **settings)

    return opened


def test_projects_datasets_tags_and_models_outlive_the_process(reopen, image):
    desk = reopen()
    arn = desk.running()
    desk.call("TagResource", ResourceArn=arn, Tags={"a": "b"})
    before = desk.call("DescribeProjects")["ProjectDescriptions"]
    answer = {"ProjectVersionArn": arn, "Image": {"Bytes": image("viral")}, "MinConfidence": 0}
    labels = desk.call("DetectCustomLabels", **answer)["CustomLabels"]
    desk.cloud.close()
    desk = reopen()
    assert desk.call("DescribeProjects")["ProjectDescriptions"] == before
    assert desk.call("ListTagsForResource", ResourceArn=arn)["Tags"] == {"a": "b"}
    assert desk.version(arn)["Status"] == "RUNNING"
    assert desk.call("DetectCustomLabels", **answer)["CustomLabels"] == labels


def test_a_model_that_ran_goes_on_billing(reopen):
    desk = reopen()
    arn = desk.running()
    desk.cloud.close()
    assert reopen().cloud.bill.running == (arn,)


def test_a_training_that_was_cut_off_has_failed(reopen):
    desk = reopen(pace="manual")
    project = desk.filled()
    arn = desk.train(project)
    assert desk.version(arn)["Status"] == "TRAINING_IN_PROGRESS"
    desk.cloud.close()
    shown = reopen().version(arn)
    assert shown["Status"] == "TRAINING_FAILED"
    assert "cut off" in shown["StatusMessage"]


def test_datasets_that_were_cut_off_have_failed_and_deletions_are_done(reopen):
    desk = reopen(pace="manual")
    first, second = desk.project("a"), desk.project("b")
    created = desk.call("CreateDataset", ProjectArn=first, DatasetType="TRAIN")["DatasetArn"]
    desk.call("DeleteProject", ProjectArn=second)
    desk.cloud.close()
    desk = reopen()
    assert desk.described(created)["Status"] == "CREATE_FAILED"
    (left,) = desk.call("DescribeProjects")["ProjectDescriptions"]
    assert left["ProjectArn"] == first


@pytest.mark.parametrize(("operation", "status"), [("Start", "FAILED"), ("Stop", "STOPPED")])
def test_a_start_or_stop_that_was_cut_off_is_settled_and_bills_no_more(reopen, operation, status):
    desk = reopen()
    arn = desk.running()
    if operation == "Start":
        desk.call("StopProjectVersion", ProjectVersionArn=arn)
        desk.version(arn)
    desk.cloud.close()
    desk = reopen(pace="manual")
    members = {"MinInferenceUnits": 1} if operation == "Start" else {}
    desk.call(f"{operation}ProjectVersion", ProjectVersionArn=arn, **members)
    desk.cloud.close()
    desk = reopen()
    assert desk.version(arn)["Status"] == status
    assert desk.cloud.bill.running == ()


def test_a_folder_serves_one_cloud_at_a_time(reopen, tmp_path):
    reopen()
    with pytest.raises(OSError, match="in use by another local cloud"):
        LocalCloud(data=tmp_path / "state").start()


def test_a_folder_that_holds_something_else_is_refused_and_left_alone(reopen, tmp_path):
    (tmp_path / "state").mkdir()
    place = tmp_path / "state" / "state.sqlite"
    place.write_bytes(b"no database, but dear to somebody" * 99)
    with pytest.raises(OSError, match="no state of one"):
        reopen()
    assert place.read_bytes().startswith(b"no database")


def test_files_of_models_that_nobody_knows_are_removed_and_others_stay(reopen, tmp_path):
    models = tmp_path / "state" / "models"
    reopen().cloud.close()
    for name in ("0" * 32, "1" * 32 + ".draft", "notes"):
        (models / name).mkdir(parents=True)
    reopen()
    assert [place.name for place in models.iterdir()] == ["notes"]


def test_a_dataset_says_that_its_images_are_gone_until_they_are_there_again(reopen):
    desk = reopen()
    project = desk.project()
    lines = desk.put_images(3)
    arn = desk.dataset(project, "TRAIN", lines)
    empty = desk.dataset(project, "TEST")
    message = desk.described(arn)["StatusMessage"]
    desk.cloud.close()
    desk = reopen()
    shown = desk.described(arn)
    assert shown["Status"] == "CREATE_COMPLETE"
    assert shown["StatusMessage"].startswith("6 of the first 6 images are not in S3")
    assert "images" not in desk.described(empty)["StatusMessage"]
    desk.put_images(3)
    assert desk.described(arn)["StatusMessage"] == message


def test_training_on_images_that_are_gone_fails_and_says_so(reopen):
    desk = reopen()
    project = desk.project()
    lines = desk.put_images(3)
    for kind in ("TRAIN", "TEST"):
        desk.dataset(project, kind, lines)
    desk.cloud.close()
    shown = (desk := reopen()).version(desk.train(project))
    assert shown["Status"] == "TRAINING_FAILED"
    assert shown["StatusMessage"] == "The manifest file contains too many invalid rows."

from __future__ import annotations

import re

import pytest

from rekognition_xray.local import Limits
from rekognition_xray.local.learning import TrainingStopped

OUTPUT = {"S3Bucket": "images", "S3KeyPrefix": "models"}


@pytest.fixture
def project(desk):
    """A project with a train and a test dataset of real images."""
    arn = desk.project()
    lines = desk.put_images(4)
    desk.dataset(arn, "TRAIN", lines[::2])
    desk.dataset(arn, "TEST", lines[1::2])
    return arn


def create(desk, project, name="v1", **members):
    members = {"OutputConfig": OUTPUT, **members}
    return desk.call("CreateProjectVersion", ProjectArn=project, VersionName=name, **members)[
        "ProjectVersionArn"
    ]


def refused(desk, project, **members):
    members = {"VersionName": "v1", "OutputConfig": OUTPUT, **members}
    return desk.refused("CreateProjectVersion", ProjectArn=project, **members)


def test_a_trained_version_is_described_with_its_results(desk, project):
    shown = desk.version(desk.train(project, VersionDescription="first try", KmsKeyId="alias/k"))
    assert (shown["Status"], shown["StatusMessage"]) == (
        "TRAINING_COMPLETED",
        "The model is ready to run.",
    )
    assert shown["OutputConfig"] == OUTPUT
    assert shown["VersionDescription"] == "first try"
    assert shown["KmsKeyId"] == "alias/k"
    assert shown["Feature"] == "CUSTOM_LABELS"
    assert shown["BillableTrainingTimeInSeconds"] >= 1
    assert shown["TrainingEndTimestamp"] >= shown["CreationTimestamp"]
    assert 0 <= shown["EvaluationResult"]["F1Score"] <= 1
    assert shown["TestingDataResult"]["Input"] == {"AutoCreate": False}
    assert "MinInferenceUnits" not in shown


def test_a_version_arn_ends_in_its_creation_time(desk, project):
    arn = desk.train(project, "v.1")
    found = re.fullmatch(r".*:project/pneumonia/version/v\.1/(\d{13})", arn)
    assert int(found[1]) == round(desk.version(arn)["CreationTimestamp"].timestamp() * 1000)


def test_a_version_name_that_is_taken_is_refused(desk, project):
    desk.train(project)
    assert refused(desk, project) == "ResourceInUseException"


def test_the_same_name_in_another_project_is_free(desk, project):
    desk.train(project)
    other = desk.project("other")
    lines = desk.put_images(2)
    desk.dataset(other, "TRAIN", lines)
    desk.dataset(other, "TEST", lines)
    assert desk.version(desk.train(other))["Status"] == "TRAINING_COMPLETED"


@pytest.mark.parametrize("missing", ["TRAIN", "TEST"])
def test_a_project_without_both_datasets_is_not_trained(desk, missing):
    project = desk.project()
    desk.dataset(project, {"TRAIN": "TEST", "TEST": "TRAIN"}[missing])
    assert refused(desk, project) == "InvalidParameterException"


def test_training_data_without_testing_data_is_refused(desk):
    manifest = desk.manifest(desk.put_images(2))
    project = desk.project()
    assert refused(desk, project, TrainingData={"Assets": [manifest]}) == (
        "InvalidParameterException"
    )


def test_manifests_in_the_call_are_refused_where_the_project_has_datasets(desk, project):
    data = {"Assets": [desk.manifest(desk.put_images(2))]}
    assert refused(desk, project, TrainingData=data, TestingData=data) == (
        "InvalidParameterException"
    )


@pytest.mark.parametrize("testing", [{}, {"AutoCreate": False}])
def test_testing_data_has_to_say_where_it_comes_from(desk, testing):
    data = {"Assets": [desk.manifest(desk.put_images(2))]}
    assert refused(desk, desk.project(), TrainingData=data, TestingData=testing) == (
        "InvalidParameterException"
    )


def test_two_manifests_in_the_call_train_a_version(desk):
    lines = desk.put_images(4)
    train, test = desk.manifest(lines[::2], "train"), desk.manifest(lines[1::2], "test")
    data = {"TrainingData": {"Assets": [train]}, "TestingData": {"Assets": [test]}}
    shown = desk.version(desk.train(desk.project(), **data))
    assert shown["Status"] == "TRAINING_COMPLETED"
    assert shown["TrainingDataResult"]["Input"] == {"Assets": [train]}
    assert shown["TestingDataResult"]["Input"] == {"Assets": [test], "AutoCreate": False}


def test_a_manifest_in_the_call_is_split_by_the_service(desk):
    data = {"Assets": [desk.manifest(desk.put_images(10))]}
    arn = desk.train(desk.project(), TrainingData=data, TestingData={"AutoCreate": True})
    shown = desk.version(arn)
    assert shown["TestingDataResult"]["Output"]["AutoCreate"] is True
    places = [
        shown[kind]["Output"]["Assets"][0] for kind in ("TrainingDataResult", "TestingDataResult")
    ]
    counts = [len(desk.object(place["GroundTruthManifest"]).splitlines()) for place in places]
    assert counts == [16, 4]


def test_a_dataset_that_is_busy_is_not_trained_on(open_desk):
    desk = open_desk(pace="manual")
    project = desk.project()
    for kind in ("TRAIN", "TEST"):
        desk.call("CreateDataset", ProjectArn=project, DatasetType=kind)
    assert refused(desk, project) == "ResourceInUseException"


def test_a_dataset_that_failed_is_not_trained_on(desk):
    project = desk.project()
    desk.dataset(project, "TRAIN", ["nonsense"])
    desk.dataset(project, "TEST")
    assert refused(desk, project) == "InvalidParameterException"


def test_a_third_training_at_once_is_refused(open_desk):
    desk = open_desk(pace="manual")
    project = desk.filled()
    arns = [create(desk, project, name) for name in ("v1", "v2")]
    assert refused(desk, project, VersionName="v3") == "LimitExceededException"
    desk.cloud.advance(3600)
    assert {desk.version(arn)["Status"] for arn in arns} == {"TRAINING_COMPLETED"}
    create(desk, project, "v3")


def test_the_quota_of_versions_is_a_setting(open_desk):
    desk = open_desk(limits=Limits(versions_per_project=0))
    project = desk.project()
    lines = desk.put_images(2)
    for kind in ("TRAIN", "TEST"):
        desk.dataset(project, kind, lines)
    assert refused(desk, project) == "ServiceQuotaExceededException"


@pytest.mark.parametrize(
    "members",
    [
        {"VersionName": "a b"},
        {"VersionDescription": "no <tags>"},
        {"OutputConfig": {"S3KeyPrefix": "x"}},
        {"OutputConfig": {"S3Bucket": "b"}},
        {"FeatureConfig": {"ContentModeration": {"ConfidenceThreshold": 50}}},
    ],
)
def test_members_that_break_a_rule_are_refused(desk, project, members):
    assert refused(desk, project, **members) == "InvalidParameterException"


def test_versions_are_described_newest_first_page_by_page(desk, project):
    for name in ("v1", "v2", "v3"):
        desk.train(project, name)
    pages = desk.rekognition.get_paginator("describe_project_versions").paginate(
        ProjectArn=project, PaginationConfig={"PageSize": 2}
    )
    names = [
        [one["ProjectVersionArn"].split("/")[3] for one in page["ProjectVersionDescriptions"]]
        for page in pages
    ]
    assert names == [["v3", "v2"], ["v1"]]


def test_unknown_version_names_are_left_out(desk, project):
    desk.train(project)
    found = desk.call("DescribeProjectVersions", ProjectArn=project, VersionNames=["v1", "ghost"])
    assert len(found["ProjectVersionDescriptions"]) == 1


def test_a_running_training_shows_itself_and_cannot_be_deleted(open_desk):
    desk = open_desk(pace="manual")
    project = desk.filled()
    arn = create(desk, project)
    shown = desk.version(arn)
    assert shown["Status"] == "TRAINING_IN_PROGRESS"
    assert shown["StatusMessage"]
    assert "EvaluationResult" not in shown
    assert desk.refused("DeleteProjectVersion", ProjectVersionArn=arn) == "ResourceInUseException"
    started = desk.refused("StartProjectVersion", ProjectVersionArn=arn, MinInferenceUnits=1)
    assert started == "ResourceInUseException"


def test_a_deleted_version_leaves_its_files_and_frees_its_name(desk, project):
    arn = desk.train(project)
    place = desk.version(arn)["EvaluationResult"]["Summary"]
    assert desk.call("DeleteProjectVersion", ProjectVersionArn=arn)["Status"] == "DELETING"
    assert desk.version(arn) == {}
    assert desk.object(place)
    assert (
        desk.refused("DeleteProjectVersion", ProjectVersionArn=arn) == "ResourceNotFoundException"
    )
    desk.train(project)


def test_the_patient_folder_of_a_key_keeps_its_images_together(desk, learner, line, image):
    patient, other = "0123456789abcdef01234567", "fedcba9876543210fedcba98"
    keys = [f"kermany/{patient}/{'a' * 64}.jpg", f"kermany/{patient}/{'b' * 64}.jpg"]
    keys += [f"kermany/{other}/{'c' * 64}.jpg", "NORMAL/IM-0001-0001.jpeg"]
    lines = []
    for number, key in enumerate(keys):
        label = ("normal", "viral")[number % 2]
        desk.put(key, image(label, number))
        lines.append(line(key, label))
    project = desk.project()
    desk.dataset(project, "TRAIN", lines)
    desk.dataset(project, "TEST", lines)
    desk.train(project)
    assert learner.groups == [patient, patient, other, "NORMAL/IM-0001-0001.jpeg"]


def test_a_learner_that_fails_fails_the_training_and_says_so(open_desk, caplog):
    class Broken:
        name = "broken"

        def fit(self, examples, *, seed, progress, stopped):
            raise ZeroDivisionError

        def load(self, folder):
            raise NotImplementedError

    desk = open_desk(learner=Broken())
    shown = desk.version(desk.trained())
    assert shown["Status"] == "TRAINING_FAILED"
    assert "ZeroDivisionError" in shown["StatusMessage"]
    assert "BillableTrainingTimeInSeconds" not in shown


def test_closing_the_cloud_stops_a_training(open_desk):
    import threading

    at_work, ended = threading.Event(), threading.Event()

    class Patient:
        name = "patient"

        def fit(self, examples, *, seed, progress, stopped):
            at_work.set()
            while not stopped():
                ended.wait(0.005)
            ended.set()
            raise TrainingStopped

        def load(self, folder):
            raise NotImplementedError

    others = set(threading.enumerate())
    desk = open_desk(learner=Patient(), hold=0)
    desk.trained()
    assert at_work.wait(10)
    desk.cloud.close()
    assert ended.is_set()
    names = {thread.name for thread in threading.enumerate() if thread not in others}
    assert not {name for name in names if "job" in name or "waitress" in name or "cloud" in name}

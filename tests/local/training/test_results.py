from __future__ import annotations

import json

import pytest

LABELS = ("bacterial", "normal", "viral")


def files(desk, arn):
    """The texts of the result files by the beginning of their name."""
    shown = desk.version(arn)
    places = [shown["ManifestSummary"]]
    if "EvaluationResult" in shown:
        places.append(shown["EvaluationResult"]["Summary"])
    for kind in ("TrainingDataResult", "TestingDataResult"):
        places += [
            shown[kind][part]["Assets"][0]["GroundTruthManifest"]
            for part in ("Output", "Validation")
            if part in shown[kind]
        ]
    named = {place["S3Object"]["Name"].rpartition("/")[2].split("-")[0]: place for place in places}
    return {name: desk.object(place) for name, place in named.items()}


def lines_of(text):
    return [json.loads(row) for row in text.splitlines()]


@pytest.fixture
def trained(desk):
    return desk.trained(per_label=6, labels=LABELS)


def test_six_files_are_written_with_the_services_names(desk, trained):
    found = desk.s3.list_objects_v2(Bucket="images", Prefix="models/")["Contents"]
    assert {one["Key"] for one in found} == {
        f"models/{name}-pneumonia-v1.json"
        for name in (
            "EvaluationResultSummary",
            "ManifestSummary",
            "TrainingGroundTruth",
            "TestingGroundTruth",
            "TrainingManifestWithValidation",
            "TestingManifestWithValidation",
        )
    }
    assert len(files(desk, trained)) == 6


@pytest.mark.parametrize(
    ("prefix", "key"),
    [("", ""), ("a/b", "a/b/"), ("a/b/", "a/b/")],
)
def test_the_prefix_is_joined_with_one_slash(desk, prefix, key):
    project = desk.project()
    lines = desk.put_images(2)
    desk.dataset(project, "TRAIN", lines)
    desk.dataset(project, "TEST", lines)
    arn = desk.train(project, OutputConfig={"S3Bucket": "images", "S3KeyPrefix": prefix})
    place = desk.version(arn)["ManifestSummary"]["S3Object"]
    assert place == {"Bucket": "images", "Name": f"{key}ManifestSummary-pneumonia-v1.json"}


def test_the_prefix_is_shown_even_where_none_was_given(desk):
    project = desk.project()
    lines = desk.put_images(2)
    desk.dataset(project, "TRAIN", lines)
    desk.dataset(project, "TEST", lines)
    arn = desk.train(project, OutputConfig={"S3Bucket": "images"})
    assert desk.version(arn)["OutputConfig"] == {"S3Bucket": "images", "S3KeyPrefix": ""}


def test_the_summary_agrees_with_describe_and_counts_the_images(desk, trained):
    summary = json.loads(files(desk, trained)["EvaluationResultSummary"])
    details = summary["EvaluationDetails"]
    assert details["ProjectVersionArn"] == trained
    assert details["Labels"] == list(LABELS)
    assert (details["NumberOfTrainingImages"], details["NumberOfTestingImages"]) == (9, 9)
    shown = desk.version(trained)["EvaluationResult"]["F1Score"]
    assert summary["AggregatedEvaluationResults"]["F1Score"] == pytest.approx(shown)


def test_the_manifest_summary_counts_lines(desk, trained):
    summary = json.loads(files(desk, trained)["ManifestSummary"])
    assert summary["errors"] == []
    assert summary["statistics"]["training"] == {
        "use_case": "IMAGE_LEVEL_LABELS",
        "total_json_lines": 9,
        "valid_json_lines": 9,
        "invalid_json_lines": 0,
        "ignored_json_lines": 0,
        "error_json_line_indices": [],
        "errors": [],
    }


def test_a_good_line_stands_unchanged_in_the_validation_manifest(desk, trained):
    texts = files(desk, trained)
    project = trained.partition("/version/")[0].rpartition("/")[2]
    (shown,) = desk.call("DescribeProjects", ProjectNames=[project])["ProjectDescriptions"]
    for kind, name in (("TRAIN", "Training"), ("TEST", "Testing")):
        (arn,) = [one["DatasetArn"] for one in shown["Datasets"] if one["DatasetType"] == kind]
        listed = [{k: v for k, v in e.items() if k != "cl-metadata"} for e in desk.entries(arn)]
        assert lines_of(texts[f"{name}ManifestWithValidation"]) == listed


def test_the_snapshot_and_detection_give_the_same_confidences(desk, trained):
    desk.call("StartProjectVersion", ProjectVersionArn=trained, MinInferenceUnits=1)
    assert desk.version(trained)["Status"] == "RUNNING"
    for row in lines_of(files(desk, trained)["TestingGroundTruth"]):
        written = {
            value["class-name"]: value["confidence"]
            for key, value in row.items()
            if key.startswith("rekognition-custom-labels-evaluation") and key.endswith("-metadata")
        }
        bucket, _, key = row["source-ref"].removeprefix("s3://").partition("/")
        detected = desk.call(
            "DetectCustomLabels",
            ProjectVersionArn=trained,
            Image={"S3Object": {"Bucket": bucket, "Name": key}},
            MinConfidence=0,
        )["CustomLabels"]
        found = {one["Name"]: one["Confidence"] for one in detected}
        assert found == {name: pytest.approx(100 * share) for name, share in written.items()}


def failed(desk, train, test):
    """A version trained on these lines, and its message."""
    project = desk.project()
    desk.dataset(project, "TRAIN", train)
    desk.dataset(project, "TEST", test)
    arn = desk.train(project)
    shown = desk.version(arn)
    return arn, shown["Status"], shown["StatusMessage"]


def test_a_missing_image_voids_its_line_but_not_the_training(desk, line):
    lines = desk.put_images(6)
    arn, status, _ = failed(desk, [*lines, line("ghost.jpeg", "viral")], lines)
    assert status == "TRAINING_COMPLETED"
    texts = files(desk, arn)
    statistics = json.loads(texts["ManifestSummary"])["statistics"]["training"]
    assert (statistics["valid_json_lines"], statistics["invalid_json_lines"]) == (12, 1)
    assert statistics["error_json_line_indices"] == [13]
    assert lines_of(texts["TrainingManifestWithValidation"])[12]["errors"] == [
        {
            "code": "ERROR_INVALID_IMAGE",
            "message": "The image is invalid. Check S3 path and/or image properties.",
        }
    ]
    assert len(lines_of(texts["TrainingGroundTruth"])) == 12


@pytest.mark.parametrize(
    "bad",
    ["text", "empty", "gif", "truncated", "too small", "too large", "too narrow"],
)
def test_an_image_that_the_service_does_not_take_voids_its_line(desk, line, image, bad):
    data = {
        "text": b"I am no image",
        "empty": b"",
        "gif": image("viral", kind="GIF"),
        "truncated": image("viral", size=(400, 400))[:-2000],
        "too small": image("viral", size=(63, 200)),
        "too large": image("viral", size=(4097, 300)),
        "too narrow": image("viral", size=(64, 1281)),
    }[bad]
    desk.put("bad.jpeg", data)
    lines = desk.put_images(3)
    arn, status, _ = failed(desk, [*lines, line("bad.jpeg", "viral")], lines)
    assert status == "TRAINING_COMPLETED"
    summary = json.loads(files(desk, arn)["ManifestSummary"])
    assert summary["statistics"]["training"]["error_json_line_indices"] == [7]


def test_too_many_bad_lines_fail_the_training_and_leave_the_reports(desk, line):
    lines = desk.put_images(2)
    arn, status, message = failed(desk, [*lines, line("g1", "viral"), line("g2", "viral")], lines)
    assert (status, message) == (
        "TRAINING_FAILED",
        "The manifest file contains too many invalid rows.",
    )
    texts = files(desk, arn)
    assert set(texts) == {
        "ManifestSummary",
        "TrainingManifestWithValidation",
        "TestingManifestWithValidation",
    }
    statistics = json.loads(texts["ManifestSummary"])["statistics"]["training"]
    assert statistics["use_case"] == "NOT_DETERMINED"
    assert [one["code"] for one in statistics["errors"]] == [
        "ERROR_TOO_MANY_INVALID_ROWS_IN_MANIFEST"
    ]


def test_unlabelled_images_are_ignored_and_reported_as_a_warning(desk, line, image):
    lines = desk.put_images(2)
    desk.put("plain.jpeg", image("normal"))
    arn, status, _ = failed(desk, [*lines, line("plain.jpeg")], lines)
    assert status == "TRAINING_COMPLETED"
    texts = files(desk, arn)
    assert json.loads(texts["ManifestSummary"])["statistics"]["training"]["ignored_json_lines"] == 1
    assert lines_of(texts["TrainingManifestWithValidation"])[4]["warnings"] == [
        {"code": "WARNING_UNANNOTATED_RECORD", "message": "Record is unannotated."}
    ]


def test_one_label_is_too_few(desk):
    lines = desk.put_images(3, labels=("normal",))
    _, status, message = failed(desk, lines, lines)
    assert (status, message) == ("TRAINING_FAILED", "The manifest file has too few labels.")


def test_test_labels_have_to_overlap_with_the_training_labels(desk):
    train = desk.put_images(2, labels=("normal", "viral", "bacterial"))
    test = desk.put_images(2, labels=("normal", "other"))
    arn, status, message = failed(desk, train, test)
    text = "Less than 50% label overlap between the training and testing manifest files."
    assert (status, message) == ("TRAINING_FAILED", text)
    summary = json.loads(files(desk, arn)["ManifestSummary"])
    assert summary["errors"] == [{"code": "ERROR_INSUFFICIENT_LABEL_OVERLAP", "message": text}]


def test_an_empty_dataset_fails_the_training_without_any_file(desk):
    arn, status, message = failed(desk, desk.put_images(2), None)
    assert (status, message) == ("TRAINING_FAILED", "The manifest file is empty.")
    assert "ManifestSummary" not in desk.version(arn)
    assert "Contents" not in desk.s3.list_objects_v2(Bucket="images", Prefix="models/")


def test_an_output_bucket_that_does_not_exist_fails_the_training(desk):
    project = desk.project()
    lines = desk.put_images(2)
    desk.dataset(project, "TRAIN", lines)
    desk.dataset(project, "TEST", lines)
    shown = desk.version(desk.train(project, OutputConfig={"S3Bucket": "nowhere"}))
    assert (shown["Status"], shown["StatusMessage"]) == (
        "TRAINING_FAILED",
        "Unable to write to output S3 bucket.",
    )


def test_a_manifest_in_the_call_that_is_missing_fails_the_training(desk):
    place = {"GroundTruthManifest": {"S3Object": {"Bucket": "images", "Name": "ghost"}}}
    arn = desk.train(
        desk.project(), TrainingData={"Assets": [place]}, TestingData={"AutoCreate": True}
    )
    assert desk.version(arn)["StatusMessage"] == (
        "The manifest file extension or contents are invalid."
    )


def test_a_label_with_one_image_cannot_be_split(desk):
    lines = [*desk.put_images(4), *desk.put_images(1, labels=("bacterial",))]
    data = {"Assets": [desk.manifest(lines)]}
    arn = desk.train(desk.project(), TrainingData=data, TestingData={"AutoCreate": True})
    assert desk.version(arn)["StatusMessage"] == (
        "The manifest file contains insufficient labeled images per label to perform auto-split."
    )


def test_a_training_on_boxes_is_refused_by_name(desk, image):
    lines = []
    for number in range(4):
        desk.put(f"{number}.jpeg", image("viral", number))
        box = {"class_id": 0, "left": 1, "top": 1, "width": 9, "height": 9}
        lines.append(
            json.dumps(
                {
                    "source-ref": f"s3://images/{number}.jpeg",
                    "bb": {
                        "image_size": [{"width": 80, "height": 64, "depth": 1}],
                        "annotations": [box],
                    },
                    "bb-metadata": {
                        "objects": [{"confidence": 1}],
                        "class-map": {"0": "focus"},
                        "type": "groundtruth/object-detection",
                        "human-annotated": "yes",
                        "creation-date": "2013-11-18T02:53:27",
                    },
                }
            )
        )
    arn, status, message = failed(desk, lines, lines)
    assert status == "TRAINING_FAILED"
    assert "image-level labels only" in message
    summary = json.loads(files(desk, arn)["ManifestSummary"])
    assert summary["statistics"]["training"]["use_case"] == "OBJECT_LOCALIZATION"


def test_several_labels_on_an_image_are_learned(desk, line, image):
    lines = []
    for number in range(4):
        for label in ("normal", "viral"):
            key = f"{label}{number}"
            desk.put(key, image(label, number))
            lines.append(line(key, label, "adult") if number % 2 else line(key, label))
    arn, status, _ = failed(desk, lines, lines)
    assert status == "TRAINING_COMPLETED"
    row = lines_of(files(desk, arn)["TrainingGroundTruth"])[2]
    assert row["rekognition-custom-labels-training-1-metadata"]["class-name"] == "adult"

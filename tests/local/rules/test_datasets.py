from __future__ import annotations

import json

import pytest

from rekognition_xray.local import Assumptions, Limits


@pytest.fixture
def project(desk):
    return desk.project()


def stats(desk, dataset):
    counts = desk.described(dataset)["DatasetStats"]
    return (
        counts["TotalEntries"],
        counts["LabeledEntries"],
        counts["TotalLabels"],
        counts["ErrorEntries"],
    )


def test_an_empty_dataset_is_complete_with_all_counts_zero(desk, project):
    shown = desk.described(desk.dataset(project))
    assert shown["Status"] == "CREATE_COMPLETE"
    assert shown["StatusMessageCode"] == "SUCCESS"
    assert shown["StatusMessage"]
    assert shown["DatasetStats"] == dict.fromkeys(
        ("TotalEntries", "LabeledEntries", "TotalLabels", "ErrorEntries"), 0
    )


def test_a_dataset_arn_names_its_type_in_lower_case(desk, project):
    assert "/pneumonia/dataset/test/" in desk.dataset(project, "TEST")


def test_a_manifest_fills_a_dataset(desk, project, line):
    dataset = desk.dataset(
        project, lines=[line("a", "normal"), line("b", "viral", "old"), line("c")]
    )
    assert stats(desk, dataset) == (3, 2, 3, 0)
    shown = desk.described(dataset)
    assert shown["StatusMessage"] == (
        "The dataset was successfully created from the manifest file."
    )


def test_listed_lines_are_the_lines_given_with_their_state_as_last_key(desk, project, line):
    given = [line("a", "normal"), line("b")]
    dataset = desk.dataset(project, lines=given)
    listed = desk.entries(dataset)
    assert [list(one)[-1] for one in listed] == ["cl-metadata", "cl-metadata"]
    assert [one.pop("cl-metadata") for one in listed] == [
        {"is_labeled": True},
        {"is_labeled": False},
    ]
    assert listed == [json.loads(text) for text in given]


def test_keys_that_real_files_of_boxes_carry_are_kept(desk, project):
    """Real result files have them (4.4, third party); a line may come back as a manifest's."""
    mark = {"rekognition-custom-labels-object-id": "o1"}
    box = {"class_id": 0, "left": 9, "top": 9, "width": 40, "height": 40, **mark}
    given = {
        "source-ref": "s3://images/a",
        "line-idx": 3,
        "bb": {"image_size": [{"width": 640, "height": 480, "depth": 3}], "annotations": [box]},
        "bb-metadata": {
            "objects": [{"confidence": 1, **mark}],
            "class-map": {"0": "opacity"},
            "type": "groundtruth/object-detection",
            "human-annotated": "yes",
            "creation-date": "2026-01-02T03:04:05",
        },
    }
    dataset = desk.dataset(project, lines=[json.dumps(given)])
    assert stats(desk, dataset) == (1, 1, 1, 0)
    (listed,) = desk.entries(dataset)
    assert {name: part for name, part in listed.items() if name != "cl-metadata"} == given


def test_a_second_dataset_of_a_type_is_refused(desk, project):
    desk.dataset(project)
    refused = desk.refused("CreateDataset", ProjectArn=project, DatasetType="TRAIN")
    assert refused == "ResourceAlreadyExistsException"


@pytest.mark.parametrize(
    "source", [{}, {"GroundTruthManifest": {}}, {"GroundTruthManifest": {"S3Object": {}}}]
)
def test_a_source_that_names_nothing_is_refused(desk, project, source):
    refused = desk.refused(
        "CreateDataset", ProjectArn=project, DatasetType="TRAIN", DatasetSource=source
    )
    assert refused == "InvalidParameterException"


def test_a_source_that_names_two_things_is_refused(desk, project, line):
    test = desk.dataset(project, "TEST")
    source = {**desk.manifest([line("a", "x")]), "DatasetArn": test}
    refused = desk.refused(
        "CreateDataset", ProjectArn=project, DatasetType="TRAIN", DatasetSource=source
    )
    assert refused == "InvalidParameterException"


@pytest.mark.parametrize("kind", ["train", "VALIDATION", ""])
def test_a_dataset_type_that_does_not_exist_is_refused(desk, project, kind):
    refused = desk.refused("CreateDataset", ProjectArn=project, DatasetType=kind)
    assert refused == "InvalidParameterException"


@pytest.mark.parametrize(("bucket", "key"), [("images", "missing"), ("no-such-bucket", "m")])
def test_a_manifest_that_is_not_there_is_refused(desk, project, bucket, key):
    place = {"GroundTruthManifest": {"S3Object": {"Bucket": bucket, "Name": key}}}
    refused = desk.refused(
        "CreateDataset", ProjectArn=project, DatasetType="TRAIN", DatasetSource=place
    )
    assert refused == "InvalidS3ObjectException"


def test_a_manifest_in_another_region_is_refused(desk, project, line):
    desk.s3.create_bucket(
        Bucket="far-away", CreateBucketConfiguration={"LocationConstraint": "eu-west-1"}
    )
    desk.put("m", line("a", "x"), bucket="far-away")
    place = {"GroundTruthManifest": {"S3Object": {"Bucket": "far-away", "Name": "m"}}}
    refused = desk.refused(
        "CreateDataset", ProjectArn=project, DatasetType="TRAIN", DatasetSource=place
    )
    assert refused == "InvalidS3ObjectException"


def test_a_missing_manifest_may_also_fail_the_creation(open_desk):
    desk = open_desk(assumptions=Assumptions(unreadable_manifest="CREATE_FAILED"))
    place = {"GroundTruthManifest": {"S3Object": {"Bucket": "images", "Name": "missing"}}}
    arn = desk.call(
        "CreateDataset", ProjectArn=desk.project(), DatasetType="TRAIN", DatasetSource=place
    )["DatasetArn"]
    shown = desk.described(arn)
    assert (shown["Status"], shown["StatusMessageCode"]) == ("CREATE_FAILED", "CLIENT_ERROR")


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "The manifest file extension or contents are invalid."),
        (b"\xff\xfe\x00", "The manifest file extension or contents are invalid."),
        (b"\x89PNG\r\n\x1a\n", "The manifest file extension or contents are invalid."),
        (b"not json\nneither", "The manifest file has too many terminal errors."),
    ],
)
def test_a_file_that_is_no_manifest_fails_the_creation(desk, project, data, message):
    desk.put("m", data)
    place = {"GroundTruthManifest": {"S3Object": {"Bucket": "images", "Name": "m"}}}
    arn = desk.call("CreateDataset", ProjectArn=project, DatasetType="TRAIN", DatasetSource=place)[
        "DatasetArn"
    ]
    shown = desk.described(arn)
    assert (shown["Status"], shown["StatusMessage"]) == ("CREATE_FAILED", message)
    assert shown["StatusMessageCode"] == "CLIENT_ERROR"


def test_a_failed_dataset_is_deleted_before_a_new_one_is_made(desk, project, line):
    dataset = desk.dataset(project, lines=["nothing"])
    assert desk.described(dataset)["Status"] == "CREATE_FAILED"
    assert desk.refused("ListDatasetEntries", DatasetArn=dataset) == "ResourceNotReadyException"
    changes = {"GroundTruth": line("a", "x")}
    refused = desk.refused("UpdateDatasetEntries", DatasetArn=dataset, Changes=changes)
    assert refused == "ResourceInUseException"
    desk.call("DeleteDataset", DatasetArn=dataset)
    desk.call("DescribeProjects")
    assert desk.described(desk.dataset(project))["Status"] == "CREATE_COMPLETE"


def test_images_in_two_buckets_fail_the_creation(desk, project, line):
    dataset = desk.dataset(project, lines=[line("a", "x"), line("a", "y", bucket="others")])
    assert desk.described(dataset)["StatusMessage"] == (
        "The manifest file contains images from multiple S3 buckets."
    )


def test_too_many_labels_fail_the_creation(open_desk, line):
    desk = open_desk(limits=Limits(labels=2))
    dataset = desk.dataset(desk.project(), lines=[line(name, name) for name in "abc"])
    assert desk.described(dataset)["StatusMessage"] == "The manifest file has too many labels."


def test_too_many_rows_fail_the_creation(open_desk, line):
    desk = open_desk(limits=Limits(rows=2))
    dataset = desk.dataset(desk.project(), lines=[line(name, name) for name in "abc"])
    assert desk.described(dataset)["StatusMessage"] == "The manifest file has too many rows."


@pytest.mark.parametrize(
    "bad", ["", "{", "[]", "null", '{"label":1}', '{"source-ref":"/tmp/a.png"}', '{"source-ref":7}']
)
def test_a_line_with_a_terminal_error_is_dropped_silently(desk, project, bad, line):
    good = [line(str(number), "x") for number in range(5)]
    dataset = desk.dataset(project, lines=[bad, *good])
    assert stats(desk, dataset) == (5, 5, 1, 0)


def test_of_two_lines_with_one_source_ref_one_stays(desk, project, line):
    dataset = desk.dataset(project, lines=[line("a", "x"), line("a", "y"), line("b", "x")])
    assert stats(desk, dataset)[0] == 2


def test_a_blank_line_at_the_end_and_windows_line_ends_do_no_harm(desk, project, line):
    desk.put("m", "\r\n".join([line("a", "x"), line("b", "y"), ""]))
    place = {"GroundTruthManifest": {"S3Object": {"Bucket": "images", "Name": "m"}}}
    arn = desk.call("CreateDataset", ProjectArn=project, DatasetType="TRAIN", DatasetSource=place)[
        "DatasetArn"
    ]
    assert stats(desk, arn) == (2, 2, 2, 0)


def test_a_line_with_another_error_stays_and_is_flagged(desk, project, line):
    bad = json.loads(line("b", "x"))
    bad["finding0-metadata"]["type"] = "groundtruth/image-classification-multilabel"
    dataset = desk.dataset(project, lines=[line("a", "x"), json.dumps(bad)])
    assert stats(desk, dataset) == (2, 2, 1, 1)
    (flagged,) = desk.entries(dataset, HasErrors=True)
    assert flagged["cl-errors"] == [
        {"code": "ERROR_NO_VALID_LABEL_ATTRIBUTES", "message": "No valid label attributes found."}
    ]
    (inner,) = flagged["finding0-metadata"]["cl-errors"]
    assert inner == {
        "code": "ERROR_UNSUPPORTED_USE_CASE_TYPE",
        "message": "The use case type of the finding0-metadata label attribute metadata is "
        "unsupported. Check the type field.",
    }
    assert flagged["cl-metadata"] == {"is_labeled": True}


def test_a_listed_line_can_be_sent_back(desk, project, line):
    bad = line("b", "x").replace('"yes"', '"perhaps"')
    dataset = desk.dataset(project, lines=[line("a", "x"), bad])
    before = desk.entries(dataset)
    blob = "\n".join(json.dumps(one) for one in before)
    desk.call("UpdateDatasetEntries", DatasetArn=dataset, Changes={"GroundTruth": blob})
    assert desk.described(dataset)["Status"] == "UPDATE_COMPLETE"
    assert desk.entries(dataset) == before


def test_a_dataset_is_copied_as_it_stands(desk, project, line):
    lines = [line("a", "x"), line("b", "y"), line("c")]
    train = desk.dataset(project, lines=lines)
    test = desk.call(
        "CreateDataset", ProjectArn=project, DatasetType="TEST", DatasetSource={"DatasetArn": train}
    )["DatasetArn"]
    assert stats(desk, test) == (3, 2, 2, 0)
    assert desk.entries(test) == desk.entries(train)


def test_a_copy_of_an_unknown_dataset_is_refused(desk, project):
    source = {"DatasetArn": f"{project.rpartition('/')[0]}/dataset/train/1234567890123"}
    refused = desk.refused(
        "CreateDataset", ProjectArn=project, DatasetType="TEST", DatasetSource=source
    )
    assert refused == "ResourceNotFoundException"


def test_a_dataset_of_an_unknown_project_is_refused(desk):
    arn = "arn:aws:rekognition:us-east-1:123456789012:project/ghost/1234567890123"
    refused = desk.refused("CreateDataset", ProjectArn=arn, DatasetType="TRAIN")
    assert refused == "ResourceNotFoundException"


@pytest.mark.parametrize("arn", ["ghost", "arn:aws:rekognition:us-east-1:1:project/a/1", ""])
def test_what_is_no_arn_is_refused(desk, arn):
    assert desk.refused("DescribeDataset", DatasetArn=arn) == "InvalidParameterException"


def test_a_deleted_dataset_is_not_found(desk, project, line):
    dataset = desk.dataset(project, lines=[line("a", "x")])
    assert set(desk.call("DeleteDataset", DatasetArn=dataset)) == {"ResponseMetadata"}
    assert desk.refused("DescribeDataset", DatasetArn=dataset) == "ResourceNotFoundException"
    assert desk.refused("DeleteDataset", DatasetArn=dataset) == "ResourceNotFoundException"


def test_a_new_dataset_after_a_deleted_one_is_empty(desk, project, line):
    desk.call("DeleteDataset", DatasetArn=desk.dataset(project, lines=[line("a", "x")]))
    desk.call("DescribeProjects")
    assert stats(desk, desk.dataset(project)) == (0, 0, 0, 0)

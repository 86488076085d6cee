from __future__ import annotations

import json
from collections import Counter

import pytest


@pytest.fixture
def project(desk):
    return desk.project()


@pytest.fixture
def dataset(desk, project, line):
    """Six entries: three normal, two viral (one of them also old), one without a label."""
    lines = [
        line("p1/a", "normal"),
        line("p1/b", "normal"),
        line("p2/c", "normal"),
        line("p2/d", "viral"),
        line("p3/e", "viral", "old"),
        line("p3/f"),
    ]
    return desk.dataset(project, lines=lines)


def keys(entries):
    return [entry["source-ref"].removeprefix("s3://images/") for entry in entries]


def update(desk, dataset, *lines):
    changes = {"GroundTruth": "\n".join(lines)}
    desk.call("UpdateDatasetEntries", DatasetArn=dataset, Changes=changes)
    return desk.described(dataset)


def test_an_update_replaces_known_images_in_their_place_and_appends_new_ones(desk, dataset, line):
    shown = update(desk, dataset, line("p1/b", "viral"), line("p4/g", "old"))
    assert (shown["Status"], shown["StatusMessageCode"]) == ("UPDATE_COMPLETE", "SUCCESS")
    assert keys(desk.entries(dataset)) == ["p1/a", "p1/b", "p2/c", "p2/d", "p3/e", "p3/f", "p4/g"]
    assert keys(desk.entries(dataset, ContainsLabels=["viral"])) == ["p1/b", "p2/d", "p3/e"]


def test_an_update_without_labels_unlabels_an_image(desk, dataset, line):
    assert update(desk, dataset, line("p3/e"))["DatasetStats"]["TotalLabels"] == 2
    assert keys(desk.entries(dataset, Labeled=False)) == ["p3/e", "p3/f"]


def test_an_update_works_on_an_empty_dataset(desk, project, line):
    shown = update(desk, desk.dataset(project), line("a", "x"))
    assert shown["DatasetStats"]["TotalEntries"] == 1


def test_an_update_with_a_second_bucket_fails_and_changes_nothing(desk, dataset, line):
    shown = update(desk, dataset, line("p1/a", "old"), line("z", "x", bucket="others"))
    assert (shown["Status"], shown["StatusMessage"], shown["StatusMessageCode"]) == (
        "UPDATE_FAILED",
        "The manifest file contains images from multiple S3 buckets.",
        "CLIENT_ERROR",
    )
    assert keys(desk.entries(dataset, ContainsLabels=["normal"])) == ["p1/a", "p1/b", "p2/c"]


def test_a_failed_update_can_be_followed_by_a_good_one(desk, dataset, line):
    assert update(desk, dataset, "nonsense")["Status"] == "UPDATE_FAILED"
    assert update(desk, dataset, line("p9/z", "x"))["Status"] == "UPDATE_COMPLETE"


def test_an_empty_update_is_refused(desk, dataset):
    refused = desk.refused("UpdateDatasetEntries", DatasetArn=dataset, Changes={"GroundTruth": b""})
    assert refused == "InvalidParameterException"


def test_an_update_of_more_than_five_mebibytes_is_refused(desk, dataset):
    blob = b" " * (5 * 1024 * 1024 + 1)
    refused = desk.refused(
        "UpdateDatasetEntries", DatasetArn=dataset, Changes={"GroundTruth": blob}
    )
    assert refused == "InvalidParameterException"


def test_a_dataset_is_busy_while_it_is_updated(open_desk, line):
    desk = open_desk(pace="manual")
    arn = desk.call("CreateDataset", ProjectArn=desk.project(), DatasetType="TRAIN")["DatasetArn"]
    desk.cloud.advance(60)
    desk.call("UpdateDatasetEntries", DatasetArn=arn, Changes={"GroundTruth": line("a", "x")})
    shown = desk.described(arn)
    assert (shown["Status"], shown["DatasetStats"]["TotalEntries"]) == ("UPDATE_IN_PROGRESS", 0)
    changes = {"GroundTruth": line("b", "x")}
    refused = {
        "UpdateDatasetEntries": desk.refused(
            "UpdateDatasetEntries", DatasetArn=arn, Changes=changes
        ),
        "DeleteDataset": desk.refused("DeleteDataset", DatasetArn=arn),
        "ListDatasetEntries": desk.refused("ListDatasetEntries", DatasetArn=arn),
    }
    assert refused == {
        "UpdateDatasetEntries": "ResourceInUseException",
        "DeleteDataset": "ResourceInUseException",
        "ListDatasetEntries": "ResourceNotReadyException",
    }
    desk.cloud.advance(60)
    assert desk.described(arn)["Status"] == "UPDATE_COMPLETE"


@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        ({}, "abcdef"),
        ({"ContainsLabels": ["normal"]}, "abc"),
        ({"ContainsLabels": ["old", "normal"]}, "abce"),
        ({"ContainsLabels": ["unknown"]}, ""),
        ({"Labeled": True}, "abcde"),
        ({"Labeled": False}, "f"),
        ({"SourceRefContains": "p2/"}, "cd"),
        ({"SourceRefContains": "%"}, ""),
        ({"HasErrors": False}, "abcdef"),
        ({"HasErrors": True}, ""),
        ({"SourceRefContains": "p3", "Labeled": True}, "e"),
    ],
)
def test_entries_are_filtered(desk, dataset, filters, expected):
    assert "".join(key[-1] for key in keys(desk.entries(dataset, **filters))) == expected


def test_entries_come_page_by_page(desk, dataset):
    paginator = desk.rekognition.get_paginator("list_dataset_entries")
    pages = paginator.paginate(DatasetArn=dataset, Labeled=True, PaginationConfig={"PageSize": 2})
    assert [len(page["DatasetEntries"]) for page in pages] == [2, 2, 1]


@pytest.mark.parametrize("size", [101, 1000])
def test_a_page_above_the_maximum_is_refused_by_name(desk, dataset, size):
    refused = desk.refused("ListDatasetEntries", DatasetArn=dataset, MaxResults=size)
    assert refused == "ValidationException"


def test_labels_are_counted_by_image(desk, dataset):
    shown = desk.call("ListDatasetLabels", DatasetArn=dataset)["DatasetLabelDescriptions"]
    assert {one["LabelName"]: one["LabelStats"] for one in shown} == {
        "normal": {"EntryCount": 3},
        "viral": {"EntryCount": 2},
        "old": {"EntryCount": 1},
    }


def test_labels_come_page_by_page(desk, dataset):
    paginator = desk.rekognition.get_paginator("list_dataset_labels")
    pages = paginator.paginate(DatasetArn=dataset, PaginationConfig={"PageSize": 2})
    assert [len(page["DatasetLabelDescriptions"]) for page in pages] == [2, 1]


@pytest.fixture
def halves(desk, project, line):
    """A train dataset with 70 entries (50 normal, 20 viral) and an empty test dataset."""
    lines = [line(f"{number:02}", "normal" if number < 50 else "viral") for number in range(70)]
    return desk.dataset(project, "TRAIN", lines), desk.dataset(project, "TEST")


def test_distribution_moves_a_fifth_of_each_label_to_the_test_dataset(desk, halves):
    train, test = halves
    desk.call("DistributeDatasetEntries", Datasets=[{"Arn": train}, {"Arn": test}])
    assert desk.described(test)["Status"] == "UPDATE_COMPLETE"
    labels = Counter(entry["finding0-metadata"]["class-name"] for entry in desk.entries(test))
    assert labels == {"normal": 10, "viral": 4}
    kept, moved = keys(desk.entries(train)), keys(desk.entries(test))
    assert sorted(kept + moved) == [f"{number:02}" for number in range(70)]


def test_distribution_takes_the_two_datasets_in_either_order(desk, halves):
    train, test = halves
    desk.call("DistributeDatasetEntries", Datasets=[{"Arn": test}, {"Arn": train}])
    assert desk.described(test)["DatasetStats"]["TotalEntries"] == 14


def test_distribution_with_one_seed_is_the_same_each_time(open_desk, line):
    drawn = []
    for _ in range(2):
        desk = open_desk(seed=3)
        project = desk.project()
        train = desk.dataset(project, "TRAIN", [line(str(n), "ab"[n % 2]) for n in range(20)])
        test = desk.dataset(project, "TEST")
        desk.call("DistributeDatasetEntries", Datasets=[{"Arn": train}, {"Arn": test}])
        desk.described(test)
        drawn.append(keys(desk.entries(test)))
        desk.cloud.close()
    assert drawn[0] == drawn[1]


def test_distribution_needs_two_images_of_each_label(desk, project, line):
    train = desk.dataset(project, "TRAIN", [line("a", "x"), line("b", "x"), line("c", "y")])
    test = desk.dataset(project, "TEST")
    desk.call("DistributeDatasetEntries", Datasets=[{"Arn": train}, {"Arn": test}])
    for dataset in (train, test):
        shown = desk.described(dataset)
        assert (shown["Status"], shown["StatusMessage"]) == (
            "UPDATE_FAILED",
            "The manifest file doesn't have enough labeled images to distribute the dataset.",
        )


def test_distribution_into_a_dataset_that_has_entries_is_refused(desk, project, line):
    datasets = [desk.dataset(project, kind, [line("a", "x")]) for kind in ("TRAIN", "TEST")]
    refused = desk.refused("DistributeDatasetEntries", Datasets=[{"Arn": arn} for arn in datasets])
    assert refused == "InvalidParameterException"


def test_distribution_of_an_empty_dataset_is_refused(desk, project):
    datasets = [desk.dataset(project, kind) for kind in ("TRAIN", "TEST")]
    refused = desk.refused("DistributeDatasetEntries", Datasets=[{"Arn": arn} for arn in datasets])
    assert refused == "InvalidParameterException"


def test_distribution_needs_a_train_and_a_test_dataset_of_one_project(desk, halves):
    train, test = halves
    other = desk.dataset(desk.project("other"), "TEST")
    for pair in ([train, train], [test, test], [train, other]):
        refused = desk.refused("DistributeDatasetEntries", Datasets=[{"Arn": arn} for arn in pair])
        assert refused == "InvalidParameterException"
    assert desk.refused("DistributeDatasetEntries", Datasets=[{"Arn": train}]) == (
        "InvalidParameterException"
    )


def test_distribution_while_one_is_busy_is_refused(open_desk):
    desk = open_desk(pace="manual")
    project = desk.project()
    arns = [
        desk.call("CreateDataset", ProjectArn=project, DatasetType=kind)["DatasetArn"]
        for kind in ("TRAIN", "TEST")
    ]
    refused = desk.refused("DistributeDatasetEntries", Datasets=[{"Arn": arn} for arn in arns])
    assert refused == "ResourceNotReadyException"


def test_boxes_are_counted_by_image_and_label(desk, project, line):
    boxes = {
        "source-ref": "s3://images/a.png",
        "bb": {
            "image_size": [{"width": 640, "height": 480, "depth": 3}],
            "annotations": [
                {"class_id": 0, "left": 10, "top": 10, "width": 50, "height": 50},
                {"class_id": 0, "left": 90, "top": 10, "width": 50, "height": 50},
            ],
        },
        "bb-metadata": {
            "objects": [{"confidence": 1}, {"confidence": 1}],
            "class-map": {"0": "focus", "1": "never used"},
            "type": "groundtruth/object-detection",
            "human-annotated": "yes",
            "creation-date": "2013-11-18T02:53:27",
        },
    }
    dataset = desk.dataset(project, lines=[json.dumps(boxes), line("b", "focus")])
    (shown,) = desk.call("ListDatasetLabels", DatasetArn=dataset)["DatasetLabelDescriptions"]
    assert shown["LabelStats"] == {"EntryCount": 2, "BoundingBoxCount": 1}

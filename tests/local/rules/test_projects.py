from __future__ import annotations

import re

import pytest


def test_a_new_project_is_created_and_has_no_datasets(desk):
    arn = desk.project("pneumonia")
    (shown,) = desk.call("DescribeProjects")["ProjectDescriptions"]
    assert shown["ProjectArn"] == arn
    assert (shown["Status"], shown["Datasets"], shown["Feature"]) == (
        "CREATED",
        [],
        "CUSTOM_LABELS",
    )


def test_a_project_arn_names_region_account_project_and_moment(desk):
    assert re.fullmatch(
        r"arn:aws:rekognition:us-east-1:123456789012:project/a\.b-c_1/\d{13}",
        desk.project("a.b-c_1"),
    )


def test_two_projects_made_in_the_same_moment_have_different_arns(open_desk):
    desk = open_desk(pace="manual")
    moments = {desk.project(name).rpartition("/")[2] for name in "abc"}
    assert len(moments) == 3


def test_a_second_project_of_the_same_name_is_refused(desk):
    desk.project("pneumonia")
    assert desk.refused("CreateProject", ProjectName="pneumonia") == "ResourceInUseException"


@pytest.mark.parametrize("name", ["a b", "ünicode", "a/b", "x" * 256, "a\n"])
def test_a_project_name_that_breaks_the_pattern_is_refused(desk, name):
    assert desk.refused("CreateProject", ProjectName=name) == "InvalidParameterException"


def test_projects_are_listed_newest_first_page_by_page(desk):
    names = [f"p{number}" for number in range(5)]
    for name in names:
        desk.project(name)
    pages = desk.rekognition.get_paginator("describe_projects").paginate(
        PaginationConfig={"PageSize": 2}
    )
    listed = [
        [one["ProjectArn"].split("/")[1] for one in page["ProjectDescriptions"]] for page in pages
    ]
    assert listed == [["p4", "p3"], ["p2", "p1"], ["p0"]]


def test_the_last_page_has_no_token(desk):
    desk.project()
    assert "NextToken" not in desk.call("DescribeProjects", MaxResults=1)


def test_an_empty_token_means_the_first_page(desk):
    desk.project()
    assert len(desk.call("DescribeProjects", NextToken="")["ProjectDescriptions"]) == 1


def test_unknown_names_are_left_out_of_a_listing(desk):
    desk.project("a")
    found = desk.call("DescribeProjects", ProjectNames=["a", "b"])["ProjectDescriptions"]
    assert len(found) == 1


@pytest.mark.parametrize("token", ["garbage", "Z2FyYmFnZQ==", "ä" * 10])
def test_a_token_that_this_cloud_did_not_make_is_refused(desk, token):
    assert desk.refused("DescribeProjects", NextToken=token) == "InvalidPaginationTokenException"


def test_a_token_is_bound_to_the_filters_of_its_listing(desk):
    desk.project("a")
    desk.project("b")
    token = desk.call("DescribeProjects", MaxResults=1)["NextToken"]
    refused = desk.refused("DescribeProjects", ProjectNames=["a"], NextToken=token)
    assert refused == "InvalidPaginationTokenException"


def test_a_token_is_bound_to_its_operation(desk):
    project = desk.project("a")
    desk.project("b")
    token = desk.call("DescribeProjects", MaxResults=1)["NextToken"]
    refused = desk.refused("DescribeProjectVersions", ProjectArn=project, NextToken=token)
    assert refused == "InvalidPaginationTokenException"


def test_a_deleted_project_is_gone_at_the_next_look(desk):
    arn = desk.project()
    assert desk.call("DeleteProject", ProjectArn=arn)["Status"] == "DELETING"
    assert desk.call("DescribeProjects")["ProjectDescriptions"] == []
    assert desk.refused("DeleteProject", ProjectArn=arn) == "ResourceNotFoundException"


def test_a_project_with_a_dataset_is_not_deleted(desk):
    arn = desk.project()
    dataset = desk.dataset(arn)
    assert desk.refused("DeleteProject", ProjectArn=arn) == "ResourceInUseException"
    desk.call("DeleteDataset", DatasetArn=dataset)
    desk.call("DescribeProjects")
    desk.call("DeleteProject", ProjectArn=arn)


def test_a_project_with_a_version_is_not_deleted(desk):
    desk.trained()
    (project,) = desk.call("DescribeProjects")["ProjectDescriptions"]
    for dataset in project["Datasets"]:
        desk.call("DeleteDataset", DatasetArn=dataset["DatasetArn"])
    desk.call("DescribeProjects")
    refused = desk.refused("DeleteProject", ProjectArn=project["ProjectArn"])
    assert refused == "ResourceInUseException"


def test_the_name_of_a_deleted_project_is_free_again(desk):
    desk.call("DeleteProject", ProjectArn=desk.project("a"))
    desk.call("DescribeProjects")
    desk.project("a")


def test_the_quota_of_projects_is_a_setting(open_desk):
    from rekognition_xray.local import Limits

    desk = open_desk(limits=Limits(projects=1))
    desk.project("a")
    assert desk.refused("CreateProject", ProjectName="b") == "LimitExceededException"


def test_projects_for_content_moderation_are_not_offered(desk):
    refused = desk.refused("CreateProject", ProjectName="a", Feature="CONTENT_MODERATION")
    assert refused == "NotImplementedException"


def test_a_projects_datasets_are_shown_with_their_state(desk):
    arn = desk.project()
    dataset = desk.dataset(arn, "TEST")
    (shown,) = desk.call("DescribeProjects")["ProjectDescriptions"][0]["Datasets"]
    assert shown["DatasetArn"] == dataset
    assert (shown["DatasetType"], shown["Status"]) == ("TEST", "CREATE_COMPLETE")
    assert shown["StatusMessageCode"] == "SUCCESS"

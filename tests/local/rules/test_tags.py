from __future__ import annotations

import pytest


@pytest.fixture(params=["project", "dataset", "version"])
def tagged(request, desk):
    """A resource of each kind, made with one tag, and the cloud it is in."""
    tags = {"team": "radiology"}
    if request.param == "project":
        arn = desk.call("CreateProject", ProjectName="p", Tags=tags)["ProjectArn"]
    elif request.param == "dataset":
        project = desk.project()
        arn = desk.call("CreateDataset", ProjectArn=project, DatasetType="TRAIN", Tags=tags)[
            "DatasetArn"
        ]
    else:
        project = desk.project()
        lines = desk.put_images(2)
        desk.dataset(project, "TRAIN", lines)
        desk.dataset(project, "TEST", lines)
        arn = desk.train(project, Tags=tags)
    return desk, arn


def test_tags_given_at_creation_are_listed(tagged):
    desk, arn = tagged
    assert desk.call("ListTagsForResource", ResourceArn=arn)["Tags"] == {"team": "radiology"}


def test_a_tag_is_overwritten_added_and_removed(tagged):
    desk, arn = tagged
    desk.call("TagResource", ResourceArn=arn, Tags={"team": "er", "cost": ""})
    assert desk.call("ListTagsForResource", ResourceArn=arn)["Tags"] == {"team": "er", "cost": ""}
    desk.call("UntagResource", ResourceArn=arn, TagKeys=["team", "never there"])
    assert desk.call("ListTagsForResource", ResourceArn=arn)["Tags"] == {"cost": ""}


def test_a_resource_without_tags_lists_none(desk):
    assert desk.call("ListTagsForResource", ResourceArn=desk.project())["Tags"] == {}


@pytest.mark.parametrize("key", ["aws:mine", "a*b", "x" * 129, ""])
def test_a_tag_key_that_breaks_the_pattern_is_refused(desk, key):
    refused = desk.refused("TagResource", ResourceArn=desk.project(), Tags={key: "v"})
    assert refused == "InvalidParameterException"


def test_tag_keys_may_be_in_any_script(desk):
    arn = desk.project()
    desk.call("TagResource", ResourceArn=arn, Tags={"Abteilung Ü 肺": "Röntgen"})
    assert desk.call("ListTagsForResource", ResourceArn=arn)["Tags"] == {
        "Abteilung Ü 肺": "Röntgen"
    }


def test_too_many_tags_are_refused(desk):
    arn = desk.project()
    desk.call("TagResource", ResourceArn=arn, Tags={f"k{n}": "" for n in range(50)})
    refused = desk.refused("TagResource", ResourceArn=arn, Tags={"one more": ""})
    assert refused == "ServiceQuotaExceededException"


def test_an_unknown_resource_is_not_found(desk):
    arn = desk.project()[:-1] + "x"
    assert desk.refused("ListTagsForResource", ResourceArn=arn) == "ResourceNotFoundException"


def test_what_is_no_resource_of_custom_labels_is_refused(desk):
    arn = "arn:aws:s3:::images/and/more/of/it"
    assert desk.refused("ListTagsForResource", ResourceArn=arn) == "InvalidParameterException"

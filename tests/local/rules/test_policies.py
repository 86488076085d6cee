"""PutProjectPolicy, ListProjectPolicies, DeleteProjectPolicy: revisions, grammar, limits."""

from __future__ import annotations

import json
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rekognition_xray.local import Assumptions, Limits
from rekognition_xray.local.state import PolicyMalformed, may_copy, parse_policy

ACTION = "rekognition:CopyProjectVersion"
VERSION = "arn:aws:rekognition:us-east-1:444455556666:project/src/version/v1/1656557123456"
STATEMENT = {
    "Effect": "Allow",
    "Principal": {"AWS": "arn:aws:iam::111122223333:root"},
    "Action": ACTION,
    "Resource": VERSION,
}


def document(**changes):
    statement = {name: part for name, part in {**STATEMENT, **changes}.items() if part is not None}
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


def put(desk, project, name="share", text=None, **members):
    return desk.call(
        "PutProjectPolicy",
        ProjectArn=project,
        PolicyName=name,
        PolicyDocument=text or document(),
        **members,
    )["PolicyRevisionId"]


def refused(desk, project, name="share", text=None, **members):
    text = text or document()
    return desk.refused(
        "PutProjectPolicy", ProjectArn=project, PolicyName=name, PolicyDocument=text, **members
    )


def policies(desk, project):
    return desk.call("ListProjectPolicies", ProjectArn=project)["ProjectPolicies"]


def test_a_policy_is_listed_as_it_was_put(desk):
    project = desk.project()
    revision = put(desk, project)
    (shown,) = policies(desk, project)
    assert shown["PolicyRevisionId"] == revision
    assert len(revision) == 32
    assert (shown["ProjectArn"], shown["PolicyName"]) == (project, "share")
    assert shown["PolicyDocument"] == document()
    assert shown["CreationTimestamp"] == shown["LastUpdatedTimestamp"]


def test_a_policy_is_changed_by_its_current_revision_only(desk):
    project = desk.project()
    first = put(desk, project)
    second = put(desk, project, text=document(Resource="*"), PolicyRevisionId=first)
    assert second != first
    stale = refused(desk, project, PolicyRevisionId=first)
    assert stale == "InvalidPolicyRevisionIdException"
    (shown,) = policies(desk, project)
    assert shown["PolicyDocument"] == document(Resource="*")
    assert shown["LastUpdatedTimestamp"] > shown["CreationTimestamp"]


def test_a_revision_of_a_policy_that_is_not_there_is_refused(desk):
    code = refused(desk, desk.project(), PolicyRevisionId="0a" * 16)
    assert code == "InvalidPolicyRevisionIdException"


@pytest.mark.parametrize("code", ["ResourceAlreadyExistsException", "LimitExceededException"])
def test_a_name_that_is_there_needs_a_revision(open_desk, code):
    desk = open_desk(assumptions=Assumptions(duplicate_policy=code))
    project = desk.project()
    put(desk, project)
    assert refused(desk, project) == code


def test_policies_come_in_pages_of_five_newest_first(desk):
    project = desk.project()
    for number in range(7):
        put(desk, project, f"p{number}")
    first = desk.call("ListProjectPolicies", ProjectArn=project)
    token = first["NextToken"]
    second = desk.call("ListProjectPolicies", ProjectArn=project, NextToken=token)
    names = [one["PolicyName"] for page in (first, second) for one in page["ProjectPolicies"]]
    assert names == [f"p{number}" for number in reversed(range(7))]
    assert len(first["ProjectPolicies"]) == 5
    assert "NextToken" not in second
    other = desk.project("other")
    code = desk.refused("ListProjectPolicies", ProjectArn=other, NextToken=token)
    assert code == "InvalidPaginationTokenException"


@pytest.mark.parametrize("given", [{}, {"PolicyRevisionId": True}])
def test_a_deleted_policy_is_gone(desk, given):
    project = desk.project()
    revision = put(desk, project)
    given = dict.fromkeys(given, revision)
    desk.call("DeleteProjectPolicy", ProjectArn=project, PolicyName="share", **given)
    assert policies(desk, project) == []
    gone = desk.refused("DeleteProjectPolicy", ProjectArn=project, PolicyName="share")
    assert gone == "ResourceNotFoundException"


def test_a_policy_is_not_deleted_by_a_stale_revision(desk):
    project = desk.project()
    put(desk, project)
    members = {"ProjectArn": project, "PolicyName": "share", "PolicyRevisionId": "00"}
    assert desk.refused("DeleteProjectPolicy", **members) == "InvalidPolicyRevisionIdException"
    assert len(policies(desk, project)) == 1


def test_policies_go_with_their_project_and_do_not_come_back(desk):
    project = desk.project()
    put(desk, project)
    desk.call("DeleteProject", ProjectArn=project)
    assert desk.call("DescribeProjects")["ProjectDescriptions"] == []
    gone = desk.refused("ListProjectPolicies", ProjectArn=project)
    assert gone == "ResourceNotFoundException"
    assert policies(desk, desk.project()) == []


def test_policies_outlive_the_process(open_desk, tmp_path):
    desk = open_desk(data=tmp_path)
    project = desk.project()
    put(desk, project)
    before = policies(desk, project)
    desk.cloud.close()
    assert policies(open_desk(data=tmp_path), project) == before


def test_the_quota_of_policies_is_a_setting(open_desk):
    desk = open_desk(limits=Limits(policies_per_project=1))
    project = desk.project()
    first = put(desk, project)
    assert refused(desk, project, "second") == "ServiceQuotaExceededException"
    put(desk, project, PolicyRevisionId=first)


MALFORMED = {
    "no JSON": "{",
    "no object": "[]",
    "no statement": json.dumps({"Version": "2012-10-17"}),
    "an empty list of statements": json.dumps({"Statement": []}),
    "an unknown part": json.dumps({"Statement": [STATEMENT], "Rule": 1}),
    "another version": json.dumps({"Version": "2020-01-01", "Statement": [STATEMENT]}),
    "no effect": document(Effect=None),
    "another effect": document(Effect="Maybe"),
    "no principal": document(Principal=None),
    "a service as principal": document(Principal={"Service": "ec2.amazonaws.com"}),
    "half a principal": document(Principal={"AWS": "1234"}),
    "no action": document(Action=None),
    "another action": document(Action=[ACTION, "rekognition:DetectCustomLabels"]),
    "every action": document(Action="*"),
    "no resource": document(Resource=None),
    "a bucket as resource": document(Resource="arn:aws:s3:::images"),
    "NotAction": document(NotAction="x"),
    "NotPrincipal": document(NotPrincipal="*"),
    "NotResource": document(NotResource="*"),
    "a condition that is a text": document(Condition="x"),
}


@pytest.mark.parametrize("text", MALFORMED.values(), ids=MALFORMED)
def test_a_document_that_breaks_the_grammar_is_refused(desk, text):
    assert refused(desk, desk.project(), text=text) == "MalformedPolicyDocumentException"


@pytest.mark.parametrize(
    "text",
    [
        document(Resource="*"),
        document(Resource="arn:aws:rekognition:us-east-1:444455556666:project/src/version/*"),
        document(Principal="*"),
        document(Principal={"AWS": ["111122223333", "arn:aws:iam::111122223333:role/x/y"]}),
        document(Action=[ACTION], Sid="s"),
        document(Condition={"StringEquals": {"aws:PrincipalOrgID": "o-1"}}),
        json.dumps({"Id": "x", "Statement": STATEMENT}),
    ],
)
def test_every_documented_form_is_taken_and_lets_the_account_copy(text):
    assert parse_policy(text)
    assert may_copy([text], "111122223333", VERSION, conditions_hold=True)


@pytest.mark.parametrize(
    "text",
    [
        document(Principal={"AWS": "999999999999"}),
        document(Resource=VERSION[:-1]),
        document(Resource=VERSION.replace("src", "sr*/version/x")),
        document(Effect="Deny"),
    ],
)
def test_nobody_copies_without_a_statement_that_fits(text):
    assert not may_copy([text], "111122223333", VERSION, conditions_hold=True)


def test_a_deny_beats_every_allow():
    texts = [document(), document(Effect="Deny", Principal="*")]
    assert not may_copy(texts, "111122223333", VERSION, conditions_hold=True)


def test_whether_conditions_hold_is_an_assumption():
    text = document(Condition={"Bool": {"aws:SecureTransport": "true"}})
    assert not may_copy([text], "111122223333", VERSION, conditions_hold=False)


NAMES = ("Version", "Statement", "Effect", "Principal", "AWS", "Action", "Resource")
TREES = st.recursive(
    st.none() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(NAMES), inner, max_size=4)
    ),
)


@given(st.text(max_size=200) | TREES.map(json.dumps))
def test_any_text_is_a_policy_or_malformed(text):
    with suppress(PolicyMalformed):
        assert parse_policy(text)

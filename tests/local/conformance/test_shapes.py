"""Every member of every operation, by botocore's model: bounds, enums, patterns, types.

What the service answers to a broken shape is an assumption, so the cloud of these tests is set to
answer with a code of its own.
"""

from __future__ import annotations

import pytest

from . import cases

# The suite's own answer to a broken constraint, and AWS JSON's to a body of the wrong types.
BROKEN, MISTYPED = "ValidationException", "SerializationException"


def modelled(operation):
    return {shape.name for shape in cases.MODEL.operation_model(operation).error_shapes}


@pytest.mark.parametrize("case", list(cases.within()), ids=str)
def test_a_value_at_its_bound_is_taken(wire, case):
    reply = wire.ask(case.operation, case.members)
    if case.about == "choice CONTENT_MODERATION" and reply.status != 200:
        assert reply.code == "NotImplementedException"
    elif reply.status != 200:
        assert reply.code in modelled(case.operation), reply


@pytest.mark.parametrize("case", list(cases.outside()), ids=str)
def test_a_value_beyond_its_bound_enum_or_pattern_is_refused(wire, case):
    reply = wire.ask(case.operation, case.members)
    assert (reply.status, reply.code) == (400, BROKEN)
    assert f"at '{case.path}' failed to satisfy constraint" in reply.document["Message"]


@pytest.mark.parametrize("case", list(cases.incomplete()), ids=str)
def test_a_required_member_cannot_be_left_out(wire, case):
    reply = wire.ask(case.operation, case.members)
    assert (reply.status, reply.code) == (400, BROKEN)
    assert f"'{case.path}'" in reply.document["Message"]


@pytest.mark.parametrize("case", list(cases.wrongly_typed()), ids=str)
def test_a_value_of_another_type_is_refused(wire, case):
    reply = wire.ask(case.operation, case.members)
    assert (reply.status, reply.code) == (400, MISTYPED)


@pytest.mark.parametrize("case", list(cases.unknown()), ids=str)
def test_a_member_that_the_model_does_not_know_changes_nothing(wire, case):
    reply = wire.ask(case.operation, case.members)
    assert reply.code in {None, *modelled(case.operation)}


def test_no_pattern_goes_untried():
    tried = {place.shape.name for place in cases.all_places() if "pattern" in place.shape.metadata}
    assert tried == cases.WRONG.keys()


def test_every_operation_that_takes_a_project_version_or_dataset_is_in_the_suite():
    arns = {"ProjectArn", "ProjectVersionArn", "DatasetArn"}
    taking = {
        name
        for name in cases.MODEL.operation_names
        if arns & {place.shape.name for place in cases.places(name)}
    }
    assert taking <= set(cases.OPERATIONS)
    assert len(cases.OPERATIONS) == 23

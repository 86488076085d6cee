"""Every error that the model lists for an operation can be met, by its state or by a fault."""

from __future__ import annotations

import pytest
from botocore.exceptions import ClientError

from . import cases, provocations

PROVOKED = provocations.provocations()
PAIRS = provocations.pairs()
DRIVEN = [pair for pair in PAIRS if (pair.operation, pair.code) in PROVOKED]


def status_of(code):
    """Botocore's model calls two errors faults of the service."""
    return 500 if code in {"InternalServerError", "ThrottlingException"} else 400


@pytest.mark.parametrize("pair", DRIVEN, ids=str)
def test_a_state_or_value_brings_the_error(open_desk, pair):
    desk, members = PROVOKED[pair.operation, pair.code](open_desk)
    with pytest.raises(ClientError) as caught:
        desk.call(pair.operation, **members)
    answer = caught.value.response
    assert answer["Error"]["Code"] == pair.code
    assert answer["Error"]["Message"]
    assert answer["ResponseMetadata"]["HTTPStatusCode"] == status_of(pair.code)
    assert answer["ResponseMetadata"]["RequestId"]


@pytest.mark.parametrize("pair", PAIRS, ids=str)
def test_a_fault_brings_the_error(wire, pair):
    wire.cloud.faults.error(pair.operation, pair.code)
    reply = wire.ask(pair.operation, {})
    assert (reply.status, reply.code) == (status_of(pair.code), pair.code)
    assert reply.document["Message"]
    assert not wire.cloud.faults.unmet()


@pytest.mark.parametrize("pair", PAIRS, ids=str)
def test_every_modelled_error_is_provoked_or_has_a_reason_not_to_be(pair):
    reasons = provocations.BY_FAULT_ONLY
    known = (pair.operation, pair.code) in PROVOKED or pair.code in provocations.GENERAL
    assert known != ((pair.operation, pair.code) in reasons)


def test_no_provocation_is_of_an_error_that_the_model_does_not_list():
    for operation, code in (*PROVOKED, *provocations.BY_FAULT_ONLY):
        assert operation not in cases.OPERATIONS or code in provocations.modelled(operation)

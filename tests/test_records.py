"""Values as plain data: what the command's JSON is made of."""

from __future__ import annotations

import datetime as dt
import json
from decimal import Decimal
from pathlib import Path

import pytest

import rekognition_xray as rx
from rekognition_xray.cloud.meter import Lease, Leases, RunningVersion
from rekognition_xray.records import plain

NOON = dt.datetime(2026, 11, 1, 12, tzinfo=dt.UTC)
ARN = "arn:aws:rekognition:eu-west-1:123456789012:project/lungs/version/v1/1700000000000"


@pytest.mark.parametrize(
    ("value", "output"),
    [
        (None, None),
        (True, True),
        ("text", "text"),
        (0.5, 0.5),
        (Decimal("4.00"), "4.00"),
        (Path("images/one.png"), "images/one.png"),
        (NOON, "2026-11-01T12:00:00+00:00"),
        (NOON.date(), "2026-11-01"),
        (dt.timedelta(minutes=2), 120.0),
        (rx.S3Location("bucket", "key"), "s3://bucket/key"),
        ((1, [2]), [1, [2]]),
        ({"a": Decimal(1)}, {"a": "1"}),
    ],
)
def test_values_become_what_json_knows(value: object, output: object) -> None:
    assert plain(value) == output


def test_a_value_without_a_record_is_a_mistake() -> None:
    with pytest.raises(TypeError, match="object has no record"):
        plain(object())


def test_a_record_holds_attributes_and_what_follows_from_them() -> None:
    output = rx.PriceBook().inference("1.5", units=2).to_dict()
    assert set(output) == {"lines", "assumptions", "currency", "total"}
    assert output["total"] == "12.00"
    assert output["lines"] == [
        {
            "what": "inference on 2 units",
            "quantity": "3.0",
            "price": "4.00",
            "unit": "h",
            "amount": "12.00",
        }
    ]


def test_records_hold_records() -> None:
    lease = Lease("0" * 12, "host:1", "runs", NOON, NOON, NOON + dt.timedelta(minutes=15))
    now = NOON + dt.timedelta(hours=2)
    seen = RunningVersion(
        ARN, ARN.partition("/version")[0], "RUNNING", 1, Leases((lease,)), Decimal(4), "USD", now
    )
    output = json.loads(json.dumps(seen.to_dict()))
    assert output["leases"]["found"][0]["until"] == "2026-11-01T12:15:00+00:00"
    assert (output["region"], output["project"], output["version"]) == ("eu-west-1", "lungs", "v1")
    assert (output["cost"], output["owners"], output["expired"]) == ("8.00", [], True)


def test_every_record_is_json() -> None:
    plan = rx.plan_month(100)
    assert json.loads(json.dumps(plan.to_dict()))["saved"] == str(plan.saved)
    described = rx.VersionDescription(ARN, "v1", "RUNNING", "", NOON)
    assert json.loads(json.dumps(described.to_dict()))["created"] == NOON.isoformat()

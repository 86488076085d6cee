from __future__ import annotations

import json
from decimal import Decimal

import pytest

from rekognition_xray.local import Prices
from rekognition_xray.local.bill import Charge, bill


def charge(kind, started, ended, units=1, arn="arn"):
    return Charge(f"{kind}{arn}{started}", kind, arn, started, ended, units)


def test_the_article_training_of_1308_hours_costs_131_cents():
    total = bill([charge("training", 0, 1.308 * 3600)], now=0, prices=Prices())
    assert total.training_seconds == 4709
    assert f"{total.total:.2f}" == "1.31"


def test_four_hours_a_day_for_28_days_cost_448_dollars():
    days = [charge("running", day * 86400, day * 86400 + 4 * 3600) for day in range(28)]
    assert bill(days, now=0, prices=Prices()).inference == Decimal(448)


def test_two_units_cost_twice_as_much():
    total = bill([charge("running", 0, 8 * 3600, units=2)], now=0, prices=Prices())
    assert (total.unit_seconds, total.total) == (2 * 8 * 3600, 64)


def test_what_still_runs_bills_until_now_and_is_named():
    total = bill([charge("running", 100, None, arn="arn:x")], now=1900, prices=Prices())
    assert (total.unit_seconds, total.running) == (1800, ("arn:x",))
    assert "still billing: arn:x" in str(total)


def test_the_text_shows_seconds_prices_and_cents():
    text = str(bill([charge("training", 0, 3600)], now=0, prices=Prices()))
    assert text.splitlines()[0].split() == ["training", "3600", "s", "at", "$1/h", "$1.00"]
    assert text.splitlines()[-1].split() == ["total", "$1.00"]


@pytest.mark.parametrize("price", [2, 2.0, "2.00", Decimal(2)])
def test_prices_are_given_as_numbers_by_name(price):
    assert Prices.of({"training-hour": price}) == Prices(training_hour=Decimal(2))


def test_prices_are_read_from_a_file_exactly(tmp_path):
    file = tmp_path / "prices.json"
    file.write_text('{"inference-unit-hour": 4.1}')
    assert Prices.of(file).inference_unit_hour == Decimal("4.1")
    assert Prices.of(str(file)).training_hour == 1


@pytest.mark.parametrize("prices", [{"training-hour": "free"}, {"lunch": 1}, {"training-hour": -1}])
@pytest.mark.parametrize("as_file", [False, True])
def test_what_is_no_price_is_refused(tmp_path, prices, as_file):
    source = prices
    if as_file:
        source = tmp_path / "prices.json"
        source.write_text(json.dumps(prices))
    with pytest.raises(ValueError, match="price"):
        Prices.of(source)


@pytest.mark.parametrize("text", ["[]", "7", "{", ""])
def test_a_file_that_holds_no_prices_is_refused(tmp_path, text):
    file = tmp_path / "prices.json"
    file.write_text(text)
    with pytest.raises(ValueError, match=r"price|Expecting"):
        Prices.of(file)


def test_a_failed_training_is_free_and_a_good_one_is_not(desk):
    project = desk.project()
    lines = desk.put_images(2, labels=("normal",))
    for kind in ("TRAIN", "TEST"):
        desk.dataset(project, kind, lines)
    assert desk.version(desk.train(project))["Status"] == "TRAINING_FAILED"
    assert desk.cloud.bill.training_seconds == 0


def test_the_bill_of_a_training_is_what_describe_says(desk):
    shown = desk.version(desk.trained())
    assert desk.cloud.bill.training_seconds == shown["BillableTrainingTimeInSeconds"]


def test_the_bill_outlives_the_cloud_and_the_version(desk):
    arn = desk.trained()
    before = desk.cloud.bill.training_seconds
    desk.call("DeleteProjectVersion", ProjectVersionArn=arn)
    desk.version(arn)
    desk.cloud.close()
    assert desk.cloud.bill.training_seconds == before


def test_the_cloud_takes_prices(open_desk):
    desk = open_desk(prices={"training-hour": 3600})
    desk.trained()
    assert desk.cloud.bill.total == desk.cloud.bill.training_seconds

"""Prices and estimates: exact money, and the article's own figures."""

from __future__ import annotations

import datetime as dt
import json
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rekognition_xray.costs import (
    ARTICLE_BILL,
    ARTICLE_TRAINING_HOURS,
    Estimate,
    Price,
    PriceBook,
    article_month,
    money,
)
from rekognition_xray.errors import PriceBookError

prices = PriceBook()


def test_the_articles_training_costs_one_dollar_and_thirty_one() -> None:
    assert prices.training(ARTICLE_TRAINING_HOURS).total == Decimal("1.31")


def test_the_articles_month_of_inference_costs_448_dollars() -> None:
    assert article_month().total == Decimal("448.00")


def test_the_articles_bill_adds_up_to_four_ninety() -> None:
    assert sum(ARTICLE_BILL.values()) == Decimal("4.90")


def test_units_multiply_the_hours() -> None:
    assert prices.inference(8, units=2).total == Decimal("64.00")
    assert prices.per_hour(units=5) == Decimal(20)


def test_a_cap_buys_so_many_hours() -> None:
    assert prices.hours_within("5.00", units=1) == Decimal("1.25")


def test_estimates_add_up_and_keep_their_assumptions_once() -> None:
    both = prices.inference(1) + prices.inference(2) + prices.training("1.308")
    assert both.total == Decimal("13.31")
    assert len(both.assumptions) == 1
    assert "total: 13.31 USD" in str(both)


def test_currencies_do_not_mix() -> None:
    with pytest.raises(ValueError, match="EUR"):
        prices.training(1) + Estimate((), currency="EUR")


def test_every_published_price_has_source_and_date() -> None:
    for price in prices.prices.values():
        assert price.source
        assert price.as_of.year >= 2020


def test_users_bring_their_own_prices() -> None:
    own = {
        item: Price(Decimal(7), "hour", "my contract", p.as_of) for item, p in prices.prices.items()
    }
    assert PriceBook(own).training(2).total == Decimal("14.00")


@pytest.mark.parametrize("wrong", [1.5, float("nan")])
def test_money_is_never_a_float(wrong: float) -> None:
    with pytest.raises(TypeError, match="string or Decimal"):
        money(wrong)  # type: ignore[arg-type]


@pytest.mark.parametrize("wrong", ["", "five", "-1", "NaN", "Infinity"])
def test_money_is_a_plain_amount(wrong: str) -> None:
    with pytest.raises(ValueError, match="amount of money"):
        money(wrong)


def test_a_model_has_at_least_one_unit() -> None:
    with pytest.raises(ValueError, match="at least 1"):
        prices.inference(1, units=0)


@given(st.decimals(0, 10_000, places=4), st.integers(1, 5))
def test_an_estimate_is_never_a_cent_off(hours: Decimal, units: int) -> None:
    exact = hours * units * 4
    assert abs(prices.inference(hours, units=units).total - exact) <= Decimal("0.005")


def test_s3_is_priced_by_gibibytes_and_thousands_of_requests() -> None:
    assert prices.storage(100 * 2**30).total == Decimal("2.30")
    assert prices.storage(100 * 2**30, months=12).total == Decimal("27.60")
    asked = prices.requests(writes=100_000, reads=1_000_000)
    assert [line.amount for line in asked.lines] == [Decimal("0.50"), Decimal("0.40")]
    assert "100 thousand x 0.005 USD/thousand = 0.50 USD" in str(asked)
    assert prices.requests().total == 0


def test_a_price_that_a_book_lacks_is_named() -> None:
    hours = {
        item: price for item, price in PriceBook().prices.items() if not item.startswith("s3-")
    }
    with pytest.raises(ValueError, match="s3-gib-month"):
        PriceBook(hours).storage(1)


FIGURE = 'amount = "3.50"\nsource = "our contract"\nas_of = 2026-10-01\n'


def written(tmp_path: Path, text: str, name: str = "prices.toml") -> Path:
    (tmp_path / name).write_text(text, encoding="utf-8")
    return tmp_path / name


def book_of(*regions: str) -> str:
    tables = [
        f"[regions.{region}.{item}]\n{FIGURE}"
        for region in regions
        for item in ("training-hour", "inference-unit-hour")
    ]
    return "\n".join(['currency = "EUR"', *tables])


def test_prices_are_read_from_a_file_by_region(tmp_path: Path) -> None:
    book = PriceBook.from_file(
        written(tmp_path, book_of("eu-west-1", "us-east-1")), region="eu-west-1"
    )
    assert (book.region, book.currency) == ("eu-west-1", "EUR")
    assert book.inference(2).total == Decimal("7.00")
    assert "our contract, as of 2026-10-01" in str(book)


def test_a_json_file_says_the_same_and_keeps_its_decimals(tmp_path: Path) -> None:
    figure = {"amount": 0.1, "source": "our contract", "as_of": "2026-10-01"}
    text = json.dumps(
        {
            "currency": "USD",
            "regions": {"us-east-1": {"training-hour": figure, "inference-unit-hour": figure}},
        }
    )
    book = PriceBook.from_file(written(tmp_path, text, "prices.json"))
    assert book.prices["training-hour"].amount == Decimal("0.1")
    assert book.prices["training-hour"].as_of == dt.date(2026, 10, 1)


def test_a_file_without_the_region_names_those_that_it_knows_and_how_to_add_one(
    tmp_path: Path,
) -> None:
    path = written(tmp_path, book_of("eu-west-1", "eu-west-2"))
    with pytest.raises(PriceBookError, match="it knows eu-west-1, eu-west-2") as caught:
        PriceBook.from_file(path, region="ap-south-1")
    assert "[regions.ap-south-1.training-hour]" in caught.value.hint


def test_the_librarys_own_prices_are_of_one_region_and_say_so() -> None:
    assert PriceBook.for_region("us-east-1") == PriceBook()
    with pytest.raises(PriceBookError, match="no prices for 'eu-west-1'; it knows us-east-1"):
        PriceBook.for_region("eu-west-1")


def test_all_faults_of_a_file_of_prices_are_reported_together(tmp_path: Path) -> None:
    text = """
currency = "dollars"
colour = "red"

[regions.us-east-1.training-hour]
amount = -1
source = ""
as_of = "yesterday"
unit = "day"
note = "?"

[regions.us-east-1.inference-unit-hour]
amount = 0
source = "x"
as_of = 2026-10-01T00:00:00

[regions.eu-west-1]
training-hour = 4
gpu-hour = {}
"""
    with pytest.raises(PriceBookError) as caught:
        PriceBook.from_file(written(tmp_path, text))
    output = "\n".join(caught.value.faults)
    for fault in (
        "colour: no such member",
        "currency: three capital letters",
        "regions.us-east-1.training-hour.amount: -1 is no amount",
        "regions.us-east-1.training-hour.source: say where",
        "regions.us-east-1.training-hour.as_of: 'yesterday' is no date",
        "regions.us-east-1.training-hour.unit: the price is per hour, not per day",
        "regions.us-east-1.training-hour.note: no such member",
        "regions.us-east-1.inference-unit-hour.amount: an hour costs more than nothing",
        "regions.us-east-1.inference-unit-hour.as_of: ",
        "regions.eu-west-1: inference-unit-hour is missing",
        "regions.eu-west-1.training-hour: amount, source and as_of are expected, not 4",
        "regions.eu-west-1.gpu-hour: no such price",
    ):
        assert fault in output
    assert len(caught.value.faults) == 12


@pytest.mark.parametrize(
    ("name", "text", "output"),
    [
        ("prices.toml", "not toml at all", "neither TOML nor JSON"),
        ("prices.json", "{", "neither TOML nor JSON"),
        ("prices.json", "[1]", "holds no table"),
        ("prices.json", "{}", "regions: a table for each Region"),
        ("prices.toml", 'currency = "USD"\n[regions]\nus-east-1 = 4', "a table of prices"),
    ],
)
def test_a_file_that_is_no_price_book_says_why(
    tmp_path: Path, name: str, text: str, output: str
) -> None:
    with pytest.raises(PriceBookError, match=output):
        PriceBook.from_file(written(tmp_path, text, name))


def test_a_file_of_prices_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(PriceBookError, match=r"nowhere\.toml cannot be read"):
        PriceBook.from_file(tmp_path / "nowhere.toml")


def test_after_a_run_the_estimate_stands_beside_the_bill() -> None:
    found = prices.compare_with_bill(prices.inference(1), hours="1.25")
    assert found.difference == Decimal("1.00")
    assert found.share == Decimal("0.2")
    assert str(found) == "estimated 4.00, billed 5.00 USD (+1.00, +20.0% of the bill)"
    assert prices.compare_with_bill(prices.inference(1), hours=0).share is None
    with pytest.raises(ValueError, match="EUR"):
        prices.compare_with_bill(Estimate((), currency="EUR"), hours=1)

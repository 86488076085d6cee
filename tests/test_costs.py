"""Prices and estimates: exact money, and the article's own figures."""

from __future__ import annotations

from decimal import Decimal

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

"""A file of prices, by Region: read and checked as a whole, every fault told at once."""

from __future__ import annotations

import datetime as dt
import json
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from decimal import Decimal
from pathlib import Path
from typing import Final, cast

from rekognition_xray.costs import UNITS, Item, Money, Price, PriceBook, money
from rekognition_xray.errors import PriceBookError

_NEEDED: Final = ("training-hour", "inference-unit-hour")
_MEMBERS: Final = frozenset({"amount", "source", "as_of", "unit"})
Table = Mapping[str, object]


def read_prices(path: Path, region: str) -> PriceBook:
    """The prices of a Region from a TOML or JSON file; see ``PriceBook.from_file``."""
    root = _parsed(path)
    faults = list(_faults(root))
    if faults:
        raise PriceBookError(f"{path} is no price book", faults=faults)
    regions = cast("Mapping[str, Mapping[Item, Table]]", root["regions"])
    if region not in regions:
        raise no_region(region, regions, f"The price book {path}")
    prices: dict[Item, Price] = {
        item: _price(item, figure) for item, figure in regions[region].items()
    }
    return PriceBook(prices, str(root["currency"]), region)


def no_region(region: str, known: Iterable[str], book: str) -> PriceBookError:
    """The error for a Region without prices."""
    return PriceBookError(
        f"{book} has no prices for {region!r}; it knows {', '.join(sorted(known))}.",
        hint=f"Write a file with the tables [regions.{region}.training-hour] and [regions.{region}."
        "inference-unit-hour], each with amount, source and as_of, and pass "
        f"prices=PriceBook.from_file(FILE, region={region!r}).",
    )


def _parsed(path: Path) -> Table:
    try:
        text = path.read_text("utf-8")
        if path.suffix.lower() == ".json":
            root: object = json.loads(text, parse_float=Decimal)
        else:
            root = tomllib.loads(text, parse_float=Decimal)
    except OSError as error:
        raise PriceBookError(f"{path} cannot be read: {error.strerror or error}") from error
    except (ValueError, RecursionError) as error:
        raise PriceBookError(f"{path} is neither TOML nor JSON (.json): {error}") from error
    if not isinstance(root, dict):
        raise PriceBookError(f"{path} holds no table with the members currency and regions")
    return root


def _faults(root: Table) -> Iterator[str]:
    for name in sorted(set(root) - {"currency", "regions"}):
        yield f"{name}: no such member; there are currency and regions"
    currency = root.get("currency")
    if not (isinstance(currency, str) and len(currency) == 3 and currency.isupper()):
        yield f"currency: three capital letters such as USD are expected, not {currency!r}"
    regions = root.get("regions")
    if not isinstance(regions, dict) or not regions:
        yield "regions: a table for each Region is expected, such as [regions.us-east-1...]"
        return
    for region, figures in regions.items():
        yield from _region_faults(f"regions.{region}", figures)


def _region_faults(place: str, figures: object) -> Iterator[str]:
    if not isinstance(figures, dict):
        yield f"{place}: a table of prices is expected, not {figures!r}"
        return
    for item in _NEEDED:
        if item not in figures:
            yield f"{place}: {item} is missing"
    for item, figure in figures.items():
        if item not in UNITS:
            yield f"{place}.{item}: no such price; there are {', '.join(UNITS)}"
        elif not isinstance(figure, dict):
            yield f"{place}.{item}: amount, source and as_of are expected, not {figure!r}"
        else:
            yield from _figure_faults(f"{place}.{item}", item, figure)


def _figure_faults(place: str, item: Item, figure: Table) -> Iterator[str]:
    for name in sorted(set(figure) - _MEMBERS):
        yield f"{place}.{name}: no such member; there are {', '.join(sorted(_MEMBERS))}"
    try:
        amount = _amount(figure.get("amount"))
        if item in _NEEDED and not amount:
            yield f"{place}.amount: an hour costs more than nothing"
    except (TypeError, ValueError):
        yield f"{place}.amount: {figure.get('amount')!r} is no amount of money, such as '4.00'"
    source = figure.get("source")
    if not isinstance(source, str) or not source.strip():
        yield f"{place}.source: say where the figure was read"
    try:
        _date(figure.get("as_of"))
    except (TypeError, ValueError):
        yield f"{place}.as_of: {figure.get('as_of')!r} is no date, such as 2026-11-01"
    if figure.get("unit", UNITS[item]) != UNITS[item]:
        yield f"{place}.unit: the price is per {UNITS[item]}, not per {figure['unit']}"


def _amount(value: object) -> Decimal:
    if isinstance(value, bool) or value is None:
        raise TypeError
    return money(cast("Money", value))


def _date(value: object) -> dt.date:
    if isinstance(value, dt.date) and not isinstance(value, dt.datetime):
        return value
    if not isinstance(value, str):
        raise TypeError
    return dt.date.fromisoformat(value)


def _price(item: Item, figure: Table) -> Price:
    amount, source = _amount(figure["amount"]), str(figure["source"])
    return Price(amount, UNITS[item], source, _date(figure["as_of"]))

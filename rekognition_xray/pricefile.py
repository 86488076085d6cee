"""A file of prices, by Region: parsed and checked as a whole, all faults reported together."""

from __future__ import annotations

import datetime as dt
import json
import tomllib
from collections.abc import Callable, Iterable, Iterator, Mapping
from decimal import Decimal
from pathlib import Path
from typing import Final, cast

import attrs

from rekognition_xray.errors import PriceBookError

_NEEDED: Final = ("training-hour", "inference-unit-hour")
_MEMBERS: Final = frozenset({"amount", "source", "as_of", "unit"})
Table = Mapping[str, object]


@attrs.frozen
class Figure:
    """One price as the file states it."""

    amount: Decimal
    source: str
    as_of: dt.date


@attrs.frozen
class PriceFile:
    """A file of prices that was read and checked.

    Attributes:
        currency: of all prices.
        regions: prices by Region and by item.
    """

    currency: str
    regions: Mapping[str, Mapping[str, Figure]]


@attrs.frozen
class PriceReader:
    """Reads files of prices.

    Attributes:
        units: the items that may have a price, and what each price is per.
        parse_amount: turns what a file states into an amount of money, or raises TypeError or
            ValueError.
    """

    units: Mapping[str, str]
    parse_amount: Callable[[Decimal | str | int], Decimal]

    def read(self, path: Path) -> PriceFile:
        """Reads and checks a TOML or JSON file; see ``PriceBook.from_file``.

        Raises:
            PriceBookError: the file cannot be read, or has faults; all are named.
        """
        root = _parse(path)
        faults = list(self._faults(root))
        if faults:
            raise PriceBookError(f"{path} is no price book", faults=faults)
        regions = cast("Mapping[str, Mapping[str, Table]]", root["regions"])
        return PriceFile(
            str(root["currency"]),
            {
                region: {item: self._figure(table) for item, table in tables.items()}
                for region, tables in regions.items()
            },
        )

    def _faults(self, root: Table) -> Iterator[str]:
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
            yield from self._region_faults(f"regions.{region}", figures)

    def _region_faults(self, place: str, figures: object) -> Iterator[str]:
        if not isinstance(figures, dict):
            yield f"{place}: a table of prices is expected, not {figures!r}"
            return
        for item in _NEEDED:
            if item not in figures:
                yield f"{place}: {item} is missing"
        for item, figure in figures.items():
            if item not in self.units:
                yield f"{place}.{item}: no such price; there are {', '.join(self.units)}"
            elif not isinstance(figure, dict):
                yield f"{place}.{item}: amount, source and as_of are expected, not {figure!r}"
            else:
                yield from self._figure_faults(f"{place}.{item}", item, figure)

    def _figure_faults(self, place: str, item: str, figure: Table) -> Iterator[str]:
        for name in sorted(set(figure) - _MEMBERS):
            yield f"{place}.{name}: no such member; there are {', '.join(sorted(_MEMBERS))}"
        try:
            amount = self._amount(figure.get("amount"))
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
        if figure.get("unit", self.units[item]) != self.units[item]:
            yield f"{place}.unit: the price is per {self.units[item]}, not per {figure['unit']}"

    def _amount(self, value: object) -> Decimal:
        if isinstance(value, bool) or value is None:
            raise TypeError
        return self.parse_amount(cast("Decimal | str | int", value))

    def _figure(self, table: Table) -> Figure:
        amount = self._amount(table["amount"])
        return Figure(amount, str(table["source"]), _date(table["as_of"]))


def no_region(region: str, known: Iterable[str], book: str) -> PriceBookError:
    """The error for a Region without prices."""
    return PriceBookError(
        f"{book} has no prices for {region!r}; it knows {', '.join(sorted(known))}.",
        hint=f"Write a file with the tables [regions.{region}.training-hour] and [regions.{region}."
        "inference-unit-hour], each with amount, source and as_of, and pass "
        f"prices=PriceBook.from_file(FILE, region={region!r}).",
    )


def _parse(path: Path) -> Table:
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


def _date(value: object) -> dt.date:
    if isinstance(value, dt.date) and not isinstance(value, dt.datetime):
        return value
    if not isinstance(value, str):
        raise TypeError
    return dt.date.fromisoformat(value)
